"""The whole product in front of an instant model: guards, retrieval, citations, event log on, against a plain LangGraph graph.

Both servers have one worker and stand in front of the same fake endpoint; the load comes from here and takes turns between them, so
that their ratio holds on a busy machine where neither's absolute figure does.
"""

import asyncio
import json
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from .load import Connection, Load, press, request_bytes
from .options import Options, run_script
from .processes import MIB, Served, attached, fake, free_port, product
from .questions import texts
from .report import Figure, median, slope

CONCURRENCY = (1, 16, 64, 256)
QUESTIONS = 64
SHORT, LONG = 20, 220
ROUNDS = 3
SECONDS = 3.0
OPEN_RUNS = 128
REQUESTS = 10_000
WARM_UP = 2_000
STEP = 500
GROWTH_LIMIT_MIB = 8
"""What the growth of 10,000 requests may look like: the allocator's noise, not a leak of 1 KB a request."""


def measure(options: Options) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        room = Path(scratch)
        short = stack.enter_context(fake(room / "fake.log", SHORT))
        ours = stack.enter_context(product(room / "home", room / "server.log", attached(short)))
        port = free_port()
        environment = {"FAKE_URL": f"{short.url}/v1"}
        baseline = stack.enter_context(Served(["-m", "benchmarks.baseline", "--port", str(port)], port, room / "baseline.log", environment))
        questions, cold = answerable(ours, 4 if options.quick else QUESTIONS)
        yield Figure("gateway", "cold_answer_p50", median(cold) * 1000, "ms", note=f"{len(cold)} questions asked for the first time")
        asyncio.run(press(ours.port, questions, 4, count=2 * len(questions)))
        asyncio.run(press(baseline.port, questions, 4, count=len(questions)))
        yield from first_token(options, ours, short, questions)
        yield from throughput(options, ours, baseline, questions)
        yield from growth(options, ours, questions)
        yield from token_cost(options, room, ours, questions)
        yield from open_runs(options, room, questions)


def answerable(server: Served, count: int) -> tuple[list[str], list[float]]:
    """Plain look-ups that the model phrases an answer to with citations, and the seconds that each took when it was new.

    A digit may mean a computation, which the model is asked about first: two calls for one answer.
    """
    found: list[str] = []
    seconds: list[float] = []
    for question in (text for text in texts(8 * count) if not any(char.isdigit() for char in text)):
        body = json.dumps({"messages": [{"role": "user", "content": question}]}).encode()
        request = urllib.request.Request(f"{server.url}/v1/chat/completions", body, {"Content-Type": "application/json"})
        started = time.perf_counter()
        with urllib.request.urlopen(request, timeout=60) as answer:
            said = json.load(answer)["shuzhi"]
        seconds.append(time.perf_counter() - started)
        if said["model"] == "fake" and said["citations"] and all(c["verified"] for c in said["citations"]):
            found.append(question)
        if len(found) == count:
            return found, seconds
    raise RuntimeError(f"only {len(found)} of {8 * count} questions got a cited answer from the model")


def first_token(options: Options, ours: Served, endpoint: Served, questions: Sequence[str]) -> Iterator[Figure]:
    """What stands between a client and the model, at one request at a time."""
    added: list[float] = []
    for _ in range(1 if options.quick else ROUNDS):
        direct, through = (asyncio.run(press(server.port, questions, 1, count=len(questions))) for server in (endpoint, ours))
        added.append((median(through.first) - median(direct.first)) * 1000)
    yield Figure("gateway", "first_token_added_c1", median(added), "ms", 5)


def throughput(options: Options, ours: Served, baseline: Served, questions: Sequence[str]) -> Iterator[Figure]:
    for concurrency in (1, 4) if options.quick else CONCURRENCY:
        pairs: list[tuple[Load, Load]] = []
        for _ in range(1 if options.quick else ROUNDS):
            seconds = 0.3 if options.quick else SECONDS
            both = [asyncio.run(press(server.port, questions, concurrency, seconds=seconds)) for server in (baseline, ours)]
            pairs.append((both[0], both[1]))
        mine, theirs = median([own.rate for _, own in pairs]), median([plain.rate for plain, _ in pairs])
        yield Figure("gateway", f"requests_per_s_c{concurrency}", mine, "1/s", 250, "higher")
        yield Figure("gateway", f"langgraph_requests_per_s_c{concurrency}", theirs, "1/s")
        ratio = median([own.rate / plain.rate for plain, own in pairs])
        yield Figure("gateway", f"ratio_to_langgraph_c{concurrency}", ratio, "x", 3, "higher")
        yield Figure("gateway", f"first_token_p50_c{concurrency}", median([median(own.first) for _, own in pairs]) * 1000, "ms")


def growth(options: Options, ours: Served, questions: Sequence[str]) -> Iterator[Figure]:
    """Resident memory over many requests, as the slope of a line, so that one late reading does not decide."""
    requests, warm_up, step = (60, 20, 10) if options.quick else (REQUESTS, WARM_UP, STEP)
    asyncio.run(press(ours.port, questions, 16, count=warm_up))
    readings = [(0.0, ours.rss() / MIB)]
    cpu = ours.cpu_seconds()
    for done in range(step, requests + 1, step):
        asyncio.run(press(ours.port, questions, 16, count=step))
        readings.append((float(done), ours.rss() / MIB))
    yield Figure("gateway", "cpu_per_request", (ours.cpu_seconds() - cpu) / requests * 1000, "ms", note="server process, 20 tokens")
    yield Figure("gateway", "rss", readings[-1][1], "MiB")
    limit = GROWTH_LIMIT_MIB
    yield Figure("gateway", "rss_growth_per_10000", slope(readings) * REQUESTS, "MiB", limit, note=f"slope over {requests} requests")


def token_cost(options: Options, room: Path, ours: Served, questions: Sequence[str]) -> Iterator[Figure]:
    """The server's CPU for one token more, from answers of 20 and of 220 tokens."""
    with fake(room / "long.log", LONG) as endpoint, product(room / "long", room / "long.log", attached(endpoint)) as long:
        count = len(questions) if options.quick else 6 * len(questions)
        asyncio.run(press(long.port, questions, 4, count=2 * len(questions)))
        extra: list[float] = []
        for _ in range(1 if options.quick else ROUNDS):
            spent = [
                cpu_of(server, lambda server=server: asyncio.run(press(server.port, questions, 4, count=count))) for server in (ours, long)
            ]
            extra.append((spent[1] - spent[0]) / count / (LONG - SHORT) * 1000)
        yield Figure("gateway", "cpu_per_token", median(extra), "ms", 0.04, note=f"slope between {SHORT} and {LONG} tokens")


def cpu_of(server: Served, work: Callable[[], object]) -> float:
    before = server.cpu_seconds()
    work()
    return server.cpu_seconds() - before


def open_runs(options: Options, room: Path, questions: Sequence[str]) -> Iterator[Figure]:
    """Memory of runs whose model is still writing."""
    held = 8 if options.quick else OPEN_RUNS
    with fake(room / "slow.log", SHORT, 5.0) as slow, product(room / "open", room / "open.log", attached(slow)) as server:
        grown = asyncio.run(hold(server, questions, held))
    yield Figure("gateway", "memory_per_open_run", grown / held / 1024, "KiB", 200, note=f"{held} runs whose model writes slowly")


async def hold(server: Served, questions: Sequence[str], count: int) -> int:
    """Bytes that the second `count` open runs add; the first ones pay for what all share."""
    connections: list[Connection] = []
    tasks: list[asyncio.Task[tuple[float, float]]] = []
    sizes: list[int] = []
    for _ in range(2):
        for number in range(count):
            connections.append(await Connection.open(server.port))
            tasks.append(asyncio.create_task(connections[-1].ask(request_bytes(questions[number % len(questions)]))))
        await asyncio.sleep(2.5)
        sizes.append(server.rss())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for connection in connections:
        connection.close()
    return sizes[1] - sizes[0]


if __name__ == "__main__":
    run_script("gateway", __doc__ or "", measure)
