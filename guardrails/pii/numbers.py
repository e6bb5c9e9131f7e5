"""Numbers that lead to a person or an enterprise: resident IDs, phones, bank cards, credit codes, passports and permits."""

import re
from collections.abc import Iterator

from domain import check_digits as checks
from guardrails.findings import Finding
from guardrails.normalise import View

from .context import Surroundings
from .tokens import Candidate, candidates, spoken
from .words import OTHER, PREFIX, Identifiers

CHECKED, SURE, LIKELY, DOUBTFUL = 1.0, 0.9, 0.7, 0.55
"""A check digit · a narrow form · a form with a label · a form alone."""
BROKEN = 0.6
"""A label, and a check digit that is wrong: likely a slip of the pen."""

ID18 = re.compile(r"[1-9]\d{16}[\dX]")
MOBILE_SHAPES = {(11,), (3, 4, 4), (3, 3, 5), (4, 3, 4), (4, 4, 3), (3, 8), (7, 4), (5, 6), (1,) * 11}
CARD_SHAPE = re.compile(r"(?:4,)+[1-4],|(?:1,)+|\d+,(?:\d+,)?")
COUNTRY = ("0086", "86")
PASSPORT_BARE = re.compile(r"[EG]\d{8}|E[A-HJ-NP-Z]\d{7}")
PASSPORT_ANY = re.compile(r"[A-Z]{1,2}\d{6,9}")
PERMIT = re.compile(r"[HM]\d{8}(?:\d{2})?|C[A-HJ-NP-Z]?\d{7,8}|[TL]\d{8}|[WDCQ]?\d{8,9}|\d{10}|[A-Z]{1,2}\d{6}[\dA]?")
PERMIT_BARE = re.compile(r"[HMCTL]\d{8}(?:\d{2})?")
SERVICE = re.compile(r"[48]00\d{7}")
LOCAL = re.compile(r"[2-8]\d{6,7}")


class NumberRules:
    """Decides what each candidate is."""

    def __init__(self, words: Identifiers) -> None:
        self._words = words

    def find(self, view: View) -> Iterator[Finding]:
        """Findings in no particular order; some overlap."""
        around = Surroundings(view.folded, self._words)
        for source in (candidates, spoken):
            for candidate in source(view.folded):
                yield from self._judge(view, candidate, around)

    def _judge(self, view: View, candidate: Candidate, around: Surroundings) -> Iterator[Finding]:
        candidate = self._without_prefix(candidate, around)
        for kind, score in (
            self._resident_id(candidate, around),
            self._credit_code(candidate, around),
            self._card(candidate, around),
            self._mobile(candidate, around),
            self._landline(candidate, around),
            self._passport(candidate, around),
            self._permit(candidate, around),
        ):
            if score:
                start = candidate.start - (kind in ("mobile", "landline") and around.opens(candidate.start, candidate.end))
                yield Finding(PREFIX + kind, *view.span(start, candidate.end), score, self._words.kinds[kind].name)

    def _without_prefix(self, candidate: Candidate, around: Surroundings) -> Candidate:
        """`tel13800138000` without the `tel`."""
        match = self._words.phone_prefix.match(candidate.text) if candidate.text[:1].isalpha() else None
        if not match or len(candidate.shape) != 1 or not candidate.text[match.end() :].isdecimal():
            return candidate
        text = candidate.text[match.end() :]
        return Candidate(candidate.start + match.end(), candidate.end, text, (len(text),))

    def _resident_id(self, one: Candidate, around: Surroundings) -> tuple[str, float]:
        text = one.text
        if len(text) == 18 and ID18.fullmatch(text) and _readable(one, around):
            real = int(text[:2]) in self._words.provinces and checks.is_date(text[6:10], text[10:12], text[12:14])
            if real and checks.id_check(text[:17]) == text[17]:
                return "resident_id", CHECKED
            labelled = around.label(one.start, one.end) == "resident_id"
            return "resident_id", BROKEN if labelled else 0.0
        if len(text) == 15 and text.isdecimal() and _readable(one, around):
            real = int(text[:2]) in self._words.provinces and checks.is_date(text[6:8], text[8:10], text[10:12])
            label = around.label(one.start, one.end)
            if real and label != OTHER and not around.is_amount(one.start, one.end):
                return "resident_id", SURE if label == "resident_id" else LIKELY
        return "resident_id", 0.0

    def _credit_code(self, one: Candidate, around: Surroundings) -> tuple[str, float]:
        text = one.text
        if one.spoken or len(text) != 18 or not text[2:8].isdecimal() or not _readable(one, around):
            return "uscc", 0.0
        if checks.is_credit_code(text) and int(text[2:4]) in {*self._words.provinces, 10}:
            return "uscc", CHECKED
        return "uscc", BROKEN if around.label(one.start, one.end) == "uscc" else 0.0

    def _card(self, one: Candidate, around: Surroundings) -> tuple[str, float]:
        text = one.text
        if not 13 <= len(text) <= 19 or not text.isdecimal() or not self._words.is_card_range(text):
            return "bank_card", 0.0
        if not (one.alone and CARD_SHAPE.fullmatch("".join(f"{n}," for n in one.shape)) and _readable(one, around)):
            return "bank_card", 0.0
        label = around.label(one.start, one.end)
        if not checks.luhn_ok(text):
            return "bank_card", BROKEN if label == "bank_card" else 0.0
        if label != "bank_card" and len(text) not in self._words.bare_card_lengths:
            return "bank_card", 0.0
        if label == OTHER or around.is_amount(one.start, one.end):
            return "bank_card", 0.0
        return "bank_card", SURE + 0.05 if label == "bank_card" else SURE

    def _mobile(self, one: Candidate, around: Surroundings) -> tuple[str, float]:
        text, shape = one.text, one.shape
        country = next((code for code in COUNTRY if text.startswith(code) and len(text) == 11 + len(code)), "")
        if country:
            text, shape = text[len(country) :], _less(shape, len(country))
        if len(text) != 11 or text[0] != "1" or not text.isdecimal() or not _readable(one, around):
            return "mobile", 0.0
        label = around.label(one.start, one.end)
        labelled = label in ("mobile", "landline")
        if label in (OTHER, "bank_card", "uscc") or (around.is_amount(one.start, one.end) and not labelled):
            return "mobile", 0.0
        if not (shape in MOBILE_SHAPES or "\n" in one.gaps or one.spoken) or (shape == (1,) * 11 and not one.alone):
            return "mobile", 0.0
        if one.glued and not labelled:
            return "mobile", 0.0
        if "\n" in one.gaps and not (labelled or around.within_prose(one.start, one.end)):
            return "mobile", 0.0
        if self._words.mobile.fullmatch(text):
            return "mobile", SURE + 0.05 if labelled or country else SURE
        return "mobile", BROKEN if labelled and text[1] in "3456789" else 0.0

    def _landline(self, one: Candidate, around: Surroundings) -> tuple[str, float]:
        text, shape = one.text, one.shape
        if not text.isdecimal() or not 7 <= len(text) <= 14 or len(shape) > 4 or "." in one.gaps or not _readable(one, around):
            return "landline", 0.0
        label = around.label(one.start, one.end)
        labelled = label in ("mobile", "landline")
        if label == OTHER or (around.is_amount(one.start, one.end) and not labelled) or (one.glued and not labelled):
            return "landline", 0.0
        country = next((code for code in COUNTRY if text.startswith(code) and shape[:1] == (len(code),)), "")
        if country:
            text, shape = "0" + text[len(country) :].removeprefix("0"), shape[1:]
        if SERVICE.fullmatch(text) and shape in {(3, 3, 4), (3, 4, 3), (3, 7), (10,)}:
            return "landline", SURE if labelled or len(shape) > 1 else DOUBTFUL
        area = self._words.area.match(text)
        if area and len(text) - area.end() in (7, 8) and text[area.end()] in "2345678":
            divided = len(shape) > 1 and shape[0] in (area.end(), area.end() - bool(country))
            return "landline", SURE if labelled or divided or country else DOUBTFUL if len(shape) == 1 and not one.spoken else 0.0
        if LOCAL.fullmatch(text) and labelled and len(shape) <= 2 and not _in_code(one, around):
            return "landline", LIKELY
        grouped = labelled and len(shape) > 1 and 8 <= len(text) <= 13 and "\n" not in one.gaps and max(shape) <= 4
        dated = shape[:1] == (4,) and text[:2] in ("19", "20")
        foreign = (around.char_before(one.start) == "+" and 10 <= len(text) <= 14) or (grouped and not dated)
        return "landline", LIKELY if foreign else 0.0

    def _passport(self, one: Candidate, around: Surroundings) -> tuple[str, float]:
        text = one.text
        if not 7 <= len(text) <= 10 or not text[0].isalpha() or not PASSPORT_ANY.fullmatch(text):
            return "passport", 0.0
        label = around.label(one.start, one.end)
        if label == "passport":
            return "passport", SURE
        if label == OTHER or len(one.shape) > 1 or _in_code(one, around):
            return "passport", 0.0
        if PASSPORT_BARE.fullmatch(text):
            return "passport", DOUBTFUL
        return "passport", DOUBTFUL if around.is_whole(one.start, one.end) else 0.0

    def _permit(self, one: Candidate, around: Surroundings) -> tuple[str, float]:
        text = one.text
        if not 7 <= len(text) <= 11 or not PERMIT.fullmatch(text):
            return "travel_permit", 0.0
        if around.label(one.start, one.end) == "travel_permit":
            return "travel_permit", SURE
        whole = len(one.shape) == 1 and PERMIT_BARE.fullmatch(text) and around.is_whole(one.start, one.end)
        return "travel_permit", DOUBTFUL if whole else 0.0


def _less(shape: tuple[int, ...], count: int) -> tuple[int, ...]:
    """A shape without its first `count` characters."""
    if not shape:
        return ()
    if shape[0] > count:
        return (shape[0] - count, *shape[1:])
    return shape[1:] if shape[0] == count else _less(shape[1:], count - shape[0])


def _in_code(one: Candidate, around: Surroundings) -> bool:
    """Whether the value is a piece of something longer: GB-E12345678, part_7788."""
    return one.glued or around.char_before(one.start) in ("-", "_", "/", ".", "#")


def _readable(one: Candidate, around: Surroundings) -> bool:
    """Whether parts may be read together: at most one broken line, and no decimal point or path on either side."""
    return one.gaps.count("\n") <= 1 and not around.goes_on(one.start, one.end)
