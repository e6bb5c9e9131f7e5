"""Streams of running answers: one publisher per run, any number of readers that come and go. One event loop.

A reader gets the events behind the last one it has seen, from memory while they are there and from the log otherwise, and stays
until the run's last event. Publishing waits for the database only when the writer has fallen far behind, and never for a reader.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from domain.errors import Conflict, StorageError, UpstreamUnavailable
from domain.principal import Principal

from .access import owns
from .audit_entries import NewEntry
from .channel import Channel
from .encoding import utc_now
from .events import ENDINGS, Ending, RunEvent
from .runs import NewRun, Run, RunStore
from .writer import EventWriter

PAGE = 500


class LiveRuns:
    """In-process fan-out in front of the log. At most one LiveRuns may have a run open."""

    def __init__(
        self,
        store: RunStore,
        writer: EventWriter,
        *,
        merge_seconds: float = 0.1,
        poll_seconds: float = 0.5,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._writer = writer
        self._merge_seconds, self._poll_seconds = merge_seconds, poll_seconds
        self._now = now
        self._channels: dict[str, Channel] = {}
        self._started: dict[str, Run] = {}
        """Open runs that began here: who asks for one of them need not be looked up."""
        self._finishing: set[asyncio.Task[RunEvent]] = set()

    @property
    def open_runs(self) -> int:
        return len(self._channels)

    async def start(self, run: NewRun, principal: Principal) -> Run:
        """Record a run and begin to publish it; its record shares a transaction with what else is written at the time.

        Raises what `RunStore.start` raises, and StorageError when the database refuses.
        """
        self._refuse_open(run.id)
        await self._writer.room()
        started = await self._writer.execute(lambda connection: self._store.started(connection, run, principal), ahead=True)
        self._channels[run.id] = Channel(run.id, 0, self._writer.submit, merge_seconds=self._merge_seconds)
        self._started[run.id] = started
        return started

    async def open(self, run_id: str) -> None:
        """Begin to publish a started run, or go on with one that waited for an approval.

        Raises NotFound for an unknown run, Conflict for one that is closed or already open here.
        """
        self._refuse_open(run_id)
        last_seq = await asyncio.to_thread(self._store.resume, run_id)
        self._refuse_open(run_id)
        self._channels[run_id] = Channel(run_id, last_seq, self._writer.submit, merge_seconds=self._merge_seconds)

    def _refuse_open(self, run_id: str) -> None:
        if run_id in self._channels:
            raise Conflict(f"运行 {run_id!r} 已经在进行", where="run_id")

    async def publish(self, run_id: str, event_type: str, data: dict[str, Any]) -> int:
        """`publish_now`, once the log has room for it."""
        await self._writer.room()
        return self.publish_now(run_id, event_type, data)

    def publish_now(self, run_id: str, event_type: str, data: dict[str, Any]) -> int:
        """Give an event its seq, show it to all readers, hand it to the log; returns the seq. A run that was admitted says little enough
        for the log's memory; what may go on for long uses `publish`.

        `text` events with data {"text": …} are the answer's tokens and are merged in the log. Raises Conflict when the run is not
        open or the type is one of the endings, which `finish` writes.
        """
        if event_type in ENDINGS:
            raise Conflict(f"结束事件 {event_type!r} 只能由 finish 写入", where="event_type")
        return self._channel(run_id).publish(event_type, data, self._now())

    async def pause(self, run_id: str, entries: Sequence[NewEntry] = ()) -> None:
        """The run waits for an approval: its log is complete, its memory free. Readers stay until it goes on and ends.

        Raises StorageError when the log cannot be completed; the run stays open.
        """
        channel = self._channel(run_id)
        with channel.sealed():
            await self._writer.flushed()
            await asyncio.to_thread(self._store.wait, run_id, entries)
        self._drop(channel)

    async def finish(
        self,
        run_id: str,
        status: Ending,
        answer: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        entries: Sequence[NewEntry] = (),
    ) -> RunEvent:
        """Complete the log, close the run with its answer, then tell the readers: who reads the last event finds the run closed.
        `entries` go into the audit trail with it, or the run stays open.

        Raises StorageError when the database refuses; the run stays open and `finish` may be called again. Once begun it goes on
        even when its caller is cancelled.
        """
        task = asyncio.create_task(self._finish(self._channel(run_id), status, answer, data, entries))
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)
        return await asyncio.shield(task)

    async def _finish(
        self, channel: Channel, status: Ending, answer: dict[str, Any] | None, data: dict[str, Any] | None, entries: Sequence[NewEntry]
    ) -> RunEvent:
        def close(connection: Connection) -> RunEvent:
            return self._store.finished(connection, channel.run_id, status, answer, data)

        with channel.sealed():
            try:
                ending = await self._writer.execute(close, entries=entries)
            except (StorageError, UpstreamUnavailable):
                # the events wait until the database takes them again, and so does this
                await self._writer.flushed()
                ending = await self._writer.execute(close, entries=entries)
        channel.end(ending)
        self._drop(channel)
        return ending

    async def subscribe(self, run_id: str, principal: Principal, after_seq: int = 0) -> AsyncGenerator[RunEvent]:
        """The run's events behind `after_seq`, until its last one; a run of another process is followed through the database.

        Raises NotFound for a run that is not the principal's, NotAllowed for an audit administrator.
        """
        async for events in self.batches(run_id, principal, after_seq):
            for event in events:
                yield event

    def batches(self, run_id: str, principal: Principal, after_seq: int = 0) -> AsyncGenerator[list[RunEvent]]:
        """`subscribe`, with what is there at one time in one piece; never an empty one.

        Who asks while the run is open here hears all of it from memory, however late the first piece is taken.
        """
        return self._follow(run_id, principal, after_seq, self._started.get(run_id), self._channels.get(run_id))

    async def _follow(
        self, run_id: str, principal: Principal, after_seq: int, started: Run | None, channel: Channel | None
    ) -> AsyncGenerator[list[RunEvent]]:
        if started is None or not owns(principal, started.tenant, started.owner):
            await asyncio.to_thread(self._store.get, run_id, principal)
        seen: int = after_seq
        while True:
            channel = self._channels.get(run_id) or channel
            fresh: list[RunEvent] | None = channel.after(seen) if channel else None
            events, over = (fresh, False) if fresh is not None else await self._stored(run_id, principal, seen, channel)
            if events:
                seen = events[-1].seq
                yield events
                if events[-1].ends_run:
                    return
            if over:
                return
            if events:
                continue
            if channel is not None and fresh is not None:
                await channel.newer_than(seen)
            else:
                channel = None
                await asyncio.sleep(self._poll_seconds)

    async def close(self) -> None:
        """Hand everything published to the writer and forget the open runs; the log keeps them as they are."""
        for channel in list(self._channels.values()):
            channel.hand_over()
            self._drop(channel)

    async def _stored(self, run_id: str, principal: Principal, seen: int, channel: Channel | None) -> tuple[list[RunEvent], bool]:
        """A page of the log, and whether nothing can follow it."""
        if channel is not None and not channel.closed:
            channel.hand_over()
            await self._writer.flushed()
        page = await asyncio.to_thread(self._store.page, run_id, seen, principal, limit=PAGE)
        if page.events or page.status not in ENDINGS:
            return page.events, False
        # seqs the reader saw and a killed process did not store; the ending may then carry a seq that the reader knows as a token
        lost = seen > page.last_seq or page.status == "interrupted"
        return await asyncio.to_thread(self._store.events_after, run_id, page.last_seq - 1, principal) if lost else [], True

    def _channel(self, run_id: str) -> Channel:
        channel = self._channels.get(run_id)
        if channel is None:
            raise Conflict(f"运行 {run_id!r} 没有打开", where="run_id")
        return channel

    def _drop(self, channel: Channel) -> None:
        channel.close()
        self._channels.pop(channel.run_id, None)
        self._started.pop(channel.run_id, None)
