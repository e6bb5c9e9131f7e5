"""The gate in front of a stream (出口): nothing leaves before it is known not to be the beginning of something that may not.

Pieces are looked at together: when so many characters wait, or a sentence ends. Longer than that is held back only what may still grow into
an identifier or a secret: a run of letters and digits, or of Chinese numerals. The result is the same however the text arrives.
"""

import re

from domain.principal import Principal

from .screen import Decision, Screen

NUMERALS = "〇零一二三四五六七八九壹贰叁肆伍陆柒捌玖幺"
GROWING = re.compile(
    r"(?:[0-9A-Za-z@._%+\-:/=~#?&\u2010-\u2015０-９Ａ-Ｚａ-ｚ\u200b-\u200f\ufeff]|"
    r"(?<=[0-9０-９])[\s)）]+|[(（](?=[0-9０-９])|"
    rf"[{NUMERALS}](?=[{NUMERALS}]|$))+\Z"
)
"""An end of a text that may be the beginning of a value."""
GROWS = frozenset(
    [*map(chr, (*range(33, 127), *range(0xFF01, 0xFF5F), *range(0x2010, 0x2016), *range(0x200B, 0x2010), 0xFEFF)), *" \t\n\r", *NUMERALS]
)
"""What the last character of such an end may be, and more: most pieces end with another, and are not searched."""
TOGETHER = 20
"""Characters that are looked at together: the most that ordinary text waits for the next piece."""
HALF = TOGETHER // 2
"""So many do when a sentence ends with them."""
STOPS = frozenset("。！？；\n")
LONGEST = 4_096
"""A value longer than this is let go in pieces; a key or token of the usual issuers is shorter."""
CONTEXT = 48
"""Characters behind the gate that the next look includes: the words before a value that say what it is."""


class EgressGate:
    """One stream's gate. `feed` returns what may leave now, `close` the rest; after a block neither returns anything."""

    def __init__(self, screen: Screen, principal: Principal, known: str = "") -> None:
        self._screen = screen
        self._principal = principal
        self.known = known
        """What the reader has anyway; it may grow while the stream goes on."""
        self._context = ""
        self._held = ""
        self._enough = TOGETHER
        self.decisions: list[Decision] = []
        """Everything but a plain pass."""
        self.blocked = False

    def feed(self, piece: str) -> str:
        self._held += piece
        missing = self._enough - len(self._held)
        if missing > HALF or (missing > 0 and piece[-1:] not in STOPS):
            return ""
        ready = self._release(self._settled())
        self._enough = len(self._held) + TOGETHER
        return ready

    def close(self) -> str:
        return self._release(len(self._held))

    def _settled(self) -> int:
        """How many of the held characters belong to nothing that may go on growing."""
        held = self._held
        if held[-1:] not in GROWS:
            return len(held)
        growing = GROWING.search(held, max(0, len(held) - LONGEST))
        return growing.start() if growing else len(held)

    def _release(self, count: int) -> str:
        """The first `count` held characters as they may leave, looked at with what went before them and what comes behind."""
        if not count or self.blocked:
            return ""
        before = len(self._context)
        decision = self._screen.check(self._context + self._held[:count], self._principal, known=self.known, start=before)
        if decision.action not in ("allow", "review"):
            self.decisions.append(decision)
        if decision.blocked:
            self.blocked = True
            self._held = ""
            return ""
        self._context = (self._context + decision.text)[-CONTEXT:]
        self._held = self._held[count:]
        return decision.text
