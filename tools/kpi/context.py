"""What stands around a number: how strongly the words beside it say that it is a certain variable."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from domain.quantity import Quantity

BREAK = re.compile(r"[，,。；;？?！!、（）()\n]")
SENTENCE = re.compile(r"[。；;？?！!\n]")
LINK = re.compile(r"\s*(?:[、，,/]|和|跟|与|及|以及|、?还有|、?另外)\s*")
RESPECTIVE = re.compile(r"分别|各自|依次|各(?=[是为花用有])")
ASKING = re.compile(r"多少|几成|怎么算|咋算|几个点|百分之几|率是|占比|什么水平")
NEGATION = "不没未非无"
LEFT, LEFT_NEXT, LEFT_FAR = 1.0, 0.45, 0.2
SIZES = (0.6, 1.0, 1.25, 1.25, 1.5, 1.6)
"""Belief in a cue by its length in characters."""
INHERITED = 0.9
"""排放因子为2.0和0.5: what names the first number of an enumeration names the others."""
RIGHT_CLOSED, RIGHT_OPEN, RIGHT_NOUN, RIGHT_NEXT = 0.85, 0.6, 0.9, 0.25


@dataclass(frozen=True)
class Stretch:
    """A piece of text beside a number, how far it is believed, and on which side it stands."""

    text: str
    weight: float
    left: bool


@dataclass(frozen=True)
class Spoken:
    """A number with its surroundings."""

    quantity: Quantity
    stretches: tuple[Stretch, ...]
    index: int
    sentence: int
    """Which sentence of the text it stands in."""

    @property
    def article(self) -> bool:
        """一吨产品, 一万元产值: the base of a rate, not an amount."""
        return self.quantity.text.startswith("一") and self.quantity.value in (1.0, 100.0, 1000.0, 10000.0)

    @property
    def near(self) -> str:
        """The words of the same clause, left and right."""
        return "".join(s.text for s in self.stretches if s.weight >= RIGHT_OPEN)


def speak(text: str, numbers: Sequence[Quantity]) -> list[Spoken]:
    """`numbers` with their surroundings, each up to its neighbours."""
    labels = _respective(text, numbers)
    spoken: list[Spoken] = []
    for i, number in enumerate(numbers):
        start = numbers[i - 1].end if i else 0
        end = numbers[i + 1].start if i + 1 < len(numbers) else len(text)
        left = labels.get(i)
        gap = text[start : number.start]
        stretches = [Stretch(left, LEFT, True)] if left is not None else _left(gap)
        if left is None and i and LINK.fullmatch(gap):
            stretches = [replace(s, weight=s.weight * INHERITED) for s in spoken[-1].stretches if s.left]
        stretches += [] if left is not None else _right(text[number.end : end], last=i + 1 == len(numbers))
        spoken.append(Spoken(number, tuple(stretches), i, len(SENTENCE.findall(text[: number.start]))))
    return spoken


def _left(text: str) -> list[Stretch]:
    out: list[Stretch] = []
    parts = re.split(f"({BREAK.pattern})", text)
    weights = iter((LEFT, LEFT_NEXT, LEFT_FAR, LEFT_FAR / 2))
    discount = 1.0
    for part in reversed(parts):
        if BREAK.fullmatch(part):
            discount *= 0.5 if SENTENCE.fullmatch(part) else 1.0
        elif part.strip() or not out:
            weight = next(weights, 0.0)
            if weight:
                out.append(Stretch(part, weight * discount * (0.3 if ASKING.search(part) and out else 1.0), True))
    return out


def _right(text: str, *, last: bool) -> list[Stretch]:
    parts = BREAK.split(text)
    closed = last or len(parts) > 1
    out: list[Stretch] = []
    if not ASKING.search(parts[0]):
        out.append(Stretch(parts[0], RIGHT_CLOSED if closed else RIGHT_OPEN, False))
    for part in parts[1:2]:
        if not ASKING.search(part):
            out.append(Stretch(part, RIGHT_NEXT * (1.5 if last else 1.0), False))
    return out


def _respective(text: str, numbers: Sequence[Quantity]) -> dict[int, str]:
    """返工、报废、客诉分别是12、8、5万: the i-th label belongs to the i-th number."""
    labels: dict[int, str] = {}
    i = 0
    while i < len(numbers):
        j = i
        while j + 1 < len(numbers) and LINK.fullmatch(text[numbers[j].end : numbers[j + 1].start]):
            j += 1
        before = text[numbers[i - 1].end if i else 0 : numbers[i].start]
        before = SENTENCE.split(before)[-1]
        split = list(RESPECTIVE.finditer(before))
        if j > i and (split := split or list(re.finditer(r"(?<=前后)[是为]?$", before))):
            pair = j - i == 1 and re.search(r"前后\S{0,3}$", before[: split[-1].start()])
            said = re.split(r"[、，,]|和|与|跟|以及|及", before[: split[-1].start()])
            names = ["之前", "之后"] if pair else [name for name in said if name.strip()]
            if len(names) >= j - i + 1:
                labels |= {i + k: name for k, name in enumerate(names[-(j - i + 1) :])}
        i = j + 1
    return labels


def cue_score(spoken: Spoken, cues: Iterable[str]) -> float:
    """How strongly the best of `cues` beside the number speaks: its length, its distance, its side."""
    scores = {True: 0.0, False: 0.0}
    chosen = tuple(cues)
    for stretch in spoken.stretches:
        for cue in chosen:
            score = _score(stretch, cue, noun=bool(spoken.quantity.unit))
            scores[stretch.left] = max(scores[stretch.left], score)
    return max(scores.values()) + 0.2 * min(scores.values())


def _score(stretch: Stretch, cue: str, *, noun: bool) -> float:
    """The nearest occurrence counts; a negated one (不满意 for 满意) does not."""
    text = stretch.text
    best = 0.0
    at = text.find(cue)
    while at >= 0:
        negated = at > 0 and text[at - 1] in NEGATION and cue[0] not in NEGATION
        distance = len(text) - at - len(cue) if stretch.left else at
        if not negated and (len(cue) > 1 or distance <= 1):
            size = SIZES[min(len(cue), len(SIZES)) - 1]
            weight = RIGHT_NOUN if noun and not stretch.left and distance <= 1 and stretch.weight >= RIGHT_OPEN else stretch.weight
            best = max(best, size * weight / (1 + 0.07 * distance))
        at = text.find(cue, at + 1)
    return best


def mentions(spoken: Spoken, words: Iterable[str], least: float = RIGHT_CLOSED) -> bool:
    """Whether one of `words` stands in a stretch that is believed `least` or more; by default the number's own clause."""
    near = [s.text for s in spoken.stretches if s.weight >= least]
    return any(word in text for word in words for text in near)
