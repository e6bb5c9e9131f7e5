"""The product as processes: what it imports, who owns the state, what a kill leaves behind, and that it needs no network."""

import asyncio
import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from domain.errors import Conflict
from domain.principal import LOCAL
from serving.assembly import open_knowledge, open_platform
from serving.fake_endpoint import FakeEndpoint
from serving.instance import announce, running, withdraw

from .command import at_home, shuzhi
from .homes import copy_home, settings_of
from .streams import events_of, stream, text_of
from .test_tls import make_certificate

ROOT = Path(__file__).parents[2]
HEAVY = ["langgraph", "langchain_core", "chainlit", "sqlalchemy", "jieba", "qdrant_edge", "fastapi", "uvicorn", "aiohttp", "httpx", "yaml"]
LOOPBACK_ONLY = """
import os, sys

def hook(event, args):
    if event == "socket.connect":
        address = args[1]
        host = address[0] if isinstance(address, tuple) else "127.0.0.1"
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = args[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in (None, "", "127.0.0.1", "::1", "localhost", "0.0.0.0"):
        with open(os.environ["BLOCKED"], "a") as log:
            log.write(f"{event} {host}\\n")
        raise OSError(f"no network in this test: {host}")

sys.addaudithook(hook)
"""


@contextmanager
def product(home: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`shuzhi up` on a free port, in a process whose only network is this machine."""
    site = home.parent / "site"
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(LOOPBACK_ONLY, encoding="utf-8")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SHUZHI_")}
    own = {"SHUZHI_HOME": str(home), "PYTHONPATH": f"{site}:{ROOT}", "BLOCKED": str(home.parent / "blocked.log")}
    log = (home.parent / "server.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "serving", "up", "--port", "0"], cwd=home.parent, env=inherited | own | environment, stdout=log, stderr=log
    )
    try:
        until = time.monotonic() + 60
        while (instance := running(home)) is None or instance.pid != process.pid:
            assert process.poll() is None, (home.parent / "server.log").read_text(encoding="utf-8")
            assert time.monotonic() < until
            time.sleep(0.05)
        yield process, instance.url
    finally:
        process.kill()
        process.wait()
        log.close()


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import runpy, sys\nsys.argv = ['shuzhi', '--help']\n"
        "try:\n    runpy.run_module('serving', run_name='__main__')\n"
        f"except SystemExit:\n    print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert "ShuZhi" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_one_process_serves_and_the_others_talk_to_it(own_home: Path, tmp_path: Path) -> None:
    with product(own_home) as (server, url), at_home(own_home):
        page = httpx.get(f"{url}/chat", follow_redirects=True, trust_env=False)
        assert page.status_code == 200

        # a command asks the owner instead of opening the stores, which it could not
        with pytest.raises(Conflict):
            open_knowledge(settings_of(own_home))
        asked = shuzhi("ask", "块存储走什么协议？", "--json")
        assert (asked.code, asked.json["citations"][0]["clause_id"]) == (0, "TISC-6.1.2.1-c")
        assert shuzhi("doctor", "--json").json["ready"] is True
        assert shuzhi("search", "块存储", "-k", "2", "--json").json["hits"][0]["clause_id"] == "TISC-6.1.2.1-c"
        assert {"compute_kpi"} <= {tool["name"] for tool in shuzhi("tools", "list", "--json").json["tools"]}
        failed = shuzhi("tools", "run", "compute_kpi", "--args", '{"indicator": "没有", "inputs": {}}', "--json")
        assert (failed.code, set(failed.json["error"])) == (2, {"type", "message", "detail", "run_id"})
        container = tmp_path / "many.jsonl"
        rows = [{"file": f"{n}.md", "text": "" if n == 1 else f"# 规程{n}\n\n1 总则\n\n1.1 第{n}条应当执行。\n"} for n in range(3)]
        container.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        counts = shuzhi("ingest", str(container), "--json").json["counts"]
        assert (counts["stored"], counts["failed"]) == (2, 1)
        assert len(shuzhi("documents", "--json").json["documents"]) == 2
        assert shuzhi("approvals", "list", "--json").json == {"approvals": []}

        second = shuzhi("up", "--port", "0")
        assert second.code == 2
        assert url in second.err

        server.send_signal(signal.SIGTERM)
        server.wait(20)
        assert running(own_home) is None
        assert not (own_home / "instance.json").exists()
        assert shuzhi("doctor", "--json").json["checks"]["documents"] == 2
    blocked = tmp_path / "blocked.log"
    assert not blocked.exists() or blocked.read_text(encoding="utf-8") == ""


async def test_after_a_kill_in_the_middle_of_an_answer_nothing_is_lost(own_home: Path) -> None:
    question = "块存储和对象存储分别走什么协议？"
    async with FakeEndpoint(tokens=150) as fake:
        model = {"SHUZHI_MODEL__BASE_URL": fake.base_url, "SHUZHI_MODEL__MODEL": "fake"}
        with product(own_home, **model) as (server, url):
            async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
                thread = (await client.post("/v1/threads")).json()["id"]
                first = (await client.post("/v1/runs", json={"question": question, "thread_id": thread})).json()["id"]
                before = await events_of(client, first)
                fake.delay_s = 0.03
                run = (await client.post("/v1/runs", json={"question": question, "thread_id": thread})).json()["id"]
                seen = ""
                with contextlib.suppress(httpx.RemoteProtocolError):
                    async for event in stream(client, run):
                        assert event.type != "done"
                        if event.type == "sentence":
                            seen = event.data["text"]
                            await asyncio.sleep(0.3)
                            server.send_signal(signal.SIGKILL)
            server.wait(10)
    assert seen
    assert (own_home / "instance.json").exists()
    assert running(own_home) is None

    platform = await open_platform(settings_of(own_home))
    try:
        store = platform.run_store
        assert store.get(run, LOCAL).status == "interrupted"
        events = [event async for event in platform.runs.events(run, LOCAL)]
        assert [event.first_seq for event in events] == [1, *(event.seq + 1 for event in events[:-1])]
        assert events[-1].type == "interrupted"
        assert "".join(event.data["text"] for event in events if event.type == "text").startswith(seen)
        assert (await platform.runs.answer(run, LOCAL)).reason == "服务中断，请重新提问"
        whole = [event async for event in platform.runs.events(first, LOCAL)]
        assert "".join(event.data["text"] for event in whole if event.type == "text") == text_of(before)
        assert [each.id for each in store.list_runs(thread, LOCAL)] == [first, run]
        assert [turn.run_id for turn in platform.threads.history(thread, LOCAL)] == [first, first]
        again = await platform.runs.ask(LOCAL, "那对象存储呢？", thread_id=thread, door="cli")
        assert not again.refused
    finally:
        await platform.close()


async def test_a_waiting_run_goes_on_after_a_restart(own_home: Path) -> None:
    from tests.agents.board import NoticeBoard

    board = NoticeBoard()
    platform = await open_platform(settings_of(own_home), extra_tools=[board.tool()])
    waiting = await platform.runs.ask(LOCAL, "发布公告重启之后", door="cli")
    await platform.close()

    platform = await open_platform(settings_of(own_home), extra_tools=[board.tool()])
    try:
        approval = platform.approvals.list_approvals(LOCAL)[0]
        platform.approvals.decide(approval.id, LOCAL, "approve")
        await platform.runs.resume(waiting.run_id, door="cli")
        await platform.runs.settled(waiting.run_id)
        assert (await platform.runs.answer(waiting.run_id, LOCAL)).text == "已发布：重启之后。"
        assert board.published == ["重启之后"]
    finally:
        await platform.close()


async def test_conversations_survive_a_reopened_platform(own_home: Path) -> None:
    platform = await open_platform(settings_of(own_home))
    thread = platform.threads.create(LOCAL)
    said = await platform.runs.ask(LOCAL, "基础级的在线检测要做到什么程度？", thread_id=thread.id, door="cli")
    await platform.close()

    platform = await open_platform(settings_of(own_home))
    try:
        assert [turn.content for turn in platform.threads.history(thread.id, LOCAL)] == ["基础级的在线检测要做到什么程度？", said.text]
        follow_up = await platform.runs.ask(LOCAL, "那先进级呢？", thread_id=thread.id, door="cli")
        assert follow_up.citations[0].clause_id == "JSSF-24-先进"
    finally:
        await platform.close()


async def test_a_platform_that_cannot_open_leaves_nothing_open(own_home: Path) -> None:
    platform = await open_platform(settings_of(own_home))
    with pytest.raises(Conflict):
        await open_platform(settings_of(own_home))
    assert not (await platform.runs.ask(LOCAL, "块存储走什么协议？", door="cli")).refused
    await platform.close()
    await (await open_platform(settings_of(own_home))).close()


def test_an_announcement_belongs_to_the_process_that_made_it(tmp_path: Path) -> None:
    announce(tmp_path, "http://127.0.0.1:1")
    mine = (tmp_path / "instance.json").read_text(encoding="utf-8")
    (tmp_path / "instance.json").write_text(json.dumps({"pid": 1, "url": "http://127.0.0.1:1"}), encoding="utf-8")
    withdraw(tmp_path)
    assert (tmp_path / "instance.json").exists()
    (tmp_path / "instance.json").write_text(mine, encoding="utf-8")
    withdraw(tmp_path)
    assert not (tmp_path / "instance.json").exists()


@pytest.mark.parametrize(
    "left",
    ["", "{", "[]", '{"pid": "x", "url": 1}', '{"pid": 999999999, "url": "http://127.0.0.1:1"}', '{"pid": 1, "url": ":"}'],
)
def test_what_a_killed_process_left_is_no_instance(tmp_path: Path, left: str) -> None:
    (tmp_path / "instance.json").write_text(left, encoding="utf-8")
    assert running(tmp_path) is None


def test_the_whole_product_under_tls(home: Path, tmp_path: Path) -> None:
    """Its own certificate, a client that checks it, cookies that leave by nothing else."""
    own, tls = copy_home(home, tmp_path / "home"), make_certificate(tmp_path)
    cheap = {"SHUZHI_ACCESS__PASSWORD__PASSES": "1", "SHUZHI_ACCESS__PASSWORD__MEMORY_KIB": "64"}
    with at_home(own):
        password = shuzhi("users", "create", "anna", "--json").json["initial_password"]
    given = {"SHUZHI_ACCOUNTS": "true", "SHUZHI_TLS__CERT_FILE": str(tls.cert_file), "SHUZHI_TLS__KEY_FILE": str(tls.key_file)}
    with product(own, **given, **cheap) as (_, url):
        assert url.startswith("https://127.0.0.1:")
        trusted = ssl.create_default_context(cafile=str(tls.cert_file))
        with httpx.Client(base_url=url, verify=trusted, trust_env=False) as client:
            shown = client.get("/login")
            assert shown.status_code == 200
            assert shown.headers["strict-transport-security"].startswith("max-age=")
            assert client.get("/v1/tools").status_code == 401
            entered = client.post("/login", data={"name": "anna", "password": password}, headers={"origin": url})
            assert (entered.status_code, entered.headers["location"].partition("?")[0]) == (303, "/login/password")
            session, csrf = sorted(entered.headers.get_list("set-cookie"), key=lambda cookie: "-csrf=" in cookie)
            assert session.startswith("__Host-shuzhi=")
            assert "HttpOnly" in session
            assert all("Secure" in cookie and "Path=/" in cookie and "Domain" not in cookie for cookie in (session, csrf))
            assert client.get("/login/password").text.count('name="csrf"') == 1
        with httpx.Client(base_url=url, trust_env=False) as stranger, pytest.raises(httpx.ConnectError):
            stranger.get("/healthz")
        with httpx.Client(base_url=url.replace("https", "http"), trust_env=False) as plain, pytest.raises(httpx.TransportError):
            plain.get("/healthz")
