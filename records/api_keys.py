"""API keys for programs: shown once, with some of their owner's roles, until they end or are revoked."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select, update

from domain.errors import Conflict, NotAllowed, NotFound, UserInputError
from domain.permissions import known_role
from domain.principal import ADMINISTRATIONS, Principal, Role

from .account_rows import InOrder, account_of, account_row
from .account_tables import ApiKeyRow
from .deeds import AuditedStore, Deed
from .encoding import decode, encode, new_id, storable
from .tokens import hash_token, new_api_key

MOST_KEYS = 20
LONGEST_DAYS = 366


class ApiKey(BaseModel):
    """A key without its secret."""

    model_config = ConfigDict(frozen=True)

    id: str
    prefix: str
    name: str
    scopes: Annotated[frozenset[Role], InOrder]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


class ApiKeyStore(AuditedStore):
    """A person's own keys."""

    def create(self, principal: Principal, name: str, scopes: Iterable[Role], days: int = 90) -> tuple[ApiKey, str]:
        """The key and its secret, which is kept nowhere.

        Raises NotAllowed for a scope that its owner lacks or that is an administration, UserInputError, Conflict for too many keys.
        """
        wanted = frozenset(known_role(scope) for scope in scopes)
        if not 1 <= days <= LONGEST_DAYS or not wanted or not 1 <= len(name.strip()) <= 60:
            raise UserInputError("密钥的名称、范围或天数不对", where="key", cure=f"名称 1 到 60 字，至少一个角色，1 到 {LONGEST_DAYS} 天")
        if wanted & ADMINISTRATIONS:
            raise NotAllowed("密钥不能带管理员角色", where="scopes", cure="管理操作由管理员本人登录后进行")
        secret, prefix = new_api_key()
        at = self._now()
        row = ApiKeyRow(
            id=new_id(),
            prefix=prefix,
            secret_hash=hash_token(secret),
            tenant=principal.tenant,
            account_id=principal.id,
            name=storable(name).strip(),
            scopes=encode(sorted(wanted)),
            created_at=at,
            expires_at=at + timedelta(days=days),
        )
        with self._deed() as (session, deeds):
            # of the account as it is, not of whoever asks: a key must not make a key that can do more
            owner = account_of(account_row(session, principal.id, principal.tenant, lock=True))
            if wanted - owner.roles or wanted - principal.roles:
                raise NotAllowed("密钥的范围超出了自己的角色", where="scopes", cure="只选自己有的角色")
            live = (ApiKeyRow.account_id == owner.id, ApiKeyRow.revoked_at.is_(None), ApiKeyRow.expires_at > at)
            if (session.scalar(select(func.count()).select_from(ApiKeyRow).where(*live)) or 0) >= MOST_KEYS:
                raise Conflict(f"最多同时有 {MOST_KEYS} 个密钥", where="key", cure="先撤销不用的密钥")
            session.add(row)
            deeds.append(Deed("keys.create", principal, "api_key", row.id, detail={"scopes": sorted(wanted), "days": days}))
        return _key(row), secret

    def list_keys(self, principal: Principal) -> list[ApiKey]:
        """The principal's own keys, newest first, ended ones too."""
        mine = (ApiKeyRow.tenant == principal.tenant, ApiKeyRow.account_id == principal.id)
        with self._database.session() as session:
            return [_key(row) for row in session.scalars(select(ApiKeyRow).where(*mine).order_by(ApiKeyRow.created_at.desc()))]

    def revoke(self, key_id: str, principal: Principal) -> None:
        """Revoke one of the principal's own keys; twice is once. Raises NotFound for anybody else's."""
        mine = (ApiKeyRow.id == storable(key_id), ApiKeyRow.tenant == principal.tenant, ApiKeyRow.account_id == principal.id)
        ending = update(ApiKeyRow).where(*mine, ApiKeyRow.revoked_at.is_(None)).values(revoked_at=self._now(), revoked_by=principal.id)
        with self._deed() as (session, deeds):
            if session.scalar(select(ApiKeyRow.id).where(*mine)) is None:
                raise NotFound("没有这个密钥", where="key_id", cure="从自己的密钥列表中选择")
            session.execute(ending.execution_options(synchronize_session=False))
            deeds.append(Deed("keys.revoke", principal, "api_key", key_id))


def _key(row: ApiKeyRow) -> ApiKey:
    scopes: frozenset[Role] = frozenset(known_role(name) for name in decode(row.scopes))
    return ApiKey(scopes=scopes, **{name: getattr(row, name) for name in ApiKey.model_fields if name != "scopes"})
