"""Interviews as they are kept: committed before they are looked at, rebuilt from events, decided by named persons, invisible elsewhere."""

from typing import Any

import pytest
from sqlalchemy import text

from domain.errors import Conflict, NotAllowed, NotFound, PlatformError, UserInputError
from domain.principal import Principal
from records.content import sealed_content
from records.database import Database
from records.interviews.state import Interview
from records.interviews.store import InterviewStore, Note
from records.keys import new_key_line, parse_keys
from records.sealing import Sealer
from tests.records.enterprises.files import EXPERT, Files

OPERATOR = Principal(id="olga", tenant="锻造厂", roles=frozenset({"operator"}))
ANNA = Principal(id="anna", tenant="锻造厂", roles=frozenset({"staff"}))
BEN = Principal(id="ben", tenant="锻造厂", roles=frozenset({"staff"}))
EVE = Principal(id="eve", tenant="纺织厂", roles=frozenset({"operator"}))
SENTENCE = "我们上了MES，还没有APS"


@pytest.fixture
def files(database: Database) -> Files:
    return Files(database, sealed_content(Sealer(database, parse_keys(new_key_line()[1], "test"))))


@pytest.fixture
def store(files: Files) -> InterviewStore:
    return InterviewStore(files.ledger, files.ratings)


def begun(store: InterviewStore, **more: Any) -> Interview:
    return store.start("digital-maturity", "2026-1", ANNA, door="http", name="临江注塑有限公司", **more)


def rated(said: int, value: str = "3", **more: Any) -> Note:
    given: dict[str, Any] = {"item": "生产制造系统", "value": value, "evidence": SENTENCE, "source": "conversation", "said": said}
    return Note(kind="rating_proposed", payload=given | {"start": 0, "end": 9, "direct": False, "confidence": 0.57, "why": "MES"} | more)


def propose(store: InterviewStore, interview: Interview, who: Principal = ANNA, value: str = "3") -> int:
    said = store.say(interview.id, SENTENCE, who, door="http")
    understood = Note(kind="understood", payload={"said": said})
    store.record(interview.id, who.id, [rated(said, value), understood], who, door="http", run_id="run-1")
    return said


def test_what_is_said_is_there_before_it_is_understood(store: InterviewStore) -> None:
    interview = begun(store)
    said = store.say(interview.id, SENTENCE, ANNA, door="chat")
    now = store.get(interview.id, ANNA)
    assert (now.waiting, now.said[0].text, now.proposals) == ([said], SENTENCE, [])
    store.record(interview.id, "anna", [Note(kind="understood", payload={"said": said})], ANNA, door="chat")
    assert store.get(interview.id, ANNA).waiting == []


def test_the_state_is_what_the_events_say(store: InterviewStore) -> None:
    interview = begun(store)
    said = propose(store, interview)
    asked = Note(kind="question_asked", payload={"item": "设备联网与采集", "why": "还没有答案"})
    store.record(interview.id, "anna", [asked, Note(kind="skipped", payload={"item": "网络安全"}), Note(kind="paused")], ANNA, door="http")
    now = store.get(interview.id, ANNA)
    assert [each.kind for each in store.events(interview.id, ANNA)] == [
        "started", "said", "rating_proposed", "understood", "question_asked", "skipped", "paused"
    ]  # fmt: skip
    assert (now.status, now.seq, now.questions["anna"].item, now.skipped) == ("paused", 7, "设备联网与采集", {"网络安全": ["anna"]})
    proposal = now.proposals[0]
    assert (proposal.evidence, proposal.said, proposal.state) == (SENTENCE, said, "proposed")


def test_a_proposal_is_a_rating_of_the_file_with_its_sentence_and_place(store: InterviewStore, files: Files) -> None:
    interview = begun(store)
    said = propose(store, interview)
    (item,) = files.relations.items(interview.enterprise, "rating", ANNA)
    assert item.content["evidence"] == SENTENCE
    assert item.content["source"] == f"访谈 {interview.id} #{said}:0-9"
    assert (item.content["state"], item.content["respondent"], item.content["run_id"]) == ("proposed", "anna", "run-1")
    propose(store, interview, value="4")
    assert [each.content["value"] for each in files.relations.items(interview.enterprise, "rating", ANNA)] == ["4"]


def test_only_a_named_person_who_may_confirms(store: InterviewStore, files: Files) -> None:
    interview = begun(store)
    propose(store, interview)
    with pytest.raises(NotAllowed):
        store.decide(interview.id, "生产制造系统", {"decision": "confirm"}, ANNA, door="chat")
    with pytest.raises(NotAllowed, match="由人确认"):
        store.decide(interview.id, "生产制造系统", {"decision": "confirm"}, EXPERT, door="mcp")
    now = store.decide(interview.id, "生产制造系统", {"decision": "confirm"}, EXPERT, door="http")
    fact = now.fact("生产制造系统")
    assert fact is not None
    assert (fact.value, fact.decided_by) == ("3", "ema")
    assert files.ratings.facts(interview.enterprise, EXPERT)[0].content["decided_by"] == "ema"


def test_a_decision_made_in_the_file_is_seen_here(store: InterviewStore, files: Files) -> None:
    interview = begun(store)
    propose(store, interview)
    files.decide(files.relations.items(interview.enterprise, "rating", EXPERT)[0], "correct", EXPERT, value="2", reason="只有试用")
    now = store.get(interview.id, ANNA)
    assert (now.proposals[0].value, now.proposals[0].state) == ("2", "corrected")


def test_what_was_confirmed_is_not_overwritten_by_what_is_said_later(store: InterviewStore, files: Files) -> None:
    interview = begun(store)
    propose(store, interview)
    store.decide(interview.id, "生产制造系统", {"decision": "confirm"}, EXPERT, door="http")
    propose(store, interview, value="1")
    ratings = files.relations.items(interview.enterprise, "rating", ANNA)
    assert [(each.content["value"], each.content["state"]) for each in ratings] == [("3", "confirmed"), ("1", "proposed")]


def test_two_respondents_who_contradict_each_other(store: InterviewStore) -> None:
    interview = begun(store, participants=["ben"])
    propose(store, interview)
    propose(store, interview, BEN, "1")
    now = store.get(interview.id, BEN)
    assert now.in_conflict("生产制造系统")
    assert [(each.respondent, each.value) for each in now.on("生产制造系统")] == [("anna", "3"), ("ben", "1")]
    with pytest.raises(UserInputError, match="anna：3、ben：1"):
        store.decide(interview.id, "生产制造系统", {"decision": "confirm"}, EXPERT, door="http")
    now = store.decide(interview.id, "生产制造系统", {"decision": "confirm"}, EXPERT, door="http", respondent="ben")
    assert not now.in_conflict("生产制造系统")
    assert now.fact("生产制造系统") == now.on("生产制造系统")[1]


def test_who_was_not_asked_in_may_not_answer(store: InterviewStore) -> None:
    interview = begun(store)
    with pytest.raises(NotAllowed, match="没有受邀"):
        store.say(interview.id, SENTENCE, BEN, door="http")


def test_another_tenant_finds_nothing(store: InterviewStore) -> None:
    interview = begun(store, thread="thread-1")
    for call in (
        lambda: store.get(interview.id, EVE),
        lambda: store.events(interview.id, EVE),
        lambda: store.say(interview.id, SENTENCE, EVE, door="http"),
        lambda: store.list_interviews(EVE, enterprise=interview.enterprise),
    ):
        with pytest.raises(NotFound):
            call()
    assert store.list_interviews(EVE) == []
    assert store.of_thread("thread-1", EVE) == ("", "")
    assert store.of_thread("thread-1", ANNA) == (interview.id, "open")


def test_facts_enter_the_file_when_somebody_confirms_them(store: InterviewStore, files: Files) -> None:
    interview = begun(store)
    said = store.say(interview.id, "120人，用了用友ERP", ANNA, door="http")
    facts = [
        Note(kind="profile_proposed", payload={"field": "employees", "value": 120, "evidence": "120人，用了用友ERP", "said": said}),
        Note(kind="profile_proposed", payload={"field": "systems", "value": ["用友"], "evidence": "120人，用了用友ERP", "said": said}),
    ]
    store.record(interview.id, "anna", facts, ANNA, door="http")
    assert files.store.get(interview.enterprise, ANNA).profile.employees is None
    now = store.confirm_profile(interview.id, [], ANNA, door="http")
    profile = files.store.get(interview.enterprise, ANNA).profile
    assert (profile.employees, profile.systems, all(each.confirmed for each in now.facts)) == (120, ("用友",), True)


def test_a_finished_interview_takes_no_more_answers(store: InterviewStore) -> None:
    interview = begun(store)
    store.record(interview.id, "anna", [Note(kind="finished", payload={"total": 40.0})], ANNA, door="http")
    with pytest.raises(Conflict, match="已经结束"):
        store.say(interview.id, SENTENCE, ANNA, door="http")
    with pytest.raises(Conflict, match="已经结束"):
        store.record(interview.id, "anna", [Note(kind="paused")], ANNA, door="http")


def test_what_was_understood_is_not_understood_twice(store: InterviewStore, files: Files) -> None:
    interview = begun(store)
    said = propose(store, interview)
    again = [rated(said), Note(kind="understood", payload={"said": said})]
    assert not store.record(interview.id, "anna", again, ANNA, door="http")
    assert store.get(interview.id, ANNA).seq == 4
    assert len(files.relations.items(interview.enterprise, "rating", ANNA)) == 1


def test_events_are_sealed_and_stay(store: InterviewStore, database: Database) -> None:
    interview = begun(store)
    store.say(interview.id, SENTENCE, ANNA, door="http")
    with database.transaction() as connection:
        stored = connection.execute(text("SELECT payload FROM interview_events WHERE kind = 'said'")).scalar_one()
    assert "MES" not in stored
    with pytest.raises(PlatformError), database.transaction(write=True) as connection:
        connection.execute(text("DELETE FROM interview_events"))


def test_the_list_of_an_enterprise(store: InterviewStore) -> None:
    interview = begun(store)
    assert [each.id for each in store.list_interviews(OPERATOR, enterprise=interview.enterprise)] == [interview.id]
    assert store.list_interviews(OPERATOR) == []
