"""Which process owns the state: written at start, so that commands talk to it instead of opening its stores."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import httpx

NAME = "instance.json"


@dataclass(frozen=True)
class Instance:
    """A running server on this home."""

    pid: int
    url: str


def announce(home: Path, url: str) -> None:
    """Say that this process serves `home` at `url`."""
    home.mkdir(parents=True, exist_ok=True)
    part = home / f"{NAME}.{os.getpid()}"
    part.write_text(json.dumps({"pid": os.getpid(), "url": url}), encoding="utf-8")
    part.replace(home / NAME)


def withdraw(home: Path) -> None:
    """Take back one's own announcement; another process's stays."""
    found = _announced(home)
    if found is not None and found.pid == os.getpid():
        (home / NAME).unlink(missing_ok=True)


def running(home: Path) -> Instance | None:
    """The live instance on `home`; a left-over file of a killed process is not one."""
    found = _announced(home)
    if found is None:
        return None
    try:
        os.kill(found.pid, 0)
        httpx.get(f"{found.url}/healthz", timeout=2.0, trust_env=False).raise_for_status()
    except (OSError, ValueError, httpx.HTTPError, httpx.InvalidURL):
        return None
    return found


def _announced(home: Path) -> Instance | None:
    try:
        raw = json.loads((home / NAME).read_text(encoding="utf-8"))
        return Instance(int(raw["pid"]), str(raw["url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
