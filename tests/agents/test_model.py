"""With a model attached: better words on the same evidence and the same numbers, and the offline answer whenever it fails."""

import pytest

from agents.model import ToolRequest
from records.database import Database
from serving.assembly import Knowledge
from serving.fake_endpoint import Behaviour

from .asking import asker
from .models import Scripted, fake_model

QUESTION = "先进级的在线检测要做到什么程度？"
SUM = "原来采购花了500万，上了比价平台以后420万，采购成本下降率多少"


async def test_the_model_phrases_what_the_evidence_says(knowledge: Knowledge, database: Database) -> None:
    async with fake_model(tokens=60) as (model, fake):
        asked = await asker(knowledge, database, model=model).ask(QUESTION)
    assert asked.answer is not None
    assert asked.answer.model == "fake"
    assert asked.answer.dropped_quotes == 0
    assert asked.answer.citations
    assert all(citation.verified for citation in asked.answer.citations)
    assert asked.said == asked.answer.text
    assert fake.served == 1
    assert not asked.of("fallback")


async def test_evidence_and_numbers_are_the_same_with_and_without_a_model(knowledge: Knowledge, database: Database) -> None:
    for question in (QUESTION, SUM, "智能工厂要有多少台数控设备联网", "在线检测哪个牌子的相机最好，推荐一款"):
        alone = await asker(knowledge, database).ask(question)
        async with fake_model(tokens=60) as (model, _):
            together = await asker(knowledge, database, model=model).ask(question)
        assert alone.answer is not None
        assert together.answer is not None
        assert together.of("evidence") == alone.of("evidence")
        assert (together.answer.refused, together.answer.reason) == (alone.answer.refused, alone.answer.reason)
        assert (together.answer.values, together.answer.retrieved) == (alone.answer.values, alone.answer.retrieved)


@pytest.mark.parametrize(
    "behaviour", ["refuse", "hang", "busy", "unavailable", "empty", "invalid_json", "html", "wrong_type", "error_object"]
)
async def test_a_model_that_gives_nothing_is_replaced_by_the_offline_answer(
    knowledge: Knowledge, database: Database, behaviour: Behaviour
) -> None:
    alone = await asker(knowledge, database).ask(QUESTION)
    async with fake_model(behaviour) as (model, _):
        asked = await asker(knowledge, database, model=model).ask(QUESTION)
    assert asked.answer == alone.answer
    assert [data["where"] for data in asked.of("fallback")] == ["compose"]


@pytest.mark.parametrize("behaviour", ["die", "truncated", "hang_midway", "error_event"])
async def test_a_model_that_dies_in_the_middle_is_completed_offline(knowledge: Knowledge, database: Database, behaviour: Behaviour) -> None:
    question = "块存储和对象存储分别走什么协议？"
    async with fake_model(behaviour, tokens=8, after=6) as (model, _):
        asked = await asker(knowledge, database, model=model).ask(question)
    assert asked.answer is not None
    assert {citation.clause_id for citation in asked.answer.citations} >= {"TISC-6.1.2.1-c", "TISC-6.1.2.1-e"}
    assert len(asked.of("fallback")) == 1
    assert asked.said == asked.answer.text


async def test_what_the_model_said_before_it_died_stays_and_the_rest_is_offline(knowledge: Knowledge, database: Database) -> None:
    first = "块存储架构应为分布式，协议用SCSI。[1]"
    asked = await asker(knowledge, database, model=Scripted([first, "对象存"], dies=True)).ask("块存储和对象存储分别走什么协议？")
    assert asked.answer is not None
    assert asked.answer.sentences[0].text == first
    assert "S3" in asked.answer.text
    assert asked.of("fallback") == [{"where": "compose", "reason": "模型的回答中途断了"}]


async def test_an_unsupported_sentence_of_the_model_is_dropped_and_counted(knowledge: Knowledge, database: Database) -> None:
    model = Scripted(["块存储协议用SCSI。[1]", "块存储卷最大支持64TB。[1]", "建议采购某品牌。[1]"])
    asked = await asker(knowledge, database, model=model).ask("块存储走什么协议？")
    assert asked.answer is not None
    assert asked.answer.text == "块存储协议用SCSI。[1]"
    assert asked.answer.dropped_quotes == 2
    assert asked.answer.model == "scripted"


async def test_a_model_that_gives_no_marks_is_not_believed(knowledge: Knowledge, database: Database) -> None:
    alone = await asker(knowledge, database).ask("块存储走什么协议？")
    asked = await asker(knowledge, database, model=Scripted(["块存储协议用SCSI。", "就是这样。"])).ask("块存储走什么协议？")
    assert asked.answer is not None
    assert alone.answer is not None
    assert asked.answer.text == alone.answer.text
    assert asked.answer.model == "offline"
    assert asked.answer.dropped_quotes == 1
    assert asked.of("fallback") == [{"where": "compose", "reason": "模型没有给出有依据的句子"}]


async def test_a_model_may_choose_a_reading_tool_and_its_numbers_are_the_tools(knowledge: Knowledge, database: Database) -> None:
    given = {"indicator": "采购成本下降率", "inputs": {"传统采购成本": 500, "数字化采购成本": 420}}
    model = Scripted(["采购成本下降率是99%。[1]"], calls=(ToolRequest("call-x", "compute_kpi", given),))
    asked = await asker(knowledge, database, model=model).ask("老办法500，新办法420，帮我算一下省了几个点")
    assert asked.answer is not None
    assert asked.answer.values == [16.0]
    assert "99" not in asked.answer.text
    assert {"get_clause", "compute_kpi", "score_assessment"} <= set(model.offered)
    assert "search_standards" not in model.offered


async def test_arguments_that_a_model_made_up_are_refused_and_the_question_is_answered_anyway(
    knowledge: Knowledge, database: Database
) -> None:
    model = Scripted(
        ["块存储协议用SCSI。[1]"], calls=(ToolRequest("call-x", "compute_kpi", {"indicator": "没有这个", "inputs": {"v1": 1}}),)
    )
    asked = await asker(knowledge, database, model=model).ask("块存储走什么协议？评估一下")
    assert asked.answer is not None
    failed = next(call for call in asked.answer.tool_calls if call.name == "compute_kpi")
    assert "没有这个" in failed.error
    assert asked.answer.citations
    assert not asked.answer.values


async def test_a_model_sees_what_a_tool_gave_and_may_ask_for_more(knowledge: Knowledge, database: Database) -> None:
    first = ToolRequest("a", "compute_kpi", {"indicator": "采购成本下降率", "inputs": {"传统采购成本": 500, "数字化采购成本": 420}})
    second = ToolRequest("b", "compute_kpi", {"indicator": "采购成本下降率", "inputs": {"传统采购成本": 200, "数字化采购成本": 150}})
    model = Scripted([], calls=(first,), then=(first, second))
    asked = await asker(knowledge, database, model=model).ask("两条线帮我算一下：老办法500和200，新办法420和150，各省了几个点")
    assert asked.answer is not None
    assert asked.answer.values == [16.0, 25.0]
    assert asked.nodes == ["work"]
    assert [data["name"] for data in asked.of("tool_call")] == ["compute_kpi", "search_standards", "compute_kpi"]
    seen = [message.content for message in model.heard[1] if message.role == "tool"]
    assert len(seen) == 1
    assert "16" in seen[0]
