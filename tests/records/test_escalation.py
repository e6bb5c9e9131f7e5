"""Whatever one system administrator tries, and in whatever order, nobody becomes an administrator without a second person."""

from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import PlatformError
from domain.principal import ADMINISTRATIONS, Principal, Role
from records.accounts import NewAccount
from records.database import Database

from .accounts_desk import ROOT, Desk

ROLES: tuple[Role, ...] = get_args(Role)
WHO = st.sampled_from(["chief", "anna", "boris", "new"])
STEPS = st.one_of(
    st.tuples(st.just("create"), WHO, st.frozensets(st.sampled_from(ROLES), min_size=1, max_size=2)),
    st.tuples(st.just("roles"), WHO, st.frozensets(st.sampled_from(ROLES), min_size=1, max_size=3)),
    st.tuples(st.just("state"), WHO, st.sampled_from(["active", "locked", "disabled"])),
    st.tuples(st.just("propose"), WHO, st.sampled_from(ROLES)),
    st.tuples(st.just("decide"), WHO, st.sampled_from(["confirm", "reject"])),
    st.tuples(st.just("password"), WHO, st.none()),
)


@settings(max_examples=60)
@given(steps=st.lists(STEPS, max_size=12))
def test_one_administrator_alone_makes_no_other(steps: list[tuple[str, str, object]]) -> None:
    database = Database("sqlite://")
    database.upgrade()
    desk = Desk(database)
    ids = {name: desk.accounts.create(NewAccount(name=name), ROOT)[0].id for name in ("anna", "boris", "chief")}
    desk.administrators.appoint_first(ids["chief"], "system_admin", ROOT)
    guard = desk.accounts.create(NewAccount(name="guard"), ROOT)[0]
    desk.administrators.appoint_first(guard.id, "security_admin", ROOT)
    chief = Principal(id=ids["chief"], tenant="锻造厂", roles=frozenset({"system_admin"}))
    before = administrators(desk)
    for what, who, value in steps:
        target = ids.get(who, "none")
        try:
            if what == "create":
                ids["new"] = desk.accounts.create(NewAccount.model_validate({"name": "new", "roles": value}), chief)[0].id
            elif what == "roles":
                desk.accounts.set_roles(target, value, chief)  # pyright: ignore[reportArgumentType]
            elif what == "state":
                desk.accounts.set_state(target, value, chief)  # pyright: ignore[reportArgumentType]
            elif what == "propose":
                desk.administrators.propose(target, "appoint", value, chief)  # pyright: ignore[reportArgumentType]
            elif what == "password":
                desk.accounts.reset_password(target, chief)
            else:
                for proposal in desk.administrators.list_proposals(chief):
                    desk.administrators.decide(proposal.id, value, chief)  # pyright: ignore[reportArgumentType]
        except PlatformError:
            continue
    assert administrators(desk) == before
    assert desk.accounts.get(chief.id, chief).roles == {"staff", "system_admin"}
    assert desk.accounts.get(guard.id, ROOT).must_change
    database.close()


def administrators(desk: Desk) -> set[tuple[str, Role]]:
    return {(account.name, role) for account in desk.accounts.list_accounts(ROOT) for role in account.roles & ADMINISTRATIONS}
