"""A whole offline answer: question in, verified sentences out, with the run, its events and its answer in the database."""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from serving.assembly import open_platform
from serving.logs import configure_logging
from serving.settings import Settings

from .options import Options, run_script
from .questions import calibration, texts
from .report import Figure, percentile

QUESTIONS = 250


def measure(options: Options) -> Iterator[Figure]:
    configure_logging("warning", to_stderr=True)
    with tempfile.TemporaryDirectory() as scratch:
        first, times = asyncio.run(ask_all(Path(scratch), 5 if options.quick else QUESTIONS))
    note = f"{len(times)} distinct questions, none asked before"
    yield Figure("answer", "first", first * 1000, "ms")
    yield Figure("answer", "p50", percentile(times, 0.5) * 1000, "ms", note=note)
    yield Figure("answer", "p95", percentile(times, 0.95) * 1000, "ms", 150, note=note)


async def ask_all(home: Path, count: int) -> tuple[float, list[float]]:
    """Seconds of the first answer, and of each one after it."""
    platform = await open_platform(Settings(home=home, log_level="warning"))
    talks = [(item.question, item.turns) for item in calibration() if item.turns][: count // 5]
    asked = [*talks, *((text, []) for text in texts(count + 1 - len(talks)))]
    times: list[float] = []
    try:
        for question, turns in asked:
            started = time.perf_counter()
            await platform.runs.ask(platform.principal, question, door="system", turns=turns)
            times.append(time.perf_counter() - started)
    finally:
        await platform.close()
    return times[0], times[1:]


if __name__ == "__main__":
    run_script("answer", __doc__ or "", measure)
