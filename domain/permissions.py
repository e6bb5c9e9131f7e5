"""What a role allows (`data/permissions.yaml`). Default deny: what is not listed there nobody may do.

A permission opens functions, never content; content is `may_read`'s business.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

from .errors import NotAllowed, UserInputError, known_names
from .principal import ADMINISTRATIONS, Principal, Role

PERMISSIONS = Path(__file__).parent / "data" / "permissions.yaml"


class PermissionMatrix(BaseModel):
    """Role → permissions, with the names that users see."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    permissions: dict[str, str]
    roles: dict[Role, frozenset[str]]
    role_names: dict[Role, str]
    administrations: frozenset[Role]

    @model_validator(mode="after")
    def _separated(self) -> "PermissionMatrix":
        """Two administrations share nothing, and none of them may do what a business role may."""
        listed: set[str] = set().union(*self.roles.values())
        if listed != set(self.permissions):
            raise ValueError(f"permissions without a role, or unknown ones: {sorted(listed ^ set(self.permissions))}")
        if self.administrations != ADMINISTRATIONS or set(self.role_names) != set(self.roles):
            raise ValueError("administrations or role names do not fit the roles")
        for role in self.administrations:
            others: set[str] = set().union(*(held for other, held in self.roles.items() if other != role))
            if shared := self.roles[role] & others:
                raise ValueError(f"{role} shares {sorted(shared)} with another role")
        return self


@cache
def permission_matrix() -> PermissionMatrix:
    """The shipped matrix, read once."""
    return PermissionMatrix.model_validate(yaml.safe_load(PERMISSIONS.read_text(encoding="utf-8")))


def may(principal: Principal, permission: str) -> bool:
    """Whether one of the principal's roles allows it. Nobody without an id or a tenant may do anything.

    An account that came to hold two administrations, however it did, has neither (TISC-7.2.2-e).
    """
    if not principal.id or not principal.tenant:
        return False
    roles = principal.roles - ADMINISTRATIONS if len(principal.roles & ADMINISTRATIONS) > 1 else principal.roles
    matrix = permission_matrix().roles
    return any(permission in matrix[role] for role in roles)


def require(principal: Principal, permission: str) -> Principal:
    """`principal` itself. Raises NotAllowed, with the roles that could."""
    if may(principal, permission):
        return principal
    matrix = permission_matrix()
    able = "、".join(matrix.role_names[role] for role, held in matrix.roles.items() if permission in held)
    what = matrix.permissions.get(permission, permission)
    raise NotAllowed(f"没有权限：{what}", where="principal", cure=f"请有这项权限的人操作（{able or '无'}）")


def roles_with(permission: str) -> frozenset[Role]:
    return frozenset(role for role, held in permission_matrix().roles.items() if permission in held)


def known_role(name: str) -> Role:
    """The role of this name. Raises UserInputError for an unknown one, with those that exist."""
    roles = permission_matrix().roles
    by_name: dict[str, Role] = {role: role for role in roles}
    found = by_name.get(name)
    if found is None:
        raise UserInputError(f"没有角色 {name[:40]!r}", where="roles", cure=known_names(name[:40], list(roles)))
    return found


def compatible_roles(roles: Iterable[Role]) -> frozenset[Role]:
    """`roles` as a set. Raises UserInputError where two administrations meet on one account (三员分立)."""
    wanted = frozenset(roles)
    together = sorted(wanted & ADMINISTRATIONS)
    if len(together) > 1:
        names = "、".join(permission_matrix().role_names[role] for role in together)
        raise UserInputError(f"一个账号不能同时是{names}", where="roles", cure="为每种管理员各建一个账号，由不同的人使用")
    return wanted
