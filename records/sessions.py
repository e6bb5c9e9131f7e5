"""Sessions of people who have logged in: opaque random tokens that end by idleness, by age, or when somebody ends them."""

from collections.abc import Callable
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, select, update

from domain.errors import NotAuthenticated, NotFound
from domain.permissions import require
from domain.principal import Principal

from .account_rows import account_row, end_keys, end_sessions
from .account_tables import SessionRow
from .database import Database
from .deeds import Audit, AuditedStore, Deed, nothing
from .encoding import new_id, storable, utc_now
from .tokens import hash_token, new_session_token


class SessionPolicy(BaseModel):
    """How long a session lives. It is bound to no address: behind a proxy addresses change and mean nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    idle_minutes: int = Field(default=30, ge=1)
    longest_hours: int = Field(default=12, ge=1)


class LoginSession(BaseModel):
    """One of somebody's sessions, without what proves it."""

    model_config = ConfigDict(frozen=True)

    id: str
    door: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


class SessionStore(AuditedStore):
    """Everybody's sessions; each is opened, and ended before its time, on record."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        policy: SessionPolicy | None = None,
        *,
        changed: Callable[[], None] = nothing,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(database, audit, changed=changed, now=now)
        self._policy = policy or SessionPolicy()

    def start(self, account_id: str, tenant: str, door: str, *, as_of: datetime, replacing: str = "") -> tuple[str, datetime]:
        """A new token and when it ends at the latest; the session whose token is `replacing` ends (no fixation).

        `as_of`: the account's last change when its owner proved who they are. Raises NotAuthenticated when it has changed since: a
        password that was reset meanwhile must not open a session that nobody ends any more.
        """
        at = self._now()
        token, ends = new_session_token(), at + timedelta(hours=self._policy.longest_hours)
        row = SessionRow(
            id=new_id(),
            token_hash=hash_token(token),
            tenant=tenant,
            account_id=account_id,
            door=storable(door)[:40],
            created_at=at,
            seen_at=at,
            expires_at=ends,
        )
        with self._deed() as (session, deeds):
            # what has long ended proves nothing to anybody
            session.execute(delete(SessionRow).where(SessionRow.expires_at < at - timedelta(days=30)))
            account = account_row(session, account_id, tenant, lock=True)
            if account.changed_at != as_of or account.state != "active":
                raise NotAuthenticated("账号刚刚被改过", where="login", cure="重新登录")
            if replacing:
                old = update(SessionRow).where(SessionRow.token_hash == hash_token(replacing), SessionRow.ended_at.is_(None))
                session.execute(old.values(ended_at=at).execution_options(synchronize_session=False))
            session.add(row)
            by = Principal(id=account_id, tenant=tenant)
            deeds.append(Deed("login", by, "account", account_id, detail={"session": row.id, "by": row.door}))
        return token, ends

    def list_sessions(self, principal: Principal) -> list[LoginSession]:
        """The principal's own live sessions, newest first."""
        at = self._now()
        mine = (SessionRow.tenant == principal.tenant, SessionRow.account_id == principal.id)
        idle_since = at - timedelta(minutes=self._policy.idle_minutes)
        live = (SessionRow.ended_at.is_(None), SessionRow.expires_at > at, SessionRow.seen_at > idle_since)
        query = select(SessionRow).where(*mine, *live).order_by(SessionRow.created_at.desc())
        with self._database.session() as session:
            return [LoginSession(**{name: getattr(row, name) for name in LoginSession.model_fields}) for row in session.scalars(query)]

    def end(self, session_id: str, principal: Principal) -> None:
        """End one of the principal's own sessions. Raises NotFound for anybody else's."""
        mine = (SessionRow.tenant == principal.tenant, SessionRow.account_id == principal.id, SessionRow.ended_at.is_(None))
        ending = update(SessionRow).where(SessionRow.id == storable(session_id), *mine).values(ended_at=self._now())
        with self._deed() as (session, deeds):
            gone = session.execute(ending.returning(SessionRow.id).execution_options(synchronize_session=False)).scalar()
            if gone is None:
                raise NotFound("没有这个会话", where="session_id", cure="从自己的登录列表中选择")
            deeds.append(Deed("sessions.end", principal, "session", gone))

    def end_own(self, principal: Principal, *, but: str = "") -> None:
        """End all of the principal's own sessions, save one."""
        with self._deed() as (session, deeds):
            end_sessions(session, principal.id, self._now(), but=but)
            deeds.append(Deed("sessions.end_all", principal, "account", principal.id))

    def end_all(self, account_id: str, by: Principal) -> None:
        """End every session and key of an account of the tenant. Raises NotAllowed without `accounts.lock`, NotFound."""
        require(by, "accounts.lock")
        with self._deed() as (session, deeds):
            row = account_row(session, account_id, by.tenant)
            end_sessions(session, row.id, self._now())
            end_keys(session, row.id, self._now(), by.id)
            deeds.append(Deed("sessions.end_all", by, "account", account_id))
