"""Runs as resources: start, watch with replay, stop, look back; conversations and feedback."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from domain.errors import UserInputError
from domain.principal import Principal

from ..assembly import Platform
from ..doors import Asker, ThePlatform

router = APIRouter(prefix="/v1", tags=["runs"])
EVENT_ID = re.compile(r"[0-9]{1,15}")
LARGEST_ID = 10**15


class NewRunRequest(BaseModel):
    """A question, in a conversation or on its own."""

    model_config = ConfigDict(extra="forbid")

    question: str
    thread_id: str | None = None


class FeedbackRequest(BaseModel):
    """Thumbs up or down with a remark."""

    model_config = ConfigDict(extra="forbid")

    rating: Literal["up", "down"]
    comment: str = Field(default="", max_length=2000)


@router.post("/runs", status_code=201)
async def start_run(request: NewRunRequest, speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    run = await platform.runs.start(speaker, request.question, door="http", thread_id=request.thread_id)
    return run.model_dump(mode="json")


@router.get("/runs/{run_id}")
async def get_run(run_id: str, speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    run = await asyncio.to_thread(platform.run_store.get, run_id, speaker)
    return run.model_dump(mode="json")


@router.get("/runs/{run_id}/events", response_model=None)
async def run_events(
    run_id: str,
    speaker: Asker,
    platform: ThePlatform,
    last_event_id: Annotated[str | None, Header()] = None,
    after: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0,
) -> StreamingResponse:
    """Server-sent events with ids; `Last-Event-ID` (or `?after=`) replays what was missed, then goes live."""
    await asyncio.to_thread(platform.run_store.get, run_id, speaker)
    if last_event_id:
        if not EVENT_ID.fullmatch(last_event_id.strip()):
            raise UserInputError("Last-Event-ID 应为数字", where="Last-Event-ID", cure="用收到的最后一个 id")
        after = int(last_event_id)
    return StreamingResponse(
        _events(platform, run_id, speaker, after), media_type="text/event-stream", headers={"cache-control": "no-store"}
    )


async def _events(platform: Platform, run_id: str, speaker: Principal, after: int) -> AsyncIterator[bytes]:
    """Events as they come, and a comment every so often so that proxies keep the connection."""
    events = aiter(platform.runs.events(run_id, speaker, after))
    coming = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            await asyncio.wait({coming}, timeout=platform.settings.heartbeat_s)
            if not coming.done():
                yield b": heartbeat\n\n"
                continue
            event = coming.result()
            if event is None:
                return
            yield b"id: %d\nevent: %b\ndata: %b\n\n" % (event.seq, event.type.encode(), orjson.dumps(event.data))
            coming = asyncio.ensure_future(anext(events, None))
    finally:
        coming.cancel()


@router.post("/runs/{run_id}/cancel", status_code=202)
async def cancel_run(run_id: str, speaker: Asker, platform: ThePlatform) -> dict[str, str]:
    await platform.runs.cancel(run_id, speaker, door="http")
    return {"status": "cancelling"}


@router.put("/runs/{run_id}/feedback")
async def give_feedback(run_id: str, request: FeedbackRequest, speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    given = await asyncio.to_thread(platform.feedback.give, run_id, speaker, request.rating, request.comment, door="http")
    return given.model_dump(mode="json")


@router.post("/threads", status_code=201)
async def new_thread(speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    return (await asyncio.to_thread(platform.threads.create, speaker)).model_dump(mode="json")


@router.get("/threads")
async def list_threads(speaker: Asker, platform: ThePlatform, before: str | None = None) -> dict[str, Any]:
    """Conversations, latest first; `before` is the mark of the page before."""
    page = await asyncio.to_thread(platform.threads.list_threads, speaker, before=before)
    return page.model_dump(mode="json")


@router.get("/threads/{thread_id}")
async def read_thread(thread_id: str, speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    thread = await asyncio.to_thread(platform.threads.get, thread_id, speaker)
    runs = await asyncio.to_thread(platform.run_store.list_runs, thread_id, speaker)
    return thread.model_dump(mode="json") | {"runs": [run.model_dump(mode="json") for run in runs]}


@router.delete("/threads/{thread_id}", status_code=204)
async def delete_thread(thread_id: str, speaker: Asker, platform: ThePlatform) -> None:
    await asyncio.to_thread(platform.threads.delete, thread_id, speaker, door="http")
