import asyncio
import random
import time
import tracemalloc
from collections.abc import AsyncIterator

import pytest

from domain.errors import Conflict, NotFound
from records.events import NewEvent, RunEvent
from records.live import LiveRuns
from records.runs import NewRun, RunStore
from records.writer import EventWriter

from .people import ANNA, BORIS


@pytest.fixture
async def live(runs: RunStore, writer: EventWriter) -> AsyncIterator[LiveRuns]:
    live = LiveRuns(runs, writer, merge_seconds=0.02, poll_seconds=0.02)
    yield live
    await live.close()


async def opened(live: LiveRuns, runs: RunStore) -> str:
    run = runs.start(NewRun(question="你好"), ANNA).id
    await live.open(run)
    return run


async def read(live: LiveRuns, run: str, after: int = 0) -> list[RunEvent]:
    return [event async for event in live.subscribe(run, ANNA, after)]


def said(events: list[RunEvent]) -> str:
    return "".join(event.data["text"] for event in events if event.type == "text")


def is_gapless(events: list[RunEvent], after: int = 0) -> bool:
    return all(event.first_seq == before + 1 for before, event in zip([after, *(event.seq for event in events)], events, strict=False))


async def answer(live: LiveRuns, run: str, tokens: int, *, seed: int = 1) -> None:
    chance = random.Random(seed)
    for n in range(tokens):
        if chance.random() < 0.1:
            await live.publish(run, "tool", {"n": n})
        await live.publish(run, "text", {"text": f"字{n}" if chance.random() < 0.9 else ""})
        if chance.random() < 0.1:
            await asyncio.sleep(chance.random() * 0.02)


async def test_a_reader_sees_every_token_by_itself_as_it_is_published(live: LiveRuns, runs: RunStore) -> None:
    run = await opened(live, runs)
    stream = live.subscribe(run, ANNA)
    for n, token in enumerate(["产业", "大脑"], start=1):
        assert await live.publish(run, "text", {"text": token}) == n
        event = await asyncio.wait_for(anext(stream), 1)
        assert (event.seq, event.type, event.data) == (n, "text", {"text": token})
    ending = await live.finish(run, "done", {"text": "产业大脑"})
    assert await anext(stream) == ending
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_who_asked_while_the_run_was_open_hears_it_from_memory_when_it_is_over(live: LiveRuns) -> None:
    started = await live.start(NewRun(question="块存储走什么协议"), ANNA)
    heard = live.batches(started.id, ANNA)
    for token in ("产", "业"):
        live.publish_now(started.id, "text", {"text": token})
    await live.finish(started.id, "done", {"text": "产业"})
    in_memory, in_the_log = await anext(heard), await read(live, started.id)
    assert [event.type for event in in_memory] == ["text", "text", "done"]
    assert [event.type for event in in_the_log] == ["text", "done"]
    with pytest.raises(NotFound):
        await anext(live.batches(started.id, BORIS))


async def test_who_reads_the_ending_finds_the_run_closed(live: LiveRuns, runs: RunStore) -> None:
    run = await opened(live, runs)
    stream = live.subscribe(run, ANNA)
    finishing = asyncio.create_task(live.finish(run, "done", {"text": "好"}))
    assert (await anext(stream)).ends_run
    assert runs.get(run, ANNA).answer == {"text": "好"}
    await finishing


async def test_replay_behind_any_event_gives_exactly_the_rest_of_the_live_stream(live: LiveRuns, runs: RunStore) -> None:
    run = await opened(live, runs)
    reader = asyncio.create_task(read(live, run))
    await asyncio.sleep(0)
    await answer(live, run, 60)
    await live.finish(run, "done")
    seen = await asyncio.wait_for(reader, 5)
    assert is_gapless(seen)
    stored = runs.events_after(run, 0, ANNA)
    assert is_gapless(stored)
    assert len(stored) < len(seen)
    assert said(stored) == said(seen)
    for event in seen[:-1]:
        replay = await read(live, run, event.seq)
        assert is_gapless(replay, event.seq)
        assert said(replay) == said(seen[event.seq :])
        assert [(e.type, e.data) for e in replay if e.type != "text"] == [(e.type, e.data) for e in seen[event.seq :] if e.type != "text"]


async def test_a_reader_that_loses_its_connection_again_and_again_misses_and_repeats_nothing(live: LiveRuns, runs: RunStore) -> None:
    run = await opened(live, runs)

    async def restless() -> list[RunEvent]:
        got: list[RunEvent] = []
        while not (got and got[-1].ends_run):
            stream = live.subscribe(run, ANNA, got[-1].seq if got else 0)
            for _ in range(7):
                got.append(await anext(stream))
                if got[-1].ends_run:
                    break
            await stream.aclose()
        return got

    whole, pieces = asyncio.create_task(read(live, run)), asyncio.create_task(restless())
    await answer(live, run, 150, seed=2)
    await live.finish(run, "done")
    assert said(await asyncio.wait_for(pieces, 5)) == said(await whole)
    assert is_gapless(await pieces)


async def test_a_slow_reader_holds_nobody_up_and_still_gets_everything(live: LiveRuns, runs: RunStore) -> None:
    run = await opened(live, runs)
    await live.publish(run, "text", {"text": "0 "})
    slow = live.subscribe(run, ANNA)
    got = [await anext(slow)]
    began = time.perf_counter()
    for n in range(1, 5000):
        await live.publish(run, "text", {"text": f"{n} "})
    assert time.perf_counter() - began < 2
    finishing = asyncio.create_task(live.finish(run, "done"))
    got += [event async for event in slow]
    assert said(got) == "".join(f"{n} " for n in range(5000))
    assert is_gapless(got)
    await finishing


async def test_an_event_larger_than_the_buffer_reaches_its_readers(live: LiveRuns, runs: RunStore) -> None:
    run = await opened(live, runs)
    reader = asyncio.create_task(read(live, run))
    await asyncio.sleep(0.02)
    await live.publish(run, "tool", {"picture": "x" * 500_000})
    await live.publish(run, "text", {"text": "看图"})
    await live.finish(run, "done")
    events = await asyncio.wait_for(reader, 5)
    assert [len(event.data.get("picture", "")) for event in events] == [500_000, 0, 0]


async def test_a_run_that_waits_for_an_approval_frees_its_memory_and_keeps_its_readers(live: LiveRuns, runs: RunStore) -> None:
    run = await opened(live, runs)
    reader = asyncio.create_task(read(live, run))
    await live.publish(run, "text", {"text": "先"})
    await live.publish(run, "approval", {"id": "a1"})
    await live.pause(run)
    assert live.open_runs == 0
    assert runs.get(run, ANNA).status == "waiting"
    await asyncio.sleep(0.05)
    assert not reader.done()
    await live.open(run)
    assert await live.publish(run, "text", {"text": "后"}) == 3
    await live.finish(run, "done")
    events = await asyncio.wait_for(reader, 5)
    assert [(event.seq, event.type) for event in events] == [(1, "text"), (2, "approval"), (3, "text"), (4, "done")]


async def test_a_run_of_another_process_is_followed_through_the_database(live: LiveRuns, runs: RunStore) -> None:
    run = runs.start(NewRun(question="你好"), ANNA).id
    reader = asyncio.create_task(read(live, run))
    for n in range(3):
        await asyncio.sleep(0.03)
        runs.append(run, [NewEvent(type="text", data={"text": f"{n}"})])
    runs.finish(run, "done")
    assert said(await asyncio.wait_for(reader, 5)) == "012"


async def test_a_reader_that_saw_tokens_a_killed_process_did_not_store_learns_that_the_run_is_over(live: LiveRuns, runs: RunStore) -> None:
    run = runs.start(NewRun(question="你好"), ANNA).id
    runs.interrupted()
    for seen in (0, 1, 15):
        assert [event.type for event in await asyncio.wait_for(read(live, run, seen), 5)] == ["interrupted"]


async def test_a_reader_that_has_seen_the_ending_gets_nothing_more(live: LiveRuns, runs: RunStore) -> None:
    run = await opened(live, runs)
    ending = await live.finish(run, "cancelled")
    assert await asyncio.wait_for(read(live, run, ending.seq), 5) == []


async def test_only_the_owner_may_subscribe(live: LiveRuns, runs: RunStore) -> None:
    run = await opened(live, runs)
    with pytest.raises(NotFound):
        await anext(live.subscribe(run, BORIS))


async def test_publishing_needs_an_open_run_and_leaves_endings_to_finish(live: LiveRuns, runs: RunStore) -> None:
    run = await opened(live, runs)
    with pytest.raises(Conflict, match="已经在进行"):
        await live.open(run)
    with pytest.raises(Conflict, match="只能由 finish"):
        await live.publish(run, "done", {})
    await live.finish(run, "done")
    with pytest.raises(Conflict, match="没有打开"):
        await live.publish(run, "text", {"text": "…"})
    with pytest.raises(Conflict, match="已经结束"):
        await live.open(run)
    with pytest.raises(NotFound):
        await live.open("无")


async def test_a_run_is_closed_even_when_its_task_is_cancelled_while_closing_it(live: LiveRuns, runs: RunStore) -> None:
    run = await opened(live, runs)
    reader = asyncio.create_task(read(live, run))
    task = asyncio.create_task(live.finish(run, "cancelled"))
    await asyncio.sleep(0)
    task.cancel()
    assert [event.type for event in await asyncio.wait_for(reader, 5)] == ["cancelled"]
    assert runs.get(run, ANNA).status == "cancelled"


async def test_a_reader_that_leaves_is_forgotten(live: LiveRuns, runs: RunStore) -> None:
    run = await opened(live, runs)
    readers = [asyncio.create_task(read(live, run)) for _ in range(20)]
    await asyncio.sleep(0.1)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    await live.publish(run, "text", {"text": "有人吗"})
    await live.finish(run, "done")
    assert live.open_runs == 0


async def test_closing_hands_everything_published_to_the_log(live: LiveRuns, runs: RunStore, writer: EventWriter) -> None:
    run = await opened(live, runs)
    await live.publish(run, "text", {"text": "还没写"})
    await live.close()
    await writer.flushed()
    assert said(runs.events_after(run, 0, ANNA)) == "还没写"
    assert runs.get(run, ANNA).status == "running"


async def test_an_open_run_takes_little_memory_however_long_its_answer(live: LiveRuns, runs: RunStore, writer: EventWriter) -> None:
    ids = [await opened(live, runs) for _ in range(10)]
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for n in range(3000):
        for run in ids:
            await live.publish(run, "text", {"text": f"第{n}字"})
    await writer.flushed()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (after - before) / len(ids) < 200_000


async def test_thousands_of_runs_leave_no_memory_behind(live: LiveRuns, runs: RunStore, writer: EventWriter) -> None:
    async def one() -> None:
        run = (await asyncio.to_thread(runs.start, NewRun(question="你好"), ANNA)).id
        await live.open(run)
        reader = asyncio.create_task(read(live, run))
        for n in range(20):
            await live.publish(run, "text", {"text": f"第{n}字"})
        await live.finish(run, "done", {"text": "完"})
        assert len(await reader) <= 21

    async def many(count: int) -> int:
        for _ in range(count // 20):
            await asyncio.gather(*(one() for _ in range(20)))
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    warm = await many(60)
    grown = await many(120) - warm
    tracemalloc.stop()
    assert live.open_runs == 0
    assert grown < 200_000
