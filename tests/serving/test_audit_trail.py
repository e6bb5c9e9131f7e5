"""Everything that somebody does through a door stands in the audit trail: who, what, when, how it ended, and never what was said."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from domain.errors import ConfigurationError, StorageError
from domain.principal import LOCAL, auditor_of
from records.audit import AuditQuery
from records.audit_entries import AuditEntry
from records.keys import new_key_line
from serving.assembly import Platform, open_platform
from serving.direct import run_directly
from tests.agents.board import NoticeBoard

from .homes import settings_of
from .streams import events_of

pytestmark = pytest.mark.asyncio(loop_scope="session")
QUESTION = "块存储走什么协议？"


def trail(platform: Platform, tenant: str = "local", **wanted: Any) -> list[AuditEntry]:
    """Oldest first."""
    return platform.audit.entries(auditor_of(tenant), AuditQuery(**wanted), door="cli", limit=1000)[::-1]


def newest(platform: Platform, **wanted: Any) -> AuditEntry:
    return trail(platform, **wanted)[-1]


@asynccontextmanager
async def opened(home: Path, **changed: Any) -> AsyncIterator[Platform]:
    platform = await open_platform(settings_of(home, **changed), extra_tools=[NoticeBoard().tool()])
    try:
        yield platform
    finally:
        await platform.close()


async def test_a_question_is_recorded_with_its_length_and_tools_and_without_its_words(
    client: httpx.AsyncClient, platform: Platform
) -> None:
    run = (await client.post("/v1/runs", json={"question": QUESTION})).json()
    await events_of(client, run["id"])
    entry = newest(platform, object_kind="run", object_id=run["id"])
    assert (entry.actor, entry.action, entry.door, entry.outcome) == ("local", "run.start", "http", "done")
    assert entry.detail == {
        "question_length": len(QUESTION),
        "refused": False,
        "status": "done",
        "tools": [{"name": "search_standards", "effect": "read", "outcome": "done"}],
    }


async def test_each_door_has_its_name(client: httpx.AsyncClient, platform: Platform) -> None:
    await client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": QUESTION}]})
    assert newest(platform, action="run.start").door == "openai"
    await platform.runs.ask(LOCAL, QUESTION, door="cli")
    assert newest(platform, action="run.start").door == "cli"
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search_standards", "arguments": {"query": "协议"}}}
    await client.post("/mcp/", json=call, headers={"accept": "application/json, text/event-stream"})
    assert newest(platform, action="tool.run").door == "mcp"
    await client.post("/v1/search", json={"query": "协议"})
    assert newest(platform, action="tool.run").door == "http"


async def test_a_tool_call_is_recorded_however_it_ends(client: httpx.AsyncClient, platform: Platform) -> None:
    ways = {"search_standards": ({"query": "机密设备"}, "done"), "crash": ({}, "failed"), "publish_notice": ({"text": "机密"}, "refused")}
    for name, (arguments, outcome) in ways.items():
        await client.post(f"/v1/tools/{name}", json=arguments)
        entry = newest(platform, action="tool.run", object_id=name)
        assert (entry.outcome, list(entry.detail)) == (outcome, ["effect"])


async def test_a_failed_and_a_stopped_run_are_recorded(client: httpx.AsyncClient, platform: Platform) -> None:
    run = (await client.post("/v1/runs", json={"question": "慢慢等"})).json()
    await asyncio.sleep(0.2)
    await client.post(f"/v1/runs/{run['id']}/cancel")
    await events_of(client, run["id"])
    entry = newest(platform, object_id=run["id"])
    assert (entry.outcome, entry.detail["status"]) == ("failed", "cancelled")
    assert entry.detail["tools"] == [{"name": "wait_long", "effect": "read", "outcome": "failed"}]


async def test_an_effect_is_recorded_from_its_request_to_its_carrying_out(client: httpx.AsyncClient, platform: Platform) -> None:
    run = (await client.post("/v1/runs", json={"question": "发布公告机密事项"})).json()
    await platform.runs.settled(run["id"])
    [approval] = platform.approvals.list_approvals(LOCAL, run_id=run["id"])
    await client.post(f"/v1/approvals/{approval.id}", json={"decision": "approve", "reason": "已核实"})
    await events_of(client, run["id"])
    entries = trail(platform, object_kind="approval", object_id=approval.id)
    assert [(e.action, e.door, e.outcome, e.reason) for e in entries] == [
        ("approval.request", "http", "done", ""),
        ("approval.decide", "http", "done", "已核实"),
        ("effect.carry_out", "http", "done", ""),
    ]
    statuses = [entry.detail["status"] for entry in trail(platform, object_kind="run", object_id=run["id"])]
    assert statuses == ["waiting", "done"]


async def test_documents_feedback_and_deleted_conversations_are_recorded(client: httpx.AsyncClient, platform: Platform) -> None:
    files = {"file": ("机密规程.md", "# 机密规程\n\n1 总则\n\n1.1 轴承温度超过 93 摄氏度应当停机。\n".encode())}
    document = (await client.post("/v1/documents", files=files)).json()["document"]
    await client.delete(f"/v1/documents/{document['id']}")
    entries = trail(platform, object_kind="document", object_id=document["id"])
    assert [(e.action, e.level, e.door) for e in entries] == [("document.add", "private", "http"), ("document.delete", "private", "http")]
    await client.post("/v1/documents", files={"file": ("机密.docx", b"no such thing")})
    assert newest(platform, action="document.add").outcome == "failed"
    thread = (await client.post("/v1/threads")).json()["id"]
    run = (await client.post("/v1/runs", json={"question": QUESTION, "thread_id": thread})).json()["id"]
    await events_of(client, run)
    await client.put(f"/v1/runs/{run}/feedback", json={"rating": "down", "comment": "机密意见"})
    assert newest(platform, action="feedback.give").detail == {"rating": "down", "comment_length": 4}
    await client.delete(f"/v1/threads/{thread}")
    entry = newest(platform, action="thread.delete")
    assert (entry.object_id, entry.detail, entry.door) == (thread, {"runs": 1}, "http")


async def test_no_entry_holds_what_was_said_and_none_lacks_its_door(client: httpx.AsyncClient, platform: Platform) -> None:
    files = {"file": ("机密规程.md", "# 机密规程\n\n1 总则\n\n1.1 轴承温度超过 93 摄氏度应当停机。\n".encode())}
    await client.post("/v1/documents", files=files)
    await client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": QUESTION}]})
    entries = trail(platform)
    said = orjson.dumps([entry.model_dump(mode="json") for entry in entries]).decode()
    assert {"document.add", "run.start"} <= {entry.action for entry in entries}
    assert not [word for word in ("机密", "块存储", "协议") if word in said]
    assert {entry.door for entry in entries} <= {"http", "openai", "mcp", "cli"}


async def test_a_start_is_recorded_with_its_configuration_and_without_secrets(own_home: Path) -> None:
    async with opened(own_home, api_key="hunter2-hunter2", database_url="") as platform:
        [entry] = trail(platform, "", action="service.start")
        assert (entry.actor, entry.door, entry.detail["open_to_others"]) == ("local", "system", True)
        assert entry.detail["database"] == "sqlite"
        assert "hunter2" not in entry.model_dump_json()


async def test_a_run_that_a_killed_process_left_is_recorded_for_its_owner(own_home: Path) -> None:
    async with opened(own_home) as platform:
        run = await platform.runs.start(LOCAL, "发布公告甲", door="http")
        await platform.runs.settled(run.id)
        platform.run_store.resume(run.id)  # as if it were under way when the process dies
    async with opened(own_home) as platform:
        entry = newest(platform, object_kind="run", object_id=run.id)
        assert (entry.actor, entry.door, entry.detail) == ("local", "system", {"status": "interrupted"})


async def test_what_cannot_be_recorded_does_not_happen(own_home: Path) -> None:
    async with opened(own_home) as platform:
        thread = platform.threads.create(LOCAL)
        run = await platform.runs.ask(LOCAL, QUESTION, door="cli", thread_id=thread.id)
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_heads'"
        with sqlite3.connect(own_home / "shuzhi.db") as connection:
            for (name,) in connection.execute(triggers).fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute("DELETE FROM audit_heads")
        connection.close()
        with pytest.raises(StorageError):
            platform.threads.delete(thread.id, LOCAL, door="http")
        assert platform.threads.get(thread.id, LOCAL).title == QUESTION
        with pytest.raises(StorageError):
            platform.feedback.give(run.run_id, LOCAL, "up", door="http")
        assert platform.feedback.of_run(run.run_id, LOCAL) is None
        with pytest.raises(StorageError):
            await run_directly(platform, "search_standards", {"query": "协议"}, LOCAL, "http")
        unrecorded = await platform.runs.start(LOCAL, QUESTION, door="http")
        events = [event async for event in platform.runs.events(unrecorded.id, LOCAL)]
        assert events[-1].type == "failed"
        ended = platform.run_store.get(unrecorded.id, LOCAL)
        assert (ended.status, ended.answer) == ("failed", None)
        assert (await platform.runs.answer(unrecorded.id, LOCAL)).refused


async def test_a_service_whose_trail_wants_another_key_does_not_start(own_home: Path) -> None:
    _, line = new_key_line()
    async with opened(own_home):
        pass
    with pytest.raises(ConfigurationError, match="没有签名"):
        await open_platform(settings_of(own_home, audit={"keys": line}))


async def test_runs_that_end_together_share_one_append(platform: Platform) -> None:
    """Everything of one transaction follows each other in the chain and is whole."""
    await asyncio.gather(*(platform.runs.ask(LOCAL, QUESTION, door="cli") for _ in range(8)))
    assert platform.audit.verify(auditor_of(""), door="cli").ok
