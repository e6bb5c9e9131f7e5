"""With a key, what people said lies sealed on the disk, and everything that reads it goes on as before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from domain.errors import ConfigurationError
from domain.principal import LOCAL
from records.keys import new_key_line
from serving.assembly import Platform, open_platform
from tests.agents.board import NoticeBoard

from .command import at_home, shuzhi
from .homes import settings_of

pytestmark = pytest.mark.asyncio(loop_scope="session")
QUESTION = "块存储走什么协议？"
NOTICE = "发布公告星期四停水"
_, KEY = new_key_line()


@asynccontextmanager
async def opened(home: Path, key: str = KEY, algorithm: str = "aes-256-gcm", board: NoticeBoard | None = None) -> AsyncIterator[Platform]:
    settings = settings_of(home, sealing={"keys": key, "algorithm": algorithm} if key else {})
    platform = await open_platform(settings, extra_tools=[(board or NoticeBoard()).tool()])
    try:
        yield platform
    finally:
        await platform.close()


def on_disk(home: Path) -> bytes:
    """Every byte of the databases and of what SQLite keeps beside them."""
    return b"".join(path.read_bytes() for path in sorted(home.glob("*.db*")))


def occur(home: Path, *texts: str) -> list[str]:
    data = on_disk(home)
    # JSON may hold text escaped
    return [text for text in texts if text.encode() in data or text.encode("unicode_escape") in data]


async def talk(platform: Platform) -> tuple[str, str, str]:
    """A conversation with an answer and an opinion; its id, the run's, and the answer's text."""
    thread = platform.threads.create(LOCAL)
    answer = await platform.runs.ask(LOCAL, QUESTION, door="cli", thread_id=thread.id)
    platform.feedback.give(answer.run_id, LOCAL, "up", "讲得明白", door="cli")
    return thread.id, answer.run_id, answer.text


async def test_without_a_key_a_question_lies_on_the_disk_as_it_was_asked(own_home: Path) -> None:
    """The other tests here would find it."""
    async with opened(own_home, key="") as platform:
        _, _, text = await talk(platform)
        assert occur(own_home, QUESTION, "讲得明白", text[:10]) == [QUESTION, "讲得明白", text[:10]]


@pytest.mark.parametrize("algorithm", ["aes-256-gcm", "sm4-gcm", "sm4-ctr+hmac-sm3"])
async def test_with_a_key_neither_question_nor_answer_occurs_in_any_file(own_home: Path, algorithm: str) -> None:
    async with opened(own_home, algorithm=algorithm) as platform:
        thread, run, text = await talk(platform)
        waiting = await platform.runs.ask(LOCAL, NOTICE, door="cli")
        assert waiting.reason == "needs_approval"
        assert platform.threads.get(thread, LOCAL).title == QUESTION
        assert [turn.content for turn in platform.threads.history(thread, LOCAL)] == [QUESTION, text]
        assert platform.run_store.get(run, LOCAL).question == QUESTION
        assert occur(own_home, QUESTION, "讲得明白", text[:10], "星期四停水", NOTICE) == []
    assert occur(own_home, QUESTION, "讲得明白", text[:10], "星期四停水", NOTICE) == []


async def test_a_replay_may_begin_inside_sealed_text(own_home: Path) -> None:
    async with opened(own_home) as platform:
        _, run, _ = await talk(platform)
        live = "".join(e.data["text"] for e in platform.run_store.events_after(run, 0, LOCAL) if e.type == "text")
    async with opened(own_home) as platform:
        events = platform.run_store.events_after(run, 0, LOCAL)
        merged = next(event for event in events if event.type == "text" and event.seq > event.first_seq)
        [rest, *_] = platform.run_store.events_after(run, merged.first_seq, LOCAL)
        assert merged.data["text"].endswith(rest.data["text"])
        assert 0 < len(rest.data["text"]) < len(merged.data["text"])
        replayed = [event async for event in platform.runs.events(run, LOCAL)]
        assert "".join(event.data["text"] for event in replayed if event.type == "text") == live


async def test_a_sealed_approval_is_carried_out_after_a_restart(own_home: Path) -> None:
    board = NoticeBoard()
    async with opened(own_home, board=board) as platform:
        waiting = await platform.runs.ask(LOCAL, NOTICE, door="cli")
    async with opened(own_home, board=board) as platform:
        [approval] = platform.approvals.list_approvals(LOCAL, status="pending")
        assert approval.args == {"text": "星期四停水"}
        platform.approvals.decide(approval.id, LOCAL, "approve", door="cli")
        await platform.runs.resume(waiting.run_id, door="cli")
        await platform.runs.settled(waiting.run_id)
        answer = await platform.runs.answer(waiting.run_id, LOCAL)
        assert (board.published, answer.refused) == (["星期四停水"], False)
        outcome = platform.approvals.show(approval.id, LOCAL).outcome
        assert outcome is not None
        assert "星期四停水" in outcome["summary"]
    assert occur(own_home, "星期四停水") == []


async def test_a_database_from_before_the_key_keeps_working_and_is_sealed_by_rotation(own_home: Path, tmp_path: Path) -> None:
    async with opened(own_home, key="") as platform:
        thread, run, text = await talk(platform)
        empty = platform.threads.create(LOCAL)
    key_file = tmp_path / "master.keys"
    with at_home(own_home), pytest.MonkeyPatch.context() as patch:
        assert shuzhi("keys", "new", "--file", str(key_file), "--json").code == 0
        patch.setenv("SHUZHI_SEALING__KEY_FILE", str(key_file))
        rotated = shuzhi("keys", "rotate", "--json").json
        assert rotated["columns"]["runs.question"]["sealed"] == 1
        assert rotated["unreadable"] == 0
        counts = [key["values"] for key in shuzhi("keys", "status", "--json").json["keys"] if key["purpose"] == "data"]
        assert counts == [0, rotated["sealed"]]
        assert shuzhi("keys", "rotate", "--master", "--json").json["rewrapped"] == 3
        assert "内容没有改动" in shuzhi("keys", "rotate", "--master").out
        assert shuzhi("keys", "rotate", "--index").code == 0
        assert len(key_file.read_text().splitlines()) == 3
        done = [e["action"] for e in shuzhi("audit", "list", "--system", "--json").json["entries"] if e["object_kind"] == "key"][::-1]
        once = ["key.rotate", "data.reseal"]
        assert done == [*once, "key.rotate", "key.rotate", "key.rotate", *once]
    async with opened(own_home, key=key_file.read_text()) as platform:
        assert platform.threads.get(thread, LOCAL).title == QUESTION
        assert platform.run_store.get(run, LOCAL).answer["text"] == text  # pyright: ignore[reportOptionalSubscript]
        assert platform.feedback.of_run(run, LOCAL).comment == "讲得明白"  # pyright: ignore[reportOptionalMemberAccess]
        asked = await platform.runs.ask(LOCAL, "那对象存储呢？", door="cli", thread_id=empty.id)
        assert not asked.refused
        assert platform.threads.get(empty.id, LOCAL).title == "那对象存储呢？"


OTHER = new_key_line()[1]
WRONG = {"another": (OTHER, "没有主密钥"), "same id": (f"{KEY.split()[0]} {OTHER.split()[1]}", "打不开"), "none": ("", "没有设置主密钥")}


@pytest.mark.parametrize("which", WRONG)
async def test_a_wrong_or_missing_key_is_one_clear_error(own_home: Path, which: str) -> None:
    key, what = WRONG[which]
    async with opened(own_home) as platform:
        await talk(platform)
    with pytest.raises(ConfigurationError, match=what) as caught:
        async with opened(own_home, key=key):
            pass
    assert any(spot.cure for spot in caught.value.detail)
    with at_home(own_home), pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHUZHI_SEALING__KEYS", key)
        told: Any = await asyncio.to_thread(shuzhi, "ask", QUESTION, "--json")
        assert (told.code, told.json["error"]["type"]) == (2, "ConfigurationError")
        assert what in told.json["error"]["message"]


async def test_keys_cannot_be_turned_without_a_key(own_home: Path, tmp_path: Path) -> None:
    with at_home(own_home):
        for command in (("rotate",), ("status",)):
            refused = shuzhi("keys", *command, "--json")
            assert (refused.code, refused.json["error"]["message"]) == (2, "没有设置主密钥，内容没有加密")
        made = tmp_path / "a.keys"
        assert "备份" in shuzhi("keys", "new", "--file", str(made)).out
        assert made.stat().st_mode & 0o777 == 0o600
        assert shuzhi("keys", "new", "--file", str(made), "--json").code == 2
        assert shuzhi("keys", "rotate", "--master", "--index", "--json").code == 2
