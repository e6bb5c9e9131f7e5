"""The way of a question through the graph (DESIGN §2)."""

from langgraph.checkpoint.memory import InMemorySaver

from agents.graph import build_assistant
from agents.state import Turn
from domain.answer import is_verbatim
from domain.principal import LOCAL, Principal
from records.database import Database
from serving.assembly import Knowledge

from .asking import asker, make_deps

STEPS = ["work", "effect"]


def test_the_graph_has_a_step_to_work_in_and_one_to_wait_in(knowledge: Knowledge, database: Database) -> None:
    graph = build_assistant(make_deps(knowledge, database), InMemorySaver()).get_graph()
    assert list(graph.nodes) == ["__start__", *STEPS, "__end__"]


async def test_a_plain_question_is_answered_with_verified_quotes(knowledge: Knowledge, database: Database) -> None:
    asked = await asker(knowledge, database).ask("先进级的在线检测要做到什么程度？")
    assert asked.nodes == ["work"]
    assert asked.answer is not None
    assert not asked.answer.refused
    assert asked.answer.model == "offline"
    assert asked.answer.retrieved[0] == "JSSF-24-先进"
    assert asked.answer.citations
    for citation in asked.answer.citations:
        clause = knowledge.catalogue.clauses[citation.clause_id]
        assert citation.verified
        assert is_verbatim(citation.quote, clause.text)
    assert [data["name"] for data in asked.of("tool_call")] == ["search_standards"]
    assert asked.said == asked.answer.text


async def test_an_empty_question_is_blocked_with_what_to_do(knowledge: Knowledge, database: Database) -> None:
    for empty in ("", "  \n\t ", "\u200b\u0000\ufeff"):
        asked = await asker(knowledge, database).ask(empty)
        assert asked.of("tool_call") == []
        assert asked.answer is not None
        assert asked.answer.refused
        assert "问题是空的" in asked.answer.reason
        assert asked.of("guard")[0] == {"stage": "input", "rule": "text.empty", "action": "block", "reason": asked.answer.reason}
        assert asked.said == asked.answer.text


async def test_a_question_that_is_too_long_is_blocked_with_the_limit(knowledge: Knowledge, database: Database) -> None:
    asked = await asker(knowledge, database).ask("长" * 8001)
    assert asked.of("tool_call") == []
    assert asked.answer is not None
    assert "8000" in asked.answer.reason
    assert not asked.answer.tool_calls


async def test_control_characters_are_removed_and_the_question_goes_on(knowledge: Knowledge, database: Database) -> None:
    asked = await asker(knowledge, database).ask("块存储\u200b走什么\u0007协议")
    assert [data["action"] for data in asked.of("guard")] == ["redact"]
    assert asked.answer is not None
    assert "SCSI" in asked.answer.text


async def test_a_calculation_is_done_by_the_tool_and_its_value_is_in_the_answer(knowledge: Knowledge, database: Database) -> None:
    asked = await asker(knowledge, database).ask("原来采购花了500万，上了比价平台以后420万，采购成本下降率多少")
    assert asked.answer is not None
    assert asked.answer.values == [16.0]
    call = next(call for call in asked.answer.tool_calls if call.name == "compute_kpi")
    assert call.result["value"] == 16.0
    assert asked.answer.sentences[0].tool_call_ids == [call.id]
    assert asked.answer.citations[0].clause_id == "TISC-A2-a.1-1"
    assert asked.said == asked.answer.text


async def test_a_missing_variable_is_asked_for_and_nothing_is_run(knowledge: Knowledge, database: Database) -> None:
    asked = await asker(knowledge, database).ask("采购成本下降率帮我算一下，数字化采购成本是420万")
    assert asked.of("tool_call") == []
    assert asked.answer is not None
    assert asked.answer.reason == "needs_input"
    assert not asked.answer.refused
    assert not asked.answer.values
    assert "传统采购成本" in asked.answer.text
    assert asked.said == asked.answer.text


async def test_a_refusal_gives_the_reason_and_the_nearest_clause(knowledge: Knowledge, database: Database) -> None:
    asked = await asker(knowledge, database).ask("在线检测哪个牌子的相机最好，推荐一款")
    assert asked.answer is not None
    assert asked.answer.refused
    assert asked.answer.reason == "标准不评价也不推荐具体厂商或产品"
    assert asked.answer.text == f"无法回答：{asked.answer.reason}。"
    assert [citation.clause_id for citation in asked.answer.citations] == [asked.answer.citations[0].clause_id]
    assert not asked.answer.values
    assert asked.said == asked.answer.text


async def test_a_follow_up_is_understood_from_the_turn_before(knowledge: Knowledge, database: Database) -> None:
    turns = [Turn(role="user", content="基础级的在线检测要做到什么程度？"), Turn(role="assistant", content="……")]
    asked = await asker(knowledge, database).ask("那先进级呢？", turns=turns)
    assert asked.answer is not None
    assert asked.answer.citations[0].clause_id == "JSSF-24-先进"
    alone = await asker(knowledge, database).ask("那先进级呢？")
    assert alone.answer is not None
    assert [c.clause_id for c in alone.answer.citations] != [c.clause_id for c in asked.answer.citations]


async def test_a_principal_without_a_role_gets_no_tool(knowledge: Knowledge, database: Database) -> None:
    nobody = Principal(id="nobody", tenant="锻造厂")
    asked = await asker(knowledge, database).ask("块存储走什么协议", who=nobody)
    assert asked.answer is not None
    assert asked.answer.refused
    assert not asked.answer.citations
    assert [(call.name, call.error != "") for call in asked.answer.tool_calls] == [("search_standards", True)]


async def test_the_same_question_has_the_same_answer(knowledge: Knowledge, database: Database) -> None:
    first, second = [await asker(knowledge, database).ask("等保测评一年做几次", who=LOCAL, run_id="same") for _ in range(2)]
    assert first.answer == second.answer
    assert first.events == second.events
