"""Grants in the policy (GXDSL-8.1-3, -4): what they open, and what they never do."""

import timeit
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from domain.principal import LOCAL, Grant, Label, Place, Principal, Role, may_read, read_filter

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=7)
PLACE = Place("d1", "drawings")
RESTRICTED = Label(level="restricted", tenant="works", attributes=frozenset({"steel"}))
PRIVATE = Label(level="private", tenant="works", parties=frozenset({"eve"}))


def to_ann(kind: str = "object", target: str = "d1", **changed: object) -> Grant:
    given = {"id": "g", "tenant": "works", "principal_id": "ann", "kind": kind, "target": target, "until": LATER}
    return Grant.model_validate(given | changed)


def to_role(role: Role, kind: str = "object", target: str = "d1") -> Grant:
    return to_ann(kind, target, principal_id="", role=role)


def ann(*grants: Grant, roles: frozenset[Role] = frozenset({"expert"})) -> Principal:
    return Principal(id="ann", tenant="works", roles=roles, grants=grants)


@pytest.mark.parametrize(
    "grant", [to_ann(), to_ann("collection", "drawings"), to_role("expert"), to_role("expert", "collection", "drawings")]
)
def test_a_grant_opens_a_restricted_thing(grant: Grant) -> None:
    assert may_read(ann(grant), RESTRICTED, PLACE, NOW)
    assert not may_read(ann(), RESTRICTED, PLACE, NOW)


def test_only_a_grant_to_the_person_for_the_thing_opens_what_is_private() -> None:
    assert may_read(ann(to_ann()), PRIVATE, PLACE, NOW)
    for grant in (to_ann("collection", "drawings"), to_role("expert"), to_role("expert", "collection", "drawings")):
        assert not may_read(ann(grant), PRIVATE, PLACE, NOW)


@pytest.mark.parametrize(
    "grant",
    [
        to_ann(target="d2"),
        to_ann("collection", "letters"),
        to_ann("collection", "d1"),
        to_ann(principal_id="bob"),
        to_ann(tenant="rival"),
        to_ann(tenant=""),
        to_ann(until=NOW),
        to_ann(revoked=True),
        to_ann(target=""),
        to_role("operator"),
    ],
)
def test_a_grant_for_something_else_opens_nothing(grant: Grant) -> None:
    for label in (RESTRICTED, PRIVATE):
        assert not may_read(ann(grant), label, PLACE, NOW)
        assert not may_read(ann(grant), label, Place(), NOW)


def test_a_grant_does_not_cross_tenants() -> None:
    elsewhere = Principal(id="ann", tenant="rival", grants=(to_ann(),))
    assert not may_read(elsewhere, RESTRICTED, PLACE, NOW)
    theirs = RESTRICTED.model_copy(update={"tenant": "rival"})
    assert not may_read(elsewhere, theirs, PLACE, NOW)


@pytest.mark.parametrize("role", ["system_admin", "security_admin", "audit_admin"])
def test_an_administration_cannot_be_granted_content(role: Role) -> None:
    assert not may_read(ann(to_role(role), roles=frozenset({role})), RESTRICTED, PLACE, NOW)


def test_a_grant_ends_by_itself() -> None:
    who = ann(to_ann())
    assert may_read(who, RESTRICTED, PLACE, LATER - timedelta(microseconds=1))
    assert not may_read(who, RESTRICTED, PLACE, LATER)
    assert read_filter(who, LATER).objects == frozenset()


def test_without_a_moment_it_is_now() -> None:
    assert may_read(ann(to_ann(until=datetime.now(UTC) + timedelta(minutes=1))), RESTRICTED, PLACE)
    assert not may_read(ann(to_ann(until=datetime.now(UTC) - timedelta(minutes=1))), RESTRICTED, PLACE)


def test_a_grant_names_a_person_or_a_role_and_a_moment_with_a_time_zone() -> None:
    for changed in ({"principal_id": ""}, {"role": "expert"}, {"until": datetime(2026, 1, 1)}, {"until": None}):
        with pytest.raises(ValidationError):
            to_ann(**changed)


def test_grants_in_the_wrong_order_open_less_and_never_more() -> None:
    right = ann(to_ann(target="d1"), to_ann(target="d0"), to_ann("collection", "a"))
    assert [grant.target for grant in right.grants] == ["a", "d0", "d1"]
    wrong = right.model_copy(update={"grants": tuple(reversed(right.grants))})
    assert not may_read(wrong, RESTRICTED, Place("d9", "z"), NOW)


def test_a_principal_with_grants_is_a_value_like_any_other() -> None:
    assert hash(ann(to_ann())) == hash(ann(to_ann()))
    assert Principal.model_validate_json(ann(to_ann()).model_dump_json()) == ann(to_ann())
    assert LOCAL.grants == ()


def test_a_decision_takes_less_than_fifty_microseconds_with_a_thousand_grants() -> None:
    who = ann(*(to_ann(target=f"d{number}") for number in range(1000)))
    rounds = 2000
    for label, place in ((RESTRICTED, Place("d999", "drawings")), (PRIVATE, Place("d500", "")), (RESTRICTED, Place("x", "y"))):
        best = min(timeit.repeat(lambda label=label, place=place: may_read(who, label, place, NOW), number=rounds, repeat=5))
        assert best / rounds < 50e-6
