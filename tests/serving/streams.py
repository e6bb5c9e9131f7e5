"""Reading server-sent events."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import orjson


@dataclass(frozen=True)
class Event:
    """One event; a comment has the type ":"."""

    id: int
    type: str
    data: dict[str, Any]


async def events_of(client: httpx.AsyncClient, run_id: str, **options: Any) -> list[Event]:
    """All events of a run without the comments, until the stream ends."""
    return [event async for event in stream(client, run_id, **options) if event.type != ":"]


async def stream(client: httpx.AsyncClient, run_id: str, *, last: int | None = None, after: int | None = None) -> AsyncIterator[Event]:
    headers = {} if last is None else {"last-event-id": str(last)}
    params = {} if after is None else {"after": after}
    async with client.stream("GET", f"/v1/runs/{run_id}/events", headers=headers, params=params, timeout=30) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        async for line in response.aiter_lines():
            if line.startswith(":"):
                yield Event(0, ":", {})
            elif line:
                name, value = line.split(": ", 1)
                fields[name] = value
            elif fields:
                yield Event(int(fields["id"]), fields["event"], orjson.loads(fields["data"]))
                fields = {}


def text_of(events: list[Event]) -> str:
    return "".join(event.data["text"] for event in events if event.type == "text")
