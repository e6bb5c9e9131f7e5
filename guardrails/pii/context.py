"""What stands beside a value: the nearest label before it, a unit or a currency that makes it an amount."""

import re
from functools import cached_property

from .words import Identifiers

WINDOW = 18
STOPS = "。；;！？"
AFTER = 8
LONGER_BEFORE = re.compile(r"[_#@]$|[0-9A-Za-z][.]$")
LONGER_AFTER = re.compile(r"_|[.][0-9]|[@][A-Za-z0-9]|[0-9A-Za-z]")


class Surroundings:
    """Asks about the words around spots of one text; each spot is looked at once."""

    def __init__(self, text: str, words: Identifiers) -> None:
        self._text = text
        self._words = words
        self._labels: dict[int, str] = {}

    @cached_property
    def whole(self) -> tuple[int, int]:
        """The text without blanks around it."""
        stripped = self._text.strip()
        start = self._text.find(stripped)
        return start, start + len(stripped)

    def is_whole(self, start: int, end: int) -> bool:
        """Whether a value is all that was written, as in the field of a form."""
        return self.whole == (start, end)

    def label(self, start: int, end: int) -> str:
        """What the nearest words before a value (or right after it, in brackets or not) call it; empty when nothing does."""
        found = self._labels.get(start)
        if found is None:
            found = self._labels[start] = self._before(start)
        if not found and self._words.after.match(self._text, end, end + AFTER):
            match = self._words.label.search(self._text, end, end + AFTER)
            return match.lastgroup or "" if match else ""
        return found

    def _before(self, start: int) -> str:
        window = self._text[max(0, start - WINDOW) : start]
        window = window[max(window.rfind(stop) for stop in STOPS) + 1 :]
        nearest = ""
        for match in self._words.label.finditer(window):
            nearest = match.lastgroup or ""
        return nearest

    def is_amount(self, start: int, end: int) -> bool:
        return bool(self._words.unit.match(self._text, end) or self._words.money.search(self._text[max(0, start - 4) : start]))

    def char_before(self, start: int) -> str:
        return self._text[start - 1 : start]

    def opens(self, start: int, end: int) -> bool:
        """Whether the sign before a phone number belongs to it: +86…, (0531)…, but not the bracket around all of it."""
        return self.char_before(start) == "+" or (self.char_before(start) == "(" and ")" in self._text[start:end])

    def goes_on(self, start: int, end: int) -> bool:
        """Whether the value is cut out of something longer: 3.13800138000, part_13800138000, 13800138000.50, #13800138000."""
        return bool(LONGER_BEFORE.search(self._text[max(0, start - 2) : start]) or LONGER_AFTER.match(self._text, end))

    def within_prose(self, start: int, end: int) -> bool:
        """Whether words stand right before and right after on the same lines: a broken line, not two cells of a column."""
        before = self._text[max(0, start - WINDOW) : start].rstrip(" \t")[-1:]
        after = self._text[end : end + WINDOW].lstrip(" \t")[:1]
        return (bool(before) and before != "\n") or (bool(after) and after != "\n")
