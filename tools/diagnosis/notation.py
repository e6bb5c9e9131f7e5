"""How people write numbers, shares and bounds: 20, "20%", 0.2, ">= 60", "60-90", "[60, 90)", "不低于60"."""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

NUM = r"[-+]?\d+(?:\.\d+)?"
_SPOKEN = {
    ">=": ">= => 不低于 不少于 不小于 大于等于 大于或等于 至少 达到",
    "<=": "<= =< 不高于 不超过 不大于 不多于 小于等于 小于或等于 至多",
    ">": "> 高于 大于 超过 多于",
    "<": "< 低于 小于 少于 不足 不到",
    "=": "== = 等于",
}
SIGNS = {word: sign for sign, spoken in _SPOKEN.items() for word in spoken.split()}
AFTER = {"及以上": ">=", "(含)以上": ">=", "以上(含)": ">=", "及以下": "<=", "(含)以下": "<=", "以上": ">=", "以下": "<"}
_SIGN = "|".join(sorted(map(re.escape, SIGNS), key=len, reverse=True))
_AFTER = "|".join(sorted(map(re.escape, AFTER), key=len, reverse=True))
_BOUND = re.compile(rf"(?:({_SIGN})\s*({NUM})|({NUM})\s*(?:%|分)?\s*({_AFTER}))")
_BRACKETS = re.compile(rf"([\[(])\s*({NUM}|-?∞|-?inf)?\s*[,;~-]\s*({NUM}|\+?∞|\+?inf)?\s*([\])])")
_SPAN = re.compile(rf"({NUM})\s*(?:%|分)?\s*(?:-|~|—|–|至|到|\.\.)\s*({NUM})")
_JOIN = re.compile(r"\s*(?:且|并且|and|&|,)\s*")


def fold(text: str) -> str:
    """Full-width forms and the signs ≥ ≤ ～ as plain ones."""
    plain = unicodedata.normalize("NFKC", text).replace("≥", ">=").replace("≤", "<=").replace("～", "~").replace("∼", "~")
    return plain.replace("、", ",").strip()


def number(value: object) -> Decimal | None:
    """The number that was written (1,200 and "20%" are 1200 and 20), or None."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        made = Decimal(repr(value))
        return made if made.is_finite() else None
    if not isinstance(value, str):
        return None
    text = fold(value).removesuffix("%").strip()
    if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?", text):
        text = text.replace(",", "")
    try:
        made = Decimal(text)
    except InvalidOperation:
        return None
    return made if made.is_finite() else None


def show(value: Decimal | None) -> str:
    """A number for reading: 47.60 → 47.6, 1E+2 → 100, six decimals at most."""
    if value is None:
        return "—"
    text = f"{round(value, 6):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers between two bounds; None is no bound."""

    low: Decimal | None = None
    high: Decimal | None = None
    low_open: bool = False
    high_open: bool = False
    text: str = ""
    span: bool = False
    """Written as 60-90: whether the upper end belongs to it depends on its neighbours."""

    def contains(self, value: Decimal, *, closed: bool = False) -> bool:
        if self.low is not None and (value < self.low or (self.low_open and value == self.low)):
            return False
        return self.high is None or value < self.high or (value == self.high and (closed or not self.high_open))

    def both(self, other: "Interval") -> "Interval":
        low = self if other.low is None or (self.low is not None and self.low >= other.low) else other
        high = self if other.high is None or (self.high is not None and self.high <= other.high) else other
        return Interval(low.low, high.high, low.low_open, high.high_open, f"{self.text}且{other.text}")

    @property
    def empty(self) -> bool:
        return self.low is not None and self.high is not None and self.low > self.high


def interval(value: object) -> Interval | None:
    """The interval that was written; a plain number is that number alone. None where it is none."""
    if (plain := number(value)) is not None:
        return Interval(plain, plain, text=show(plain))
    if not isinstance(value, str):
        return None
    text = fold(value)
    if match := _BRACKETS.fullmatch(text):
        low, high = number(match[2]), number(match[3])
        return Interval(low, high, match[1] == "(", match[4] == ")", text)
    if match := _SPAN.fullmatch(text.removesuffix("%").removesuffix("分").strip()):
        return Interval(Decimal(match[1]), Decimal(match[2]), high_open=True, text=text, span=True)
    parts = [_one_bound(part) for part in _JOIN.split(text)]
    made: Interval | None = None
    for part in parts:
        if part is None:
            return None
        made = part if made is None else made.both(part)
    return made


def _one_bound(text: str) -> Interval | None:
    text = text.strip().removesuffix("%").removesuffix("分").strip()
    match = _BOUND.fullmatch(text)
    if not match:
        return None
    sign = SIGNS[match[1]] if match[1] else AFTER[match[4]]
    return bound(sign, Decimal(match[2] or match[3]))


def bound(op: str, limit: Decimal) -> Interval:
    text = f"{op} {show(limit)}"
    if op in (">=", ">"):
        return Interval(low=limit, low_open=op == ">", text=text)
    if op in ("<=", "<"):
        return Interval(high=limit, high_open=op == "<", text=text)
    return Interval(limit, limit, text=text)


def threshold(value: object) -> Interval | None:
    """Like `interval`, but a plain number is a lower bound (levels are written with theirs)."""
    plain = number(value)
    return bound(">=", plain) if plain is not None else interval(value)
