"""Everything about accounts on one database, with a clock that tests move."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from domain.principal import Level, Principal, Role, TargetKind
from records.account_rows import Account
from records.accounts import AccountStore, NewAccount
from records.administrators import AdministratorStore
from records.api_keys import ApiKeyStore
from records.database import Database
from records.deeds import Deed
from records.grant_rows import Asset
from records.grants import GrantStore
from records.login import LoginDesk
from records.passwords import PasswordCost, Passwords
from records.sessions import SessionPolicy, SessionStore
from records.speakers import Speakers

FIRST = datetime(2026, 3, 2, 9, tzinfo=UTC)
CHEAP = PasswordCost(passes=1, memory_kib=64, lanes=1)
GOOD = "潮汐 bramble 抽屉 voltage"
ROOT = Principal(id="console", tenant="锻造厂", roles=frozenset({"system_admin"}))


class Desk:
    """The stores as `serving` builds them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.at = FIRST
        self.seconds = 0.0
        self.deeds: list[Deed] = []
        self.assets: dict[tuple[str, str], Asset] = {}
        self.passwords = Passwords(CHEAP)
        self.speakers = Speakers(database, SessionPolicy(), now=self.now, clock=lambda: self.seconds)

        def audit(deed: Deed, connection: Connection | None) -> None:
            self.deeds.append(deed)

        self.audit = audit
        parts = {"changed": self.speakers.forget, "now": self.now}
        self.accounts = AccountStore(database, self.passwords, audit, **parts)
        self.administrators = AdministratorStore(database, audit, **parts)
        self.sessions = SessionStore(database, audit, **parts)
        self.keys = ApiKeyStore(database, audit, **parts)
        self.login = LoginDesk(database, self.passwords, self.sessions, audit, **parts)
        self.grants = GrantStore(database, self.asset, audit, **parts)

    def now(self) -> datetime:
        return self.at

    def wait(self, **span: float) -> None:
        """Time passes, for memories too."""
        self.at += timedelta(**span)
        self.seconds += timedelta(**span).total_seconds()

    def asset(self, kind: TargetKind, target: str, tenant: str) -> Asset | None:
        found = self.assets.get((kind, target))
        return found if found is not None and found.tenant == tenant else None

    def lay_out(self, target: str, level: Level, owner: str, tenant: str = "锻造厂", kind: TargetKind = "object") -> None:
        self.assets[kind, target] = Asset(kind, target, level, tenant, owner)

    def hire(self, name: str, *roles: Role, tenant: str = "锻造厂") -> tuple[Account, Principal]:
        """A new account with GOOD as its password, and its principal; its administration, if any, given at the console."""
        console = ROOT.model_copy(update={"tenant": tenant})
        business = [role for role in roles if not role.endswith("_admin")]
        account, initial = self.accounts.create(NewAccount(name=name, roles=frozenset(business)), console)
        for role in set(roles) - set(business):
            self.administrators.appoint_first(account.id, role, console)
        principal = Principal(id=account.id, tenant=tenant, roles=frozenset(roles))
        self.login.change_password(principal, initial, GOOD)
        return account, principal

    def token(self, name: str, password: str = GOOD, tenant: str = "锻造厂") -> str:
        return self.login.log_in(tenant, name, password).token
