"""Load on a chat endpoint: a plain HTTP/1.1 client, because a full one costs more than what is measured.

An answer counts only when it is whole: status 200, text in it, ended by `[DONE]`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import orjson

CONTENT = b'"content":"'
EMPTY = b'"content":""'
DONE = b"[DONE]"
ANSWER_S = 60.0


class BadAnswer(Exception):
    """The server did not answer as it should: the figures would mean nothing."""


@dataclass
class Load:
    """What a stretch of load measured; times in seconds."""

    seconds: float = 0.0
    first: list[float] = field(default_factory=list[float])
    whole: list[float] = field(default_factory=list[float])

    @property
    def rate(self) -> float:
        return len(self.whole) / self.seconds


def request_bytes(question: str, host: str = "127.0.0.1") -> bytes:
    body = orjson.dumps({"model": "shuzhi", "stream": True, "messages": [{"role": "user", "content": question}]})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Turn:
    """Hands out numbers to all clients."""

    def __init__(self) -> None:
        self.peek = 0

    def take(self) -> int:
        self.peek += 1
        return self.peek - 1


class Connection:
    """One kept-alive connection that sends one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 22))

    async def ask(self, request: bytes) -> tuple[float, float]:
        """Seconds to the first text and to the end."""
        started = time.perf_counter()
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head[:20]:
            raise BadAnswer(head[:200].decode("latin-1"))
        lowered = head.lower()
        first, done = None, False
        async for part in self._body(lowered):
            if first is None and CONTENT in part and part.count(CONTENT) > part.count(EMPTY):
                first = time.perf_counter() - started
            done = done or DONE in part
        if first is None or not done:
            raise BadAnswer("an answer without text or without its end")
        return first, time.perf_counter() - started

    async def _body(self, head: bytes) -> AsyncIterator[bytes]:
        if b"transfer-encoding: chunked" not in head:
            length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
            yield await self._reader.readexactly(length)
            return
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            yield (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readexactly(2)

    def close(self) -> None:
        self._writer.close()


async def press(port: int, questions: Sequence[str], concurrency: int, *, seconds: float = 0.0, count: int = 0) -> Load:
    """`concurrency` clients ask one question after the other, for `seconds` or until `count` answers are there."""
    requests = [request_bytes(question) for question in questions]
    turn = Turn()
    measured = Load()
    started = time.perf_counter()

    async def client() -> None:
        connection = await Connection.open(port)
        try:
            while time.perf_counter() - started < seconds if seconds else turn.peek < count:
                async with asyncio.timeout(ANSWER_S):
                    first, whole = await connection.ask(requests[turn.take() % len(requests)])
                measured.first.append(first)
                measured.whole.append(whole)
        finally:
            connection.close()

    await asyncio.gather(*(client() for _ in range(concurrency)))
    measured.seconds = time.perf_counter() - started
    return measured
