"""What no honest client sends: always one problem with 4xx, never a failure of ours."""

from typing import Any

import httpx
import pytest

from .test_api import problem
from .town import CANARY, Town

pytestmark = pytest.mark.asyncio(loop_scope="session")

JSON = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
ORIGIN = ("origin", "http://127.0.0.1:8000")
DEEP = b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
BODIES = {
    "deep brackets": DEEP,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "900 levels": b'{"a": ' + b"[" * 900 + b"]" * 900 + b', "clause_id": ' + b"[" * 90 + b"]" * 90 + b"}",
    "no UTF-8": b'{"question": "\xff\xfe\x80"}',
    "half a surrogate": b'{"question": "\\ud800", "query": "\\ud800", "messages": [{"role": "user", "content": "\\ud800"}]}',
    "no JSON": b"{",
    "nothing": b"",
    "a huge number": b'{"question": 1' + b"0" * 5000 + b"}",
    "not a number": b'{"query": "a", "k": NaN}',
    "null": b"null",
    "a null character": b'{"question": "\\u0000", "query": "\\u0000", "name": "\\u0000", "password": "\\u0000"}',
}


def posted_to(town: Town) -> list[tuple[str, str]]:
    """Every route that takes JSON, with ids that nobody has."""
    found: list[tuple[str, str]] = []
    for path, methods in town.app.openapi()["paths"].items():
        found += [
            (method.upper(), path.replace("{", "").replace("}", ""))
            for method, about in methods.items()
            if "application/json" in about.get("requestBody", {}).get("content", {})
        ]
    return found


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_cannot_be_read(town: Town, name: str) -> None:
    routes = posted_to(town)
    assert len(routes) > 18
    async with town.client("oskar") as oskar:
        for method, path in [*routes, ("POST", "/v1/tools/get_clause"), ("POST", "/v1/tools/compute_kpi"), ("POST", "/mcp/")]:
            answer = await oskar.request(method, path, content=BODIES[name], headers=JSON)
            assert 200 <= answer.status_code < 500, (name, method, path, answer.text[:300])
            if answer.status_code >= 400 and path != "/mcp/":
                problem(answer, answer.status_code)


async def test_ten_megabytes_of_prompt(town: Town) -> None:
    long = "块" * 3_500_000
    async with town.client("anna") as anna:
        for path, body in (
            ("/v1/chat/completions", {"messages": [{"role": "user", "content": long}]}),
            ("/v1/runs", {"question": long}),
            ("/v1/search", {"query": long}),
            ("/v1/tools/get_clause", {"clause_id": long}),
        ):
            answer = await anna.post(path, json=body)
            assert len(answer.content) < 4000
            problem(answer, 413)


async def test_a_long_prompt_below_the_limit_of_a_request(town: Town) -> None:
    long = "块" * 300_000
    async with town.client("anna") as anna:
        answer = await anna.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": long}]})
        assert answer.status_code in (200, 413, 422)
        assert len(answer.content) < 4000
        assert (await anna.post("/v1/search", json={"query": long})).status_code == 422


async def test_doubled_headers(town: Town) -> None:
    good = ("authorization", f"Bearer {town.keys['anna']}")
    async with town.client() as client:
        assert (await client.get("/v1/threads", headers=[good])).status_code == 200
        for doubled in (
            [good, good],
            [good, ("host", "127.0.0.1"), ("host", "127.0.0.1:8000")],
            [good, ORIGIN, ORIGIN],
        ):
            problem(await client.get("/v1/threads", headers=doubled), 400)
            problem(await client.get("/healthz", headers=doubled), 400)


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic abc",
        "Bearer szk_x",
        "Bearer szs_" + "a" * 43,
        "Bearer " + "a" * 5000,
        "Bearer szk_\x7f",
        "bearer  szs_ü",
    ],
)
async def test_forged_credentials(town: Town, credential: str) -> None:
    async with town.client() as client:
        headers = httpx.Headers({"authorization": credential}, encoding="utf-8")
        for method, path in (("GET", "/v1/threads"), ("POST", "/mcp/"), ("GET", "/v1/auth/me"), ("POST", "/v1/chat/completions")):
            problem(await client.request(method, path, headers=headers, json={} if method == "POST" else None), 401)


async def test_a_session_that_was_ended_and_a_key_that_was_revoked(town: Town) -> None:
    town.hire("zoe", "staff")
    browser = await town.browser("zoe")
    [key] = (await browser.get("/v1/keys")).json()["keys"]
    assert (await browser.delete(f"/v1/keys/{key['id']}")).status_code == 204
    async with town.client("zoe") as program:
        problem(await program.get("/v1/threads"), 401)
    token = browser.cookies["shuzhi"]
    assert (await browser.post("/v1/auth/logout")).status_code == 204
    async with town.client() as copy:
        problem(await copy.get("/v1/threads", headers={"authorization": f"Bearer {token}"}), 401)


ODD: list[str] = ["%00", "..%2f..%2fetc%2fpasswd", "a" * 5000, "%ff%fe", "' OR 1=1 --", "%F0%9F%92%A3", "%ed%a0%80", "{}", "0", "-1"]


@pytest.mark.parametrize("odd", ODD)
async def test_ids_that_are_none(town: Town, odd: str) -> None:
    async with town.client("oskar") as oskar:
        for path, methods in town.app.openapi()["paths"].items():
            if "{" not in path:
                continue
            for method in methods:
                body: dict[str, Any] = {"rating": "up", "decision": "reject", "note": "x", "state": "locked"}
                answer = await oskar.request(method, path.replace(path[path.index("{") : path.index("}") + 1], odd), json=body)
                assert 400 <= answer.status_code < 500, (method, path, odd, answer.text)
                problem(answer, answer.status_code)
                assert CANARY not in answer.text
