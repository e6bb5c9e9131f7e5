"""Chainlit's history over our records, on a real platform: what was said comes back as it looked, and nobody else's does."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from fastapi import HTTPException

from domain.principal import Principal
from records.runs import NewRun
from serving.assembly import Platform
from ui.uploads import take_in
from ui.wording import Wording

STRANGER = Principal(id="stranger", tenant="elsewhere", roles=frozenset({"staff"}))
QUESTION = "在线智能检测的先进级和卓越级，要求差在哪里？"


def visit() -> Any:
    """A page that was just opened."""
    from chainlit.session import HTTPSession

    return HTTPSession(id="session", client_type="webapp")


def page(**changed: Any) -> tuple[Any, Any]:
    from chainlit.types import Pagination, ThreadFilter

    return Pagination(first=changed.pop("first", 20), cursor=changed.pop("cursor", None)), ThreadFilter(**changed)


async def said(platform: Platform, thread_id: str, question: str) -> str:
    run = await platform.runs.start(platform.principal, question, door="chat", thread_id=thread_id)
    async for _ in platform.runs.events(run.id, platform.principal):
        pass
    return run.id


async def test_a_conversation_comes_back_with_answers_cards_and_thumbs(records_layer: Any, platform: Platform, words: Wording) -> None:
    layer = records_layer(lambda: platform, words)
    session = visit()
    thread_id = await layer.adopt(session, f"  {QUESTION}\n{'很长' * 100}")
    assert "-" not in thread_id
    assert await layer.adopt(session, "again") == thread_id == session.thread_id
    run_id = await said(platform, thread_id, QUESTION)
    layer.remember("step-of-the-open-page", run_id)

    from chainlit.types import Feedback

    given = await layer.upsert_feedback(Feedback(forId="step-of-the-open-page", value=1, comment="引文准确"))
    assert given == run_id

    thread = await layer.get_thread(thread_id)
    kinds = [(step["type"], step.get("parentId")) for step in thread["steps"]]
    assert kinds == [("user_message", None), ("run", f"{run_id}.q"), ("tool", run_id), ("assistant_message", run_id)]
    question, run, tool, answer = thread["steps"]
    assert question["output"] == QUESTION
    assert run["feedback"] == {"id": run_id, "forId": run_id, "value": 1, "comment": "引文准确"}
    assert tool["name"].startswith("检索条款 · ")
    assert "[1]" in answer["output"]
    cards = [element for element in thread["elements"] if element["name"] == "ShuzhiAnswer"]
    assert [card["forId"] for card in cards] == [answer["id"]]
    assert {card["clause_id"] for card in cards[0]["props"]["cards"]} == {"JSSF-24-先进", "JSSF-24-卓越"}
    assert thread["userIdentifier"] == platform.principal.id
    assert await layer.get_element(thread_id, cards[0]["id"]) == cards[0]

    await layer.delete_feedback(run_id)
    assert "feedback" not in (await layer.get_thread(thread_id))["steps"][1]
    # a thumb on a page that was resumed: its step carries the run's id
    await layer.upsert_feedback(Feedback(forId=run_id, value=0))
    assert platform.feedback.of_run(run_id, platform.principal).rating == "down"  # type: ignore[union-attr]


async def test_list_search_rename_delete(records_layer: Any, platform: Platform, words: Wording) -> None:
    layer = records_layer(lambda: platform, words)
    ids = [await layer.adopt(visit(), title) for title in ("设备台账", "智能排产", "能耗")]
    first = await layer.list_threads(*page(first=2))
    assert [thread["name"] for thread in first.data] == ["能耗", "智能排产"]
    assert first.pageInfo.hasNextPage
    rest = await layer.list_threads(*page(first=2, cursor=first.pageInfo.endCursor))
    assert [thread["name"] for thread in rest.data] == ["设备台账"]
    assert not rest.pageInfo.hasNextPage
    found = await layer.list_threads(*page(search="排产"))
    assert [thread["id"] for thread in found.data] == [ids[1]]

    await layer.update_thread(ids[0], name="台账怎么建")
    await layer.update_thread(ids[0], metadata={"chat_settings": {}})
    assert (await layer.get_thread(ids[0]))["name"] == "台账怎么建"
    with pytest.raises(HTTPException) as empty:
        await layer.update_thread(ids[0], name="  ")
    assert empty.value.status_code == 422
    assert "填写" in empty.value.detail

    await layer.delete_thread(ids[0])
    assert await layer.get_thread(ids[0]) is None
    assert await layer.get_thread_author(ids[0]) == ""
    run = platform.run_store.start(NewRun(thread_id=ids[1], question="还在想"), platform.principal)
    with pytest.raises(HTTPException) as busy:
        await layer.delete_thread(ids[1])
    assert busy.value.status_code == 409
    platform.run_store.finish(run.id, "cancelled")


async def test_others_do_not_exist(records_layer: Any, platform: Platform, words: Wording) -> None:
    layer = records_layer(lambda: platform, words)
    foreign = platform.threads.create(STRANGER, "不是你的")
    run = platform.run_store.start(NewRun(thread_id=foreign.id, question="秘密"), STRANGER)
    platform.run_store.finish(run.id, "done", {"text": "秘密"})
    assert await layer.get_thread(foreign.id) is None
    assert await layer.get_thread_author(foreign.id) == ""
    assert (await layer.list_threads(*page())).data == []
    assert await layer.get_user("stranger") is None
    for forbidden in (layer.update_thread(foreign.id, name="x"), layer.delete_thread(foreign.id), layer.delete_feedback(run.id)):
        with pytest.raises(HTTPException) as caught:
            await forbidden
        assert caught.value.status_code == 404


async def test_what_never_finished_says_why(records_layer: Any, platform: Platform, words: Wording) -> None:
    layer = records_layer(lambda: platform, words)
    thread_id = await layer.adopt(visit(), "没答完的")
    store, principal = platform.run_store, platform.principal

    def begun(question: str) -> str:
        return store.start(NewRun(thread_id=thread_id, question=question), principal).id

    from records.events import NewEvent

    stopped, broken, killed = begun("停"), begun("坏"), begun("断")
    store.append(stopped, [NewEvent(type="text", data={"text": "说到一半[1]"})])
    store.finish(stopped, "cancelled")
    problem = {"type": "StorageError", "message": "磁盘满了", "detail": [{"where": "home", "what": "磁盘满了", "cure": "清理"}]}
    store.finish(broken, "failed", None, {"error": problem})
    store.finish(killed, "interrupted")
    running = begun("还在说")

    thread = await layer.get_thread(thread_id)
    said = {step["parentId"]: step["output"] for step in thread["steps"] if step["type"] == "assistant_message"}
    assert said[stopped] == f"说到一半[1]\n\n*{words('notice.stopped')}*"
    assert said[killed] == f"*{words('notice.interrupted')}*"
    assert running not in said  # the page follows it live
    (trouble,) = thread["elements"]
    assert (trouble["forId"], trouble["props"]["message"]) == (f"{broken}.a", "磁盘满了")
    assert trouble["props"]["details"] == [{"where": "home", "what": "", "cure": "清理"}]
    store.finish(running, "cancelled")


async def test_uploads_are_private_and_part_of_the_conversation(
    records_layer: Any, platform: Platform, words: Wording, tmp_path: Path
) -> None:
    layer = records_layer(lambda: platform, words)
    thread_id = await layer.adopt(visit(), "文件")
    good, bad = tmp_path / "点检办法.md", tmp_path / "坏.pdf"
    good.write_text("# 点检管理办法\n\n## 1 保存\n\n点检记录保存期限不少于18个月。\n", encoding="utf-8")
    bad.write_bytes(b"%PDF-1.4 broken")
    for file in (good, bad, good, tmp_path / "gone.txt"):
        await take_in(platform, platform.principal, thread_id, file.name, file, words)

    library = platform.knowledge.library
    (document,) = library.documents(platform.principal)
    assert (document.label.level, document.collection) == ("private", "my")
    assert library.documents(STRANGER) == []
    thread = await layer.get_thread(thread_id)
    asked = [step["output"] for step in thread["steps"] if step["type"] == "user_message"]
    assert asked == ["上传文件：点检办法.md", "上传文件：坏.pdf", "上传文件：点检办法.md", "上传文件：gone.txt"]
    assert not [step for step in thread["steps"] if step["type"] == "tool"]
    shown = [element["props"] for element in thread["elements"]]
    assert [props["kind"] for props in shown] == ["upload", "problem", "upload", "problem"]
    assert shown[0]["upload"]["title"] == document.title
    assert all(spot["cure"] for props in (shown[1], shown[3]) for spot in props["details"])
    outputs = [step["output"] for step in thread["steps"] if step["type"] == "assistant_message"]
    assert outputs[0].startswith("已读入")
    assert "没有变化" in outputs[2]

    run_id = await said(platform, thread_id, "点检记录要保存多久？")
    answer = await platform.runs.answer(run_id, platform.principal)
    assert "18个月" in answer.text
    assert answer.citations[0].source == "document"


async def test_waiting_run_shows_its_buttons_again(records_layer: Any, platform: Platform, words: Wording) -> None:
    from records.approvals import NewApproval

    layer = records_layer(lambda: platform, words)
    thread_id = await layer.adopt(visit(), "待批")
    run = platform.run_store.start(NewRun(thread_id=thread_id, question="发布需求"), platform.principal)
    new = NewApproval(run_id=run.id, tool="publish_demand", args={"title": "热处理"}, effect="write")
    approval = await asyncio.to_thread(platform.approvals.request, new, platform.principal)
    platform.run_store.wait(run.id)
    thread = await layer.get_thread(thread_id)
    (shown,) = thread["elements"]
    assert shown["name"] == "ShuzhiApproval"
    assert (shown["props"]["approval_id"], shown["props"]["tool"]) == (approval.id, "发布需求")
    assert shown["props"]["arguments"] == [{"name": "title", "value": "热处理"}]
