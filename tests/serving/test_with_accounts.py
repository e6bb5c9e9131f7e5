"""The platform with accounts: a credential at every door, permissions behind it, use on record, runs that go on as whoever asked."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from domain.errors import NotAuthenticated, StorageError
from domain.principal import LOCAL
from records.runs import NewRun
from serving.assembly import Platform
from serving.people import People, keep_watch
from tests.agents.board import NoticeBoard

from .test_api import call_mcp, problem
from .town import BASE, CANARY, GOOD, HERE, SECRET_TEXT, Town, open_town

pytestmark = pytest.mark.asyncio(loop_scope="session")

OPEN = {"/healthz", "/readyz", "/v1/auth/login", "/v1/auth/oidc", "/v1/auth/oidc/callback"}
PUBLISH = "发布公告停机"


def requests_of(town: Town) -> list[tuple[str, str]]:
    return [(method.upper(), path) for path, methods in town.app.openapi()["paths"].items() for method in methods]


async def test_every_route_wants_a_credential(town: Town) -> None:
    asked = requests_of(town)
    assert len(asked) > 50
    async with town.client() as stranger:
        for method, path in asked:
            if path not in OPEN:
                answer = await stranger.request(method, path.replace("{", "").replace("}", ""), json={})
                assert answer.status_code == 401, (method, path, answer.text)
        problem(await stranger.post("/mcp/", json={}), 401)


async def test_nobody_is_the_single_user(town: Town) -> None:
    with pytest.raises(NotAuthenticated):
        _ = town.platform.principal
    async with town.client() as stranger:
        ready = await stranger.get("/readyz")
        assert (ready.status_code, ready.json()) == (200, {"ready": True})
    async with town.client("anna") as anna:
        assert (await anna.get("/readyz")).json()["mode"] == "accounts"


async def test_an_initial_password_opens_nothing_but_its_own_change(town: Town) -> None:
    initial = town.hire("newcomer", "operator", fresh=True)
    browser = await town.browser("newcomer", initial)
    allowed = {("POST", "/v1/auth/login"), ("POST", "/v1/auth/logout"), ("GET", "/v1/auth/me"), ("POST", "/v1/auth/password")}
    for method, path in requests_of(town):
        if path in OPEN or (method, path) in allowed:
            continue
        answer = await browser.request(method, path.replace("{", "").replace("}", ""), json={})
        assert "初始密码" in problem(answer, 403).message, (method, path)
    assert "初始密码" in problem(await browser.post("/mcp/", json={}), 403).message
    changed = await browser.post("/v1/auth/password", json={"old": initial, "new": GOOD})
    browser.headers["x-csrf-token"] = changed.json()["csrf_token"]
    assert (await browser.get("/v1/threads")).status_code == 200


@pytest.mark.parametrize("name", ["chief", "guard", "auditor"])
async def test_administrators_have_no_way_to_the_assistant(town: Town, name: str) -> None:
    browser = await town.browser(name)
    question = {"messages": [{"role": "user", "content": "块存储走什么协议？"}]}
    for answer in (
        await browser.post("/v1/chat/completions", json=question),
        await browser.post("/v1/runs", json={"question": "块存储走什么协议？"}),
        await browser.post("/v1/search", json={"query": "协议"}),
        await browser.post("/v1/tools/get_clause", json={"clause_id": "MIIT-15"}),
        await browser.get("/v1/tools"),
        await browser.get("/v1/threads"),
        await browser.get("/v1/documents"),
        await browser.get("/v1/approvals"),
        await browser.post("/v1/documents", files={"file": ("a.md", b"# a\n\n1 b\n\n1.1 c\n")}),
        await browser.post("/mcp/", json={}),
    ):
        assert "没有权限" in problem(answer, 403).message
    assert (await browser.get("/metrics")).status_code == (200 if name == "chief" else 403)


async def test_only_who_may_share_uploads_for_others(town: Town) -> None:
    form, file = (
        {"label": "restricted", "collection": "house"},
        {"file": ("共享.md", SECRET_TEXT.replace(CANARY, "公用").replace("17", "23").encode())},
    )
    async with town.client("anna") as anna, town.client("oskar") as oskar:
        problem(await anna.post("/v1/documents", data=form, files=file), 403)
        assert (await oskar.post("/v1/documents", data=form, files=file)).json()["document"]["label"]["tenant"] == HERE


async def test_a_change_with_a_cookie_needs_our_page(town: Town) -> None:
    browser = await town.browser("anna")
    assert (await browser.post("/v1/threads")).status_code == 201
    problem(await browser.post("/v1/threads", headers={"x-csrf-token": "x"}), 401)
    problem(await browser.post("/v1/threads", headers={"origin": "http://localhost:9999"}), 401)
    del browser.headers["x-csrf-token"]
    problem(await browser.post("/v1/threads"), 401)
    problem(await browser.post("/mcp/", json={}), 401)


async def test_headers_say_that_nothing_is_loaded_and_https_is_insisted_on_only_under_tls(town: Town) -> None:
    async with town.client("anna") as plain, town.client("anna", "https://127.0.0.1:8000") as safe:
        for client, insists in ((plain, False), (safe, True)):
            answer = await client.get("/v1/tools")
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert ("strict-transport-security" in answer.headers) is insists
        asked = {"origin": BASE, "access-control-request-method": "POST"}
        assert "access-control-allow-origin" not in (await plain.options("/v1/threads", headers=asked)).headers


async def test_what_is_not_public_is_on_record_before_it_is_shown(town: Town) -> None:
    text = "# 锻锤规程\n\n1 总则\n\n1.1 锻锤 XJ5 的导轨间隙不大于 0.31 毫米。\n"
    document = town.store("锻锤规程.md", text, "oskar", "restricted", "forge")
    guard, anna_id = await town.browser("guard"), town.people["anna"].id

    async def noted() -> list[tuple[str, str, str]]:
        found = (await guard.get(f"/v1/usage?principal_id={anna_id}&target={document}")).json()["uses"]
        return [(use["outcome"], use["level"], use["door"]) for use in reversed(found)]

    async with town.client("anna") as anna:
        assert "0.31" in (await anna.post("/v1/search", json={"query": "锻锤 XJ5 导轨间隙"})).text
        assert await noted() == [("read", "restricted", "http")]
        asked = {"messages": [{"role": "user", "content": "锻锤 XJ5 的导轨间隙不大于多少毫米？"}]}
        assert "0.31" in (await anna.post("/v1/chat/completions", json=asked)).text
        assert await noted() == [("read", "restricted", "http"), ("read", "restricted", "openai")]
        called = await call_mcp(anna, "tools/call", name="search_standards", arguments={"query": "锻锤 XJ5 导轨间隙"})
        assert "0.31" in str(called)
        await anna.get("/v1/documents")
        assert [door for _, _, door in await noted()] == ["http", "openai", "mcp", "http"]
    await guard.aclose()


async def test_attempts_at_what_is_not_theirs_are_on_record(town: Town) -> None:
    async with town.client("eve") as eve, town.client("anna") as anna:
        thread = (await eve.post("/v1/threads")).json()["id"]
        problem(await anna.get(f"/v1/threads/{thread}"), 404)
        problem(await anna.post("/v1/tools/get_clause", json={"clause_id": "NONE-1"}), 404)
    guard = await town.browser("guard")
    for target in (thread, "NONE-1"):
        [use] = (await guard.get(f"/v1/usage?target={target}")).json()["uses"]
        assert (use["principal_id"], use["outcome"], use["door"]) == (town.people["anna"].id, "missing", "http")


async def test_another_tenants_ids_exist_in_no_parameter(town: Town) -> None:
    eve = town.people["eve"]
    run = town.platform.run_store.start(NewRun(question=CANARY), eve)
    thread = town.platform.threads.create(eve, CANARY)
    [document, *_] = town.platform.knowledge.library.documents(eve)
    async with town.client("oskar") as oskar:
        for method, path, body in (
            ("GET", f"/v1/runs/{run.id}", None),
            ("GET", f"/v1/runs/{run.id}/events", None),
            ("POST", f"/v1/runs/{run.id}/cancel", None),
            ("PUT", f"/v1/runs/{run.id}/feedback", {"rating": "up"}),
            ("GET", f"/v1/threads/{thread.id}", None),
            ("DELETE", f"/v1/threads/{thread.id}", None),
            ("POST", "/v1/runs", {"question": "块存储", "thread_id": thread.id}),
            ("DELETE", f"/v1/documents/{document.id}", None),
            ("POST", f"/v1/approvals/{run.id}", {"decision": "approve"}),
        ):
            assert CANARY not in problem(await oskar.request(method, path, json=body), 404).model_dump_json()
    town.platform.run_store.finish(run.id, "cancelled")


async def asked_to_publish(town: Town, name: str) -> tuple[str, str]:
    """(run, approval) of a question that waits for somebody."""
    run = await town.platform.runs.start(town.people[name], PUBLISH, door="http")
    await town.platform.runs.settled(run.id)
    [approval] = town.platform.approvals.list_approvals(town.people[name], run_id=run.id)
    return run.id, approval.id


async def test_a_run_goes_on_as_who_asked_over_a_restart_and_nobody_approves_their_own(own_home: Path, board: NoticeBoard) -> None:
    before = len(board.published)
    async with open_town(own_home, board.tool()) as town:
        town.hire("anna", "staff", "operator")
        town.hire("oskar", "operator")
        people, keys = town.people, town.keys
        run_id, approval_id = await asked_to_publish(town, "anna")
        async with town.client("anna") as anna:
            problem(await anna.post(f"/v1/approvals/{approval_id}", json={"decision": "approve"}), 403)
    async with open_town(own_home, board.tool()) as town:
        town.people, town.keys = people, keys
        async with town.client("oskar") as oskar:
            assert (await oskar.post(f"/v1/approvals/{approval_id}", json={"decision": "approve"})).status_code == 200
            await town.platform.runs.settled(run_id)
            problem(await oskar.get(f"/v1/runs/{run_id}"), 404)
        async with town.client("anna") as anna:
            assert (await anna.get(f"/v1/runs/{run_id}")).json()["status"] == "done"
    assert board.published[before:] == ["停机"]


async def test_a_run_of_somebody_who_has_gone_fails_and_has_no_effect(own_home: Path, board: NoticeBoard) -> None:
    before = len(board.published)
    async with open_town(own_home, board.tool()) as town:
        town.hire("anna", "staff")
        town.hire("oskar", "operator")
        town.hire("chief", "system_admin")
        run_id, approval_id = await asked_to_publish(town, "anna")
        chief = await town.browser("chief")
        anna = town.people["anna"]
        assert (await chief.put(f"/v1/accounts/{anna.id}/state", json={"state": "disabled"})).status_code == 200
        async with town.client("oskar") as oskar:
            assert (await oskar.post(f"/v1/approvals/{approval_id}", json={"decision": "approve"})).status_code == 200
        assert town.platform.run_store.get(run_id, anna).status == "failed"
    assert len(board.published) == before


async def test_in_single_user_mode_the_only_asker_is_the_user(platform: Platform) -> None:
    asker = People(None, platform.knowledge.library).asker
    assert asker(LOCAL.id, LOCAL.tenant) is LOCAL
    with pytest.raises(NotAuthenticated):
        asker("anna", HERE)


async def test_the_watch_stores_first_and_survives_a_disk_that_refuses() -> None:
    done: list[str] = []

    class Disk:
        """Refuses at first."""

        look_every_s = 0.0

        def flush(self) -> None:
            done.append("flush")
            if len(done) < 3:
                raise StorageError("满了")

        def look(self) -> None:
            done.append("look")

    class Watched:
        usage = watch = Disk()

    watched: Any = Watched()
    with structlog.testing.capture_logs() as logs:
        task = asyncio.create_task(keep_watch(watched))
        while done.count("look") < 2:
            await asyncio.sleep(0.01)
        task.cancel()
    assert done[:4] == ["flush", "flush", "flush", "look"]
    assert len([entry for entry in logs if entry["event"] == "no look for unusual use"]) == 2


async def test_the_key_of_an_account_is_what_a_program_sends(town: Town) -> None:
    async with town.client("anna") as anna:
        offered = (await call_mcp(anna, "tools/list"))["tools"]
        assert {tool["name"] for tool in offered} >= {"search_standards", "get_clause"}
        problem(await anna.get("/v1/accounts"), 403)
    forged = httpx.Headers({"authorization": f"Bearer {town.keys['anna'][:-3]}abc"})
    async with town.client() as stranger:
        problem(await stranger.get("/v1/threads", headers=forged), 401)


async def test_what_another_enterprise_keeps_is_neither_found_nor_said(town: Town) -> None:
    async with town.client("oskar") as oskar, town.client("eve") as eve:
        for client, sees in ((eve, True), (oskar, False)):
            found = (await client.post("/v1/search", json={"query": "靛青R9号染缸恒温阀批号"})).text
            assert (CANARY in found) is sees
