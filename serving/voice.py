"""How a run is heard: its events in order, and its sentences also as text, piece by piece, through the egress gate."""

import asyncio
import threading
from contextlib import suppress
from typing import Any

from domain.errors import Conflict
from domain.principal import Principal
from guardrails.egress import EgressGate
from guardrails.screen import Screen
from records.live import LiveRuns

DELTA_CHARS = 12
"""Characters of one streamed piece of text."""


class Voice:
    """One run's way to its readers. Belongs to the event loop that makes it; tools may report from other threads."""

    def __init__(self, live: LiveRuns, run_id: str, screen: Screen, principal: Principal, question: str) -> None:
        self._live = live
        self._run_id = run_id
        self._gate = EgressGate(screen, principal, question)
        self._between = ""
        self.shown = set[str]()
        """Stored passages that were quoted."""
        self._loop, self._home = asyncio.get_running_loop(), threading.get_ident()

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        if threading.get_ident() == self._home:
            self._publish(kind, data)
        else:
            self._loop.call_soon_threadsafe(self._publish_late, kind, data)

    def close(self) -> None:
        """Nothing more is coming: what the gate still held may leave."""
        self._stream(self._gate.close())

    def _publish(self, kind: str, data: dict[str, Any]) -> None:
        if kind == "sentence":
            self.shown |= {each["passage_id"] for each in data.get("citations", []) if each.get("source") != "catalogue"}
            self._gate.known += "".join(citation["quote"] for citation in data.get("citations", []))
            self._stream(self._gate.feed(self._between + data["text"]))
            self._between = "\n"
            if self._gate.blocked:
                self._live.publish_now(self._run_id, "guard", {"stage": "stream", **self._gate.decisions[-1].events()[-1]})
                return
        self._live.publish_now(self._run_id, kind, data)

    def _publish_late(self, kind: str, data: dict[str, Any]) -> None:
        with suppress(Conflict):  # the run may have ended meanwhile
            self._publish(kind, data)

    def _stream(self, text: str) -> None:
        for at in range(0, len(text), DELTA_CHARS):
            self._live.publish_now(self._run_id, "text", {"text": text[at : at + DELTA_CHARS]})
