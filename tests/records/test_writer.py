import asyncio
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from domain.errors import StorageError
from records.database import Database
from records.encoding import utc_now
from records.events import EventRecord, record, store
from records.runs import NewRun, RunStore
from records.writer import EventWriter

from .people import ANNA


def tools(run: str, *seqs: int) -> list[EventRecord]:
    return [record(run, seq, "tool", {"n": seq}, utc_now()) for seq in seqs]


def seqs(runs: RunStore, run: str) -> list[int]:
    return [event.seq for event in runs.events_after(run, 0, ANNA, limit=100_000)]


def start(runs: RunStore) -> str:
    return runs.start(NewRun(question="你好"), ANNA).id


def test_events_of_many_runs_arrive_in_order(writer: EventWriter, runs: RunStore) -> None:
    ids = [start(runs) for _ in range(5)]
    feeders = [threading.Thread(target=lambda run=run: [writer.submit(tools(run, n)) for n in range(1, 401)]) for run in ids]
    for feeder in feeders:
        feeder.start()
    for feeder in feeders:
        feeder.join()
    writer.flush()
    assert all(seqs(runs, run) == list(range(1, 401)) for run in ids)
    assert (writer.health().written, writer.health().queued) == (2000, 0)


def test_a_single_event_is_stored_soon_without_asking(writer: EventWriter, runs: RunStore) -> None:
    run = start(runs)
    writer.submit(tools(run, 1))
    deadline = time.monotonic() + 2
    while not seqs(runs, run) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert seqs(runs, run) == [1]


def test_closing_stores_what_is_left(database: Database, runs: RunStore) -> None:
    run = start(runs)
    writer = EventWriter(database, delay=60)
    writer.submit(tools(run, *range(1, 100)))
    writer.close()
    assert seqs(runs, run) == list(range(1, 100))
    with pytest.raises(StorageError, match="已关闭"):
        writer.submit(tools(run, 100))


def test_what_can_never_be_stored_is_reported_and_harms_no_other_run(writer: EventWriter, runs: RunStore) -> None:
    good, closed = start(runs), start(runs)
    runs.finish(closed, "done")
    writer.submit([*tools(good, 1), *tools("没有这个运行", 1, 2), *tools(closed, 2), *tools(good, 2)])
    writer.flush()
    health = writer.health()
    assert seqs(runs, good) == [1, 2]
    assert (health.written, health.rejected, health.queued) == (2, 3, 0)
    assert {(each.run_id, each.count) for each in health.rejections} == {("没有这个运行", 2), (closed, 1)}


def test_events_whose_commit_was_answered_by_silence_are_not_stored_twice(writer: EventWriter, database: Database, runs: RunStore) -> None:
    run = start(runs)
    events = tools(run, 1, 2, 3)
    with database.transaction() as connection:
        store(connection, events[:2])
    writer.submit(events)
    writer.flush()
    assert seqs(runs, run) == [1, 2, 3]
    assert writer.health().rejected == 0


class Lock:
    """Another process that holds the database file."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, *error: object) -> None:
        self._connection.rollback()
        self._connection.close()


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'a.db'}", busy_seconds=0.05)
    database.upgrade()
    yield database
    database.close()


def test_while_the_database_refuses_events_wait_and_health_says_so(impatient: Database, tmp_path: Path) -> None:
    runs = RunStore(impatient)
    run = start(runs)
    writer = EventWriter(impatient)
    with Lock(tmp_path / "a.db"):
        writer.submit(tools(run, 1, 2))
        with pytest.raises(StorageError, match="没能写入"):
            writer.flush(timeout=0.4)
        health = writer.health()
        assert (health.queued, health.written) == (2, 0)
        assert health.failing_for > 0
        assert "正忙" in health.last_error
    writer.flush()
    assert seqs(runs, run) == [1, 2]
    assert writer.health().failing_for == 0
    writer.close()


def test_closing_on_a_refusing_database_says_how_much_is_lost(impatient: Database, tmp_path: Path) -> None:
    run = start(RunStore(impatient))
    writer = EventWriter(impatient)
    with Lock(tmp_path / "a.db"):
        writer.submit(tools(run, 1, 2))
        with pytest.raises(StorageError, match="还有 2 条"):
            writer.close(timeout=0.3)


def test_a_disk_that_has_room_again_gets_every_event() -> None:
    database = Database("sqlite://")
    database.upgrade()
    runs = RunStore(database)
    run = start(runs)
    with database.transaction() as connection:
        connection.execute(text("PRAGMA max_page_count = 1"))
    writer = EventWriter(database)
    writer.submit([record(run, n, "tool", {"text": "长" * 5000}, utc_now()) for n in range(1, 21)])
    with pytest.raises(StorageError, match="磁盘已满"):
        writer.flush(timeout=0.2)
    with database.transaction() as connection:
        connection.execute(text("PRAGMA max_page_count = 1000000"))
    writer.flush()
    assert seqs(runs, run) == list(range(1, 21))
    writer.close()
    database.close()


async def test_a_full_queue_holds_streams_back_and_the_loop_goes_on(impatient: Database, tmp_path: Path) -> None:
    runs = RunStore(impatient)
    run = start(runs)
    writer = EventWriter(impatient, capacity=50)

    async def stream() -> None:
        for n in range(1, 201):
            await writer.append(tools(run, n))

    with Lock(tmp_path / "a.db"):
        task = asyncio.create_task(stream())
        longest = 0.0
        for _ in range(20):
            before = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - before)
        assert writer.health().queued == 50
        assert not task.done()
        assert longest < 0.2
    await task
    await writer.flushed()
    assert seqs(runs, run) == list(range(1, 201))
    writer.close()


async def test_large_events_count_by_their_size(impatient: Database, tmp_path: Path) -> None:
    run = start(RunStore(impatient))
    writer = EventWriter(impatient, capacity_bytes=10_000)
    with Lock(tmp_path / "a.db"):
        await writer.append([record(run, 1, "tool", {"text": "x" * 20_000}, utc_now())])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(writer.append(tools(run, 2)), 0.1)
    await writer.append(tools(run, 2))
    writer.close()
    assert writer.health().written == 2


def test_ten_thousand_events_a_second_with_room_to_spare(database: Database, writer: EventWriter, runs: RunStore) -> None:
    ids = [start(runs) for _ in range(20)]
    events = [event for n in range(1, 501) for run in ids for event in tools(run, n)]
    began = time.perf_counter()
    for at in range(0, len(events), 100):
        writer.submit(events[at : at + 100])
    writer.flush()
    # half the target: the machine that runs the tests is shared
    assert len(events) / (time.perf_counter() - began) > 5_000
