"""How much a stretch of text speaks for a clause: shared character bigrams, and the numbers that both name."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.clause import Clause
from domain.numerals import parse_numeral

TITLE_WEIGHT = 2.0
NUMBER_BONUS = 0.9
UNIT_BONUS = 0.35
STRAY_NUMBER = 0.15
NAMED_BONUS = 0.5
NAMED_LENGTH = 4
"""A clause whose title of at least so many characters is printed word for word."""
_WORD = re.compile(r"[^0-9a-z一-鿿]+")
_NUMBER = re.compile(
    r"(\d+(?:\.\d+)?)\s*(万|亿)?"
    r"|([零一二三四五六七八九十两百千万]+)(?=个|类|种|级|项|方面|层|环节|阶段)"
    r"|(?<=每)[日天月]|(?<=按)月"
)
"""Arabic numbers, Chinese ones before a measure word, and the one in 每日, 按月."""
_RANGE_ENDS = re.compile(r"\d+(?:\.\d+)?")
_UNITS = {
    "s": "秒",
    "min": "分钟",
    "h": "小时",
    "天": "天日",
    "月": "月",
    "%": "%",
    "并发": "并发",
    "bit": "位",
    "工作日": "工作日",
    "个": "个",
}


def fold(text: str) -> str:
    """NFKC, lower case, no white space."""
    return "".join(unicodedata.normalize("NFKC", text).lower().split())


def bigrams(text: str) -> Counter[str]:
    """Character pairs of `text`, punctuation left out; of a single character, that character."""
    bare = _WORD.sub("", fold(text))
    return Counter(bare[at : at + 2] for at in range(max(1, len(bare) - 1))) if bare else Counter()


def dice(left: str, right: str) -> float:
    """Shared bigrams of two short texts, 0 to 1."""
    a, b = bigrams(left), bigrams(right)
    total = a.total() + b.total()
    return 2 * (a & b).total() / total if total else 0.0


def numbers_in(text: str) -> set[float]:
    """Every number that `text` names, with 万 and 亿 multiplied out and Chinese numerals before a measure word read."""
    found: set[float] = set()
    for match in _NUMBER.finditer(fold(text)):
        digits, unit, han = match[1], match[2], match[3]
        if digits:
            found.add(float(digits) * {"万": 1e4, "亿": 1e8}.get(unit, 1.0))
        elif han:
            value = parse_numeral(han) or (10_000 if han == "万" else None)
            found.update({float(value)} if value is not None else ())
        else:
            found.add(1.0)
    return found


@dataclass(frozen=True)
class Profile:
    """What the catalogue says about a clause, as evidence to look for."""

    title: str
    weights: dict[str, float]
    numbers: frozenset[float]
    units: frozenset[str]


def profile(clause: Clause) -> Profile:
    """The evidence of a clause: its words, and the values of its facts."""
    weights: dict[str, float] = {}
    parts = [(clause.text, 1.0), *((fact.metric, 1.5) for fact in clause.facts), *((item, 1.0) for item in clause.items)]
    for text, weight in [*parts, (clause.title, TITLE_WEIGHT)]:
        for bigram in bigrams(text):
            weights[bigram] = max(weight, weights.get(bigram, 0.0))
    values = {float(fact.value) for fact in clause.facts if isinstance(fact.value, int | float)}
    values |= {float(end) for fact in clause.facts if isinstance(fact.value, str) for end in _RANGE_ENDS.findall(fact.value)}
    units = {fold(_UNITS.get(fact.unit, fact.unit.split("/")[0])) for fact in clause.facts if fact.unit}
    return Profile(fold(clause.title), weights, frozenset(values), frozenset(units))


class Scores:
    """Scores of clauses against segments; rare bigrams (among these segments) count more."""

    def __init__(self, segments: Sequence[str]) -> None:
        self._bags = [set(bigrams(segment)) for segment in segments]
        self._folded = [fold(segment) for segment in segments]
        self._numbers = [numbers_in(segment) for segment in segments]
        frequency = Counter(bigram for bag in self._bags for bigram in bag)
        self._idf = {bigram: math.log(1 + len(segments) / count) for bigram, count in frequency.items()}
        self._norms = [math.sqrt(sum(self._idf[b] ** 2 for b in bag)) or 1.0 for bag in self._bags]

    def row(self, evidence: Profile) -> list[float]:
        """The clause's score with each segment."""
        known = {b: w * self._idf[b] for b, w in evidence.weights.items() if b in self._idf}
        norm = math.sqrt(sum(value**2 for value in known.values())) or 1.0
        return [self._score(at, evidence, known, norm) for at in range(len(self._bags))]

    def _score(self, at: int, evidence: Profile, known: dict[str, float], norm: float) -> float:
        bag = self._bags[at]
        score = sum(known[b] * self._idf[b] for b in bag if b in known) / (norm * self._norms[at])
        if len(evidence.title) >= NAMED_LENGTH and evidence.title in self._folded[at]:
            score += NAMED_BONUS
        shared = evidence.numbers & self._numbers[at]
        if shared:
            score += NUMBER_BONUS * len(shared) / len(evidence.numbers)
            score += UNIT_BONUS if _any_in(evidence.units, self._folded[at]) else 0.0
        elif self._numbers[at] and not evidence.numbers:
            score -= STRAY_NUMBER
        return score


def _any_in(units: Iterable[str], text: str) -> bool:
    return any(unit in text for unit in units)
