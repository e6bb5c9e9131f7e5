"""Shape of a text: not empty, not endless, nothing in it that cannot be seen."""

import re
import unicodedata
from collections.abc import Sequence

from .findings import Finding
from .normalise import INVISIBLE, KEPT_CONTROLS, View


class TextLimits:
    """Reports empty and oversized texts, and runs of control, zero-width and private characters."""

    name = "text_limits"

    def __init__(self, longest: int) -> None:
        self._longest = longest

    def find(self, view: View) -> Sequence[Finding]:
        text = view.raw
        if len(text) > self._longest:
            reason = f"问题有 {len(text)} 个字，超过 {self._longest} 字的上限。请缩短，或把长材料作为文件上传后再提问"
            return [Finding("text.too_long", 0, len(text), reason=reason)]
        if not view.folded.strip():
            return [Finding("text.empty", 0, len(text), reason="问题是空的。请写下想问的内容，例如“先进级的在线检测要做到什么程度？”")]
        if view.plain:
            return []
        return [Finding("text.invisible", start, end, reason="去掉了看不见的字符") for start, end in _invisible(text)]


def _invisible(text: str) -> list[tuple[int, int]]:
    marks = "".join("x" if c not in KEPT_CONTROLS and unicodedata.category(c) in INVISIBLE else "." for c in text)
    return [match.span() for match in re.finditer("x+", marks)]
