"""From nothing to the first answer: a cold start on an empty home, a warm one, the server's memory, the command line's import."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from .options import ROOT, Options, run_script
from .processes import MIB, Served, product
from .questions import texts
from .report import Figure, median

FIRST_QUESTION = "先进级的在线检测要做到什么程度？"
QUESTIONS = 50


def measure(options: Options) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as scratch:
        # neither bytecode nor jieba's dictionary cache from earlier runs
        fresh = {"PYTHONPYCACHEPREFIX": f"{scratch}/bytecode", "TMPDIR": f"{scratch}/tmp"}
        Path(fresh["TMPDIR"]).mkdir()
        log, home = Path(scratch) / "server.log", Path(scratch) / "home"
        with product(home, log, fresh) as server:
            yield Figure("startup", "cold_start_to_answer", server.seconds_to_ready + ask(server, FIRST_QUESTION), "s", 20)
        warm: list[float] = []
        for _ in range(1 if options.quick else 3):
            with product(home, log, fresh) as server:
                warm.append(server.seconds_to_ready + ask(server, FIRST_QUESTION))
        yield Figure("startup", "warm_start_to_answer", median(warm), "s", 5)
        with product(home, log, fresh) as server:
            for question in texts(3 if options.quick else QUESTIONS):
                ask(server, question)
            yield Figure("startup", f"rss_after_{QUESTIONS}_questions", server.rss() / MIB, "MiB", 700)
        times = [help_seconds(fresh) for _ in range(2 if options.quick else 7)]
        yield Figure("startup", "help_import", median(times), "s", 0.5)


def ask(server: Served, question: str) -> float:
    """Seconds to a whole answer.

    Raises:
        OSError: the server did not answer with 200.
    """
    started = time.perf_counter()
    body = json.dumps({"model": "shuzhi", "messages": [{"role": "user", "content": question}]}).encode()
    request = urllib.request.Request(f"{server.url}/v1/chat/completions", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        json.load(answer)
    return time.perf_counter() - started


def help_seconds(environment: dict[str, str]) -> float:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    command = [sys.executable, "-m", "serving", "--help"]
    subprocess.run(command, check=True, cwd=ROOT, env=kept | {"PYTHONPATH": str(ROOT)} | environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    run_script("startup", __doc__ or "", measure)
