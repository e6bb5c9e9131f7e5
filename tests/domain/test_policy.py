"""Who may read what (DESIGN §4.6), case by case."""

import pytest
from pydantic import ValidationError

from domain.principal import LOCAL, PUBLIC, Label, Level, Principal, may_read, own_label, read_filter

ANN = Principal(id="ann", tenant="works", attributes=frozenset({"steel", "night"}))
BOB = Principal(id="bob", tenant="works")
ANN_ELSEWHERE = Principal(id="ann", tenant="rival", attributes=frozenset({"steel", "night"}))
NOBODY = Principal(id="", tenant="")


def restricted(tenant: str, *attributes: str) -> Label:
    return Label(level="restricted", tenant=tenant, attributes=frozenset(attributes))


def private(tenant: str, *parties: str) -> Label:
    return Label(level="private", tenant=tenant, parties=frozenset(parties))


CASES: list[tuple[str, Principal, Label, bool]] = [
    ("public is for everybody", ANN, PUBLIC, True),
    ("public is for those who are nobody", NOBODY, PUBLIC, True),
    ("public of one tenant is for the other too", ANN_ELSEWHERE, Label(level="public", tenant="works"), True),
    ("restricted is for the tenant's members", BOB, restricted("works"), True),
    ("restricted is not for another tenant's members", ANN_ELSEWHERE, restricted("works"), False),
    ("restricted asks for every attribute: all held", ANN, restricted("works", "steel", "night"), True),
    ("restricted asks for every attribute: one held", ANN, restricted("works", "steel", "export"), False),
    ("restricted asks for every attribute: none held", BOB, restricted("works", "steel"), False),
    ("the same attributes elsewhere do not count", ANN_ELSEWHERE, restricted("works", "steel"), False),
    ("private is for its party", ANN, private("works", "ann"), True),
    ("private is for each of its parties", BOB, private("works", "ann", "bob"), True),
    ("private is not for a colleague", BOB, private("works", "ann"), False),
    ("private is not for a namesake elsewhere", ANN_ELSEWHERE, private("works", "ann"), False),
    ("attributes do not open what is private", ANN, Label(level="private", tenant="works", attributes=frozenset({"steel"})), False),
    ("no parties means nobody", ANN, private("works"), False),
    ("restricted without a tenant means nobody", ANN, restricted(""), False),
    ("restricted without a tenant is not for those without one", NOBODY, restricted(""), False),
    ("private without a tenant means nobody", Principal(id="ann", tenant=""), private("", "ann"), False),
    ("an empty party is not a principal without a name", NOBODY, private("", ""), False),
    ("a label that says nothing is closed", ANN, Label(), False),
    ("the single user reads its own", LOCAL, own_label(LOCAL), True),
    ("the single user has no way past the policy", LOCAL, private("works", "ann"), False),
]


@pytest.mark.parametrize(("principal", "label", "readable"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_may_read(principal: Principal, label: Label, readable: bool) -> None:
    assert may_read(principal, label) is readable


def test_roles_open_nothing() -> None:
    everything = frozenset({"staff", "operator", "expert", "evaluator", "developer", "system_admin", "security_admin", "audit_admin"})
    powerful = Principal.model_validate({"id": "root", "tenant": "works", "roles": everything})
    assert not may_read(powerful, private("works", "ann"))
    assert not may_read(powerful, restricted("works", "steel"))


def test_an_unknown_level_is_closed() -> None:
    strange = PUBLIC.model_copy(update={"level": "internal", "tenant": "works", "parties": frozenset({"ann"})})
    assert not may_read(ANN, strange)


@pytest.mark.parametrize("level", ["", "PUBLIC", None, "internal"])
def test_an_unknown_level_cannot_be_written_down(level: object) -> None:
    with pytest.raises(ValidationError):
        Label.model_validate({"level": level})


@pytest.mark.parametrize("field", ["tenant", "parties", "attributes"])
def test_none_is_no_label(field: str) -> None:
    with pytest.raises(ValidationError):
        Label.model_validate({"level": "restricted", field: None})


@pytest.mark.parametrize("given", [ANN, PUBLIC, read_filter(ANN)])
def test_principals_labels_and_filters_do_not_change(given: Principal | Label) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        given.tenant = "rival"
    assert hash(given) == hash(given.model_copy())


@pytest.mark.parametrize("level", ["public", "restricted", "private"])
def test_what_somebody_brings_in_is_theirs_to_read(level: Level) -> None:
    label = own_label(ANN, level)
    assert may_read(ANN, label)
    assert may_read(BOB, label) is (level != "private")
    assert may_read(ANN_ELSEWHERE, label) is (level == "public")


def test_what_somebody_brings_in_is_private_unless_said_otherwise() -> None:
    assert own_label(ANN) == private("works", "ann")


def test_a_filter_carries_what_the_policy_asks_for() -> None:
    access = read_filter(ANN)
    assert (access.tenant, access.principal_id, access.attributes) == ("works", "ann", ANN.attributes)
