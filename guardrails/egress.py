"""The gate in front of a stream (出口): nothing leaves before it is known not to be the beginning of something that may not.

Text is held back only while its end may still grow into an identifier or a secret: a run of letters and digits, or of Chinese numerals.
Chinese prose passes at once. The result is the same however the text arrives.
"""

import re

from domain.principal import Principal

from .screen import Decision, Screen

GROWING = re.compile(
    r"(?:[0-9A-Za-z@._%+\-:/=~#?&\u2010-\u2015０-９Ａ-Ｚａ-ｚ\u200b-\u200f\ufeff]|(?<=[0-9０-９])[\s)）]+|[(（](?=[0-9０-９])|[〇零一二三四五六七八九壹贰叁肆伍陆柒捌玖幺](?=[〇零一二三四五六七八九壹贰叁肆伍陆柒捌玖幺]|$))+\Z"
)
"""An end of a text that may be the beginning of a value."""
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
        self.decisions: list[Decision] = []
        """Everything but a plain pass."""
        self.blocked = False

    def feed(self, piece: str) -> str:
        self._held += piece
        growing = GROWING.search(self._held, max(0, len(self._held) - LONGEST))
        return self._release(growing.start() if growing else len(self._held))

    def close(self) -> str:
        return self._release(len(self._held))

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
