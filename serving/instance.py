"""Which process owns the state: written at start, so that commands talk to it instead of opening its stores."""

import json
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import httpx

from .tls import own_certificate

NAME = "instance.json"


@dataclass(frozen=True)
class Instance:
    """A running server on this home."""

    pid: int
    url: str
    certificate: str = ""
    """File of the certificate that it shows, where it speaks TLS."""

    @property
    def verify(self) -> ssl.SSLContext | bool:
        """What a client trusts. Raises ConfigurationError."""
        return own_certificate(self.certificate) if self.certificate else True


def announce(home: Path, url: str, certificate: Path | None = None) -> None:
    """Say that this process serves `home` at `url`."""
    home.mkdir(parents=True, exist_ok=True)
    part = home / f"{NAME}.{os.getpid()}"
    shown = str(certificate.absolute()) if certificate else ""
    part.write_text(json.dumps({"pid": os.getpid(), "url": url, "certificate": shown}), encoding="utf-8")
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
        httpx.get(f"{found.url}/healthz", timeout=2.0, trust_env=False, verify=found.verify).raise_for_status()
    except (OSError, ValueError, httpx.HTTPError, httpx.InvalidURL):
        return None
    return found


def _announced(home: Path) -> Instance | None:
    try:
        raw = json.loads((home / NAME).read_text(encoding="utf-8"))
        return Instance(int(raw["pid"]), str(raw["url"]), str(raw.get("certificate", "")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
