"""Authorisations (GXDSL-8.1-3, -4): asked for, decided by somebody else, ended at once."""

from collections.abc import Callable

import pytest

from domain.errors import Conflict, NotAllowed, NotFound, UserInputError
from domain.principal import Label, Place, Principal, Role, TargetKind, may_read
from records.grant_rows import GrantRequest, NewGrantRequest

from .accounts_desk import Desk

RESTRICTED = Label(level="restricted", tenant="锻造厂", attributes=frozenset({"钢铁"}))


def wish(target: str = "d1", kind: TargetKind = "object", days: int = 7, purpose: str = "核对图纸") -> NewGrantRequest:
    return NewGrantRequest(kind=kind, target=target, purpose=purpose, days=days)


class People:
    """anna asks, boris owns, chief is the data steward; eve is of another tenant."""

    def __init__(self, desk: Desk) -> None:
        self.anna = desk.hire("anna", "expert")[1]
        self.boris = desk.hire("boris", "staff")[1]
        self.chief = desk.hire("chief", "operator")[1]
        self.eve = desk.hire("eve", "operator", tenant="纺织厂")[1]
        desk.lay_out("d1", "restricted", self.boris.id)
        desk.lay_out("p1", "private", self.boris.id)
        desk.lay_out("drawings", "restricted", "", kind="collection")


@pytest.fixture
def people(desk: Desk) -> People:
    return People(desk)


def now(desk: Desk, who: Principal) -> Principal:
    return desk.speakers.principal(who.id, who.tenant)


def test_a_grant_opens_for_its_time(desk: Desk, people: People) -> None:
    request = desk.grants.request(wish(), people.anna)
    assert not may_read(now(desk, people.anna), RESTRICTED, Place("d1"), desk.at)
    grant = desk.grants.decide(request.id, "grant", people.boris, reason="同意")
    assert grant is not None
    assert may_read(now(desk, people.anna), RESTRICTED, Place("d1"), desk.at)
    assert not may_read(now(desk, people.anna), RESTRICTED, Place("d2"), desk.at)
    assert not may_read(now(desk, people.boris), RESTRICTED, Place("d1"), desk.at)
    desk.wait(days=7)
    assert not may_read(now(desk, people.anna), RESTRICTED, Place("d1"), desk.at)
    assert desk.grants.my_grants(people.anna) == []
    assert [deed.action for deed in desk.deeds[-2:]] == ["grants.request", "grants.grant"]
    assert desk.deeds[-2].detail["purpose"] == "核对图纸"


def test_a_revoked_grant_is_gone_at_the_next_request(desk: Desk, people: People) -> None:
    token = desk.token("anna")
    grant = desk.grants.decide(desk.grants.request(wish(), people.anna).id, "grant", people.chief)
    assert grant is not None
    assert len(desk.speakers.identify(token).principal.grants) == 1
    desk.grants.revoke(grant.id, people.boris, "项目结束")
    assert desk.speakers.identify(token).principal.grants == ()
    desk.grants.revoke(grant.id, people.boris)
    [record] = desk.grants.given(people.boris)
    assert (record.revoked_by, record.reason) == (people.boris.id, "项目结束")
    assert desk.deeds[-1].action == "grants.revoke"


def test_a_grant_is_not_remembered_beyond_its_end(desk: Desk, people: People) -> None:
    desk.grants.decide(desk.grants.request(wish(days=1), people.anna).id, "grant", people.boris)
    desk.wait(days=1, seconds=-1)
    token = desk.token("anna")
    assert len(desk.speakers.identify(token).principal.grants) == 1
    desk.wait(seconds=1)
    assert desk.speakers.identify(token).principal.grants == ()


def test_nobody_decides_about_their_own_request(desk: Desk, people: People) -> None:
    desk.lay_out("d2", "restricted", people.boris.id)
    request = desk.grants.request(wish("d2"), people.chief)
    with pytest.raises(NotAllowed, match="自己的申请"):
        desk.grants.decide(request.id, "grant", people.chief)
    assert desk.deeds[-1].outcome == "refused"
    assert desk.grants.waiting(people.chief) == []
    assert [waiting.id for waiting in desk.grants.waiting(people.boris)] == [request.id]


def test_a_private_thing_is_its_owners_alone_to_open(desk: Desk, people: People) -> None:
    request = desk.grants.request(wish("p1"), people.anna)
    assert desk.grants.waiting(people.chief) == []
    with pytest.raises(NotFound):
        desk.grants.decide(request.id, "grant", people.chief)
    assert desk.grants.decide(request.id, "grant", people.boris) is not None
    secret = Label(level="private", tenant="锻造厂", parties=frozenset({people.boris.id}))
    assert may_read(now(desk, people.anna), secret, Place("p1"), desk.at)
    assert desk.grants.given(people.chief) == []


def test_a_request_is_decided_once(desk: Desk, people: People) -> None:
    request = desk.grants.request(wish(), people.anna)
    assert desk.grants.decide(request.id, "refuse", people.boris, reason="用途不清") is None
    for again in (
        lambda: desk.grants.decide(request.id, "grant", people.chief),
        lambda: desk.grants.withdraw(request.id, people.anna),
    ):
        with pytest.raises(Conflict):
            again()
    assert [(mine.status, mine.reason) for mine in desk.grants.my_requests(people.anna)] == [("refused", "用途不清")]
    assert desk.grants.my_grants(people.anna) == []


def test_an_old_request_opens_nothing(desk: Desk, people: People) -> None:
    request = desk.grants.request(wish(), people.anna)
    desk.wait(days=30)
    assert desk.grants.waiting(people.boris) == []
    with pytest.raises(Conflict, match="过期"):
        desk.grants.decide(request.id, "grant", people.boris)
    assert desk.grants.request(wish(), people.anna).id != request.id


def test_who_decides_may_give_less_time_and_never_more(desk: Desk, people: People) -> None:
    short = desk.grants.decide(desk.grants.request(wish(days=7), people.anna).id, "grant", people.boris, days=2)
    assert short is not None
    assert (short.until - desk.at).days == 2
    desk.lay_out("d2", "restricted", people.boris.id)
    long = desk.grants.decide(desk.grants.request(wish("d2", days=7), people.anna).id, "grant", people.boris, days=300)
    assert long is not None
    assert (long.until - desk.at).days == 7


def test_another_tenants_things_requests_and_grants_do_not_exist(desk: Desk, people: People) -> None:
    request = desk.grants.request(wish(), people.anna)
    grant = desk.grants.decide(request.id, "grant", people.boris)
    assert grant is not None
    open_one = desk.grants.request(wish("p1"), people.anna)
    namesake = people.boris.model_copy(update={"tenant": "纺织厂"})
    for stranger in (people.eve, namesake):
        tries: list[Callable[[], object]] = [
            lambda stranger=stranger: desk.grants.request(wish(), stranger),
            lambda stranger=stranger: desk.grants.decide(open_one.id, "grant", stranger),
            lambda stranger=stranger: desk.grants.withdraw(open_one.id, stranger),
            lambda stranger=stranger: desk.grants.revoke(grant.id, stranger),
        ]
        for attempt in tries:
            with pytest.raises(NotFound):
                attempt()
        assert desk.grants.waiting(stranger) == desk.grants.given(stranger) == desk.grants.my_grants(stranger) == []
    with pytest.raises(NotFound):
        desk.grants.give_to_role("staff", "object", "d1", "核对", 7, people.eve)


def test_a_colleague_has_no_say(desk: Desk, people: People) -> None:
    dora = desk.hire("dora", "staff")[1]
    request: GrantRequest = desk.grants.request(wish(), people.anna)
    grant = desk.grants.decide(request.id, "grant", people.boris)
    assert grant is not None
    for attempt in (
        lambda: desk.grants.decide(request.id, "grant", dora),
        lambda: desk.grants.withdraw(request.id, dora),
        lambda: desk.grants.revoke(grant.id, dora),
    ):
        with pytest.raises(NotFound):
            attempt()
    with pytest.raises(NotAllowed):
        desk.grants.give_to_role("expert", "object", "d1", "核对", 7, dora)


@pytest.mark.parametrize("role", ["system_admin", "security_admin", "audit_admin"])
def test_an_administration_neither_asks_nor_decides(desk: Desk, people: People, role: Role) -> None:
    admin = Principal(id="admin", tenant="锻造厂", roles=frozenset({role}))
    request = desk.grants.request(wish(), people.anna)
    with pytest.raises(NotAllowed):
        desk.grants.request(wish(), admin)
    with pytest.raises(NotFound):
        desk.grants.decide(request.id, "grant", admin)
    with pytest.raises(NotAllowed):
        desk.grants.give_to_role(role, "object", "d1", "核对", 7, people.chief)


def test_a_role_can_be_given_restricted_things_but_not_by_one_of_its_own(desk: Desk, people: People) -> None:
    desk.grants.give_to_role("expert", "collection", "drawings", "评审", 7, people.chief)
    assert may_read(now(desk, people.anna), RESTRICTED, Place("d9", "drawings"), desk.at)
    assert not may_read(now(desk, people.boris), RESTRICTED, Place("d9", "drawings"), desk.at)
    for role, target in (("operator", "d1"), ("expert", "p1")):
        with pytest.raises(NotAllowed):
            desk.grants.give_to_role(role, "object", target, "评审", 7, people.chief)


def test_what_needs_no_request_says_so(desk: Desk, people: People) -> None:
    desk.lay_out("open", "public", people.boris.id)
    for target, who in (("open", people.anna), ("d1", people.boris)):
        with pytest.raises(Conflict, match="不需要申请"):
            desk.grants.request(wish(target), who)
    desk.grants.request(wish(), people.anna)
    with pytest.raises(Conflict, match="已经申请过"):
        desk.grants.request(wish(), people.anna)
    for bad in (wish(purpose="  "), wish(purpose="x" * 501), wish(days=0), wish(days=400)):
        with pytest.raises(UserInputError):
            desk.grants.request(bad, people.anna)
    with pytest.raises(NotFound):
        desk.grants.request(wish("nothing\x00"), people.anna)
