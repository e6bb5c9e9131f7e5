"""Servers under measurement run in processes of their own; here they are started, watched and stopped."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from .options import ROOT

PATIENCE_S = 180.0
MIB = 1024 * 1024
PAGE = "ui.mounted"


class ServerFailed(Exception):
    """A server did not come up; the message ends with what it said last."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    """A server process while its context is open."""

    def __init__(self, arguments: Sequence[str], port: int, log: Path, environment: Mapping[str, str], health: str = "/healthz") -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self._health = health
        self._log = log
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SHUZHI_")}
        if "PYTHONPYCACHEPREFIX" in environment:
            # what a user's shell has: bytecode is kept between starts
            kept.pop("PYTHONDONTWRITEBYTECODE", None)
        self._environment = kept | {"PYTHONPATH": str(ROOT)} | dict(environment)
        self._arguments = [sys.executable, *arguments]
        self.seconds_to_ready = 0.0

    def __enter__(self) -> Self:
        started = time.perf_counter()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._arguments, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
        self.process = psutil.Process(self._process.pid)
        while not self._is_healthy():
            if self._process.poll() is not None or time.perf_counter() - started > PATIENCE_S:
                self.stop()
                said = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise ServerFailed(f"{' '.join(self._arguments)}: {said}")
            time.sleep(0.02)
        self.seconds_to_ready = time.perf_counter() - started
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _is_healthy(self) -> bool:
        with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(self.url + self._health, timeout=1) as answer:
            return answer.status == 200
        return False

    def rss(self) -> int:
        """Resident bytes of the server and whatever it started."""
        found = self.process.memory_info().rss
        for child in self.process.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                found += child.memory_info().rss
        return found

    def cpu_seconds(self) -> float:
        spent = self.process.cpu_times()
        return float(spent.user + spent.system)


def product(home: Path, log: Path, environment: Mapping[str, str] | None = None) -> Served:
    """The whole product, `shuzhi up`, with its state under `home`."""
    port = free_port()
    given = {"SHUZHI_HOME": str(home), "SHUZHI_PORT": str(port), "SHUZHI_LOG_LEVEL": "warning"}
    module = ["-m", "serving", "up"] if importlib.util.find_spec(PAGE) else ["-m", "benchmarks.api_server"]
    return Served(module, port, log, given | dict(environment or {}))


def fake(log: Path, tokens: int, delay_s: float = 0.0) -> Served:
    """The shipped fake endpoint, instant by default."""
    port = free_port()
    arguments = ["-m", "serving.fake_endpoint", "--port", str(port), "--tokens", str(tokens), "--delay", str(delay_s)]
    return Served(arguments, port, log, {}, health="/v1/models")


def attached(endpoint: Served) -> dict[str, str]:
    """Settings that attach a model endpoint."""
    return {"SHUZHI_MODEL__BASE_URL": f"{endpoint.url}/v1", "SHUZHI_MODEL__MODEL": "fake"}
