"""A tool of another server is used as a named person has seen it, until somebody takes that back."""

from datetime import UTC, datetime

import pytest

from domain.errors import NotAllowed, NotFound
from domain.principal import Principal
from records.admissions import EVERYBODY, PLATFORM, AdmissionStore, NewAdmission, Scope
from records.database import Database

from .accounts_desk import Desk

ANNA = Principal(id="anna", tenant="factory", roles=frozenset({"security_admin"}))
BORIS = Principal(id="boris", tenant="factory", roles=frozenset({"staff", "system_admin"}))
NOTES = NewAdmission(tool="mcp_notes_read", server="notes", sha256="a" * 64, declaration={"name": "read"}, reason="内部笔记")


@pytest.fixture
def store(database: Database, desk: Desk) -> AdmissionStore:
    return AdmissionStore(database, desk.audit, rights, now=lambda: datetime(2026, 3, 1, tzinfo=UTC))


def rights(who: Principal, scope: Scope) -> bool:
    return ("security_admin" if scope == "tenant" else "system_admin") in who.roles


def test_an_admission_says_who_when_and_why(store: AdmissionStore) -> None:
    admitted = store.admit(NOTES, ANNA)
    assert (admitted.admitted_by, admitted.tenant, admitted.reason, admitted.effect) == ("anna", "factory", "内部笔记", "external")
    assert admitted.admitted_at == datetime(2026, 3, 1, tzinfo=UTC)
    assert store.holds(admitted.id)
    assert store.in_force() == [admitted]


def test_nobody_else_admits_revokes_or_looks(store: AdmissionStore) -> None:
    with pytest.raises(NotAllowed):
        store.admit(NOTES, BORIS)
    assert store.in_force() == []
    store.admit(NOTES, ANNA)
    with pytest.raises(NotAllowed):
        store.revoke("mcp_notes_read", BORIS, "不要了")
    with pytest.raises(NotAllowed):
        store.history(BORIS.model_copy(update={"roles": frozenset({"operator"})}))
    assert len(store.in_force()) == 1


def test_a_new_admission_ends_the_one_before(store: AdmissionStore) -> None:
    first = store.admit(NOTES, ANNA)
    second = store.admit(NOTES.model_copy(update={"sha256": "b" * 64, "effect": "read"}), ANNA)
    assert store.in_force() == [second]
    ended = next(each for each in store.history(ANNA) if each.id == first.id)
    assert (ended.revoked_by, ended.revoked_why) == ("anna", "由新的准入取代")


def test_what_is_revoked_is_not_in_force_and_not_forgotten(store: AdmissionStore) -> None:
    store.admit(NOTES, ANNA)
    ended = store.revoke("mcp_notes_read", ANNA, "不再需要")
    assert (ended.revoked_by, ended.revoked_why) == ("anna", "不再需要")
    assert not store.holds(ended.id)
    assert store.history(ANNA) == [ended]
    with pytest.raises(NotFound):
        store.revoke("mcp_notes_read", ANNA, "再一次")


def test_the_platform_ends_the_one_that_it_means(store: AdmissionStore) -> None:
    first = store.admit(NOTES, ANNA)
    second = store.admit(NOTES, ANNA)
    store.withdraw(first, "声明已变")
    assert store.in_force() == [second]
    store.withdraw(second, "声明已变")
    assert store.in_force() == []
    assert store.history(ANNA)[0].revoked_by == PLATFORM


def test_an_admission_is_one_tenants(store: AdmissionStore) -> None:
    eve = ANNA.model_copy(update={"id": "eve", "tenant": "mill"})
    ours, theirs = store.admit(NOTES, ANNA), store.admit(NOTES, eve)
    assert store.in_force() == [ours, theirs]
    assert (store.history(ANNA), store.history(eve)) == ([ours], [theirs])
    store.revoke("mcp_notes_read", eve, "不需要")
    assert store.in_force() == [ours]
    with pytest.raises(NotFound):
        store.revoke("mcp_notes_read", eve, "别家的")


def test_everybodys_admission_is_the_systems_to_give_and_to_take_back(store: AdmissionStore, desk: Desk) -> None:
    with pytest.raises(NotAllowed):
        store.admit(NOTES, ANNA, "everybody")
    admitted = store.admit(NOTES, BORIS, "everybody")
    assert admitted.tenant == EVERYBODY
    assert store.history(ANNA) == [admitted]
    with pytest.raises(NotFound):
        store.revoke("mcp_notes_read", ANNA, "不要了")
    own = store.admit(NOTES, ANNA)
    assert store.in_force() == [admitted, own]
    store.revoke("mcp_notes_read", BORIS, "不再提供", "everybody")
    store.withdraw(own, "声明已变")
    said = [(deed.action, deed.by.id, deed.by.tenant, deed.detail["everybody"]) for deed in desk.deeds]
    assert said == [
        ("mcp.admit", "boris", "", True),
        ("mcp.admit", "anna", "factory", False),
        ("mcp.revoke", "boris", "", True),
        ("mcp.revoke", PLATFORM, "factory", False),
    ]
