"""Accounts as rows: finding one inside a tenant, reading one, ending what proves that somebody is one."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.errors import Conflict, NotFound, UserInputError
from domain.permissions import permission_matrix
from domain.principal import Role

from .account_tables import AccountRow, ApiKeyRow, SessionRow
from .encoding import decode, storable

AccountState = Literal["active", "locked", "disabled"]
"""locked: by a security administrator, for now. disabled: by a system administrator, for good."""
STATES: tuple[AccountState, ...] = ("active", "locked", "disabled")
InOrder = PlainSerializer(sorted, return_type=list[str], when_used="json")
"""The same set is always written the same way."""
LONGEST_ATTRIBUTE = 64
MOST_ATTRIBUTES = 64


class Account(BaseModel):
    """An account as administrators see it."""

    model_config = ConfigDict(frozen=True)

    id: str
    tenant: str
    name: str
    display_name: str
    roles: Annotated[frozenset[Role], InOrder]
    attributes: Annotated[frozenset[str], InOrder]
    state: AccountState
    must_change: bool
    external: bool
    """Known by an identity provider; it has no password here."""
    created_at: datetime
    created_by: str
    changed_at: datetime
    changed_by: str


def account_row(session: Session, account_id: str, tenant: str, *, lock: bool = False) -> AccountRow:
    """Raises NotFound; an account of another tenant is as absent as one that never was."""
    query = select(AccountRow).where(AccountRow.id == storable(account_id), AccountRow.tenant == tenant, AccountRow.tenant != "")
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound("没有这个账号", where="account_id", cure="用 shuzhi users list 查看")
    return row


def add_named(session: Session, row: AccountRow) -> None:
    """Raises Conflict when the name is taken."""
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        raise Conflict("这个账号名已被使用", where="name", cure="换一个名称；大小写、全角半角视为相同") from None


def end_sessions(session: Session, account_id: str, at: datetime, *, but: str = "") -> None:
    """End every session of an account, save one."""
    open_ones = update(SessionRow).where(SessionRow.account_id == account_id, SessionRow.id != but, SessionRow.ended_at.is_(None))
    session.execute(open_ones.values(ended_at=at).execution_options(synchronize_session=False))


def end_keys(session: Session, account_id: str, at: datetime, by: str) -> None:
    """Revoke every API key of an account."""
    live = update(ApiKeyRow).where(ApiKeyRow.account_id == account_id, ApiKeyRow.revoked_at.is_(None))
    session.execute(live.values(revoked_at=at, revoked_by=by).execution_options(synchronize_session=False))


def checked_attributes(attributes: Iterable[str]) -> list[str]:
    """Raises UserInputError for an attribute that is empty or too long, or for too many."""
    wanted = sorted({storable(each).strip() for each in attributes})
    if len(wanted) > MOST_ATTRIBUTES or any(not each or len(each) > LONGEST_ATTRIBUTE for each in wanted):
        cure = f"最多 {MOST_ATTRIBUTES} 项，每项 1 到 {LONGEST_ATTRIBUTE} 个字"
        raise UserInputError("属性为空、太长或太多", where="attributes", cure=cure)
    return wanted


def account_of(row: AccountRow) -> Account:
    """A row as administrators see it; a state or role that this program does not know counts as none."""
    roles: dict[str, Role] = {role: role for role in permission_matrix().roles}
    states: dict[str, AccountState] = {state: state for state in STATES}
    return Account(
        id=row.id,
        tenant=row.tenant,
        name=row.name,
        display_name=row.display_name,
        roles=frozenset(roles[name] for name in decode(row.roles) if name in roles),
        attributes=frozenset(decode(row.attributes)),
        state=states.get(row.state, "disabled"),
        must_change=row.must_change,
        external=row.issuer is not None,
        created_at=row.created_at,
        created_by=row.created_by,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
    )
