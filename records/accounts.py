"""Accounts (账号): who exists in a tenant, with which roles and attributes (TISC-6.1.3-f, TISC-7.2.2-e).

Every look-up is bound to the tenant of whoever asks; another tenant's accounts do not exist. Administrations are not given here but
proposed and confirmed (`administrators`).
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select, update

from domain.errors import Conflict, NotAllowed, NotFound
from domain.permissions import compatible_roles, known_role, permission_matrix, require
from domain.principal import ADMINISTRATIONS, Principal, Role

from .account_rows import Account, AccountState, account_of, account_row, add_named, checked_attributes, end_sessions
from .account_tables import AccountRow
from .database import Database
from .deeds import Audit, AuditedStore, Deed, nothing
from .encoding import encode, new_id, storable, utc_now
from .names import checked_name, folded
from .passwords import Passwords, initial_password


class NewAccount(BaseModel):
    """An account to be made. Without a password it gets one that is shown once and must be changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(max_length=256)
    display_name: str = Field(default="", max_length=100)
    roles: frozenset[Role] = frozenset({"staff"})
    attributes: frozenset[str] = frozenset()


class AccountStore(AuditedStore):
    """The accounts of every tenant, each by itself."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        audit: Audit,
        *,
        changed: Callable[[], None] = nothing,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(database, audit, changed=changed, now=now)
        self._passwords = passwords

    def create(self, new: NewAccount, by: Principal) -> tuple[Account, str]:
        """The account and its initial password, which is kept nowhere.

        Raises NotAllowed without `accounts.manage` or for an administration role, UserInputError for a name or attribute that cannot
        be, Conflict when the name is taken.
        """
        require(by, "accounts.manage")
        roles = self._business_roles(by, new.roles, "accounts.create", new.name)
        plain = checked_name(new.name)
        password, at = initial_password(), self._now()
        row = AccountRow(
            id=new_id(),
            tenant=by.tenant,
            name=storable(new.name).strip(),
            folded=plain,
            display_name=" ".join(storable(new.display_name).split()) or plain,
            roles=encode(sorted(roles)),
            attributes=encode(checked_attributes(new.attributes)),
            state="active",
            password_hash=self._passwords.hash(password),
            must_change=True,
            created_at=at,
            created_by=by.id,
            changed_at=at,
            changed_by=by.id,
        )
        with self._deed() as (session, deeds):
            add_named(session, row)
            deeds.append(Deed("accounts.create", by, "account", row.id, detail={"roles": sorted(roles)}))
        return account_of(row), password

    def get(self, account_id: str, by: Principal) -> Account:
        """Raises NotFound for an account of another tenant; NotAllowed without a permission over accounts, save for one's own."""
        if account_id != by.id:
            _require_overview(by)
        with self._database.session() as session:
            return account_of(account_row(session, account_id, by.tenant))

    def find(self, name: str, by: Principal) -> Account:
        """The account of this name. Raises NotFound, NotAllowed."""
        _require_overview(by)
        with self._database.session() as session:
            row = session.scalar(select(AccountRow).where(AccountRow.tenant == by.tenant, AccountRow.folded == storable(folded(name))))
        if row is None:
            raise NotFound("没有这个账号", where="name", cure="用 shuzhi users list 查看")
        return account_of(row)

    def list_accounts(self, by: Principal, *, limit: int = 200, after: str = "") -> list[Account]:
        """The tenant's accounts by name; `after` is the last name of the page before."""
        _require_overview(by)
        query = select(AccountRow).where(AccountRow.tenant == by.tenant, AccountRow.folded > storable(folded(after)))
        with self._database.session() as session:
            return [account_of(row) for row in session.scalars(query.order_by(AccountRow.folded).limit(limit))]

    def display_names(self, account_ids: Iterable[str], by: Principal) -> dict[str, str]:
        """What people of the principal's own tenant are called; whoever is not of it is left out."""
        wanted = [storable(each) for each in account_ids]
        query = select(AccountRow.id, AccountRow.display_name).where(AccountRow.tenant == by.tenant, AccountRow.id.in_(wanted))
        with self._database.session() as session:
            return {account_id: name for account_id, name in session.execute(query)}

    def set_roles(self, account_id: str, roles: Iterable[Role], by: Principal) -> Account:
        """Give the account these business roles; an administration that it has stays. Its sessions end: it logs in again with the new.

        Raises NotAllowed for oneself and for administration roles, NotFound, UserInputError.
        """
        require(by, "roles.assign")
        wanted = self._business_roles(by, roles, "roles.assign", account_id)

        def change(row: AccountRow) -> dict[str, Any]:
            return {"roles": encode(sorted(compatible_roles(wanted | account_of(row).roles & ADMINISTRATIONS)))}

        return self._change(account_id, by, "roles.assign", change, {"roles": sorted(wanted)})

    def set_attributes(self, account_id: str, attributes: Iterable[str], by: Principal) -> Account:
        """What restricted labels may ask for (GXDSL-8.1-3). Raises NotAllowed for oneself, NotFound, UserInputError."""
        require(by, "roles.assign")
        wanted = checked_attributes(attributes)
        return self._change(account_id, by, "attributes.assign", lambda row: {"attributes": encode(wanted)}, {"attributes": wanted})

    def set_state(self, account_id: str, state: AccountState, by: Principal, reason: str = "") -> Account:
        """Disabling and enabling is the system administrator's, locking and unlocking the security administrator's.

        Raises NotAllowed for oneself, and for disabling an administrator, whose administration has to end first; NotFound; Conflict
        where the account is in the other administrator's state.
        """
        # neither undoes what the other has done
        manages = "accounts.manage" if state == "disabled" else "accounts.lock"
        if state == "active":
            manages = "accounts.manage" if self._state_of(account_id, by) == "disabled" else "accounts.lock"
        require(by, manages)

        def change(row: AccountRow) -> dict[str, Any]:
            if state == "locked" and row.state == "disabled":
                raise Conflict("这个账号已停用", where="state", cure="先请系统管理员启用")
            if state == "disabled" and account_of(row).roles & ADMINISTRATIONS:
                raise NotAllowed("不能停用管理员", where="account_id", cure="先由两名管理员撤换，或请安全管理员锁定")
            return {"state": state}

        return self._change(account_id, by, f"accounts.{state}", change, {"reason": storable(reason)})

    def reset_password(self, account_id: str, by: Principal, *, at_console: bool = False) -> str:
        """A new initial password, shown once; all sessions end. Raises NotAllowed for administrators unless on the machine itself."""
        require(by, "accounts.manage")
        password = initial_password()
        hashed = self._passwords.hash(password)

        def change(row: AccountRow) -> dict[str, Any]:
            # whoever can set an administrator's password can be that administrator
            if account_of(row).roles & ADMINISTRATIONS and not at_console:
                raise NotAllowed("不能重设管理员的密码", where="account_id", cure="在服务器上运行 shuzhi users password")
            if row.issuer is not None:
                raise Conflict("这个账号由统一身份平台管理，没有本地密码", where="account_id", cure="在统一身份平台上重设")
            return {"password_hash": hashed, "must_change": True}

        self._change(account_id, by, "accounts.reset_password", change, {})
        return password

    def _state_of(self, account_id: str, by: Principal) -> str:
        _require_overview(by)
        with self._database.session() as session:
            return account_row(session, account_id, by.tenant).state

    def _business_roles(self, by: Principal, roles: Iterable[Role], action: str, target: str) -> frozenset[Role]:
        wanted: frozenset[Role] = frozenset(known_role(role) for role in roles)
        if administrations := wanted & ADMINISTRATIONS:
            self._refused(Deed(action, by, "account", target[:64], "refused", "administration", {"roles": sorted(administrations)}))
            names = "、".join(name for role, name in permission_matrix().role_names.items() if role in administrations)
            raise NotAllowed(f"不能直接任命{names}", where="roles", cure="先提议任命，再由另一名管理员确认")
        return wanted

    def _change(
        self, account_id: str, by: Principal, action: str, change: Callable[[AccountRow], dict[str, Any]], detail: dict[str, Any]
    ) -> Account:
        if account_id == by.id:
            self._refused(Deed(action, by, "account", account_id, "refused", "self", detail))
            raise NotAllowed("不能修改自己的账号", where="account_id", cure="请另一名管理员操作")
        try:
            return self._changed_row(account_id, by, action, change, detail)
        except NotAllowed as error:
            self._refused(Deed(action, by, "account", account_id[:64], "refused", error.message, detail))
            raise

    def _changed_row(
        self, account_id: str, by: Principal, action: str, change: Callable[[AccountRow], dict[str, Any]], detail: dict[str, Any]
    ) -> Account:
        with self._deed() as (session, deeds):
            row = account_row(session, account_id, by.tenant, lock=True)
            values = change(row) | {"changed_at": self._now(), "changed_by": by.id}
            # compare and set: of two changes at one time the later one sees the earlier
            same = update(AccountRow).where(AccountRow.id == row.id, AccountRow.changed_at == row.changed_at)
            if session.execute(same.values(values).returning(AccountRow.id).execution_options(synchronize_session=False)).scalar() is None:
                raise Conflict("这个账号刚刚被别人改过", where="account_id", cure="刷新后重试")
            end_sessions(session, row.id, self._now())
            session.refresh(row)
            deeds.append(Deed(action, by, "account", row.id, detail=detail))
        return account_of(row)


def _require_overview(by: Principal) -> None:
    """Accounts are managed by one administrator and locked by another; both must see them."""
    if "security_admin" in by.roles:
        require(by, "accounts.lock")
    else:
        require(by, "accounts.manage")
