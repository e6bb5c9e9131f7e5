"""Separated administrations (三员分立, TISC-7.2.2-e): what each role may do, as data."""

import itertools
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import NotAllowed, UserInputError
from domain.permissions import PermissionMatrix, compatible_roles, known_role, may, permission_matrix, require, roles_with
from domain.principal import ADMINISTRATIONS, LOCAL, Principal, Role

ROLES: tuple[Role, ...] = get_args(Role)
MATRIX = permission_matrix()


def who(*roles: Role) -> Principal:
    return Principal(id="ann", tenant="works", roles=frozenset(roles))


def test_every_role_is_in_the_matrix() -> None:
    assert set(MATRIX.roles) == set(ROLES)


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(sorted(ADMINISTRATIONS), 2)))
def test_no_administration_can_do_anothers_job(one: Role, other: Role) -> None:
    assert not MATRIX.roles[one] & MATRIX.roles[other]


@pytest.mark.parametrize("role", sorted(ADMINISTRATIONS))
def test_an_administration_allows_no_business(role: Role) -> None:
    for permission in ("assistant.use", "documents.share", "approvals.decide", "grants.decide", "grants.request"):
        assert not may(who(role), permission)


@given(st.frozensets(st.sampled_from(ROLES)), st.sampled_from(sorted(MATRIX.permissions)))
def test_a_permission_comes_from_a_role_that_has_it(roles: frozenset[Role], permission: str) -> None:
    allowed = may(who(*roles), permission)
    if len(roles & ADMINISTRATIONS) > 1:
        roles = roles - ADMINISTRATIONS
    assert allowed is bool(roles & roles_with(permission))


def test_two_administrations_on_one_account_are_none() -> None:
    assert may(who("system_admin"), "accounts.manage")
    assert not may(who("system_admin", "audit_admin"), "accounts.manage")
    assert not may(who("system_admin", "audit_admin"), "audit.read")
    assert may(who("system_admin", "audit_admin", "staff"), "assistant.use")


def test_unknown_permissions_and_nobodies_are_denied() -> None:
    assert not may(LOCAL, "everything")
    assert not may(LOCAL, "")
    assert not may(Principal(id="", tenant="works", roles=frozenset({"operator"})), "approvals.decide")
    assert not may(Principal(id="ann", tenant="", roles=frozenset({"operator"})), "approvals.decide")


def test_the_single_user_can_work_and_manage() -> None:
    for permission in ("assistant.use", "approvals.decide", "accounts.manage", "grants.decide"):
        assert may(LOCAL, permission)
    assert not may(LOCAL, "audit.read")


def test_who_may_not_is_told_who_could() -> None:
    with pytest.raises(NotAllowed, match="分配业务角色") as caught:
        require(who("staff"), "roles.assign")
    assert "系统管理员" in caught.value.detail[0].cure
    assert require(who("system_admin"), "roles.assign").id == "ann"


def test_roles_that_exclude_one_another() -> None:
    assert compatible_roles(["staff", "system_admin"]) == {"staff", "system_admin"}
    with pytest.raises(UserInputError, match="不能同时是"):
        compatible_roles(["security_admin", "audit_admin"])


def test_an_unknown_role_is_named_with_those_that_exist() -> None:
    assert known_role("expert") == "expert"
    with pytest.raises(UserInputError, match="没有角色") as caught:
        known_role("experts")
    assert "expert" in caught.value.detail[0].cure


@pytest.mark.parametrize(
    "change",
    [
        {"system_admin": ["accounts.manage", "audit.read"]},
        {"audit_admin": ["audit.read", "audit.verify", "audit.export", "assistant.use"]},
        {"staff": ["everything"]},
    ],
    ids=["another's job", "business", "unlisted"],
)
def test_a_matrix_that_mixes_administrations_is_refused(change: dict[str, list[str]]) -> None:
    raw = MATRIX.model_dump()
    with pytest.raises(ValidationError):
        PermissionMatrix.model_validate(raw | {"roles": raw["roles"] | change})
