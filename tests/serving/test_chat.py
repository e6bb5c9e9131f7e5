"""`/v1/chat/completions` with the unmodified `openai` SDK over a real server."""

from typing import Any

import openai
import pytest
import pytest_asyncio
from fastapi import FastAPI
from openai import AsyncOpenAI

from domain.answer import Answer
from serving.assembly import open_platform
from serving.fake_endpoint import FakeEndpoint
from tests.agents.board import NoticeBoard

from .conftest import started
from .homes import copy_home, settings_of
from .listening import listening

pytestmark = pytest.mark.asyncio(loop_scope="session")
QUESTION = "先进级的在线检测要做到什么程度？"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def client(app: FastAPI) -> Any:
    async with listening(app) as address, AsyncOpenAI(base_url=f"{address}/v1", api_key="unused", max_retries=0) as client:
        yield client


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


async def streamed(client: AsyncOpenAI, messages: Any, **options: Any) -> tuple[str, list[Any]]:
    chunks = [chunk async for chunk in await client.chat.completions.create(model="shuzhi", messages=messages, stream=True, **options)]
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices), chunks


async def test_the_model_is_listed(client: AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == ["shuzhi"]


async def test_a_whole_answer(client: AsyncOpenAI) -> None:
    completion = await client.chat.completions.create(model="shuzhi", messages=user(QUESTION))
    choice = completion.choices[0]
    assert (choice.finish_reason, choice.message.role) == ("stop", "assistant")
    extension: Any = completion.model_extra and completion.model_extra["shuzhi"]
    answer = Answer.model_validate({**extension, "text": choice.message.content})
    assert answer.citations[0].clause_id == "JSSF-24-先进"
    assert [citation["clause_id"] for citation in extension["citations"]] == [citation.clause_id for citation in answer.citations]
    assert completion.id == f"chatcmpl-{answer.run_id}"
    assert completion.usage is not None
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens


async def test_a_streamed_answer_is_the_whole_answer(client: AsyncOpenAI) -> None:
    whole = await client.chat.completions.create(model="shuzhi", messages=user(QUESTION))
    text, chunks = await streamed(client, user(QUESTION))
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [*[None] * (len(chunks) - 1), "stop"]
    assert len({chunk.id for chunk in chunks}) == 1
    given, kept = chunks[-1].model_extra["shuzhi"], whole.model_extra and whole.model_extra["shuzhi"]
    assert given["citations"] == kept["citations"]
    assert given["tool_calls"] == kept["tool_calls"]


async def test_usage_comes_last_when_it_is_asked_for(client: AsyncOpenAI) -> None:
    text, chunks = await streamed(client, user(QUESTION), stream_options={"include_usage": True})
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == len(text)


async def test_the_client_keeps_the_conversation(client: AsyncOpenAI) -> None:
    messages = [
        {"role": "system", "content": "你是助手"},
        *user("基础级的在线检测要做到什么程度？"),
        {"role": "assistant", "content": "……"},
        {"role": "user", "content": [{"type": "text", "text": "那先进级呢？"}, {"type": "image_url", "image_url": {"url": "data:,"}}]},
    ]
    completion = await client.chat.completions.create(model="shuzhi", messages=messages, temperature=0.3, seed=1)  # pyright: ignore
    extension: Any = completion.model_extra and completion.model_extra["shuzhi"]
    assert extension["citations"][0]["clause_id"] == "JSSF-24-先进"


async def test_a_refusal_is_an_answer(client: AsyncOpenAI) -> None:
    completion = await client.chat.completions.create(model="shuzhi", messages=user("明天天气怎么样"))
    extension: Any = completion.model_extra and completion.model_extra["shuzhi"]
    assert extension["refused"] is True
    assert extension["reason"] in (completion.choices[0].message.content or "")


async def test_what_needs_an_approval_says_so_and_does_not_hang(client: AsyncOpenAI, board: NoticeBoard) -> None:
    completion = await client.chat.completions.create(model="shuzhi", messages=user("发布公告聊天甲"), timeout=5)
    extension: Any = completion.model_extra and completion.model_extra["shuzhi"]
    assert extension["reason"] == "needs_approval"
    text, chunks = await streamed(client, user("发布公告聊天乙"), timeout=5)
    assert text == completion.choices[0].message.content
    assert "审批" in text
    assert chunks[-1].model_extra["shuzhi"]["reason"] == "needs_approval"
    assert not {"聊天甲", "聊天乙"} & set(board.published)


async def test_errors_are_the_sdks_own(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.UnprocessableEntityError, match="内容不对"):
        await client.chat.completions.create(model="shuzhi", messages=[])
    with pytest.raises(openai.APIError, match="内部错误"):
        await streamed(client, user("触发故障"))


async def test_with_a_model_attached_the_words_are_its_own_and_the_evidence_the_same(home: Any, tmp_path: Any, client: AsyncOpenAI) -> None:
    offline = await client.chat.completions.create(model="shuzhi", messages=user(QUESTION))
    async with FakeEndpoint(tokens=40) as fake:
        settings = settings_of(copy_home(home, tmp_path / "model"), model={"base_url": fake.base_url, "model": "fake"})
        platform = await open_platform(settings)
        async with started(platform) as app, listening(app) as address, AsyncOpenAI(base_url=f"{address}/v1", api_key="unused") as attached:
            text, chunks = await streamed(attached, user(QUESTION))
            listed = (await attached.models.list()).data[0]
        await platform.close()
    extension, plain = chunks[-1].model_extra["shuzhi"], offline.model_extra and offline.model_extra["shuzhi"]
    assert listed.model_extra is not None
    assert (extension["model"], listed.model_extra["backend"]) == ("fake", "fake")
    assert text
    assert {c["clause_id"] for c in extension["citations"]} <= {c["clause_id"] for c in plain["citations"]}
    assert extension["retrieved"] == plain["retrieved"]
