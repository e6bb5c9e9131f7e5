"""From a session token or an API key to the principal that it proves, with the grants that are live now.

What was found is remembered for `REMEMBERED_S`. In this process a revocation is seen at once, because whoever revokes calls `forget`;
other processes see it when they have forgotten, at most `REMEMBERED_S` later.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from domain.errors import NotAuthenticated
from domain.principal import Grant, Principal, Role

from .account_rows import account_of
from .account_tables import AccountRow, ApiKeyRow, SessionRow
from .database import Database
from .encoding import decode, utc_now
from .grant_tables import GrantRow
from .sessions import SessionPolicy
from .tokens import KEY_MARK, LONGEST, SESSION_MARK, hash_token

REMEMBERED_S = 5.0
"""Seconds until every process sees a revocation, a changed role or the end of a grant."""
MOST_REMEMBERED = 10_000
SEEN_EVERY = timedelta(seconds=60)
"""How exactly a session's and a key's last use is known."""


# made once: putting them together takes as long as running them
SESSION = (
    select(SessionRow, AccountRow)
    .join(AccountRow, AccountRow.id == SessionRow.account_id)
    .where(SessionRow.token_hash == bindparam("key"), SessionRow.ended_at.is_(None), AccountRow.state == "active")
)
API_KEY = (
    select(ApiKeyRow, AccountRow)
    .join(AccountRow, AccountRow.id == ApiKeyRow.account_id)
    .where(ApiKeyRow.prefix == bindparam("prefix"), ApiKeyRow.secret_hash == bindparam("key"), ApiKeyRow.revoked_at.is_(None))
    .where(ApiKeyRow.expires_at > bindparam("at"), AccountRow.state == "active")
)
GRANTS = select(GrantRow).where(
    GrantRow.tenant == bindparam("tenant"),
    GrantRow.revoked_at.is_(None),
    GrantRow.until > bindparam("at"),
    or_(GrantRow.principal_id == bindparam("account"), GrantRow.role.in_(bindparam("roles", expanding=True))),
)


class Speaker(BaseModel):
    """Who speaks, and by what right."""

    model_config = ConfigDict(frozen=True)

    principal: Principal
    via: Literal["session", "key"]
    credential_id: str
    must_change: bool
    """The initial password is still in use: nothing else may be done before it is changed."""
    ends_at: datetime
    """When the credential ends unless it is used before."""


class Speakers:
    """Thread-safe; a look-up reads a few rows, a remembered one none."""

    def __init__(
        self,
        database: Database,
        policy: SessionPolicy | None = None,
        *,
        now: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._idle = timedelta(minutes=(policy or SessionPolicy()).idle_minutes)
        self._now = now
        self._clock = clock
        self._known: dict[str, tuple[float, Speaker]] = {}
        self._generation = 0

    def forget(self) -> None:
        """Look everything up again: something was revoked or changed."""
        self._generation += 1
        self._known = {}

    def identify(self, credential: str) -> Speaker:
        """Raises NotAuthenticated, with the same words whatever is wrong with it."""
        if (remembered := self.remembered(credential)) is not None:
            return remembered
        key, at = hash_token(credential), self._now()
        generation, known = self._generation, self._known
        speaker = self._look_up(credential, key, at)
        # what was read before a revocation must not be remembered after it
        if generation == self._generation:
            if len(known) >= MOST_REMEMBERED:
                known.clear()
            # a grant that ends sooner is not remembered beyond its end
            ends = min((grant.until for grant in speaker.principal.grants), default=speaker.ends_at)
            known[key] = (self._clock() + min(REMEMBERED_S, (ends - at).total_seconds()), speaker)
        return speaker

    def remembered(self, credential: str) -> Speaker | None:
        """What `identify` would say without looking anything up, or None. Raises NotAuthenticated for what is no credential at all."""
        if len(credential) > LONGEST or not credential.startswith((SESSION_MARK, KEY_MARK)):
            raise refused()
        if not (credential.isascii() and credential.isprintable()):
            raise refused()
        known = self._known.get(hash_token(credential))
        return known[1] if known and known[0] > self._clock() and self._now() < known[1].ends_at else None

    def principal(self, account_id: str, tenant: str) -> Principal:
        """An active account's principal as it is now, for work that outlives a request. Raises NotAuthenticated."""
        with self._database.session() as session:
            wanted = select(AccountRow).where(AccountRow.id == account_id, AccountRow.tenant == tenant, AccountRow.state == "active")
            row = session.scalar(wanted)
            if row is None:
                raise refused()
            return principal_of(session, row, self._now())

    def _look_up(self, credential: str, key: str, at: datetime) -> Speaker:
        if credential.startswith(SESSION_MARK):
            return self._session(key, at)
        return self._api_key(key, credential.partition(".")[0], at)

    def _session(self, key: str, at: datetime) -> Speaker:
        with self._database.session() as session:
            found = session.execute(SESSION, {"key": key}).first()
            if found is None:
                raise refused()
            row, account = found
            ends = min(row.expires_at, row.seen_at + self._idle)
            if at >= ends or row.tenant != account.tenant:
                raise refused()
            principal = principal_of(session, account, at)
        if at - row.seen_at > SEEN_EVERY:
            self._note_use(update(SessionRow).where(SessionRow.id == row.id, SessionRow.ended_at.is_(None)).values(seen_at=at))
            ends = min(row.expires_at, at + self._idle)
        return Speaker(principal=principal, via="session", credential_id=row.id, must_change=account.must_change, ends_at=ends)

    def _api_key(self, key: str, prefix: str, at: datetime) -> Speaker:
        with self._database.session() as session:
            found = session.execute(API_KEY, {"key": key, "prefix": prefix, "at": at}).first()
            if found is None:
                raise refused()
            row, account = found
            if row.tenant != account.tenant:
                raise refused()
            principal = principal_of(session, account, at, scopes=frozenset(decode(row.scopes)))
        if row.used_at is None or at - row.used_at > SEEN_EVERY:
            self._note_use(update(ApiKeyRow).where(ApiKeyRow.id == row.id).values(used_at=at))
        return Speaker(principal=principal, via="key", credential_id=row.id, must_change=account.must_change, ends_at=row.expires_at)

    def _note_use(self, statement: Any) -> None:
        # not worth a wait for the disk: a power cut may take the last minute of it
        with self._database.log_transaction() as connection:
            connection.execute(statement)


def principal_of(session: Session, row: AccountRow, at: datetime, *, scopes: frozenset[Role] | None = None) -> Principal:
    """An account's principal with its live grants; `scopes` leaves it fewer roles, and the grants that these have."""
    account = account_of(row)
    roles = account.roles if scopes is None else account.roles & scopes
    wanted = {"tenant": account.tenant, "at": at, "account": account.id, "roles": sorted(roles)}
    grants = tuple(grant_of(found) for found in session.scalars(GRANTS, wanted))
    return Principal(id=account.id, tenant=account.tenant, roles=roles, attributes=account.attributes, grants=grants)


def grant_of(row: GrantRow) -> Grant:
    """A row in the policy's words."""
    fields = {name: getattr(row, name) for name in Grant.model_fields if name != "revoked"}
    return Grant.model_validate(fields | {"revoked": row.revoked_at is not None})


def refused() -> NotAuthenticated:
    return NotAuthenticated("登录已失效，或密钥不对", where="Authorization", cure="重新登录，或换一个有效的密钥")
