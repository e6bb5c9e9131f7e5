"""The command line (DESIGN §4.4): `--json` everywhere, exit 0 ok, 2 bad input, 1 failure."""

import asyncio
import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.principal import LOCAL
from serving.assembly import open_platform
from serving.instance import running
from tests.agents.board import NoticeBoard

from .command import Outcome, at_home, shuzhi
from .homes import copy_home, settings_of
from .listening import owner_of


@pytest.fixture(scope="module")
def board() -> NoticeBoard:
    return NoticeBoard()


@pytest.fixture(scope="module")
def cli_home(home: Path, tmp_path_factory: pytest.TempPathFactory, board: NoticeBoard) -> Iterator[Path]:
    """A home with an instance running on it: most commands here talk to that, which is quick."""
    own = copy_home(home, tmp_path_factory.mktemp("cli") / "home")
    with owner_of(own, [board.tool()]):
        yield own


@pytest.fixture
def at_served_home(cli_home: Path) -> Iterator[None]:
    with at_home(cli_home):
        yield


served = pytest.mark.usefixtures("at_served_home")


@pytest.fixture
def at_own_home(own_home: Path) -> Iterator[None]:
    """A home that nobody serves: commands open the stores themselves."""
    with at_home(own_home):
        yield


MANUAL = "# 轧机规程\n\n1 总则\n\n1.1 轴承温度超过 71 摄氏度应当停机。\n"


def refused(outcome: Outcome, code: int = 2) -> dict[str, Any]:
    """Bad input: the problem on standard output as JSON, no traceback anywhere."""
    assert outcome.code == code, (outcome.out, outcome.err)
    assert "Traceback" not in outcome.out + outcome.err
    return outcome.json["error"]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def jsonl(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.usefixtures("at_own_home")
def test_a_command_opens_the_stores_itself_when_nobody_serves_them(tmp_path: Path) -> None:
    given, out = jsonl(tmp_path / "in.jsonl", {"id": 1, "question": "块存储走什么协议？"}), tmp_path / "out.jsonl"
    assert shuzhi("ask", "--batch", str(given), "--out", str(out)).code == 0
    assert lines(out)[0]["citations"][0]["clause_id"] == "TISC-6.1.2.1-c"
    assert shuzhi("search", "块存储走什么协议", "-k", "2", "--json").json["hits"][0]["clause_id"] == "TISC-6.1.2.1-c"
    assert shuzhi("ingest", str(jsonl(tmp_path / "文.jsonl", {"file": "规程.md", "text": MANUAL})), "--json").json["counts"]["stored"] == 1
    assert [document["name"] for document in shuzhi("documents", "--json").json["documents"]] == ["规程.md"]
    assert refused(shuzhi("tools", "run", "none", "--json"))["type"] == "NotFound"
    doctor = shuzhi("doctor", "--json").json
    assert (doctor["ready"], doctor["checks"]["documents"]) == (True, 1)


@served
def test_ask() -> None:
    asked = shuzhi("ask", "块存储走什么协议？", "--json")
    assert asked.code == 0
    assert asked.json["citations"][0]["clause_id"] == "TISC-6.1.2.1-c"
    shown = shuzhi("ask", "-", stdin="块存储走什么协议？")
    assert shown.out.startswith(asked.json["text"])
    assert "依据：\n  TISC-6.1.2.1-c" in shown.out
    assert "（目录表述，已核对）" in shown.out


@served
def test_ask_without_a_question() -> None:
    for outcome in (shuzhi("ask", "--json"), shuzhi("ask", "  ", "--json"), shuzhi("ask", "-", "--json", stdin="")):
        assert refused(outcome)["message"] == "没有问题"


@served
def test_a_refusal_is_no_failure() -> None:
    asked = shuzhi("ask", "在线检测哪个牌子的相机最好，推荐一款")
    assert asked.code == 0
    assert "最接近的条款：" in asked.out


@served
def test_a_batch_of_questions(tmp_path: Path) -> None:
    given = jsonl(
        tmp_path / "in.jsonl",
        {"id": 1, "question": "块存储走什么协议？"},
        {"id": "b", "question": "那先进级呢？", "turns": [{"role": "user", "content": "基础级的在线检测要做到什么程度？"}]},
        {"id": "c", "question": ""},
        {"id": "d", "question": "原来采购花了500万，上了比价平台以后420万，采购成本下降率多少"},
    )
    out = tmp_path / "out.jsonl"
    assert shuzhi("ask", "--batch", str(given), "--out", str(out)).code == 0
    rows = lines(out)
    keys = {"id", "answer", "citations", "retrieved", "tool_calls", "refused", "values", "latency_ms"}
    assert [row["id"] for row in rows] == [1, "b", "c", "d"]
    assert all(set(row) == keys for row in rows)
    assert [row["refused"] for row in rows] == [False, False, True, False]
    assert rows[1]["citations"][0]["clause_id"] == "JSSF-24-先进"
    assert set(rows[0]["citations"][0]) == {"clause_id", "quote", "source", "verified"}
    assert rows[3]["values"] == [16.0]
    assert not out.with_suffix(".jsonl.part").exists()
    printed = shuzhi("ask", "--batch", str(given))
    assert [json.loads(line)["id"] for line in printed.out.splitlines()] == [1, "b", "c", "d"]


@served
@pytest.mark.parametrize(
    ("bad", "what"), [(b"{oops", "JSON"), (b'{"question": "?"}', "id"), (b"[1]", "id"), (b'{"id": 1, "question": "\xff"}', "UTF-8")]
)
@pytest.mark.parametrize("command", ["ask", "search"])
def test_a_bad_line_is_named_and_the_old_result_stays(tmp_path: Path, command: str, bad: bytes, what: str) -> None:
    given, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    given.write_bytes(b'{"id": 1, "question": "a"}\n\n' + bad + b"\n")
    out.write_text("old\n", encoding="utf-8")
    problem = refused(shuzhi(command, "--batch", str(given), "--out", str(out), "--json"))
    assert "第 3 行" in problem["detail"][0]["where"]
    assert what in problem["message"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]
    assert out.read_text(encoding="utf-8") == "old\n"


@served
def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    given = jsonl(tmp_path / "in.jsonl", {"id": 1, "question": "a"})
    assert "none.jsonl" in refused(shuzhi("ask", "--batch", str(tmp_path / "none.jsonl"), "--json"))["detail"][0]["where"]
    assert "写不了" in refused(shuzhi("ask", "--batch", str(given), "--out", str(tmp_path / "no" / "out"), "--json"))["message"]


@served
def test_search(tmp_path: Path) -> None:
    found = shuzhi("search", "块存储走什么协议", "-k", "3", "--json").json["hits"]
    assert len(found) == 3
    assert found[0]["clause_id"] == "TISC-6.1.2.1-c"
    assert "TISC-6.1.2.1-c" in shuzhi("search", "块存储走什么协议").out
    out = tmp_path / "out.jsonl"
    given = jsonl(tmp_path / "in.jsonl", {"id": "x", "question": "块存储走什么协议"}, {"id": "y", "query": "数据分级"})
    assert shuzhi("search", "--batch", str(given), "--out", str(out), "-k", "2").code == 0
    assert [(row["id"], len(row["hits"]), set(row["hits"][0])) for row in lines(out)] == [
        ("x", 2, {"clause_id", "score", "text"}),
        ("y", 2, {"clause_id", "score", "text"}),
    ]
    for bad in (["search", "", "--json"], ["search", "a", "-k", "0", "--json"], ["search", "a", "-k", "51", "--json"]):
        assert refused(shuzhi(*bad))["detail"]


@served
def test_ingest_and_documents(tmp_path: Path) -> None:
    good, bad = tmp_path / "规程.md", tmp_path / "坏.pdf"
    good.write_text(MANUAL, encoding="utf-8")
    bad.write_bytes(b"%PDF-1.7 broken")
    first = shuzhi("ingest", str(tmp_path), "--json")
    assert first.code == 0
    assert (first.json["counts"]["stored"], first.json["counts"]["failed"]) == (1, 1)
    assert first.json["failures"][0]["name"] == "坏.pdf"
    assert shuzhi("ingest", str(good), "--json").json["counts"]["unchanged"] == 1
    assert "坏.pdf" in shuzhi("ingest", str(tmp_path)).out
    listed = shuzhi("documents", "--json").json["documents"]
    assert [document["name"] for document in listed] == ["规程.md"]
    assert listed[0]["title"] in shuzhi("documents").out
    assert shuzhi("ingest", str(bad), "--json").code == 2
    assert "没有这个文件" in refused(shuzhi("ingest", str(tmp_path / "none"), "--json"))["message"]
    assert "secret" in refused(shuzhi("ingest", str(good), "--label", "secret", "--json"))["message"]


@served
def test_doctor() -> None:
    found = shuzhi("doctor", "--json").json
    assert found["ready"] is True
    assert "ready：True" in shuzhi("doctor").out


@served
def test_tools(tmp_path: Path) -> None:
    names = {tool["name"] for tool in shuzhi("tools", "list", "--json").json["tools"]}
    assert {"search_standards", "get_clause", "compute_kpi"} <= names
    assert "compute_kpi" in shuzhi("tools", "list").out
    assert shuzhi("tools", "show", "compute_kpi", "--json").json["effect"] == "compute"
    assert "compute_kpi" in refused(shuzhi("tools", "show", "compute_kp", "--json"))["detail"][0]["cure"]
    given = {"indicator": "采购成本下降率", "inputs": {"v1": 500, "v2": 420}}
    file = jsonl(tmp_path / "args.json", given)
    for arguments in (json.dumps(given), f"@{file}"):
        assert shuzhi("tools", "run", "compute_kpi", "--args", arguments, "--json").json["values"] == [16.0]
    assert "16%" in shuzhi("tools", "run", "compute_kpi", "--args", json.dumps(given)).out
    for bad in ("{", "[1]", f"@{tmp_path}/none", "{}"):
        refused(shuzhi("tools", "run", "compute_kpi", "--args", bad, "--json"))
    assert refused(shuzhi("tools", "run", "none", "--json"))["type"] == "NotFound"


async def waiting_runs(address: str, *texts: str) -> None:
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        for text in texts:
            body = {"messages": [{"role": "user", "content": f"发布公告{text}"}]}
            answer = (await client.post("/v1/chat/completions", json=body)).json()
            assert answer["shuzhi"]["reason"] == "needs_approval"


@served
def test_approvals(cli_home: Path, board: NoticeBoard) -> None:
    instance = running(cli_home)
    assert instance is not None
    asyncio.run(waiting_runs(instance.url, "甲", "乙"))
    listed = shuzhi("approvals", "list", "--json").json["approvals"]
    assert [(approval["status"], approval["args"]["text"]) for approval in listed] == [("pending", "乙"), ("pending", "甲")]
    second, first = (approval["id"] for approval in listed)
    assert first in shuzhi("approvals", "list").out
    assert shuzhi("approvals", "show", first, "--json").json["tool"] == "publish_notice"
    assert shuzhi("approvals", "approve", first, "--reason", "可以", "--json").json["status"] == "approved"
    assert "已驳回" in shuzhi("approvals", "reject", second).out
    assert refused(shuzhi("approvals", "approve", first, "--json"))["type"] == "Conflict"
    assert refused(shuzhi("approvals", "show", "none", "--json"))["type"] == "NotFound"
    until = time.monotonic() + 5
    while not board.published and time.monotonic() < until:
        time.sleep(0.02)
    assert board.published == ["甲"]


def test_approvals_without_an_instance(own_home: Path) -> None:
    async def wait() -> str:
        platform = await open_platform(settings_of(own_home), extra_tools=[NoticeBoard().tool()])
        run_id = (await platform.runs.ask(LOCAL, "发布公告丙", door="cli")).run_id
        await platform.close()
        return run_id

    asyncio.run(wait())
    with at_home(own_home):
        approval = shuzhi("approvals", "list", "--json").json["approvals"][0]["id"]
        assert shuzhi("approvals", "reject", approval, "--json").json["status"] == "rejected"


@served
def test_the_database_is_upgraded() -> None:
    assert shuzhi("db", "upgrade", "--json").json["revision"]
    assert "数据库版本：" in shuzhi("db", "upgrade").out


def test_a_database_of_a_newer_program_is_left_alone(own_home: Path) -> None:
    with sqlite3.connect(own_home / "shuzhi.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'zz99'")
    connection.close()
    before = (own_home / "shuzhi.db").read_bytes()
    with at_home(own_home):
        for command in (["ask", "块存储？"], ["db", "upgrade"], ["doctor"]):
            problem = refused(shuzhi(*command, "--json"))
            assert "zz99" in problem["detail"][0]["where"]
            assert "升级" in problem["detail"][0]["cure"]
    assert (own_home / "shuzhi.db").read_bytes() == before


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["ask", "--nonsense"], ["search", "a", "-k", "many"], ["tools", "run"], ["up", "--port", "x"], ["ingest"]]
)
def test_wrong_usage(arguments: list[str]) -> None:
    outcome = shuzhi(*arguments)
    assert outcome.code == 2
    assert "Usage" in outcome.err
    assert not outcome.out


def test_bad_settings_are_named_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHUZHI_PORT", "many")
    assert refused(shuzhi("doctor", "--json"))["detail"][0]["where"] == "SHUZHI_PORT"
    monkeypatch.delenv("SHUZHI_PORT")
    monkeypatch.setenv("SHUZHI_HOST", "0.0.0.0")
    assert "密钥" in refused(shuzhi("doctor", "--json"))["message"]


def test_a_port_in_use_is_named_with_another_to_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = shuzhi("up", "--port", str(port))
    assert outcome.code == 2
    assert f"端口 {port} 已被占用" in outcome.err
    assert f"shuzhi up --port {port + 1}" in outcome.err


@served
def test_an_error_for_people_says_where_and_what_to_do() -> None:
    outcome = shuzhi("tools", "show", "compute_kp")
    assert outcome.code == 2
    assert outcome.err.startswith("错误：没有名为 'compute_kp' 的工具\n  位置：name；处理办法：")
