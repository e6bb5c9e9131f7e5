"""Names of people: a surname and characters of given names, or transcribed foreign names, weighed by what stands beside them."""

import math
import re
from collections.abc import Iterator, Mapping
from functools import cached_property

from pydantic import BaseModel, ConfigDict

from guardrails.findings import Finding
from guardrails.normalise import View
from guardrails.overlaps import claim

from .gazetteer import Endings, Gazetteer
from .words import read_words

RULE, REASON = "pii.person", "姓名"
BARE = 0.45
"""The most a name without a label, a title or a verb beside it scores: in a factory's text it is rarely one."""
HOPELESS = -3.0
SEPARATOR = re.compile(r"[：:]?[ ]?(?:为|是)?[ ]?$")
ASSIGNING = frozenset("：: 为是")
GIVEN = {1: "given1", 2: "given2"}
TYPICAL = {(given, typical): f"typical{given}{typical}" for given in (1, 2) for typical in range(given + 1)}
LIKELY = frozenset({TYPICAL[1, 1], TYPICAL[2, 2], "marks2", "marks3"})
CHINESE = re.compile(r"[一-鿿]+")


class NameWords(BaseModel):
    """`data/names.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    surnames_common: str
    surnames_other: str
    surnames_wordy: str
    surnames_compound: str
    given: str
    given_never: str
    not_names: str
    not_ends: str
    left_titles: str
    left_labels: str
    right_titles: str
    surname_titles: str
    right_verbs: str
    after_name: str
    boundary_left: str
    function_left: str
    function_right: str
    foreign: str
    foreign_marks: str
    foreign_not: str
    weights: dict[str, float]
    foreign_weights: dict[str, float]


class PersonRules:
    """Finds names; what it says of a spot does not depend on the rest of the text, except that a name once sure is sure again."""

    def __init__(self, places: Gazetteer) -> None:
        words = read_words("names.yaml", NameWords)
        self._words = words
        self._common = frozenset(words.surnames_common) - {" "}
        self._other = frozenset(words.surnames_other) - {" "}
        self._kinds = dict.fromkeys(self._other, "other") | dict.fromkeys(self._common, "common")
        self._kinds |= {char: "wordy" for char in words.surnames_wordy if char in self._kinds}
        self._compound = Gazetteer(words.surnames_compound.split())
        self._given = frozenset(words.given)
        self._never = frozenset(words.given_never)
        self._not = Gazetteer(words.not_names.split())
        self._not_ends = Endings(word for word in words.not_ends.split() if len(word) == 2)
        self._foreign_not = Gazetteer(words.foreign_not.split())
        self._titles = Endings(words.left_titles.split())
        self._labels = Endings(words.left_labels.split())
        rights = {*words.right_verbs.split(), *words.right_titles.split(), *words.after_name.split()}
        self._rights = Gazetteer(rights)
        self._right_chars = frozenset(word for word in rights if len(word) == 1)
        self._surname_titles = Gazetteer(words.surname_titles.split())
        self._places = places
        firsts = self._common | self._other | {name[0] for name in words.surnames_compound.split()}
        self._surname = re.compile(f"[{''.join(sorted(firsts))}]")

    @cached_property
    def _transcribed(self) -> re.Pattern[str]:
        sounds = "".join(sorted(set(self._words.foreign) - {" "}))
        return re.compile(f"[{sounds}]{{2,8}}(?:[·•・][{sounds}]{{1,8}})+|[{sounds}]{{2,8}}")

    def find(self, view: View) -> Iterator[Finding]:
        text = view.folded
        found = [*self.chinese(text), *self.foreign(text), *self._with_title(text)]
        sure = {text[start:end] for start, end, score in found if score >= 0.5 and end - start >= 3}
        for start, end, score in found:
            yield Finding(RULE, *view.span(start, end), max(score, 0.5) if text[start:end] in sure else score, REASON)

    def chinese(self, text: str) -> list[tuple[int, int, float]]:
        """Candidates with their scores, the best reading of each spot."""
        scored: list[tuple[float, int, int]] = []
        for match in self._surname.finditer(text):
            for end, features in self.readings(text, match.start()):
                score = self._weigh(features, self._words.weights)
                if score > 0:
                    scored.append((score, match.start(), end))
        return _best(scored)

    def readings(self, text: str, start: int) -> Iterator[tuple[int, list[str]]]:
        """Where a name that begins here may end, and what speaks for and against it."""
        first = text[start + 1 : start + 2]
        if first in self._never or not CHINESE.match(first):
            return
        after = self._compound.at(text, start)
        surname = after - start or 1
        if surname == 1 and text[start] not in self._common and text[start] not in self._other:
            return
        if surname == 1 and (self._not.at(text, start) > start or self._places.at(text, start) > start):
            return
        if self._not_ends.before(text, start + 1) <= start:
            return
        if self._surname_titles.at(text, start + surname) > start + surname:
            return
        kind = "compound" if surname == 2 else self._kinds[text[start]]
        left = self._left(text, start)
        for given in (2, 1):
            end = start + surname + given
            name = text[start + surname : end]
            if len(name) < given or any(char in self._never for char in name) or not CHINESE.fullmatch(name):
                continue
            typical = sum(char in self._given for char in name)
            yield end, [GIVEN[given], kind, TYPICAL[given, typical], *left, *self._right(text, end)]

    def _left(self, text: str, start: int) -> list[str]:
        at = start
        if text[start - 1 : start] in ASSIGNING:
            before = SEPARATOR.search(text, max(0, start - 4), start)
            at = before.start() if before else start
        if self._labels.before(text, start) < start or self._labels.before(text, at) < at:
            return ["label"]
        if self._titles.before(text, start) < start:
            return ["title"]
        char = text[start - 1 : start]
        if char == "、":
            return ["left_list"]
        if not char or char in self._words.boundary_left:
            return ["left_edge" if start else "left_start"]
        return ["left_function"] if char in self._words.function_left else ["left_other"]

    def _right(self, text: str, end: int) -> list[str]:
        char = text[end : end + 1]
        if self._rights.at(text, end) > end:
            return ["right_word"]
        if char in self._right_chars and char:
            return ["right_char"]
        if char and char in ":：、（(":
            return ["right_list" if char == "、" else "right_colon" if char in ":：" else "right_bracket"]
        if not char or not CHINESE.match(char):
            return ["right_edge"]
        if char in self._words.function_right:
            return ["right_function"]
        return ["right_other", *(["right_given"] if char in self._given and char not in self._never else [])]

    def foreign(self, text: str) -> list[tuple[int, int, float]]:
        scored: list[tuple[float, int, int]] = []
        for match in self._transcribed.finditer(text):
            for start, end, features in self.foreign_readings(text, match):
                score = self._weigh(features, self._words.foreign_weights)
                if score > 0:
                    scored.append((score, start, end))
        return _best(scored)

    def foreign_readings(self, text: str, match: re.Match[str]) -> Iterator[tuple[int, int, list[str]]]:
        start, end = match.span()
        while start < end and (skip := max(self._foreign_not.at(text, start), self._places.at(text, start))) > start:
            start = min(skip, end)
        name = text[start:end]
        if len(name) < 2 or "·" in name[:1]:
            return
        marks = sum(char in self._words.foreign_marks for char in name)
        length = f"long{min(len(name), 6)}"
        dotted = ["dotted"] if "·" in name else []
        yield start, end, [length, f"marks{min(marks * 4 // len(name), 3)}", *dotted, *self._left(text, start), *self._right(text, end)]

    def _weigh(self, features: list[str], weights: Mapping[str, float]) -> float:
        total = weights["base"] + sum([weights.get(feature, 0.0) for feature in features])
        if total < HOPELESS:
            return 0.0
        score = 0.95 / (1 + math.exp(-total))
        return score if _is_asked_for(features) else min(score, BARE)

    def _with_title(self, text: str) -> Iterator[tuple[int, int, float]]:
        """王女士, 李经理: a surname alone; worth a finding only where a label asks for a person."""
        for match in self._surname.finditer(text):
            start = match.start()
            end = self._surname_titles.at(text, start + 1)
            if text[start] in self._common and end > start + 1:
                left = self._left(text, start)
                if left != ["left_other"]:
                    yield start, end, 0.6 if left == ["label"] else 0.25


def _is_asked_for(features: list[str]) -> bool:
    """Whether the words beside it say that a name stands here; without a label, its characters must be those of names."""
    if "label" in features:
        return True
    chinese = features[0].startswith("given")
    if "dotted" not in features and features[2 if chinese else 1] not in LIKELY:
        return False
    return "title" in features or ("right_word" in features and "wordy" not in features)


def _best(scored: list[tuple[float, int, int]]) -> list[tuple[int, int, float]]:
    kept: list[tuple[int, int, float]] = []
    taken: list[tuple[int, int]] = []
    for score, start, end in sorted(scored, key=lambda one: (-one[0], one[1], -one[2])):
        if claim(taken, start, end):
            kept.append((start, end, score))
    return sorted(kept)
