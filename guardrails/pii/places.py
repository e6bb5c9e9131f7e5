"""Addresses and places: names of areas, roads and sites in a row; a door number makes it an address."""

import math
import re
from collections.abc import Iterator
from functools import cache

from pydantic import BaseModel, ConfigDict

from guardrails.findings import Finding
from guardrails.normalise import View

from .gazetteer import Endings, Gazetteer
from .words import read_words

RULE, REASON = "pii.address", "地址"
DOOR, ROAD_DOOR, ASKED, CHAIN, BARE = 0.9, 0.6, 0.7, 0.5, 0.45
"""Areas down to a door · a road with a door · after the word for an address · areas down to a road · the most that a mere place scores."""
FARTHEST = 6
FUNCTION = "的了是和与及也都还又就已将曾会要能可有对被把而则却不没"
LOCALIZERS = "上下内外里中附旁边东西南北举召开一各地"
LABEL_WINDOW = 6


class PlaceWords(BaseModel):
    """`data/places.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provinces: str
    province_tails: str
    cities: str
    districts: str
    world: str
    area_tails: str
    inner_tails: str
    road_tails: str
    site_tails: str
    inside_tails: str
    door: str
    not_places: str
    left_stops: str
    inner_stops: str
    context: str
    before: str
    weights: dict[str, float]


def place_words() -> PlaceWords:
    return read_words("places.yaml", PlaceWords)


@cache
def place_names() -> Gazetteer:
    """Every place that is known by its name alone."""
    words = place_words()
    return Gazetteer(f"{words.provinces} {words.cities} {words.districts} {words.world}".split())


class PlaceRules:
    """Puts the parts of an address together, from the largest area to the room."""

    def __init__(self) -> None:
        words = place_words()
        self._names = place_names()
        named = {"district": words.districts, "city": words.cities, "world": words.world, "province": words.provinces}
        self._kinds = {name: kind for kind, names in named.items() for name in names.split()}
        self._stops = frozenset(words.left_stops)
        self._context = Endings(words.context.split())
        self._before = Endings(words.before.split())
        self._not = Endings(words.not_places.split())
        self._weights = words.weights
        area, road, site = (_either(words.area_tails), _either(words.road_tails), _either(words.site_tails))
        inner = _either(words.inner_tails)
        word = f"[^\\W\\dA-Za-z_{words.inner_stops}]"
        door = f"(?:[ ]?{words.door})"
        inside = f"(?:[ ]?[A-Za-z]{{0,6}}{word}{{1,6}}?(?:{_either(words.inside_tails)}){door}*)?(?:[ ]?[0-9]{{3,4}}(?![0-9A-Za-z年月]))?"
        self._doors = re.compile(f"(?:{door}{{1,4}}{inside})?")
        self._more = re.compile(
            f"(?P<tail>{_either(words.province_tails + ' ' + words.area_tails)})?(?P<areas>(?:{word}{{1,4}}?(?:{inner})){{0,3}})"
            f"(?P<road>{word}{{1,5}}?(?:{road}))?(?P<site>{word}{{1,6}}?(?:{site}))?"
        )
        self._tails = {tail: kind for kind, tails in (("road", road), ("site", site), ("area", area)) for tail in tails.split("|")}
        ends = "".join(sorted({tail[-1] for tail in self._tails}))
        self._tail = re.compile(f"(?<=[{ends}])")
        self._endings = Endings(self._tails)

    def find(self, view: View) -> Iterator[Finding]:
        for start, end, score, features in self.spans(view.folded):
            yield Finding(RULE, *view.span(start, end), max(score, self._weigh(features)), REASON)

    def _weigh(self, features: list[str]) -> float:
        total = self._weights["base"] + sum(self._weights.get(feature, 0.0) for feature in features)
        return BARE / (1 + math.exp(-total))

    def spans(self, text: str) -> Iterator[tuple[int, int, float, list[str]]]:
        """Places, how surely each is an address, and what speaks for it being meant as a place at all."""
        covered = 0
        named = list(self._names.spans(text))
        taken = set[int]()
        for index, (start, end) in enumerate(named):
            if start < covered:
                continue
            kind = self._kinds[text[start:end]]
            parts, following = 1, index + 1
            while True:
                match = self._more.match(text, end)
                if not match or following >= len(named) or named[following][0] != end + len(match["tail"] or ""):
                    break
                end = named[following][1]
                parts, following = parts + 1, following + 1
            assert match  # every part of the pattern may be missing
            parts += len(match["areas"]) // 2 + bool(match["road"]) + bool(match["site"])
            doors = self._doors.match(text, match.end())
            covered = doors.end() if doors else match.end()
            score = DOOR if covered > match.end() and parts >= 2 else ASKED if parts >= 2 and self._asked(text, start) else 0.0
            if match["road"] and parts >= 3:
                score = max(score, CHAIN)
            taken.update(range(start, covered))
            more = "road" if match["road"] else "site" if match["site"] else "area" if match["areas"] else "tail" if match["tail"] else kind
            yield start, covered, score, [more, *self._beside(text, start, covered)]
        yield from self._unnamed(text, taken)

    def _asked(self, text: str, start: int) -> bool:
        before = text[max(0, start - LABEL_WINDOW) : start].rstrip(" ：:是为在")
        return self._context.before(text, start) < start or self._context.before(before, len(before)) < len(before)

    def _beside(self, text: str, start: int, end: int) -> list[str]:
        known = self._before.before(text, start) < start
        left = "left_before" if known else _edge(text[start - 1 : start] if start else "", "left")
        return [left, _edge(text[end : end + 1], "right")]

    def _unnamed(self, text: str, taken: set[int]) -> Iterator[tuple[int, int, float, list[str]]]:
        """Places that only their ending shows: 某某村, 某某路12号."""
        for match in self._tail.finditer(text):
            end = match.start()
            tail = self._endings.before(text, end)
            if tail == end or end - 1 in taken or self._not.before(text, end) < end:
                continue
            start = tail
            while start > 0 and tail - start < FARTHEST and self._goes_on(text[start - 1]) and start - 1 not in taken:
                start -= 1
            if tail - start < 1:
                continue
            doors = self._doors.match(text, end)
            last = doors.end() if doors else end
            kind = self._tails[text[tail:end]]
            score = ROAD_DOOR if last > end and kind == "road" and 2 <= tail - start <= 4 else 0.0
            yield start, last, score, [f"unnamed_{kind}", f"long{tail - start}", *self._beside(text, start, last)]

    def _goes_on(self, char: str) -> bool:
        return "一" <= char <= "鿿" and char not in self._stops


def _edge(char: str, side: str) -> str:
    if not char:
        return f"{side}_edge"
    if char == "、":
        return f"{side}_list"
    if not "一" <= char <= "鿿":
        return f"{side}_edge"
    if char in FUNCTION:
        return f"{side}_function"
    return f"{side}_place" if char in LOCALIZERS and side == "right" else f"{side}_other"


def _either(words: str) -> str:
    return "|".join(sorted(set(words.split()), key=lambda word: (-len(word), word)))
