"""The way into the log for streams: one thread writes the events of all runs in batches."""

import asyncio
import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection

from domain.errors import Conflict, PlatformError, StorageError, UpstreamUnavailable

from .audit import AuditLog
from .audit_entries import NewEntry
from .content import PLAIN_TEXT, TextColumn
from .database import Database
from .events import EventRecord, missing, store

LOGGER = logging.getLogger(__name__)
LARGEST_TRANSACTION = 2_000
"""Events in one transaction when the writer has fallen behind."""
LONGEST_PAUSE = 1.0
REJECTIONS_KEPT = 100


ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """Something else for the writer's next transaction: a run's beginning goes before the events, its end behind them."""

    do: Callable[[Connection], Any]
    ahead: bool
    entries: Sequence[NewEntry] = ()
    """For the audit trail, in the same transaction."""
    future: Future[Any] = field(default_factory=Future[Any])

    def settle(self, outcome: Any) -> None:
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(outcome) if isinstance(outcome, Exception) else self.future.set_result(outcome)


class Rejection(BaseModel):
    """Events that the log can never take: their run is missing, closed, or written from two places."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    first_seq: int
    count: int
    reason: str


class WriterHealth(BaseModel):
    """How the writer is doing. `failing_for` > 0: the database refuses and events wait in memory."""

    model_config = ConfigDict(frozen=True)

    alive: bool
    queued: int
    written: int
    rejected: int
    failing_for: float
    last_error: str
    rejections: list[Rejection]


class EventWriter:
    """Batches events of many runs: written after `delay` seconds or `batch` events, whichever comes first.

    The order within a run is kept. When the database refuses, events stay in memory and are tried again until it takes them;
    `room` holds streams back once `capacity` events or `capacity_bytes` wait. Nothing is dropped: what can never be stored is
    counted, logged and shown by `health`.

    `data`: how the events' content is kept. `audit`: takes the entries of all works of a transaction at once, as its last statement.
    """

    def __init__(
        self,
        database: Database,
        *,
        batch: int = 500,
        delay: float = 0.02,
        capacity: int = 20_000,
        capacity_bytes: int = 64 * 2**20,
        data: TextColumn = PLAIN_TEXT,
        audit: AuditLog | None = None,
    ) -> None:
        self._database = database
        self._data, self._audit = data, audit
        self._capacity_bytes = capacity_bytes
        self._queued_bytes = 0
        self._batch, self._delay, self._capacity = batch, delay, capacity
        self._changed = threading.Condition()
        self._queue: deque[EventRecord | Work] = deque()
        self._oldest = 0.0
        self._accepted = self._settled = self._rejected = self._works = 0
        self._waiting: list[tuple[int, Future[None]]] = []
        self._rejections: deque[Rejection] = deque(maxlen=REJECTIONS_KEPT)
        self._failing_since: float | None = None
        self._last_error = ""
        self._closing = False
        self._give_up_at = 0.0
        self._thread = threading.Thread(target=self._work, name="event-writer", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def submit(self, events: Sequence[EventRecord]) -> None:
        """Take events at once, from any thread; whoever streams asks for `room` first. Raises StorageError when closed."""
        with self._changed:
            if self._closing or not self._thread.is_alive():
                raise StorageError("事件记录器已关闭，不能再写入", where="运行记录", cure="重启服务")
            if not self._queue:
                self._oldest = time.monotonic()
            self._queue.extend(events)
            self._queued_bytes += sum(len(each.data) for each in events)
            self._accepted += len(events)
            if len(self._queue) >= self._batch or len(self._queue) == len(events):
                self._changed.notify_all()

    async def append(self, events: Sequence[EventRecord]) -> None:
        """`room`, then `submit`."""
        await self.room()
        self.submit(events)

    async def execute(self, do: Callable[[Connection], ResultT], *, ahead: bool = False, entries: Sequence[NewEntry] = ()) -> ResultT:
        """Do something in the next transaction, which it shares with the events and works of all runs; its result once committed.

        It comes behind the events submitted before it, or `ahead` of those submitted after it. What it raises concerns nobody else.
        Raises StorageError or UpstreamUnavailable when the database refuses, and what `AuditLog.append` raises for `entries`; then it
        was not done, while events go on waiting.
        """
        work = Work(do, ahead, entries)
        with self._changed:
            if self._closing or not self._thread.is_alive():
                raise StorageError("事件记录器已关闭，不能再写入", where="运行记录", cure="重启服务")
            self._queue.append(work)
            self._works += 1
            self._changed.notify_all()
        return await asyncio.wrap_future(work.future)

    async def record(self, entry: NewEntry) -> None:
        """An audit entry of its own, in the next transaction; raises what `execute` raises."""
        await self.execute(lambda connection: None, entries=(entry,))

    async def room(self) -> None:
        """Return when the queue has room; never blocks the event loop."""
        while len(self._queue) >= self._capacity or self._queued_bytes >= self._capacity_bytes:
            await asyncio.sleep(self._delay)

    def flush(self, timeout: float = 30.0) -> None:
        """Wait until everything submitted so far is in the database. Raises StorageError after `timeout` seconds."""
        try:
            self._settlement().result(timeout)
        except FutureTimeout as error:
            raise self._late(timeout) from error

    async def flushed(self, timeout: float = 30.0) -> None:
        """`flush` for the event loop."""
        try:
            await asyncio.wait_for(asyncio.wrap_future(self._settlement()), timeout)
        except TimeoutError as error:
            raise self._late(timeout) from error

    def health(self) -> WriterHealth:
        """Numbers for `/readyz` and `/metrics`."""
        with self._changed:
            return WriterHealth(
                alive=self._thread.is_alive(),
                queued=self._accepted - self._settled,
                written=self._settled - self._rejected,
                rejected=self._rejected,
                failing_for=0.0 if self._failing_since is None else time.monotonic() - self._failing_since,
                last_error=self._last_error,
                rejections=list(self._rejections),
            )

    def close(self, timeout: float = 30.0) -> None:
        """Write what is left and end the thread. Raises StorageError, saying how much is lost, when the database still refuses."""
        atexit.unregister(self.close)
        with self._changed:
            self._closing = True
            self._give_up_at = time.monotonic() + timeout
            self._changed.notify_all()
        self._thread.join(timeout + LONGEST_PAUSE)
        left = self.health().queued
        if left:
            raise StorageError(f"关闭时还有 {left} 条运行事件没能写入数据库：{self._last_error}", where="运行记录", cure="检查数据库")

    def _late(self, timeout: float) -> StorageError:
        return StorageError(
            f"运行记录 {timeout:g} 秒内没能写入数据库：{self._last_error or '积压过多'}", where="运行记录", cure="检查数据库和磁盘"
        )

    def _settlement(self) -> Future[None]:
        future: Future[None] = Future()
        with self._changed:
            if not self._thread.is_alive() and self._settled < self._accepted:
                raise StorageError("事件记录器已停止，运行事件没能写入", where="运行记录", cure="重启服务")
            if self._settled >= self._accepted:
                future.set_result(None)
            else:
                self._waiting.append((self._accepted, future))
                self._changed.notify_all()
        return future

    def _work(self) -> None:
        pause = self._delay
        while batch := self._next_batch():
            try:
                rejections = self._write(batch)
            except PlatformError as error:
                self._note_failure(error)
                self._refuse_works(error)
                if self._pause_or_give_up(pause):
                    return
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                pause = self._delay
                self._settle(len(batch), rejections)

    def _next_batch(self) -> list[EventRecord | Work]:
        """The oldest events, left in the queue until they are stored; empty when closing and done."""
        with self._changed:
            while not self._queue and not self._closing:
                self._changed.wait()
            due = self._oldest + self._delay
            while len(self._queue) < self._batch and not self._closing and not self._waiting and not self._works:
                remaining = due - time.monotonic()
                if remaining <= 0:
                    break
                self._changed.wait(remaining)
            return list(islice(self._queue, LARGEST_TRANSACTION))

    def _write(self, batch: list[EventRecord | Work]) -> list[Rejection]:
        """One transaction for everything; when something in it cannot be done, everything by itself."""
        events = [each for each in batch if isinstance(each, EventRecord)]
        first = [each for each in batch if isinstance(each, Work) and each.ahead]
        last = [each for each in batch if isinstance(each, Work) and not each.ahead]
        try:
            with self._database.log_transaction() as connection:
                results = [(work, work.do(connection)) for work in first]
                if events:
                    store(connection, events, self._data)
                results += [(work, work.do(connection)) for work in last]
                self._audited(connection, [*first, *last])
        except (StorageError, UpstreamUnavailable):
            raise
        except Exception as error:
            if not (first or last or isinstance(error, Conflict)):
                raise
            return self._write_apart(first, events, last)
        self._done(results)
        return []

    def _write_apart(self, first: list[Work], events: list[EventRecord], last: list[Work]) -> list[Rejection]:
        runs: dict[str, list[EventRecord]] = {}
        for each in events:
            runs.setdefault(each.run_id, []).append(each)
        self._done([(work, self._attempt(work)) for work in first])
        rejections = [rejection for run_id, mine in runs.items() if (rejection := self._write_run(run_id, mine))]
        self._done([(work, self._attempt(work)) for work in last])
        return rejections

    def _attempt(self, work: Work) -> Any:
        try:
            with self._database.log_transaction() as connection:
                result = work.do(connection)
                self._audited(connection, [work])
                return result
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes to who asked
            return error

    def _audited(self, connection: Connection, works: Sequence[Work]) -> None:
        """One append for all, the last statement: everybody who appends waits for the chain's head."""
        entries = [entry for work in works for entry in work.entries]
        if self._audit is not None and entries:
            self._audit.append(entries, connection)

    def _done(self, results: Sequence[tuple[Work, Any]]) -> None:
        for work, outcome in results:
            work.settle(outcome)

    def _refuse_works(self, error: PlatformError) -> None:
        """Who waits for a work learns now that the database refuses; events wait for it to take them."""
        with self._changed:
            refused = [each for each in self._queue if isinstance(each, Work)]
            self._queue = deque(each for each in self._queue if isinstance(each, EventRecord))
            self._works = 0
        self._done([(work, error) for work in refused if not work.future.done()])

    def _write_run(self, run_id: str, events: list[EventRecord]) -> Rejection | None:
        try:
            with self._database.log_transaction() as connection:
                left = missing(connection, run_id, events, self._data)
                if left:
                    store(connection, left, self._data)
        except Conflict as error:
            return Rejection(run_id=run_id, first_seq=events[0].first_seq, count=len(events), reason=error.message)
        return None

    def _settle(self, count: int, rejections: list[Rejection]) -> None:
        with self._changed:
            for _ in range(count):
                each = self._queue.popleft()
                if isinstance(each, Work):
                    self._works -= 1
                else:
                    self._queued_bytes -= len(each.data)
                    self._settled += 1
            self._oldest = time.monotonic()
            self._rejected += sum(each.count for each in rejections)
            self._rejections.extend(rejections)
            self._failing_since, self._last_error = None, ""
            ready = [future for position, future in self._waiting if position <= self._settled]
            self._waiting = [(position, future) for position, future in self._waiting if position > self._settled]
        for each in rejections:
            LOGGER.error("run %s: %d events from seq %d cannot be stored: %s", each.run_id, each.count, each.first_seq, each.reason)
        for future in ready:
            if future.set_running_or_notify_cancel():
                future.set_result(None)

    def _note_failure(self, error: PlatformError) -> None:
        with self._changed:
            first = self._failing_since is None
            self._failing_since = self._failing_since or time.monotonic()
            self._last_error = error.message
        if first:
            LOGGER.error("events cannot be stored and wait in memory: %s", error.message)

    def _pause_or_give_up(self, pause: float) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._closing, pause)
            if not self._closing:
                return False
        time.sleep(self._delay)
        return time.monotonic() >= self._give_up_at
