"""The HTTP API (DESIGN §4.5), straight into the application."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from domain.errors import Problem
from serving.api import create_app
from serving.assembly import Platform, open_platform

from .conftest import client_of
from .homes import settings_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


def problem(response: httpx.Response, status: int) -> Problem:
    """Every error has the same shape and says what to do."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"type", "message", "detail", "run_id"}
    return Problem.model_validate(body["error"])


async def test_health(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    ready = (await client.get("/readyz")).json()
    assert ready["ready"] is True
    assert ready["model"] == "offline"
    assert ready["checks"]["vectors"] > 500
    assert ready["checks"]["event_log"]["alive"] is True


async def test_metrics_count_runs_by_how_they_ended_and_hold_no_content(client: httpx.AsyncClient) -> None:
    question = "块存储走什么协议？"
    await client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": question}]})
    text = (await client.get("/metrics")).text
    assert 'shuzhi_runs_total{status="done"}' in text
    assert "shuzhi_run_seconds_bucket" in text
    assert question not in text


async def test_models(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/v1/models")).json()
    assert [(model["id"], model["object"], model["backend"]) for model in listed["data"]] == [("shuzhi", "model", "offline")]


async def test_search(client: httpx.AsyncClient) -> None:
    hits = (await client.post("/v1/search", json={"query": "块存储走什么协议", "k": 3})).json()["hits"]
    assert len(hits) == 3
    assert hits[0]["clause_id"] == "TISC-6.1.2.1-c"
    assert hits[0]["score"] >= hits[1]["score"] >= hits[2]["score"]
    assert hits[0]["text"]


async def test_the_tools_are_listed_as_declared(client: httpx.AsyncClient, platform: Platform) -> None:
    listed = {tool["name"]: tool for tool in (await client.get("/v1/tools")).json()["tools"]}
    assert set(listed) == {tool.name for tool in platform.tools}
    for tool in platform.tools:
        shown = listed[tool.name]
        assert (shown["summary"], shown["effect"], tuple(shown["examples"])) == (tool.summary, tool.effect, tool.examples)
        assert shown["input"] == tool.input.model_json_schema()
        assert shown["output"] == tool.output.model_json_schema()


RUNS: list[tuple[str, dict[str, Any], str]] = [
    ("search_standards", {"query": "数据分级"}, "找到"),
    ("get_clause", {"clause_id": "MIIT-15"}, ""),
    ("compute_kpi", {"indicator": "采购成本下降率", "inputs": {"v1": 500, "v2": 420}}, "16%"),
    ("list_assessments", {}, "评估"),
    ("score_assessment", {"assessment": "industrial-brain", "answers": {"技术支撑能力": 80, "场景创新能力": 70}}, "产业大脑"),
    ("propose_ratings", {"text": "财务用金蝶，设了信息部。"}, ""),
    ("write_report", {"record": {"enterprise": {"name": "锻造厂"}}}, "草稿"),
]


@pytest.mark.parametrize(("name", "arguments", "expected"), RUNS)
async def test_each_tool_runs(client: httpx.AsyncClient, name: str, arguments: dict[str, Any], expected: str) -> None:
    result = (await client.post(f"/v1/tools/{name}", json=arguments)).json()
    assert set(result) == {"summary", "data", "citations", "artifacts", "values"}
    assert expected in result["summary"]
    assert all(citation["verified"] for citation in result["citations"])


async def test_every_shipped_tool_is_run_above(platform: Platform) -> None:
    """A new tool has to join them."""
    assert {tool.name for tool in platform.tools} - {"publish_notice", "wait_long", "crash"} <= {name for name, _, _ in RUNS}


async def test_a_tool_with_an_effect_is_not_run_without_an_approval(client: httpx.AsyncClient, board: Any) -> None:
    before = list(board.published)
    assert "审批" in problem(await client.post("/v1/tools/publish_notice", json={"text": "停机"}), 403).message
    assert board.published == before


async def call_mcp(client: httpx.AsyncClient, method: str, **params: Any) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    response = await client.post("/mcp/", json=body, headers={"accept": "application/json, text/event-stream"})
    assert response.status_code == 200, response.text
    return response.json()["result"]


async def test_the_mcp_door_has_the_same_tools_and_the_same_rule(client: httpx.AsyncClient, platform: Platform, board: Any) -> None:
    offered = {tool["name"] for tool in (await call_mcp(client, "tools/list"))["tools"]}
    assert offered == {tool.name for tool in platform.tools if tool.effect in ("read", "compute")}
    done = await call_mcp(client, "tools/call", name="compute_kpi", arguments=RUNS[2][1])
    assert (done["isError"], done["structuredContent"]["values"]) == (False, [16.0])
    before = list(board.published)
    refused = await call_mcp(client, "tools/call", name="publish_notice", arguments={"text": "停机"})
    assert refused["isError"]
    assert "审批" in refused["content"][0]["text"]
    assert board.published == before


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/runs/none", "/v1/threads/none", "/v1/approvals/none", "/v1/runs/none/events"])
async def test_what_is_not_there(client: httpx.AsyncClient, path: str) -> None:
    assert problem(await client.get(path), 404).type == "NotFound"


async def test_an_unknown_tool_names_its_neighbours(client: httpx.AsyncClient) -> None:
    assert "compute_kpi" in problem(await client.post("/v1/tools/compute_kpis", json={}), 404).detail[0].cure


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("/v1/search", {}, "body.query"),
        ("/v1/search", {"query": "", "k": 3}, "body.query"),
        ("/v1/search", {"query": "a", "k": 0}, "body.k"),
        ("/v1/search", {"query": "a", "typo": 1}, "body.typo"),
        ("/v1/search", {"query": "长" * 2001}, "body.query"),
        ("/v1/tools/search_standards", {"k": 3}, "query"),
        ("/v1/tools/compute_kpi", {"indicator": "x", "inputs": {"v1": "NaN"}}, ""),
        ("/v1/runs", {"question": 5}, "body.question"),
        ("/v1/chat/completions", {"messages": []}, "body.messages"),
        ("/v1/chat/completions", {"messages": [{"role": "robot", "content": "?"}]}, "body.messages.0.role"),
        ("/v1/chat/completions", {"messages": [{"role": "system", "content": "?"}]}, "messages"),
        ("/v1/tools/search_standards", [1], "body"),
    ],
)
async def test_a_wrong_field_is_named(client: httpx.AsyncClient, path: str, body: Any, where: str) -> None:
    response = await client.post(path, json=body)
    found = problem(response, response.status_code)
    assert response.status_code in (404, 422)
    assert not where or where in [detail.where for detail in found.detail]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"not json", b'{"query": "\xff\xfe"}', b'"text"', b"null", b'{"query": 1e999}', b"[" * 100_000]
)
async def test_a_body_that_is_no_json_object(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/v1/search", content=body, headers={"content-type": "application/json"})
    assert 400 <= response.status_code < 500
    problem(response, response.status_code)


async def test_half_a_character_is_no_obstacle(client: httpx.AsyncClient) -> None:
    """A lone surrogate, as a browser may send it, is neither stored nor sent back."""
    body = b'{"stream": true, "messages": [{"role": "user", "content": "\\ud83d\\u5757\\u5b58\\u50a8\\u8d70\\u4ec0\\u4e48\\u534f\\u8bae"}]}'
    for streamed in (body, body.replace(b"true", b"false")):
        response = await client.post("/v1/chat/completions", content=streamed, headers={"content-type": "application/json"})
        assert response.status_code == 200
        assert "SCSI" in response.text
    found = await client.post("/v1/search", content=b'{"query": "\\ud83d"}', headers={"content-type": "application/json"})
    assert problem(found, 422).detail[0].where == "body.query"


async def test_a_method_that_is_not_offered(client: httpx.AsyncClient) -> None:
    problem(await client.delete("/v1/models"), 405)


async def test_an_error_that_nobody_foresaw_has_the_same_shape_and_no_detail(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/tools/crash", json={})
    problem(response, 500)
    assert "secret-internal-detail" not in response.text


async def test_a_body_over_the_limit_is_refused_by_its_declared_length(client: httpx.AsyncClient) -> None:
    problem(await client.post("/v1/search", content=b" " * 2_000_000), 413)
    problem(await client.post("/v1/search", content=b"{}", headers={"content-length": "many"}), 413)


async def test_a_body_over_the_limit_is_refused_without_a_declared_length(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 100_000

    response = await client.post("/v1/search", content=endless(), headers={"content-type": "application/json"})
    problem(response, 413)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example:8000"},
        {"host": "127.0.0.1.evil.example"},
        {"host": ""},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1.evil.example:8000"},
    ],
)
async def test_another_page_in_the_same_browser_stays_outside(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    found = problem(await client.post("/v1/threads", headers=headers), 400)
    assert found.detail[0].where.lower() in headers


@pytest.mark.parametrize(
    "headers", [{"host": "localhost"}, {"host": "[::1]:8000"}, {"host": "LOCALHOST:1"}, {"origin": "http://localhost:8000"}]
)
async def test_this_machine_is_let_in(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await client.get("/healthz", headers=headers)).status_code == 200


async def test_a_foreign_page_opens_no_web_socket(app: FastAPI) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"127.0.0.1:8000"), (b"origin", b"https://evil.example")]
    await app({"type": "websocket", "path": "/ws", "headers": headers, "query_string": b"", "subprotocols": []}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


async def test_answers_carry_the_security_headers(client: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/v1/nothing"):
        headers = (await client.get(path)).headers
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "SAMEORIGIN")


async def test_with_a_key_every_door_wants_it(own_home: Path) -> None:
    settings = settings_of(own_home, host="0.0.0.0", api_key="sk-very-secret")
    platform = await open_platform(settings)
    try:
        app = create_app(settings, platform=platform)
        app.state.platform = platform
        routes = {(method, route.path) for route in app.routes for method in getattr(route, "methods", ())}  # pyright: ignore
        open_to_all = {"/healthz", "/readyz", "/openapi.json"}
        async with client_of(app) as client:
            for method, path in sorted(routes):
                if method == "HEAD" or path in open_to_all:
                    continue
                for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "sk-very"}):
                    response = await client.request(method, path, headers=headers)
                    assert problem(response, 401).type == "NotAuthenticated", (method, path)
                    assert "sk-very-secret" not in response.text
            assert (await client.get("/v1/models", headers={"authorization": "Bearer sk-very-secret"})).status_code == 200
            assert (await client.get("/v1/models", headers={"authorization": "Bearer sk-very-secret", "host": "any.example"})).is_success
    finally:
        await platform.close()
