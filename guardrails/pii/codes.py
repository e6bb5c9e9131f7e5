"""Addresses on the net and number plates."""

import ipaddress
import re
from collections.abc import Iterator

from guardrails.findings import Finding
from guardrails.normalise import View

from .context import Surroundings
from .words import OTHER, PREFIX, Identifiers

EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9](?:[A-Za-z0-9_%+\-]|[.](?=[A-Za-z0-9_%+\-])){0,63}"
    r"[ ]?@[ ]?(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?[.])+[A-Za-z]{2,24}(?![A-Za-z0-9\-])"
)
BROKEN_LINE = re.compile(r"(?<=[A-Za-z0-9._%+\-@])[ \t]*\n[ \t]*(?=[A-Za-z0-9._%+\-@])")
V4 = re.compile(r"(?<![0-9A-Za-z_])(?:\d{1,3}[ ]?[.][ ]?){3}\d{1,3}(?![0-9A-Za-z_]|[.]\d)")
V4_HINT = re.compile(r"\d ?[.] ?\d{1,3} ?[.] ?\d")
V4_PART = 255
V6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:[.]\d{1,3}){0,3}(?:%\w{1,8})?(?![0-9A-Za-z:])")
USUAL_V6 = re.compile(r"fe80:|f[cd][0-9a-f]{2}:|2[0-9a-f]{3}:", re.IGNORECASE)
VERSION = re.compile(r"(?:[vV]|[vV]er(?:sion)?|版本?号?|固件|版|release|条款?|章|节|第|§|见|GB/T|GB|T)[ .:：为是]{0,3}$", re.IGNORECASE)
CLEARLY = 100
"""A part of three digits, or a zero, is in no clause number and in few version numbers."""


class CodeRules:
    """E-mail, IP, plates: each is looked for only where its own character stands."""

    def __init__(self, words: Identifiers) -> None:
        self._words = words
        body = r"(?:[DFAGHJKBCE][A-HJ-NP-Z0-9]\d{4}|\d{5}[DFAGHJKBCE]|[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳])"
        self._plate_hint = re.compile(f"[{words.plate_provinces}使][ ]?[A-Z0-9]")
        self._plate = re.compile(
            f"(?:WJ[ ]?)?([{words.plate_provinces}])([A-HJ-NP-Z])([·.\\- \\n]?)({body})(?![A-Za-z0-9])|使[ ]?\\d{{6}}(?!\\d)"
        )

    def find(self, view: View) -> Iterator[Finding]:
        """Findings in no particular order."""
        text = view.folded
        around = Surroundings(text, self._words)
        if "@" in text:
            yield from self._emails(view)
        if V4_HINT.search(text):
            yield from self._v4(view, around)
        if text.count(":") >= 2:
            yield from self._v6(view, around)
        if self._plate_hint.search(text):
            yield from self._plates(view, around)

    def _found(self, view: View, kind: str, start: int, end: int, score: float) -> Finding:
        return Finding(PREFIX + kind, *view.span(start, end), score, self._words.kinds[kind].name)

    def _emails(self, view: View) -> Iterator[Finding]:
        text = view.folded
        whole = [match.span() for match in EMAIL.finditer(text)]
        for start, end in whole:
            yield self._found(view, "email", start, end, 0.95)
        if "\n" not in text or sum(text.count("@", start, end) for start, end in whole) == text.count("@"):
            return
        kept: list[int] = []
        at = 0
        for match in BROKEN_LINE.finditer(text):
            kept.extend(range(at, match.start()))
            at = match.end()
        kept.extend(range(at, len(text)))
        joined = "".join(text[index] for index in kept)
        for match in EMAIL.finditer(joined):
            start, end = kept[match.start()], kept[match.end() - 1] + 1
            if end - start > match.end() - match.start() and not any(a < end and start < b for a, b in whole):
                yield self._found(view, "email", start, end, 0.8)

    def _v4(self, view: View, around: Surroundings) -> Iterator[Finding]:
        for match in V4.finditer(view.folded):
            parts = [int(part) for part in re.findall(r"\d+", match[0])]
            if max(parts) > V4_PART or around.char_before(match.start()) in (".", "-", "/"):
                continue
            label = around.label(match.start(), match.end())
            if label == "ip":
                yield self._found(view, "ip", match.start(), match.end(), 0.95)
                continue
            clear = max(parts) >= CLEARLY or (0 in parts[1:] and parts[0] >= 10)
            named = label == OTHER or VERSION.search(view.folded[max(0, match.start() - 12) : match.start()])
            if clear and not named:
                yield self._found(view, "ip", match.start(), match.end(), 0.8)

    def _v6(self, view: View, around: Surroundings) -> Iterator[Finding]:
        for match in V6.finditer(view.folded):
            written = match[0]
            known = around.label(*match.span()) == "ip" or USUAL_V6.match(written)
            if "::" in written and sum(map(bool, written.split(":"))) < (2 if known else 3):
                continue
            try:
                ipaddress.IPv6Address(written)
            except ValueError:
                continue
            yield self._found(view, "ip", match.start(), match.end(), 0.9)

    def _plates(self, view: View, around: Surroundings) -> Iterator[Finding]:
        for match in self._plate.finditer(view.folded):
            label = around.label(*match.span())
            if match[1] is None:
                if label == "vehicle_plate":
                    yield self._found(view, "vehicle_plate", match.start(), match.end(), 0.8)
                continue
            body = match[4]
            letters = len(body) - len(body.lstrip("ABCDEFGHJKLMNPQRSTUVWXYZ"))
            named = label == "vehicle_plate" or match[3] in ("·", ".")
            doubtful = letters >= 2 or (match[1] in self._words.plate_words and letters == 1)
            if label == OTHER or (doubtful and not named):
                continue
            yield self._found(view, "vehicle_plate", match.start(), match.end(), 0.95 if named else 0.8)
