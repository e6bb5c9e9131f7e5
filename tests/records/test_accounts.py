"""Accounts and administrators (TISC-6.1.3-f, TISC-7.2.2-e): tenants, names, roles, and nobody's way to more power."""

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Conflict, NotAllowed, NotAuthenticated, NotFound, UserInputError
from domain.principal import ADMINISTRATIONS, Principal, Role
from records.accounts import NewAccount
from records.names import checked_name, folded

from .accounts_desk import GOOD, ROOT, Desk


def admin(role: Role, who: str = "admin", tenant: str = "锻造厂") -> Principal:
    return Principal(id=who, tenant=tenant, roles=frozenset({role}))


def test_a_new_account_has_the_least_rights_and_a_password_to_change(desk: Desk) -> None:
    account, initial = desk.accounts.create(NewAccount(name="Anna"), ROOT)
    assert (account.tenant, account.roles, account.attributes, account.must_change) == ("锻造厂", {"staff"}, frozenset(), True)
    assert desk.login.log_in("锻造厂", "anna", initial).must_change
    assert initial not in repr(desk.deeds)


@pytest.mark.parametrize("name", ["ANNA", "Ａｎｎａ", " anna ", "anna", "Anna"])
def test_one_spelling_is_one_account(desk: Desk, name: str) -> None:
    desk.accounts.create(NewAccount(name="anna"), ROOT)
    with pytest.raises(Conflict, match="已被使用"):
        desk.accounts.create(NewAccount(name=name), ROOT)
    desk.accounts.create(NewAccount(name=name), ROOT.model_copy(update={"tenant": "纺织厂"}))


@pytest.mark.parametrize("name", ["аnna", "αnna", "an na", "anna\u200b", "", ".anna", "a" * 65, "an\x00na", "ann\u0430", "<b>"])
def test_a_name_that_could_be_taken_for_another_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(UserInputError):
        desk.accounts.create(NewAccount(name=name), ROOT)


@given(st.text(max_size=80))
def test_folding_a_name_again_changes_nothing(name: str) -> None:
    try:
        plain = checked_name(name)
    except UserInputError:
        return
    assert folded(plain) == plain == checked_name(plain)
    assert unicodedata.is_normalized("NFKC", plain)


def test_another_tenants_account_does_not_exist(desk: Desk) -> None:
    account, _ = desk.hire("anna", "staff")
    system, security = admin("system_admin", tenant="纺织厂"), admin("security_admin", tenant="纺织厂")
    tries: list[Callable[[], object]] = [
        lambda: desk.accounts.get(account.id, system),
        lambda: desk.accounts.find("anna", system),
        lambda: desk.accounts.set_roles(account.id, ["operator"], system),
        lambda: desk.accounts.set_attributes(account.id, ["钢铁"], system),
        lambda: desk.accounts.set_state(account.id, "disabled", system),
        lambda: desk.accounts.set_state(account.id, "active", system),
        lambda: desk.accounts.set_state(account.id, "locked", security),
        lambda: desk.accounts.reset_password(account.id, system),
        lambda: desk.accounts.reset_password(account.id, system, at_console=True),
        lambda: desk.administrators.propose(account.id, "appoint", "audit_admin", system),
        lambda: desk.administrators.appoint_first(account.id, "audit_admin", system),
        lambda: desk.sessions.end_all(account.id, security),
    ]
    for attempt in tries:
        with pytest.raises(NotFound) as hidden:
            attempt()
        assert account.id not in hidden.value.message
    assert desk.accounts.list_accounts(system) == []
    assert desk.accounts.get(account.id, ROOT) == desk.accounts.find("ANNA", ROOT)


@pytest.mark.parametrize("role", ["staff", "operator", "developer", "security_admin", "audit_admin"])
def test_only_a_system_administrator_manages_accounts(desk: Desk, role: Role) -> None:
    account, _ = desk.hire("anna", "staff")
    by = admin(role)
    for attempt in (
        lambda: desk.accounts.create(NewAccount(name="eve"), by),
        lambda: desk.accounts.set_roles(account.id, ["operator"], by),
        lambda: desk.accounts.set_attributes(account.id, ["钢铁"], by),
        lambda: desk.accounts.set_state(account.id, "disabled", by),
        lambda: desk.accounts.reset_password(account.id, by),
        lambda: desk.administrators.propose(account.id, "appoint", "audit_admin", by),
    ):
        with pytest.raises(NotAllowed):
            attempt()


@pytest.mark.parametrize("role", sorted(ADMINISTRATIONS))
def test_no_administration_is_given_directly(desk: Desk, role: Role) -> None:
    account, _ = desk.hire("anna", "staff")
    for attempt in (
        lambda: desk.accounts.create(NewAccount(name="eve", roles=frozenset({role})), ROOT),
        lambda: desk.accounts.set_roles(account.id, ["staff", role], ROOT),
    ):
        with pytest.raises(NotAllowed, match="不能直接任命"):
            attempt()
    assert [deed.outcome for deed in desk.deeds[-2:]] == ["refused", "refused"]


def test_nobody_changes_their_own_rights(desk: Desk) -> None:
    _, chief = desk.hire("chief", "system_admin")
    for attempt in (
        lambda: desk.accounts.set_roles(chief.id, ["operator"], chief),
        lambda: desk.accounts.set_attributes(chief.id, ["钢铁"], chief),
        lambda: desk.accounts.set_state(chief.id, "disabled", chief),
        lambda: desk.accounts.reset_password(chief.id, chief),
        lambda: desk.administrators.propose(chief.id, "appoint", "security_admin", chief),
        lambda: desk.administrators.appoint_first(chief.id, "audit_admin", chief),
    ):
        with pytest.raises(NotAllowed, match="自己"):
            attempt()
        assert desk.deeds[-1].outcome == "refused"


def test_an_administrator_takes_two_people(desk: Desk) -> None:
    _, chief = desk.hire("chief", "system_admin")
    _, guard = desk.hire("guard", "security_admin")
    anna, _ = desk.hire("anna", "staff")
    proposal = desk.administrators.propose(anna.id, "appoint", "audit_admin", chief, "审计岗位空缺")
    token = desk.token("anna")
    with pytest.raises(NotAllowed):
        desk.administrators.decide(proposal.id, "confirm", chief)
    assert desk.accounts.get(anna.id, ROOT).roles == {"staff"}
    assert desk.administrators.decide(proposal.id, "confirm", guard).status == "confirmed"
    assert desk.accounts.get(anna.id, ROOT).roles == {"staff", "audit_admin"}
    with pytest.raises(NotAuthenticated):
        desk.speakers.identify(token)
    with pytest.raises(Conflict):
        desk.administrators.decide(proposal.id, "reject", guard)
    with pytest.raises(UserInputError, match="不能同时"):
        desk.administrators.propose(anna.id, "appoint", "security_admin", chief)


def test_a_proposal_cannot_be_confirmed_by_whom_it_is_about(desk: Desk) -> None:
    _, chief = desk.hire("chief", "system_admin")
    account, guard = desk.hire("guard", "security_admin")
    proposal = desk.administrators.propose(account.id, "dismiss", "security_admin", chief)
    with pytest.raises(NotAllowed, match="自己"):
        desk.administrators.decide(proposal.id, "confirm", guard)
    assert desk.administrators.decide(proposal.id, "reject", chief).status == "rejected"
    with pytest.raises(NotFound):
        desk.administrators.decide(proposal.id, "confirm", admin("security_admin", tenant="纺织厂"))


def test_both_hats_on_one_head_confirm_nothing(desk: Desk) -> None:
    anna, _ = desk.hire("anna", "staff")
    proposal = desk.administrators.propose(anna.id, "appoint", "audit_admin", ROOT)
    with pytest.raises(NotAllowed):
        desk.administrators.decide(proposal.id, "confirm", Principal(id="x", tenant="锻造厂", roles=frozenset(ADMINISTRATIONS)))


def test_the_first_of_a_kind_is_appointed_at_the_machine_and_the_second_is_not(desk: Desk) -> None:
    desk.hire("chief", "system_admin")
    anna, _ = desk.hire("anna", "staff")
    with pytest.raises(Conflict, match="已经有系统管理员"):
        desk.administrators.appoint_first(anna.id, "system_admin", ROOT)
    with pytest.raises(UserInputError):
        desk.administrators.appoint_first(anna.id, "operator", ROOT)


def test_administrators_cannot_be_taken_over_or_put_away_by_one_person(desk: Desk) -> None:
    guard, _ = desk.hire("guard", "security_admin")
    with pytest.raises(NotAllowed, match="不能重设管理员的密码"):
        desk.accounts.reset_password(guard.id, ROOT)
    assert desk.deeds[-1].outcome == "refused"
    with pytest.raises(NotAllowed, match="不能停用管理员"):
        desk.accounts.set_state(guard.id, "disabled", ROOT)
    assert desk.accounts.reset_password(guard.id, ROOT, at_console=True)
    desk.accounts.set_roles(guard.id, ["staff"], ROOT)
    assert "security_admin" in desk.accounts.get(guard.id, ROOT).roles


def test_neither_administrator_undoes_what_the_other_has_done(desk: Desk) -> None:
    anna, _ = desk.hire("anna", "staff")
    guard = admin("security_admin")
    desk.accounts.set_state(anna.id, "locked", guard)
    with pytest.raises(NotAllowed):
        desk.accounts.set_state(anna.id, "active", ROOT)
    desk.accounts.set_state(anna.id, "active", guard)
    desk.accounts.set_state(anna.id, "disabled", ROOT)
    with pytest.raises(Conflict):
        desk.accounts.set_state(anna.id, "locked", guard)
    with pytest.raises(NotAllowed):
        desk.accounts.set_state(anna.id, "active", guard)
    assert desk.accounts.set_state(anna.id, "active", ROOT).state == "active"


@pytest.mark.parametrize("attributes", [[""], ["x" * 65], [f"a{n}" for n in range(65)]])
def test_attributes_that_cannot_be(desk: Desk, attributes: list[str]) -> None:
    anna, _ = desk.hire("anna", "staff")
    with pytest.raises(UserInputError):
        desk.accounts.set_attributes(anna.id, attributes, ROOT)


def test_roles_and_attributes_reach_the_next_login(desk: Desk) -> None:
    anna, _ = desk.hire("anna", "staff")
    old = desk.token("anna")
    desk.accounts.set_roles(anna.id, ["operator"], ROOT)
    desk.accounts.set_attributes(anna.id, ["钢铁", "钢铁 "], ROOT)
    with pytest.raises(NotAuthenticated):
        desk.speakers.identify(old)
    principal = desk.speakers.identify(desk.token("anna")).principal
    assert (principal.id, principal.roles, principal.attributes) == (anna.id, {"operator"}, {"钢铁"})


def test_what_is_done_is_said_and_no_password_with_it(desk: Desk) -> None:
    anna, _ = desk.hire("anna", "staff")
    desk.accounts.reset_password(anna.id, ROOT)
    assert [deed.action for deed in desk.deeds][:2] == ["accounts.create", "password.change"]
    assert desk.deeds[-1].action == "accounts.reset_password"
    assert GOOD not in repr(desk.deeds)


def test_a_list_goes_on_where_it_stopped(desk: Desk) -> None:
    for name in ("boris", "anna", "陈工", "dora"):
        desk.accounts.create(NewAccount(name=name), ROOT)
    first = [account.name for account in desk.accounts.list_accounts(ROOT, limit=2)]
    rest = [account.name for account in desk.accounts.list_accounts(ROOT, after=first[-1])]
    assert sorted([*first, *rest]) == ["anna", "boris", "dora", "陈工"]
