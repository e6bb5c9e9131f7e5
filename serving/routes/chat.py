"""`POST /v1/chat/completions` and `GET /v1/models`: OpenAI-compatible, with the verified answer in an extension field `shuzhi`."""

import time
from collections.abc import AsyncIterator
from typing import Any, Literal

import orjson
from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from agents.state import Turn
from domain.answer import Answer
from domain.errors import UserInputError
from domain.principal import Principal
from records.events import RunEvent
from records.runs import Run

from ..assembly import Platform
from ..doors import Asker, ThePlatform
from ..runs import WAITING

router = APIRouter(prefix="/v1", tags=["chat"])
MODEL = "shuzhi"


class ContentPart(BaseModel):
    """One part of a multi-part message; only text is read."""

    model_config = ConfigDict(extra="ignore")

    type: str
    text: str = ""


class ChatMessage(BaseModel):
    """A message as OpenAI clients send it."""

    model_config = ConfigDict(extra="ignore")

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[ContentPart] | None = None

    @property
    def plain(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type == "text")
        return self.content or ""


class ChatRequest(BaseModel):
    """The fields we honour; others that clients send are accepted and have no effect."""

    model_config = ConfigDict(extra="ignore")

    model: str = MODEL
    messages: list[ChatMessage] = Field(min_length=1, max_length=200)
    stream: bool = False
    stream_options: dict[str, Any] | None = None


@router.get("/models")
async def models(speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    return {
        "object": "list",
        "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "shuzhi", "backend": platform.model_name}],
    }


@router.post("/chat/completions", response_model=None)
async def chat_completions(request: ChatRequest, speaker: Asker, platform: ThePlatform) -> Response:
    """Ask; the client keeps the conversation. Streams when asked to; closing the connection does not stop the run."""
    asked = [n for n, message in enumerate(request.messages) if message.role == "user"]
    if not asked:
        raise UserInputError("没有用户消息", where="messages", cure="最后一条消息的 role 应为 user")
    question = request.messages[asked[-1]].plain
    turns = [Turn(role=m.role, content=m.plain) for m in request.messages[: asked[-1]] if m.role in ("user", "assistant")]
    run = await platform.runs.start(speaker, question, door="openai", turns=turns, kind="chat")
    if request.stream:
        usage = bool((request.stream_options or {}).get("include_usage"))
        events = platform.runs.batches(run.id, speaker)
        return _EventStream(_stream(platform, speaker, run, events, usage), media_type="text/event-stream", headers={"x-run-id": run.id})
    await platform.runs.settled(run.id)
    answer = await platform.runs.answer(run.id, speaker)
    return Response(orjson.dumps(_completion(run, answer)), media_type="application/json", headers={"x-run-id": run.id})


class _EventStream(StreamingResponse):
    """A stream that ends by itself. Nobody watches for the client to leave, which costs a task group a request: the run goes on anyway."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.stream_response(send)


async def _stream(
    platform: Platform, speaker: Principal, run: Run, batches: AsyncIterator[list[RunEvent]], usage: bool
) -> AsyncIterator[bytes]:
    created = int(time.time())
    head = b'data: {"id":"chatcmpl-%b","object":"chat.completion.chunk","created":%d,"model":"%b","choices":[{"index":0,"delta":' % (
        run.id.encode(), created, MODEL.encode(),
    )  # fmt: skip
    begun = head + b'{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
    failed: dict[str, Any] | None = None
    async for events in batches:
        # what is there at one time goes out in one write
        texts = [event.data["text"] for event in events if event.type == "text"]
        waits = any(event.type == "approval" for event in events)
        if waits:
            await platform.runs.settled(run.id)
            texts.append(WAITING)
        if texts:
            yield begun + b"".join(head + b'{"content":' + orjson.dumps(text) + b'},"finish_reason":null}]}\n\n' for text in texts)
            begun = b""
        if waits:
            break
        failed = next((event.data.get("error") for event in events if event.type == "failed"), None)
    tail = begun + (b"" if failed is None else b"data: " + orjson.dumps({"error": failed}) + b"\n\n")
    answer = await platform.runs.answer(run.id, speaker)
    last: dict[str, Any] = {"id": f"chatcmpl-{run.id}", "object": "chat.completion.chunk", "created": created, "model": MODEL}
    last["choices"] = [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    last["shuzhi"] = _extension(answer)
    tail += b"data: " + orjson.dumps(last) + b"\n\n"
    if usage:
        tail += b"data: " + orjson.dumps({**last, "choices": [], "shuzhi": None, "usage": _usage(run.question, answer.text)}) + b"\n\n"
    yield tail + b"data: [DONE]\n\n"


def _completion(run: Run, answer: Answer) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{run.id}",
        "object": "chat.completion",
        "created": int(run.created_at.timestamp()),
        "model": MODEL,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": answer.text}, "finish_reason": "stop"}],
        "usage": _usage(run.question, answer.text),
        "shuzhi": _extension(answer),
    }


def _extension(answer: Answer) -> dict[str, Any]:
    """What OpenAI's shape has no place for: sentences with citations, tool trace, refusal."""
    shown = answer.model_dump(mode="json", exclude={"text"})
    return shown | {"citations": [c.model_dump(mode="json") for c in answer.citations]}


def _usage(question: str, text: str) -> dict[str, int]:
    """Characters stand in for tokens: Chinese runs at about one to one, and offline there is no tokenizer."""
    return {"prompt_tokens": len(question), "completion_tokens": len(text), "total_tokens": len(question) + len(text)}
