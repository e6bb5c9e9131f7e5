"""A change to accounts and authorisations, and its entry in the audit trail: both are there or neither, whatever happens."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from domain.errors import NotAuthenticated, StorageError
from domain.principal import Principal
from records.account_tables import AccountRow
from records.accounts import AccountStore, NewAccount
from records.administrators import AdministratorStore
from records.api_keys import ApiKeyStore
from records.audit import AuditLog
from records.audit_tables import ENTRIES
from records.database import Database
from records.deeds import Deed
from records.grant_rows import NewGrantRequest
from records.grants import GrantStore
from records.identities import Identity, IdentityStore
from records.login import LoginDesk
from records.sessions import SessionStore
from records.tables import Base

from .accounts_desk import GOOD, ROOT, Desk

ROOM = Path(__file__).parents[2]


def refuse(deed: Deed, connection: Connection | None) -> None:
    """A trail that takes nothing; what was to be recorded is in its transaction."""
    assert (connection is None) is (deed.outcome == "refused")
    raise StorageError("审计写不进去", where="audit")


class Unrecorded:
    """The stores on a desk's database, none of whose deeds can be recorded."""

    def __init__(self, desk: Desk) -> None:
        self.accounts = AccountStore(desk.database, desk.passwords, refuse, now=desk.now)
        self.administrators = AdministratorStore(desk.database, refuse, now=desk.now)
        self.sessions = SessionStore(desk.database, refuse, now=desk.now)
        self.keys = ApiKeyStore(desk.database, refuse, now=desk.now)
        self.login = LoginDesk(desk.database, desk.passwords, self.sessions, refuse, now=desk.now)
        self.grants = GrantStore(desk.database, desk.asset, refuse, now=desk.now)
        self.identities = IdentityStore(desk.database, refuse, now=desk.now)


@pytest.fixture
def scene(desk: Desk) -> dict[str, Any]:
    """People with sessions, keys, a proposal, requests and a grant."""
    anna, who = desk.hire("anna", "staff")
    boris, owner = desk.hire("boris", "staff")
    _, guard = desk.hire("guard", "security_admin")
    desk.hire("chief", "system_admin")
    desk.token("anna")
    for thing in ("d1", "d2", "d3"):
        desk.lay_out(thing, "restricted", owner.id)
    given = desk.grants.decide(desk.grants.request(wish("d2"), who).id, "grant", owner)
    assert given is not None
    return {
        "anna": who,
        "owner": owner,
        "guard": guard,
        "boris": boris.id,
        "proposal": desk.administrators.propose(anna.id, "appoint", "audit_admin", ROOT).id,
        "key": desk.keys.create(who, "bot", ["staff"])[0].id,
        "session": desk.sessions.list_sessions(who)[0].id,
        "request": desk.grants.request(wish("d1"), who).id,
        "grant": given.id,
    }


def wish(target: str) -> NewGrantRequest:
    return NewGrantRequest(kind="object", target=target, purpose="核对", days=3)


def somebody(**changed: Any) -> Identity:
    given: dict[str, Any] = {"issuer": "https://id", "subject": "7", "tenant": "锻造厂", "name": "七", "roles": frozenset({"staff"})}
    return Identity(**(given | changed))


CHANGES: dict[str, Callable[[Unrecorded, dict[str, Any]], object]] = {
    "create": lambda to, s: to.accounts.create(NewAccount(name="dora"), ROOT),
    "roles": lambda to, s: to.accounts.set_roles(s["boris"], ["expert"], ROOT),
    "attributes": lambda to, s: to.accounts.set_attributes(s["boris"], ["钢铁"], ROOT),
    "disable": lambda to, s: to.accounts.set_state(s["boris"], "disabled", ROOT),
    "lock": lambda to, s: to.accounts.set_state(s["boris"], "locked", s["guard"]),
    "reset": lambda to, s: to.accounts.reset_password(s["boris"], ROOT),
    "propose": lambda to, s: to.administrators.propose(s["boris"], "appoint", "audit_admin", ROOT),
    "confirm": lambda to, s: to.administrators.decide(s["proposal"], "confirm", s["guard"]),
    "reject": lambda to, s: to.administrators.decide(s["proposal"], "reject", s["guard"]),
    "appoint": lambda to, s: to.administrators.appoint_first(s["boris"], "audit_admin", ROOT),
    "new key": lambda to, s: to.keys.create(s["anna"], "another", ["staff"]),
    "revoke key": lambda to, s: to.keys.revoke(s["key"], s["anna"]),
    "end session": lambda to, s: to.sessions.end(s["session"], s["anna"]),
    "end own": lambda to, s: to.sessions.end_own(s["anna"]),
    "end all": lambda to, s: to.sessions.end_all(s["boris"], s["guard"]),
    "log in": lambda to, s: to.login.log_in("锻造厂", "anna", GOOD),
    "password": lambda to, s: to.login.change_password(s["anna"], GOOD, "另一个 marble 山谷 lantern"),
    "identity": lambda to, s: to.identities.admit(somebody()),
    "request": lambda to, s: to.grants.request(wish("d3"), s["anna"]),
    "grant": lambda to, s: to.grants.decide(s["request"], "grant", s["owner"]),
    "refuse": lambda to, s: to.grants.decide(s["request"], "refuse", s["owner"]),
    "withdraw": lambda to, s: to.grants.withdraw(s["request"], s["anna"]),
    "revoke": lambda to, s: to.grants.revoke(s["grant"], s["owner"]),
    "give": lambda to, s: to.grants.give_to_role("expert", "object", "d3", "核对", 3, s["owner"]),
}


def everything(database: Database) -> dict[str, list[Any]]:
    tables = [table for table in Base.metadata.sorted_tables if table.name != "login_attempts"]
    with database.transaction() as connection:
        return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in tables}


@pytest.mark.parametrize("change", CHANGES)
def test_what_cannot_be_recorded_does_not_happen(desk: Desk, scene: dict[str, Any], change: str) -> None:
    before = everything(desk.database)
    with pytest.raises(StorageError, match="审计"):
        CHANGES[change](Unrecorded(desk), scene)
    assert everything(desk.database) == before


def test_a_sign_in_that_changes_nothing_is_no_deed(desk: Desk) -> None:
    store = IdentityStore(desk.database, desk.audit, now=desk.now)
    account = store.admit(somebody())
    deeds = len(desk.deeds)
    assert store.admit(somebody()) == account
    assert len(desk.deeds) == deeds
    assert store.admit(somebody(roles=frozenset({"expert"}))).roles == {"expert"}
    assert desk.deeds[-1].action == "roles.assign"


def test_a_refusal_is_recorded_by_itself(desk: Desk) -> None:
    desk.hire("anna", "staff")
    with pytest.raises(NotAuthenticated):
        desk.token("anna", "falsch")
    assert (desk.deeds[-1].action, desk.deeds[-1].outcome) == ("login", "refused")


KILLED = """
import os, sys
from domain.principal import Principal
from records.accounts import AccountStore, NewAccount
from records.audit import AuditLog
from records.audit_entries import NewEntry
from records.database import Database
from records.passwords import PasswordCost, Passwords

database = Database(sys.argv[1])
log = AuditLog(database)

def audit(deed, connection):
    if sys.argv[2] == "before":
        os._exit(7)
    log.append(NewEntry(principal=deed.by, action="account.create", door="cli", object_id=deed.object_id), connection)
    if sys.argv[2] == "after":
        os._exit(7)

store = AccountStore(database, Passwords(PasswordCost(passes=1, memory_kib=64, lanes=1)), audit)
store.create(NewAccount(name="dora"), Principal(id="console", tenant="锻造厂", roles=frozenset({"system_admin"})))
database.close()
"""


@pytest.mark.parametrize(("when", "code", "left"), [("before", 7, 0), ("after", 7, 0), ("never", 0, 1)])
def test_a_killed_process_leaves_both_or_neither(database: Database, url: str, when: str, code: int, left: int) -> None:
    child = subprocess.run([sys.executable, "-c", KILLED, url, when], env=os.environ | {"PYTHONPATH": str(ROOM)}, check=False, timeout=60)
    assert child.returncode == code
    with database.transaction() as connection:
        accounts = connection.execute(select(func.count()).select_from(AccountRow)).scalar()
        entries = connection.execute(select(func.count()).select_from(ENTRIES)).scalar()
    assert (accounts, entries) == (left, left)
    auditor = Principal(id="rev", tenant="锻造厂", roles=frozenset({"audit_admin"}))
    assert AuditLog(database).verify(auditor, door="cli").ok
