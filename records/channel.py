"""The memory of one open run: its newest events for readers, its newest tokens on their way into the log."""

import asyncio
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.errors import Conflict

from .encoding import decode, encode
from .events import TEXT, EventRecord, RunEvent, merged

BUFFER_BYTES = 160_000
"""What the newest events of one run may take in memory; readers that are further behind read the log."""
ENTRY_BYTES = 280
"""Measured cost of an entry beside its payload."""
MERGE_CHARACTERS = 2_000
MERGE_TOKENS = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """A published event; `payload` is the token itself for text, JSON otherwise."""

    seq: int
    type: str
    payload: str
    is_token: bool
    at: datetime

    @property
    def size(self) -> int:
        return ENTRY_BYTES + (len(self.payload) if self.payload.isascii() else 2 * len(self.payload))

    def event(self, run_id: str) -> RunEvent:
        data = {"text": self.payload} if self.is_token else decode(self.payload)
        return RunEvent(run_id=run_id, seq=self.seq, first_seq=self.seq, type=self.type, data=data, at=self.at)


class Channel:
    """Owned by `LiveRuns`; all methods run on its event loop."""

    def __init__(self, run_id: str, last_seq: int, submit: Callable[[Sequence[EventRecord]], None], *, merge_seconds: float) -> None:
        self.run_id = run_id
        self.closed = False
        self._last_seq = last_seq
        self._submit = submit
        self._merge_seconds = merge_seconds
        self._buffer: deque[Entry] = deque()
        self._buffer_bytes = 0
        self._tokens: list[Entry] = []
        self._token_characters = 0
        self._timer: asyncio.TimerHandle | None = None
        self._readers: set[asyncio.Future[None]] = set()
        self._is_sealed = False

    def publish(self, event_type: str, data: dict[str, Any], at: datetime) -> int:
        """Raises Conflict while the run is being closed."""
        if self._is_sealed or self.closed:
            raise Conflict(f"运行 {self.run_id!r} 正在结束", where="run_id")
        is_token = event_type == TEXT and data.keys() == {"text"} and isinstance(data["text"], str)
        seq = self._last_seq + 1
        entry = Entry(seq, event_type, data["text"] if is_token else encode(data), is_token, at)
        if not is_token:
            self.hand_over()
            self._submit([EventRecord(self.run_id, seq, seq, event_type, entry.payload, None, at)])
        self._last_seq = seq
        self._show(entry)
        if is_token:
            self._keep_token(entry)
        return seq

    def _keep_token(self, entry: Entry) -> None:
        self._tokens.append(entry)
        self._token_characters += len(entry.payload)
        if self._token_characters >= MERGE_CHARACTERS or len(self._tokens) >= MERGE_TOKENS:
            self.hand_over()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._merge_seconds, self.hand_over)

    def hand_over(self) -> None:
        """Give the tokens kept so far to the writer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._tokens:
            newest = self._tokens[-1]
            self._submit([merged(self.run_id, newest.seq, [entry.payload for entry in self._tokens], newest.at)])
            self._tokens.clear()
            self._token_characters = 0

    @contextmanager
    def sealed(self) -> Generator[None]:
        """Nothing may be published inside; if the body fails, publishing may go on. Raises Conflict when already sealed."""
        if self._is_sealed:
            raise Conflict(f"运行 {self.run_id!r} 正在结束", where="run_id")
        self._is_sealed = True
        try:
            self.hand_over()
            yield
        finally:
            self._is_sealed = False

    def end(self, ending: RunEvent) -> None:
        """Show the last event, which is already in the log."""
        self._last_seq = ending.seq
        self._show(Entry(ending.seq, ending.type, encode(ending.data), False, ending.at))

    def close(self) -> None:
        """Readers drain what is here and then look elsewhere."""
        self.closed = True
        self._wake()

    def after(self, seq: int) -> list[RunEvent] | None:
        """Events behind `seq`; None when some of them are no longer here."""
        if seq >= self._last_seq:
            # a closed channel knows nothing of what came later
            return None if self.closed else []
        if not self._buffer or self._buffer[0].seq > seq + 1:
            return None
        start = seq + 1 - self._buffer[0].seq
        return [self._buffer[at].event(self.run_id) for at in range(start, len(self._buffer))]

    async def newer_than(self, seq: int) -> None:
        """Return when something newer was published or the channel was closed."""
        while self._last_seq <= seq and not self.closed:
            news = asyncio.get_running_loop().create_future()
            self._readers.add(news)
            try:
                await news
            finally:
                self._readers.discard(news)

    def _show(self, entry: Entry) -> None:
        self._buffer.append(entry)
        self._buffer_bytes += entry.size
        while self._buffer_bytes > BUFFER_BYTES:
            self._buffer_bytes -= self._buffer.popleft().size
        self._wake()

    def _wake(self) -> None:
        for news in self._readers:
            if not news.done():
                news.set_result(None)
        self._readers.clear()
