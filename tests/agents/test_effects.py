"""Writes and outside effects: a named person decides first, and the effect happens once (DESIGN §4.3, §6 traps 1 and 4)."""

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from agents.graph import build_assistant
from agents.model import ToolRequest
from agents.nodes.act import one_step, run_call
from agents.state import PlannedCall, RunContext
from domain.errors import ConfigurationError, Conflict
from domain.principal import LOCAL
from guardrails.pseudonyms import Pseudonyms
from records.database import Database
from records.runs import NewRun, RunStore
from serving.assembly import Knowledge
from tools.contract import Tool

from .asking import asker, make_deps
from .board import NoticeBoard
from .models import Scripted


@pytest.fixture(params=["write", "external"])
def board(request: pytest.FixtureRequest) -> NoticeBoard:
    return NoticeBoard(effect=request.param)


@pytest.fixture
def run_id(database: Database) -> str:
    return RunStore(database).start(NewRun(question="发布公告明天停机"), LOCAL).id


async def test_the_run_waits_and_nothing_has_happened(knowledge: Knowledge, database: Database, board: NoticeBoard, run_id: str) -> None:
    waiting = asker(knowledge, database, tools=[board.tool()])
    asked = await waiting.ask("发布公告明天停机", run_id=run_id)
    assert asked.nodes == ["work"]
    assert asked.answer is None
    assert board.published == []
    filed = waiting.approvals.list_approvals(LOCAL)
    assert [(a.tool, a.args, a.effect, a.status) for a in filed] == [("publish_notice", {"text": "明天停机"}, board.effect, "pending")]
    assert asked.of("approval") == [
        {"id": filed[0].id, "tool": "publish_notice", "arguments": {"text": "明天停机"}, "effect": board.effect}
    ]
    assert not asked.of("tool_call")


async def test_approved_it_is_done_exactly_once(knowledge: Knowledge, database: Database, board: NoticeBoard, run_id: str) -> None:
    waiting = asker(knowledge, database, tools=[board.tool()])
    await waiting.ask("发布公告明天停机", run_id=run_id)
    approval = waiting.approvals.list_approvals(LOCAL)[0]
    waiting.approvals.decide(approval.id, LOCAL, "approve")
    asked = await waiting.resume(run_id=run_id)
    assert board.published == ["明天停机"]
    assert asked.nodes == ["effect", "work"]
    assert asked.answer is not None
    assert asked.answer.text == "已发布：明天停机。"
    assert [data["name"] for data in asked.of("tool_call")] == ["publish_notice", "search_standards"]
    assert waiting.approvals.show(approval.id, LOCAL).claimed_at is not None


async def test_rejected_it_is_not_done(knowledge: Knowledge, database: Database, board: NoticeBoard, run_id: str) -> None:
    waiting = asker(knowledge, database, tools=[board.tool()])
    await waiting.ask("发布公告明天停机", run_id=run_id)
    waiting.approvals.decide(waiting.approvals.list_approvals(LOCAL)[0].id, LOCAL, "reject", "不是时候")
    asked = await waiting.resume(run_id=run_id)
    assert board.published == []
    assert asked.answer is not None
    assert "没有获得批准" in next(call.error for call in asked.answer.tool_calls if call.name == "publish_notice")
    assert asked.answer.text == "没有执行：publish_notice 没有获得批准，未执行。"
    assert not asked.answer.values


async def test_resumed_without_a_decision_it_is_not_done(knowledge: Knowledge, database: Database, board: NoticeBoard, run_id: str) -> None:
    waiting = asker(knowledge, database, tools=[board.tool()])
    await waiting.ask("发布公告明天停机", run_id=run_id)
    await waiting.resume(run_id=run_id)
    assert board.published == []


async def test_an_approval_that_was_used_gives_its_outcome_again_and_does_nothing(
    knowledge: Knowledge, database: Database, board: NoticeBoard, run_id: str
) -> None:
    waiting = asker(knowledge, database, tools=[board.tool()])
    await waiting.ask("发布公告明天停机", run_id=run_id)
    approval = waiting.approvals.list_approvals(LOCAL)[0]
    waiting.approvals.decide(approval.id, LOCAL, "approve")
    await waiting.resume(run_id=run_id)
    deps = make_deps(knowledge, database, tools=[board.tool()])
    call = PlannedCall(id="call-0", name="publish_notice", arguments={"text": "明天停机"})
    again = await run_call(deps, call, RunContext(LOCAL, run_id), Pseudonyms())
    assert (again["error"], again["summary"]) == ("", "已发布：明天停机。")
    assert board.published == ["明天停机"]
    with pytest.raises(Conflict):
        waiting.approvals.decide(approval.id, LOCAL, "approve")


async def test_an_effect_that_was_begun_and_never_recorded_is_not_repeated(
    knowledge: Knowledge, database: Database, board: NoticeBoard, run_id: str
) -> None:
    waiting = asker(knowledge, database, tools=[board.tool()])
    await waiting.ask("发布公告明天停机", run_id=run_id)
    approval = waiting.approvals.list_approvals(LOCAL)[0]
    waiting.approvals.decide(approval.id, LOCAL, "approve")
    assert waiting.approvals.claim(approval.id)  # by a process that was then killed
    asked = await waiting.resume(run_id=run_id)
    assert board.published == []
    assert asked.answer is not None
    assert "请人工核对" in asked.answer.text


async def test_what_stands_before_an_effect_is_not_done_again_after_it(knowledge: Knowledge, database: Database, run_id: str) -> None:
    """A resumed node runs from its start (trap 4): two effects in one plan are two steps."""
    first, second = NoticeBoard(), NoticeBoard()
    other = first.tool()
    tools = [other, Tool(**{**vars(second.tool()), "name": "publish_demand", "read_arguments": None})]
    calls = [PlannedCall(id=f"call-{n}", name=tool.name, arguments={"text": "停机"}) for n, tool in enumerate(tools)]
    assert one_step(calls, {"publish_notice", "publish_demand"}) == calls[:1]
    waiting = asker(knowledge, database, tools=tools)
    config = {"configurable": {"thread_id": run_id}}
    await waiting.assistant.aupdate_state(
        config, {"question": "停机", "turns": [], "calls": calls, "results": [], "rounds": 1, "ask": "", "blocked": ""}, as_node="work"
    )
    for count, board in enumerate((first, second), 1):
        await waiting.go(None if count == 1 else Command(resume=True), LOCAL, run_id)
        pending = waiting.approvals.list_approvals(LOCAL, status="pending")
        assert len(pending) == 1
        assert board.published == []
        waiting.approvals.decide(pending[0].id, LOCAL, "approve")
    asked = await waiting.resume(run_id=run_id)
    assert (first.published, second.published) == (["停机"], ["停机"])
    assert asked.answer is not None
    assert [call.error for call in asked.answer.tool_calls] == ["", ""]


def test_reads_run_together_and_an_effect_alone() -> None:
    def call(name: str) -> PlannedCall:
        return PlannedCall(id=name, name=name, arguments={})

    calls = [call("search"), call("kpi"), call("publish"), call("search"), call("mail")]
    effects, steps = {"publish", "mail"}, list[list[str]]()
    while calls:
        step = one_step(calls, effects)
        steps.append([each["name"] for each in step])
        calls = calls[len(step) :]
    assert steps == [["search", "kpi"], ["publish"], ["search"], ["mail"]]


def test_a_graph_with_effects_and_nowhere_to_wait_is_not_compiled(knowledge: Knowledge, database: Database, board: NoticeBoard) -> None:
    with pytest.raises(ConfigurationError, match="publish_notice"):
        build_assistant(make_deps(knowledge, database, tools=[board.tool()]), None)
    assert build_assistant(make_deps(knowledge, database), None) is not None
    assert build_assistant(make_deps(knowledge, database, tools=[board.tool()]), InMemorySaver()) is not None


async def test_bad_arguments_never_reach_a_person(knowledge: Knowledge, database: Database, board: NoticeBoard, run_id: str) -> None:
    waiting = asker(knowledge, database, tools=[board.tool()])
    asked = await waiting.ask("发布公告", run_id=run_id)
    assert asked.answer is not None
    assert waiting.approvals.list_approvals(LOCAL) == []
    assert "参数不对" in next(call.error for call in asked.answer.tool_calls if call.name == "publish_notice")


async def test_a_tool_that_fails_is_a_result_and_the_run_goes_on(knowledge: Knowledge, database: Database, run_id: str) -> None:
    board = NoticeBoard(effect="compute", fails=True)
    asked = await asker(knowledge, database, tools=[board.tool()]).ask("发布公告块存储走什么协议", run_id=run_id)
    assert asked.answer is not None
    assert asked.nodes == ["work"]
    assert next(call.error for call in asked.answer.tool_calls if call.name == "publish_notice") == "公告栏满了"
    assert [data["error"] for data in asked.of("tool_result") if data["name"] == "publish_notice"] == ["公告栏满了"]


async def test_a_model_is_never_offered_an_effect_and_cannot_name_one(
    knowledge: Knowledge, database: Database, board: NoticeBoard, run_id: str
) -> None:
    model = Scripted(["块存储协议用SCSI。[1]"], calls=(ToolRequest("call-x", "publish_notice", {"text": "泄露"}),))
    waiting = asker(knowledge, database, model=model, tools=[board.tool()])
    asked = await waiting.ask("块存储走什么协议？评估一下", run_id=run_id)
    assert "publish_notice" not in model.offered
    assert [data["name"] for data in asked.of("tool_call")] == ["search_standards"]
    assert waiting.approvals.list_approvals(LOCAL) == []
