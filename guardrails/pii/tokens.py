"""Numbers as they are written: runs of digits and letters with what may stand between their parts, and Chinese numerals.

A value is one run (13812345678), several (138 1234 5678), a run broken at the end of a line, or Chinese numerals (一三八…). Each way of
reading neighbouring runs together becomes one candidate; what it is, is for others to say.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from domain.numerals import DIGITS

RUN = re.compile(r"[0-9A-Za-z]+")
GAP = re.compile(r"[ \t]{0,3}(?:[-–—·./()*_]|-?\n[ \t]{0,8})?[ \t]{0,3}")
JOINING = frozenset(" \t-–—·.()\n")
LONGEST = 22
"""Characters of the longest value: a card of 19 digits, or a phone with its country and extension."""
MOST_PARTS = 20

SPOKEN = DIGITS | {"幺": 1, "O": 0, "o": 0}
NUMERALS = "".join(char for char in DIGITS) + "幺"
SPOKEN_RUN = re.compile(f"[0-9{NUMERALS}](?:[ \\-]?\\n?[0-9{NUMERALS}]){{6,}}[ ]?[xX]?")
SPOKEN_LEAST = 3
"""Fewer Chinese numerals than this beside digits are words of the sentence (统一13800138000)."""
SLACK = 2
"""Numerals at either end that may belong to the words around (…零零零一共)."""


@dataclass(frozen=True, slots=True)
class Part:
    """One run of letters and digits."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way of reading parts as one value; offsets are of the folded text."""

    start: int
    end: int
    text: str
    """Letters and digits only, in upper case."""
    shape: tuple[int, ...] = ()
    """Lengths of the parts."""
    gaps: str = ""
    """What stands between the parts, without blanks beside a stop; `\n` for a broken line."""
    glued: bool = False
    """Another part stands before it, joined by a hyphen or the like."""
    alone: bool = True
    """No part of the same length goes on before or after it: one of a row of single digits is not."""
    spoken: bool = False


def candidates(text: str) -> Iterator[Candidate]:
    """Every way of reading the digits of a text as values, in the order of the text."""
    chain: list[Part] = []
    gaps: list[str] = []
    for match in RUN.finditer(text):
        part = Part(match.start(), match.end(), match[0])
        if not _may_belong(part.text, bool(chain)):
            yield from _readings(chain, gaps)
            chain, gaps = [], []
            continue
        gap = text[chain[-1].end : part.start] if chain else None
        if gap is not None and (len(gap) > 12 or not GAP.fullmatch(gap)):
            yield from _readings(chain, gaps)
            chain, gaps = [], []
            gap = None
        if gap is not None:
            gaps.append("\n" if "\n" in gap else gap.strip(" \t") or " ")
        chain.append(part)
    yield from _readings(chain, gaps)


def _may_belong(run: str, begun: bool) -> bool:
    """Prose is no part of a number: a run has a digit, or is a letter or two of a code, or capitals after a number."""
    return not run.isalpha() or run == "x" or (run.isupper() and (len(run) <= 2 or (begun and len(run) <= 9)))


def _readings(chain: list[Part], gaps: list[str]) -> Iterator[Candidate]:
    if sum(len(part.text) for part in chain) < 6:
        return
    for first, part in enumerate(chain):
        if first > 0 and len(part.text) == len(chain[first - 1].text) <= 2:
            continue  # a row of single digits is read from its beginning only
        glued = first > 0 and gaps[first - 1] in "-–._*"
        text = ""
        for last in range(first, min(len(chain), first + MOST_PARTS)):
            if last > first and gaps[last - 1] not in JOINING:
                break
            text += chain[last].text
            if last > first and len(text) > LONGEST:
                break
            if len(text) < 6:
                continue
            shape = tuple(len(piece.text) for piece in chain[first : last + 1])
            before = first > 0 and len(chain[first - 1].text) == shape[0]
            after = last + 1 < len(chain) and len(chain[last + 1].text) == shape[-1]
            yield Candidate(
                part.start,
                chain[last].end,
                text.upper(),
                shape,
                "".join(gaps[first:last]),
                glued,
                not (before or after),
            )


def spoken(text: str) -> Iterator[Candidate]:
    """Runs of Chinese numerals, whole and without up to two at either end."""
    for match in SPOKEN_RUN.finditer(text):
        written = match[0]
        kept = [at for at, char in enumerate(written) if char not in " -\n"]
        if len(kept) > LONGEST + 2 * SLACK or sum(written[at] in NUMERALS for at in kept) < SPOKEN_LEAST:
            continue
        digits = "".join(str(SPOKEN.get(written[at], written[at])) for at in kept).upper()
        for cut in range(SLACK + 1):
            for short in range(SLACK + 1):
                end = len(digits) - short
                if end - cut >= 7:
                    start_at, end_at = match.start() + kept[cut], match.start() + kept[end - 1] + 1
                    yield Candidate(start_at, end_at, digits[cut:end], (end - cut,), spoken=True)
