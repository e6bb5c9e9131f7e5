"""A rating is a fact only when a named person stands for it; the assistant proposes and never confirms."""

import pytest

from domain.errors import Conflict, NotAllowed, UserInputError
from records.enterprises.ratings import RatingDecision

from ..people import ANNA, BORIS, CHIEF
from .files import EXPERT, RATING, Files


def test_a_proposed_rating_is_no_fact_until_a_person_confirms_it(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密")
    proposed = files.ratings.propose(file.id, RATING, ANNA, door="chat", run_id="r1")
    assert (proposed.content["state"], proposed.content["run_id"]) == ("proposed", "r1")
    assert files.ratings.facts(file.id, ANNA) == []
    files.decide(proposed, "confirm", EXPERT)
    [fact] = files.ratings.facts(file.id, ANNA)
    assert (fact.content["state"], fact.content["decided_by"], fact.content["value"]) == ("confirmed", "ema", "二级")
    assert fact.content["evidence"] == RATING["evidence"]
    assert files.store.history(file.id, ANNA)[1].source == "run:r1"


def test_a_correction_keeps_what_was_proposed(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密")
    item = files.decide(files.ratings.propose(file.id, RATING, ANNA, door="http"), "correct", CHIEF, value="一级", reason="只有三台")
    assert (item.content["value"], item.content["proposed_value"], item.content["reason"]) == ("一级", "二级", "只有三台")
    again = files.decide(item, "correct", CHIEF, value="三级", reason="复核")
    assert (again.content["value"], again.content["proposed_value"]) == ("三级", "二级")


def test_a_withdrawn_rating_is_over(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密")
    item = files.decide(files.ratings.propose(file.id, RATING, ANNA, door="http"), "confirm", CHIEF)
    gone = files.decide(item, "withdraw", CHIEF, reason="问错了人")
    assert files.ratings.facts(file.id, ANNA) == []
    with pytest.raises(Conflict, match="已撤回"):
        files.decide(gone, "confirm", CHIEF)


@pytest.mark.parametrize("door", ["system", "mcp", "openai"])
def test_no_machine_confirms(files: Files, door: str) -> None:
    file = files.begin(ANNA, "昆山精密")
    item = files.ratings.propose(file.id, RATING, ANNA, door="http")
    given = RatingDecision(decision="confirm", version=1)
    with pytest.raises(NotAllowed, match="由人确认"):
        files.ratings.decide(file.id, item.id, given, CHIEF, door=door)  # pyright: ignore[reportArgumentType]
    with pytest.raises(NotAllowed, match="由人确认"):
        files.ratings.decide(file.id, item.id, given, CHIEF, door="chat", run_id="r1")
    assert files.ratings.facts(file.id, ANNA) == []


def test_who_may_not_decide(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密")
    item = files.ratings.propose(file.id, RATING, ANNA, door="http")
    for who in (ANNA, BORIS):
        with pytest.raises(NotAllowed):
            files.decide(item, "confirm", who)


@pytest.mark.parametrize("missing", list(RATING))
def test_a_proposal_says_everything(files: Files, missing: str) -> None:
    file = files.begin(ANNA, "昆山精密")
    with pytest.raises(UserInputError) as caught:
        files.ratings.propose(file.id, {**RATING, missing: ""}, ANNA, door="http")
    assert missing in caught.value.detail[0].where


def test_nobody_proposes_what_is_decided_already(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密")
    with pytest.raises(UserInputError):
        files.ratings.propose(file.id, {**RATING, "state": "confirmed", "decided_by": "chief"}, ANNA, door="http")
    with pytest.raises(UserInputError, match="只能提出"):
        files.relations.add(file.id, "rating", {**RATING, "state": "confirmed"}, CHIEF, door="http")
    item = files.ratings.propose(file.id, RATING, ANNA, door="http")
    with pytest.raises(UserInputError, match="不能修改"):
        files.relations.change(file.id, "rating", item.id, {"state": "confirmed"}, CHIEF, version=1, door="http")


def test_two_people_decide_once(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密")
    item = files.ratings.propose(file.id, RATING, ANNA, door="http")
    files.decide(item, "confirm", CHIEF)
    with pytest.raises(Conflict, match="第 2 版"):
        files.decide(item, "withdraw", EXPERT, reason="慢了一步")


@pytest.mark.parametrize("more", [{}, {"value": "一级"}, {"reason": "核对"}])
def test_a_correction_says_what_and_why(files: Files, more: dict[str, str]) -> None:
    file = files.begin(ANNA, "昆山精密")
    with pytest.raises(UserInputError):
        files.decide(files.ratings.propose(file.id, RATING, ANNA, door="http"), "correct", CHIEF, **more)
