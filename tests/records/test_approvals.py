import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.errors import Conflict, NotAllowed, NotFound
from domain.principal import LOCAL
from records.approvals import Approval, ApprovalStore, Decision, NewApproval
from records.database import Database

from .people import ANNA, BORIS, CHIEF, DEPUTY

PUBLISH = NewApproval(run_id="r1", tool="publish_demand", args={"标题": "找一家热处理厂", "数量": 3}, effect="write", summary="发布需求")


@pytest.fixture
def approvals(database: Database) -> ApprovalStore:
    return ApprovalStore(database)


def test_a_request_waits_with_everything_the_decider_needs(approvals: ApprovalStore) -> None:
    approval = approvals.request(PUBLISH, ANNA)
    assert (approval.status, approval.requested_by, approval.tenant) == ("pending", "anna", "锻造厂")
    assert (approval.tool, approval.args, approval.effect, approval.summary) == ("publish_demand", PUBLISH.args, "write", "发布需求")
    assert approvals.show(approval.id, CHIEF) == approval
    assert not approvals.claim(approval.id)


def test_a_step_that_runs_again_finds_its_first_request(approvals: ApprovalStore) -> None:
    first = approvals.request(PUBLISH, ANNA)
    approvals.decide(first.id, CHIEF, "approve")
    again = approvals.request(PUBLISH, ANNA)
    assert (again.id, again.status) == (first.id, "approved")
    assert len(approvals.list_approvals(ANNA)) == 1


def test_requests_that_race_become_one(approvals: ApprovalStore) -> None:
    barrier = threading.Barrier(4)

    def request(_: int) -> str:
        barrier.wait()
        return approvals.request(PUBLISH, ANNA).id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(request, range(4)))) == 1


@pytest.mark.parametrize("change", [{"args": {"标题": "别的"}}, {"tool": "write_report"}, {"run_id": "r2"}])
def test_a_key_does_not_carry_an_approval_over_to_something_else(approvals: ApprovalStore, change: dict[str, object]) -> None:
    approval = approvals.request(PUBLISH.model_copy(update={"key": "k"}), ANNA)
    approvals.decide(approval.id, CHIEF, "approve")
    with pytest.raises(Conflict, match="另一个操作"):
        approvals.request(PUBLISH.model_copy(update={"key": "k"} | change), ANNA)


def test_without_a_key_other_arguments_are_another_request(approvals: ApprovalStore) -> None:
    assert approvals.request(PUBLISH, ANNA).id != approvals.request(PUBLISH.model_copy(update={"args": {}}), ANNA).id


def test_another_person_approves_and_the_effect_happens_once(approvals: ApprovalStore) -> None:
    asked = approvals.request(PUBLISH, ANNA)
    decided = approvals.decide(asked.id, CHIEF, "approve", "价格合理")
    assert (decided.status, decided.decided_by, decided.reason) == ("approved", "chief", "价格合理")
    assert decided.decided_at is not None
    assert [approvals.claim(asked.id) for _ in range(3)] == [True, False, False]
    approvals.record_outcome(asked.id, {"编号": "D-1"})
    assert approvals.show(asked.id, ANNA).outcome == {"编号": "D-1"}
    with pytest.raises(Conflict):
        approvals.record_outcome(asked.id, {"编号": "D-2"})


def test_a_rejected_effect_never_happens(approvals: ApprovalStore) -> None:
    asked = approvals.request(PUBLISH, ANNA)
    approvals.decide(asked.id, CHIEF, "reject", "预算不够")
    assert not approvals.claim(asked.id)
    with pytest.raises(Conflict):
        approvals.record_outcome(asked.id, {})


@pytest.mark.parametrize("second", ["approve", "reject"])
def test_a_decision_is_made_once(approvals: ApprovalStore, second: Decision) -> None:
    asked = approvals.request(PUBLISH, ANNA)
    approvals.decide(asked.id, CHIEF, "reject")
    with pytest.raises(Conflict, match="已驳回，由 chief 决定"):
        approvals.decide(asked.id, DEPUTY, second)
    assert approvals.show(asked.id, ANNA).decided_by == "chief"


def test_of_two_deciders_that_race_one_wins(approvals: ApprovalStore) -> None:
    for round_number in range(10):
        asked = approvals.request(PUBLISH.model_copy(update={"run_id": f"r{round_number}"}), ANNA)
        barrier = threading.Barrier(2)

        def decide(who: str, asked: Approval = asked, barrier: threading.Barrier = barrier) -> str | None:
            barrier.wait()
            try:
                decided = approvals.decide(asked.id, CHIEF if who == "chief" else DEPUTY, "approve" if who == "chief" else "reject")
            except Conflict:
                return None
            return decided.decided_by

        with ThreadPoolExecutor(2) as pool:
            winners = [winner for winner in pool.map(decide, ["chief", "deputy"]) if winner]
        assert winners == [approvals.show(asked.id, ANNA).decided_by]


def test_of_many_claimers_one_gets_the_effect(database: Database) -> None:
    approvals = ApprovalStore(database)
    asked = approvals.request(PUBLISH, ANNA)
    approvals.decide(asked.id, CHIEF, "approve")
    barrier = threading.Barrier(6)

    def claim(_: int) -> bool:
        barrier.wait()
        return ApprovalStore(database).claim(asked.id)

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(claim, range(6))) == [False] * 5 + [True]


def test_nobody_approves_what_they_asked_for(approvals: ApprovalStore) -> None:
    asked = approvals.request(PUBLISH, CHIEF)
    with pytest.raises(NotAllowed, match="自己发起"):
        approvals.decide(asked.id, CHIEF, "approve")
    assert approvals.decide(asked.id, DEPUTY, "approve").decided_by == "deputy"


def test_in_single_user_mode_the_one_person_decides(database: Database) -> None:
    approvals = ApprovalStore(database, allow_self=True)
    assert approvals.decide(approvals.request(PUBLISH, LOCAL).id, LOCAL, "approve").status == "approved"


def test_whoever_asked_may_take_it_back(approvals: ApprovalStore) -> None:
    asked = approvals.request(PUBLISH, ANNA)
    with pytest.raises(NotAllowed, match="没有审批权限"):
        approvals.decide(asked.id, ANNA, "approve")
    assert approvals.decide(asked.id, ANNA, "reject").status == "rejected"


def test_approvers_see_their_tenants_requests_and_others_their_own(approvals: ApprovalStore) -> None:
    annas = approvals.request(PUBLISH, ANNA)
    boriss = approvals.request(PUBLISH.model_copy(update={"run_id": "r2"}), BORIS)
    approvals.decide(boriss.id, CHIEF, "approve")
    assert {each.id for each in approvals.list_approvals(CHIEF)} == {annas.id, boriss.id}
    assert [each.id for each in approvals.list_approvals(CHIEF, status="pending")] == [annas.id]
    assert [each.id for each in approvals.list_approvals(CHIEF, run_id="r2")] == [boriss.id]
    assert [each.id for each in approvals.list_approvals(ANNA)] == [annas.id]
    with pytest.raises(NotFound):
        approvals.show(boriss.id, ANNA)
    with pytest.raises(NotFound):
        approvals.decide(boriss.id, ANNA, "reject")
