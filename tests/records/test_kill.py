"""A process that is killed in the middle of an answer loses nothing that it reported as stored."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from records.database import Database
from records.events import NewEvent
from records.live import LiveRuns
from records.runs import RunStore
from records.writer import EventWriter

from .people import ANNA

ROOT = Path(__file__).parents[2]
STREAM = """
import asyncio, sys
from domain.principal import Principal
from records.database import Database
from records.live import LiveRuns
from records.runs import NewRun, RunStore
from records.writer import EventWriter

async def main():
    database = Database(sys.argv[1])
    runs, writer = RunStore(database), EventWriter(database)
    live = LiveRuns(runs, writer, merge_seconds=0.005)
    run = runs.start(NewRun(question="你好"), Principal(id="anna", tenant="锻造厂")).id
    await live.open(run)
    print(run, flush=True)
    async def report():
        while True:
            published = seq
            await asyncio.sleep(0.02)
            await writer.flushed()
            print(published, flush=True)
    seq = 0
    asyncio.create_task(report())
    while True:
        seq = await live.publish(run, *(("tool", {"n": seq + 1}) if (seq + 1) % 10 == 0 else ("text", {"text": f"{seq + 1},"})))
        await asyncio.sleep(0)

asyncio.run(main())
"""


def killed_stream(url: str, reports: int) -> tuple[str, int]:
    """Run id, and the newest seq that the process reported as stored before it died."""
    child = subprocess.Popen(
        [sys.executable, "-c", STREAM, url], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert child.stdout is not None
    with child.stdout as lines:
        run = next(lines).strip()
        promised = [int(next(lines)) for _ in range(reports)][-1]
        child.send_signal(signal.SIGKILL)
        promised = max([promised, *(int(line) for line in lines if line.endswith("\n"))])
    assert child.wait(10) == -signal.SIGKILL
    return run, promised


@pytest.mark.parametrize("reports", [1, 4, 15])
async def test_after_a_kill_the_log_is_gapless_and_the_run_interrupted(database: Database, url: str, reports: int) -> None:
    run, promised = killed_stream(url, reports)
    runs = RunStore(database)
    assert runs.get(run, ANNA).status == "running"
    assert runs.interrupted() == [run]
    closed = runs.get(run, ANNA)
    assert closed.status == "interrupted"
    events = runs.events_after(run, 0, ANNA, limit=1_000_000)
    assert [event.first_seq for event in events] == [1, *(event.seq + 1 for event in events[:-1])]
    assert events[-1].type == "interrupted"
    assert closed.last_seq == events[-1].seq > promised > 0
    last_published = closed.last_seq - 1
    assert "".join(event.data["text"] for event in events if event.type == "text") == "".join(
        f"{n}," for n in range(1, last_published + 1) if n % 10
    )
    assert [event.data["n"] for event in events if event.type == "tool"] == list(range(10, last_published + 1, 10))


async def test_after_a_restart_the_interrupted_run_replays_and_new_ones_work(database: Database, url: str) -> None:
    run, promised = killed_stream(url, 2)
    runs = RunStore(database)
    runs.interrupted()
    writer = EventWriter(database)
    live = LiveRuns(runs, writer)
    replay = [event async for event in live.subscribe(run, ANNA, promised)]
    assert replay[0].first_seq == promised + 1
    assert replay[-1].type == "interrupted"
    with pytest.raises(Exception, match="已经结束"):
        runs.append(run, [NewEvent(type="text", data={"text": "再说一句"})])
    await live.close()
    writer.close()
