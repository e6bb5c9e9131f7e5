"""Logging in with a password: the same words, the same work and the same lockout whether or not there is such an account.

An attempt is counted before the password is looked at, so that a thousand guesses at once are a thousand attempts.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import case, delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.errors import Conflict, NotAuthenticated
from domain.principal import Principal

from .account_rows import account_row, end_sessions
from .account_tables import AccountRow, AttemptRow
from .database import Database
from .deeds import Audit, AuditedStore, Deed, nothing
from .encoding import storable, utc_now
from .names import folded
from .passwords import Passwords
from .sessions import SessionStore
from .tokens import hash_token


class Backoff(BaseModel):
    """After `free` failures each further one doubles the wait. It ends by itself: nobody can lock another person out for good."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    free: int = Field(default=5, ge=1)
    first_s: int = Field(default=30, ge=1)
    longest_s: int = Field(default=900, ge=1)
    forgotten_hours: int = Field(default=24, ge=1)

    def wait(self, failures: int) -> int:
        """Seconds until the next attempt."""
        if failures < self.free:
            return 0
        return min(self.first_s * 2 ** min(failures - self.free, 20), self.longest_s)


class Login(BaseModel):
    """Somebody is logged in."""

    model_config = ConfigDict(frozen=True)

    token: str
    account_id: str
    must_change: bool
    ends_at: datetime


class LoginDesk(AuditedStore):
    """Where people prove who they are by a password."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        sessions: SessionStore,
        audit: Audit,
        backoff: Backoff | None = None,
        *,
        changed: Callable[[], None] = nothing,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(database, audit, changed=changed, now=now)
        self._passwords = passwords
        self._sessions = sessions
        self._backoff = backoff or Backoff()

    def log_in(self, tenant: str, name: str, password: str, *, door: str = "http", replacing: str = "") -> Login:
        """A new session; the one whose token is `replacing` ends. Raises NotAuthenticated, never saying what was wrong."""
        row, right = self._check(tenant, name, password)
        by = Principal(id=row.id if row else "", tenant=tenant[:64])
        if row is None or not right:
            self._refused(Deed("login", by, "account", by.id, "refused", "password"))
            raise NotAuthenticated("账号、密码或企业名称不对，或账号不能登录", where="login", cure="核对后重试；忘记密码请联系系统管理员")
        if row.password_hash and self._passwords.is_outdated(row.password_hash):
            self._rehash(row, password)
        token, ends = self._sessions.start(row.id, row.tenant, door, as_of=row.changed_at, replacing=replacing)
        return Login(token=token, account_id=row.id, must_change=row.must_change, ends_at=ends)

    def change_password(self, principal: Principal, old: str, new: str, *, door: str = "http") -> Login:
        """Change one's own password; every session ends and a new one begins.

        Raises NotAuthenticated for a wrong old password (counted like a login), UserInputError for a new one that is too weak.
        """
        with self._database.session() as session:
            account = account_row(session, principal.id, principal.tenant)
        self._passwords.rules.check(new, account.folded)
        row, right = self._check(account.tenant, account.folded, old)
        if row is None or not right:
            self._refused(Deed("password.change", principal, "account", principal.id, "refused", "password"))
            raise NotAuthenticated("原密码不对", where="old", cure="核对后重试；忘记密码请联系系统管理员")
        if old == new:
            raise Conflict("新密码与原密码相同", where="new", cure="换一个没有用过的密码")
        hashed, at = self._passwords.hash(new), self._now()
        with self._deed() as (session, deeds):
            # whoever changed it first has changed it
            same = update(AccountRow).where(AccountRow.id == row.id, AccountRow.password_hash == row.password_hash)
            change = same.values(password_hash=hashed, must_change=False, changed_at=at, changed_by=principal.id)
            if session.execute(change.returning(AccountRow.id).execution_options(synchronize_session=False)).scalar() is None:
                raise Conflict("密码刚刚被改过", where="old", cure="重新登录后再改")
            end_sessions(session, row.id, at)
            deeds.append(Deed("password.change", principal, "account", row.id))
        token, ends = self._sessions.start(row.id, row.tenant, door, as_of=at)
        return Login(token=token, account_id=row.id, must_change=False, ends_at=ends)

    def _check(self, tenant: str, name: str, password: str) -> tuple[AccountRow | None, bool]:
        plain = storable(folded(name))
        key = hash_token(f"{tenant[:200]}\x00{plain}")
        self._count(key)
        with self._database.session() as session:
            row = session.scalar(select(AccountRow).where(AccountRow.tenant == storable(tenant[:200]), AccountRow.folded == plain))
        right = self._passwords.matches(row.password_hash if row else None, password)
        right = right and row is not None and bool(row.tenant) and row.state == "active" and not self._is_stale(row)
        if right:
            with self._database.session(write=True) as session:
                session.execute(delete(AttemptRow).where(AttemptRow.key == key))
        return row, right

    def _is_stale(self, row: AccountRow) -> bool:
        """Whether it is an initial password that has been lying about."""
        return row.must_change and self._now() >= row.changed_at + timedelta(days=self._passwords.rules.initial_days)

    def _count(self, key: str) -> None:
        """Count an attempt. Raises NotAuthenticated while the name has to wait."""
        at, ends = self._now(), None
        with self._database.session(write=True) as session:
            failures = self._counted(session, key, at)
            if failures is None:
                ends = session.scalar(select(AttemptRow.blocked_until).where(AttemptRow.key == key))
            elif wait := self._backoff.wait(failures):
                until = at + timedelta(seconds=wait)
                session.execute(update(AttemptRow).where(AttemptRow.key == key).values(blocked_until=until))
        if failures is None:
            seconds = max(1, round((ends - at).total_seconds())) if ends else 1
            raise NotAuthenticated("失败次数太多，暂时不能登录", where="login", cure=f"{seconds} 秒后再试")

    def _counted(self, session: Session, key: str, at: datetime) -> int | None:
        """The failures under this name if this one fails too; None while it has to wait."""
        stale = at - timedelta(hours=self._backoff.forgotten_hours)
        free = or_(AttemptRow.blocked_until.is_(None), AttemptRow.blocked_until <= at)
        more = case((AttemptRow.last_at < stale, 1), else_=AttemptRow.failures + 1)
        counting = update(AttemptRow).where(AttemptRow.key == key, free).values(failures=more, last_at=at).returning(AttemptRow.failures)
        counted = session.scalar(counting.execution_options(synchronize_session=False))
        if counted is not None:
            return counted
        try:
            with session.begin_nested():
                session.add(AttemptRow(key=key, failures=1, last_at=at))
        except IntegrityError:
            # it has to wait, or another attempt made the row a moment ago
            return session.scalar(counting.execution_options(synchronize_session=False))
        session.execute(delete(AttemptRow).where(AttemptRow.last_at < stale).execution_options(synchronize_session=False))
        return 1

    def _rehash(self, row: AccountRow, password: str) -> None:
        hashed = self._passwords.hash(password)
        same = update(AccountRow).where(AccountRow.id == row.id, AccountRow.password_hash == row.password_hash)
        with self._database.session(write=True) as session:
            session.execute(same.values(password_hash=hashed).execution_options(synchronize_session=False))
