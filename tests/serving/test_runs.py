"""Runs as resources: a run is not a connection (DESIGN §4.5)."""

import asyncio
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from serving.assembly import Platform
from tests.agents.board import NoticeBoard

from .listening import listening
from .streams import Event, events_of, stream, text_of
from .test_api import problem

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def address(app: FastAPI) -> Any:
    """A real server on the platform: streams are streams only over a socket."""
    async with listening(app) as address:
        yield address


@pytest_asyncio.fixture(loop_scope="session")
async def client(address: str) -> Any:
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        yield client


async def start(client: httpx.AsyncClient, question: str, thread_id: str | None = None) -> str:
    response = await client.post("/v1/runs", json={"question": question, "thread_id": thread_id})
    assert response.status_code == 201, response.text
    return response.json()["id"]


async def ended(client: httpx.AsyncClient, run_id: str) -> dict[str, Any]:
    await events_of(client, run_id)
    return (await client.get(f"/v1/runs/{run_id}")).json()


async def test_a_run_is_watched_from_question_to_answer(client: httpx.AsyncClient) -> None:
    run_id = await start(client, "块存储走什么协议？")
    events = await events_of(client, run_id)
    run = (await client.get(f"/v1/runs/{run_id}")).json()
    kinds = list(dict.fromkeys(event.type for event in events))
    assert kinds == ["tool_call", "tool_result", "evidence", "text", "sentence", "done"]
    assert run["status"] == "done"
    assert text_of(events) == run["answer"]["text"]
    assert events[-1].id == run["last_seq"]


async def test_a_replay_is_equal_to_the_live_stream_from_every_event_on(client: httpx.AsyncClient) -> None:
    run_id = await start(client, "先进级的在线检测要做到什么程度？")
    live = await events_of(client, run_id)
    assert [event.id for event in live] == list(range(1, len(live) + 1))
    for last in range(len(live) + 1):
        for replay in (await events_of(client, run_id, last=last), await events_of(client, run_id, after=last)):
            assert same(replay, live[last:])


def same(replay: list[Event], live: list[Event]) -> bool:
    """The log keeps neighbouring tokens as one event; everything else, and the text, is the same."""

    def others(events: list[Event]) -> list[Event]:
        return [event for event in events if event.type != "text"]

    return text_of(replay) == text_of(live) and others(replay) == others(live)


@pytest.mark.parametrize("bad", ["x", "-1", "1.5", "９", "9" * 30])
async def test_a_last_event_id_that_is_no_id(client: httpx.AsyncClient, bad: str) -> None:
    run_id = await start(client, "块存储走什么协议？")
    response = await client.get(f"/v1/runs/{run_id}/events", headers={b"last-event-id": bad.encode()})
    assert problem(response, 422).detail[0].where == "Last-Event-ID"
    problem(await client.get(f"/v1/runs/{run_id}/events", params={"after": bad}), 422)


async def test_a_silent_stream_has_a_heartbeat(client: httpx.AsyncClient) -> None:
    run_id = await start(client, "发布公告心跳")
    kinds: list[str] = []
    async for event in stream(client, run_id):
        kinds.append(event.type)
        if kinds[-3:] == [":", ":", ":"]:
            break
    assert kinds[0] == "approval"
    await client.post(f"/v1/runs/{run_id}/cancel")


async def test_closing_the_page_loses_nothing(client: httpx.AsyncClient) -> None:
    run_id = await start(client, "先进级的在线检测要做到什么程度？")
    async for event in stream(client, run_id):
        seen = event.id
        break
    rest = await events_of(client, run_id, last=seen)
    assert [event.id for event in rest if event.type == "done"]
    assert (await client.get(f"/v1/runs/{run_id}")).json()["status"] == "done"


async def test_many_readers_see_the_same(client: httpx.AsyncClient) -> None:
    run_id = await start(client, "先进级的在线检测要做到什么程度？")
    first, *others = await asyncio.gather(*(events_of(client, run_id) for _ in range(5)))
    assert all(same(other, first) for other in others)


async def test_a_run_is_stopped_and_what_it_did_stays(client: httpx.AsyncClient, platform: Platform) -> None:
    run_id = await start(client, "慢慢等")
    seen: list[Event] = []
    async for event in stream(client, run_id):
        seen.append(event)
        if [each.type for each in seen].count("progress") == 1 and event.type == "progress":
            assert (await client.post(f"/v1/runs/{run_id}/cancel")).json() == {"status": "cancelling"}
    assert seen[-1].type == "cancelled"
    assert (await client.get(f"/v1/runs/{run_id}")).json()["status"] == "cancelled"
    assert (await platform.runs.answer(run_id, platform.principal)).reason == "已停止"
    problem(await client.post(f"/v1/runs/{run_id}/cancel"), 404)
    assert same(await events_of(client, run_id), [event for event in seen if event.type != ":"])


async def test_stopping_twice_is_stopping_once(client: httpx.AsyncClient) -> None:
    run_id = await start(client, "慢慢等")
    await asyncio.gather(*(client.post(f"/v1/runs/{run_id}/cancel") for _ in range(5)))
    assert (await ended(client, run_id))["status"] == "cancelled"


async def test_a_tool_with_a_bug_fails_the_run_and_says_nothing_of_the_inside(client: httpx.AsyncClient, platform: Platform) -> None:
    run_id = await start(client, "触发故障")
    events = await events_of(client, run_id)
    assert events[-1].type == "failed"
    assert events[-1].data["error"]["run_id"] == run_id
    assert "secret-internal-detail" not in str(events)
    assert "内部错误" in (await platform.runs.answer(run_id, platform.principal)).text


async def test_feedback_is_given_and_changed(client: httpx.AsyncClient, platform: Platform) -> None:
    run_id = await start(client, "块存储走什么协议？")
    await ended(client, run_id)
    for rating in ("up", "down"):
        given = await client.put(f"/v1/runs/{run_id}/feedback", json={"rating": rating, "comment": "说得对"})
        assert given.json()["rating"] == rating
    kept = platform.feedback.of_run(run_id, platform.principal)
    assert kept is not None
    assert (kept.rating, kept.comment) == ("down", "说得对")
    problem(await client.put(f"/v1/runs/{run_id}/feedback", json={"rating": "meh"}), 422)
    problem(await client.put("/v1/runs/none/feedback", json={"rating": "up"}), 404)


async def test_a_conversation_remembers_its_turns(client: httpx.AsyncClient) -> None:
    thread = (await client.post("/v1/threads")).json()["id"]
    await ended(client, await start(client, "基础级的在线检测要做到什么程度？", thread))
    second = await ended(client, await start(client, "那先进级呢？", thread))
    assert second["answer"]["sentences"][0]["citations"][0]["clause_id"] == "JSSF-24-先进"
    shown = (await client.get(f"/v1/threads/{thread}")).json()
    assert [run["question"] for run in shown["runs"]] == ["基础级的在线检测要做到什么程度？", "那先进级呢？"]
    assert shown["title"] == "基础级的在线检测要做到什么程度？"
    assert (await client.delete(f"/v1/threads/{thread}")).status_code == 204
    problem(await client.get(f"/v1/threads/{thread}"), 404)
    problem(await client.get(f"/v1/runs/{second['id']}"), 404)


async def test_a_conversation_of_nobody(client: httpx.AsyncClient) -> None:
    problem(await client.post("/v1/runs", json={"question": "？", "thread_id": "none"}), 404)


async def waiting(client: httpx.AsyncClient, text: str) -> tuple[str, str]:
    """A run that waits, and its approval."""
    run_id = await start(client, f"发布公告{text}")
    async for event in stream(client, run_id):
        if event.type == "approval":
            return run_id, event.data["id"]
    raise AssertionError("no approval was asked for")


async def test_an_approved_effect_happens_once_and_the_run_goes_on(client: httpx.AsyncClient, board: NoticeBoard) -> None:
    run_id, approval = await waiting(client, "检修一号线")
    listed = (await client.get("/v1/approvals")).json()["approvals"]
    assert approval in [each["id"] for each in listed]
    assert (await client.get(f"/v1/approvals/{approval}")).json()["args"] == {"text": "检修一号线"}
    # the decision comes at once, maybe before the run has finished to pause
    decided = await client.post(f"/v1/approvals/{approval}", json={"decision": "approve", "reason": "可以"})
    assert decided.json()["status"] == "approved"
    run = await ended(client, run_id)
    assert (run["status"], run["answer"]["text"]) == ("done", "已发布：检修一号线。")
    assert board.published.count("检修一号线") == 1
    problem(await client.post(f"/v1/approvals/{approval}", json={"decision": "approve"}), 409)
    assert board.published.count("检修一号线") == 1


async def test_a_rejected_effect_does_not_happen(client: httpx.AsyncClient, board: NoticeBoard) -> None:
    run_id, approval = await waiting(client, "检修二号线")
    await client.post(f"/v1/approvals/{approval}", json={"decision": "reject", "reason": "不行"})
    assert (await ended(client, run_id))["status"] == "done"
    assert "检修二号线" not in board.published


async def test_a_waiting_run_is_stopped_and_its_approval_withdrawn(
    client: httpx.AsyncClient, board: NoticeBoard, platform: Platform
) -> None:
    run_id, approval = await waiting(client, "检修三号线")
    await platform.runs.settled(run_id)
    assert (await client.post(f"/v1/runs/{run_id}/cancel")).status_code == 202
    assert (await ended(client, run_id))["status"] == "cancelled"
    assert (await client.get(f"/v1/approvals/{approval}")).json()["status"] == "withdrawn"
    problem(await client.post(f"/v1/approvals/{approval}", json={"decision": "approve"}), 409)
    assert "检修三号线" not in board.published


async def test_a_decision_is_approve_or_reject(client: httpx.AsyncClient) -> None:
    problem(await client.post("/v1/approvals/none", json={"decision": "maybe"}), 422)
    problem(await client.post("/v1/approvals/none", json={"decision": "approve"}), 404)


async def test_nothing_is_left_behind_when_runs_have_ended(client: httpx.AsyncClient, platform: Platform) -> None:
    started = await asyncio.gather(*(start(client, "块存储走什么协议？") for _ in range(10)))
    await asyncio.gather(*(ended(client, run_id) for run_id in started))
    await asyncio.gather(*(platform.runs.settled(run_id) for run_id in started))
    text = (await client.get("/metrics")).text
    assert "shuzhi_runs_open 0.0" in text
    assert platform.writer.health().queued == 0
