"""Where the sentences of a document begin, so that an instruction can be taken out without losing what stands around it."""

import re

import numpy as np

from .features import Places

BREAK = re.compile(r"\n+|[。！？!?；]+[”’」』\"']?|[.]+[\"')]?(?=\s|[A-Z<])|\|(?=[A-Z_ ]{3,20}:)|<!--|-->")
FENCE = "```"


def starts(folded: str) -> Places:
    """Offsets of segments that cover all of `folded`; the first is 0, whatever the text is. A fenced block of code is one segment."""
    found = [0]
    at, size = 0, len(folded)
    while at < size:
        fence = folded.find(FENCE, at)
        until = size if fence < 0 else fence
        found.extend(_cuts(folded, at, until))
        if fence < 0:
            break
        close = folded.find(FENCE, fence + len(FENCE))
        at = size if close < 0 else close + len(FENCE)
        found += [fence, at]
    return np.array(sorted({place for place in found if place < size or place == 0}), dtype=np.int64)


def _cuts(folded: str, begin: int, end: int) -> list[int]:
    return [match.start() if match[0] == "<!--" else match.end() for match in BREAK.finditer(folded, begin, end)]
