"""Who may read a record: only the person it belongs to (DESIGN §4.6). What is not readable does not exist."""

from sqlalchemy import ColumnElement, and_, false

from domain.errors import NotAllowed
from domain.principal import Principal

from .tables import Owned


def content_reader(principal: Principal) -> Principal:
    """`principal` itself. Raises NotAllowed for an audit administrator, who checks that things happened and never what was said."""
    if "audit_admin" in principal.roles:
        raise NotAllowed("审计管理员不能查看业务内容", where="principal", cure="用没有审计管理员角色的账号查看自己的内容")
    return principal


def owned(row: type[Owned], principal: Principal) -> ColumnElement[bool]:
    """The condition under which `principal` may read a row; a principal without a tenant or an id reads nothing.

    Raises NotAllowed for an audit administrator.
    """
    reader = content_reader(principal)
    if not reader.tenant or not reader.id:
        return false()
    return and_(row.tenant == reader.tenant, row.owner == reader.id)


def owns(principal: Principal, tenant: str, owner: str) -> bool:
    """`owned` for a record at hand; raises the same."""
    reader = content_reader(principal)
    return bool(reader.tenant and reader.id) and (reader.tenant, reader.id) == (tenant, owner)
