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
    (home / NAME).write_text(json.dumps({"pid": os.getpid(), "url": url}), encoding="utf-8")


def withdraw(home: Path) -> None:
    (home / NAME).unlink(missing_ok=True)


def running(home: Path) -> Instance | None:
    """The live instance on `home`; a left-over file of a killed process is not one."""
    try:
        raw = json.loads((home / NAME).read_text(encoding="utf-8"))
        found = Instance(int(raw["pid"]), str(raw["url"]))
        os.kill(found.pid, 0)
        httpx.get(f"{found.url}/healthz", timeout=2.0).raise_for_status()
    except (OSError, ValueError, KeyError, TypeError, httpx.HTTPError):
        return None
    return found
