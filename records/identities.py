"""People whom an identity provider vouches for: sign-ins under way, and the account that belongs to an identity."""

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from domain.errors import NotAllowed, NotAuthenticated, UserInputError
from domain.permissions import compatible_roles
from domain.principal import ADMINISTRATIONS, Principal, Role

from .account_rows import Account, account_of, checked_attributes, end_sessions
from .account_tables import AccountRow, SignInRow
from .database import Database
from .deeds import AuditedStore, Deed
from .encoding import encode, new_id, storable, utc_now
from .names import checked_name
from .tokens import hash_token

MINUTES = 10
"""How long a sign-in may take at the provider."""


class Identity(BaseModel):
    """What an identity provider says about somebody, already in our words."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    subject: str
    tenant: str
    name: str
    display_name: str = ""
    roles: frozenset[Role]
    attributes: frozenset[str] = frozenset()


class SignIn(BaseModel):
    """What was remembered while somebody was at the provider."""

    model_config = ConfigDict(frozen=True)

    nonce: str
    verifier: str
    return_to: str


class SignInStore:
    """Each sign-in can be taken out once, by the browser that began it."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    def begin(self, state: str, browser: str, sign_in: SignIn) -> None:
        at = self._now()
        row = SignInRow(
            state_hash=hash_token(state),
            browser_hash=hash_token(browser),
            expires_at=at + timedelta(minutes=MINUTES),
            **sign_in.model_dump(),
        )
        with self._database.session(write=True) as session:
            session.execute(delete(SignInRow).where(SignInRow.expires_at <= at))
            session.add(row)

    def take(self, state: str, browser: str) -> SignIn:
        """Raises NotAuthenticated for one that is unknown, over, taken already, or begun in another browser."""
        taking = delete(SignInRow).where(SignInRow.state_hash == hash_token(state)).returning(SignInRow)
        with self._database.session(write=True) as session:
            row = session.scalar(taking.execution_options(synchronize_session=False))
        if row is None or row.expires_at <= self._now() or not hmac.compare_digest(row.browser_hash, hash_token(browser)):
            raise NotAuthenticated("这次登录已失效", where="state", cure="回到登录页重新开始")
        return SignIn(nonce=row.nonce, verifier=row.verifier, return_to=row.return_to)


class IdentityStore(AuditedStore):
    """Accounts by issuer and subject; a name that is the same links nothing."""

    def admit(self, identity: Identity) -> Account:
        """The account of this identity, made at the first sign-in, with the roles and attributes that the provider now says.

        Raises NotAuthenticated for an account that is not active or belongs to another tenant, NotAllowed for an administration role:
        administrators are appointed here, by two people, whatever a provider says.
        """
        if identity.roles & ADMINISTRATIONS or not identity.roles or not identity.tenant:
            raise NotAllowed("统一身份平台给出的角色不能使用", where="roles", cure="请管理员检查角色对照设置")
        by = Principal(id="identity-provider", tenant=identity.tenant)
        roles, attributes = compatible_roles(identity.roles), checked_attributes(identity.attributes)
        known = (AccountRow.issuer == storable(identity.issuer), AccountRow.subject == storable(identity.subject))
        with self._deed() as (session, deeds):
            row = session.scalar(select(AccountRow).where(*known).with_for_update())
            if row is None:
                row, what = self._new(identity, roles, attributes, self._now()), "accounts.create"
                try:
                    with session.begin_nested():
                        session.add(row)
                except IntegrityError:
                    row = self._new(identity, roles, attributes, self._now(), distinct=True)
                    session.add(row)
            else:
                if row.tenant != identity.tenant or row.state != "active":
                    raise NotAuthenticated("这个账号不能登录", where="login", cure="请联系系统管理员")
                held = account_of(row).roles & ADMINISTRATIONS
                now_roles, now_attributes = encode(sorted(roles | held)), encode(attributes)
                what = "" if (row.roles, row.attributes) == (now_roles, now_attributes) else "roles.assign"
                if what:
                    row.roles, row.attributes, row.changed_at, row.changed_by = now_roles, now_attributes, self._now(), by.id
                    end_sessions(session, row.id, self._now())
            if what:
                deeds.append(Deed(what, by, "account", row.id, detail={"roles": sorted(roles)}))
            return account_of(row)

    def _new(
        self, identity: Identity, roles: frozenset[Role], attributes: list[str], at: datetime, *, distinct: bool = False
    ) -> AccountRow:
        mark = hash_token(f"{identity.issuer}\x00{identity.subject}")[:12]
        try:
            name = checked_name(identity.name)
        except UserInputError:
            name = f"user-{mark}"
        return AccountRow(
            id=new_id(),
            tenant=storable(identity.tenant),
            name=f"{name[:48]}@{mark}" if distinct else name,
            folded=f"{name[:48]}@{mark}" if distinct else name,
            display_name=" ".join(storable(identity.display_name).split())[:100] or name,
            roles=encode(sorted(roles)),
            attributes=encode(attributes),
            state="active",
            must_change=False,
            issuer=storable(identity.issuer),
            subject=storable(identity.subject),
            created_at=at,
            created_by="identity-provider",
            changed_at=at,
            changed_by="identity-provider",
        )
