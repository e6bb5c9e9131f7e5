"""One folded form of a text for every detector: full width, zero width and look-alike letters undone, with the way back to the original.

Attackers and page layouts write the same thing in many ways (１３８, 1 3 8, 1\u200b38, Ѕystem). Detectors look at `View.folded` only and
report offsets of the original through `View.span`.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

PLAIN = re.compile(r"[\n\t\x20-\x7e\u4e00-\u9fff、。《》〈〉「」『』【】〔〕·—…“”‘’]*")
"""Characters that fold to themselves; most texts are nothing else but a few full-width stops."""
WIDE: dict[int, str] = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {0x3000: " ", 0xA0: " "}
"""Full-width ASCII and blanks: one character for one, so that offsets stay as they are."""
DASHES = dict.fromkeys("‐‑‒–−", "-")
WIDE_PLAIN = re.compile(PLAIN.pattern[:-2] + r"\u3000\xa0\uff01-\uff5e]*")
STOPS = tuple((wide, chr(ord(wide) - 0xFEE0)) for wide in "，：；？！（）")
"""The wide characters of every text, which are replaced one kind at a time."""
WIDE_CHARACTER = re.compile(r"[\u3000\xa0\uff01-\uff5e]")
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co"})
FILLERS = frozenset(
    chr(code)
    for first, last in (
        (0x300, 0x36F),
        (0x20D0, 0x20F0),
        (0xFE00, 0xFE0F),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x3164, 0x3164),
        (0xFFA0, 0xFFA0),
    )
    for code in range(first, last + 1)
)
"""Marks over other characters, variation selectors and blank letters: 1\u20e3, 1\u0336."""
KEPT_CONTROLS = "\n\t"
LOOK_ALIKES = dict(
    zip(
        "АВЕЅІЈКМНОРСТУХаеѕіјорсухһԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧαονι",
        "ABESIJKMHOPCTYXaesijopcyxhdqwABEZHIKMNOPTYXaovi",
        strict=True,
    )
)
"""Cyrillic and Greek letters that look like Latin ones (Unicode UTS 39 confusables, the letters only)."""


@dataclass(frozen=True)
class View:
    """A text and its folded form. `origins[i]` is the index in `raw` that character i of `folded` came from; empty when
    each came from the one at its own place."""

    raw: str
    folded: str
    origins: Sequence[int] = ()
    plain: bool = False
    """Nothing in it is invisible, or another character's look-alike."""

    @classmethod
    def of(cls, text: str) -> "View":
        if WIDE_PLAIN.fullmatch(text):
            narrowed = text
            for stop, narrow in STOPS:
                narrowed = narrowed.replace(stop, narrow)
            return cls(text, WIDE_CHARACTER.sub(_narrow, narrowed), plain=True)
        folded: list[str] = []
        origins: list[int] = []
        at = 0
        while at < len(text):
            plain = PLAIN.match(text, at)
            end = plain.end() if plain else at
            if end > at:
                folded.append(text[at:end])
                origins.extend(range(at, end))
                at = end
                continue
            written = _fold(text[at])
            folded.append(written)
            origins.extend([at] * len(written))
            at += 1
        return cls(text, "".join(folded), origins)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where `folded[start:end]` stands in the original; what was dropped inside belongs to it."""
        if not self.origins:
            return start, end
        if start >= end:
            at = self.origins[start] if start < len(self.origins) else len(self.raw)
            return at, at
        return self.origins[start], self.origins[end - 1] + 1

    @cached_property
    def latin(self) -> str:
        """The ASCII characters of `lowered`, one behind the other: what Latin words are looked for in before anything else."""
        return self.lowered.encode("ascii", "ignore").decode()

    @cached_property
    def lowered(self) -> str:
        """`folded` in lower case, of the same length."""
        lower = self.folded.lower()
        return lower if len(lower) == len(self.folded) else "".join(c.lower() if len(c.lower()) == 1 else c for c in self.folded)


def _narrow(match: re.Match[str]) -> str:
    return WIDE[ord(match[0])]


@lru_cache(maxsize=4096)
def _fold(char: str) -> str:
    if char in KEPT_CONTROLS:
        return char
    if char in LOOK_ALIKES:
        return LOOK_ALIKES[char]
    if char in DASHES:
        return DASHES[char]
    if unicodedata.category(char) in INVISIBLE or char in FILLERS:
        return ""
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    return "".join(LOOK_ALIKES.get(c, c) for c in unicodedata.normalize("NFKC", char))
