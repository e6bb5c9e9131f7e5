"""Monotone alignment: clauses of the catalogue, in order, onto segments of the official text, in order."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .evidence import Profile, Scores

SHARED = 0.3
"""Cost of two clauses standing in one segment."""
REORDERED = 1.1
"""The catalogue's order is given up when one-to-one matching by likeness alone is this much better."""
_STOP = re.compile(r"(?<=[。；;！？!?\n])|(?<=[，,：:])(?!\d)")
_SENTENCE_ENDS = "。；;！？!?\n"
_PARTS = re.compile(r"(?<=[、])")


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a unit between two punctuation marks, `sentence` counting full stops."""

    unit: int
    start: int
    end: int
    sentence: int


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a clause stands: a unit of the text and the span of the clause's own words in it."""

    unit: int
    start: int
    end: int
    score: float


def align(profiles: Sequence[Profile], units: Sequence[str]) -> list[Spot]:
    """One spot for each profile; units must not be empty.

    As many units as clauses: one each, in the order that fits best. Otherwise dynamic programming over the segments keeps the
    order, and the segments between two clauses go to the one they resemble more; a unit with one clause is that clause's.
    """
    if len(units) == len(profiles):
        return _one_each(profiles, units)
    segments = segments_of(units)
    texts = [units[s.unit][s.start : s.end] for s in segments]
    scores = Scores(texts)
    rows = [scores.row(evidence) for evidence in profiles]
    chosen = _best_path(rows)
    spans = _extend(chosen, rows, segments)
    spots = [
        Spot(segments[first].unit, segments[first].start, segments[last].end, rows[at][chosen[at]])
        for at, (first, last) in enumerate(spans)
    ]
    spots = _part_shared(spots, chosen, profiles, units)
    alone = Counter(spot.unit for spot in spots)
    return [Spot(s.unit, 0, len(units[s.unit]), s.score) if alone[s.unit] == 1 else s for s in spots]


def segments_of(units: Sequence[str]) -> list[Segment]:
    """Segments of all units, in order."""
    found: list[Segment] = []
    sentence = 0
    for number, text in enumerate(units):
        start = 0
        for end in [*(match.start() for match in _STOP.finditer(text)), len(text)]:
            if text[start:end].strip():
                found.append(Segment(number, start, end, sentence))
                sentence += text[start:end].rstrip(" ")[-1] in _SENTENCE_ENDS
                start = end
        sentence += 1
    return found


def _one_each(profiles: Sequence[Profile], units: Sequence[str]) -> list[Spot]:
    scores = Scores(units)
    rows = [scores.row(evidence) for evidence in profiles]
    order = list(range(len(units)))
    pairs = sorted(((rows[c][u], c, u) for c in order for u in order), key=lambda pair: (-pair[0], pair[1], pair[2]))
    taken: dict[int, int] = {}
    used: set[int] = set()
    for _, clause, unit in pairs:
        if clause not in taken and unit not in used:
            taken[clause] = unit
            used.add(unit)
    if sum(rows[c][u] for c, u in taken.items()) > REORDERED * sum(rows[c][c] for c in order):
        order = [taken[clause] for clause in range(len(units))]
    return [Spot(unit, 0, len(units[unit]), rows[clause][unit]) for clause, unit in enumerate(order)]


def _best_path(rows: list[list[float]]) -> list[int]:
    """The segment of each clause: the best sum of scores with indices that never go back."""
    best = rows[0][:]
    back: list[list[int]] = []
    for row in rows[1:]:
        previous: list[int] = []
        following: list[float] = []
        top, top_at = float("-inf"), 0
        for at, score in enumerate(row):
            stay = best[at] - SHARED
            if stay > top:
                following.append(stay + score)
                previous.append(at)
            else:
                following.append(top + score)
                previous.append(top_at)
            if best[at] > top:
                top, top_at = best[at], at
        back.append(previous)
        best = following
    at = max(range(len(best)), key=best.__getitem__)
    path = [at]
    for previous in reversed(back):
        at = previous[at]
        path.append(at)
    return path[::-1]


def _extend(chosen: list[int], rows: list[list[float]], segments: list[Segment]) -> list[tuple[int, int]]:
    """First and last segment of each clause: its own and the neighbours in the same sentence that are nobody else's."""
    spans = [(at, at) for at in chosen]
    for clause, at in enumerate(chosen):
        first, last = spans[clause]
        before = chosen[clause - 1] if clause else -1
        while first - 1 > before and _same_sentence(segments, first - 1, at):
            first -= 1
        after = chosen[clause + 1] if clause + 1 < len(chosen) else len(segments)
        while last + 1 < after and _same_sentence(segments, last + 1, at):
            last += 1
        spans[clause] = (first, last)
    for clause in range(len(chosen) - 1):
        (first, last), (next_first, next_last) = spans[clause], spans[clause + 1]
        if chosen[clause] < next_first <= last:
            cut = _cut(rows[clause], rows[clause + 1], chosen[clause] + 1, chosen[clause + 1])
            spans[clause], spans[clause + 1] = (first, cut - 1), (cut, next_last)
    return spans


def _cut(left: list[float], right: list[float], start: int, end: int) -> int:
    """Where the run of free segments start..end-1 passes from the left clause to the right one."""
    return max(range(start, end + 1), key=lambda cut: sum(left[start:cut]) + sum(right[cut:end]))


def _same_sentence(segments: list[Segment], one: int, other: int) -> bool:
    return segments[one].sentence == segments[other].sentence and segments[one].unit == segments[other].unit


def _part_shared(spots: list[Spot], chosen: list[int], profiles: Sequence[Profile], units: Sequence[str]) -> list[Spot]:
    """Clauses that share one segment part it at its enumeration commas, when it has enough of them."""
    result = spots[:]
    start = 0
    while start < len(chosen):
        end = start
        while end + 1 < len(chosen) and chosen[end + 1] == chosen[start]:
            end += 1
        if end > start:
            result[start : end + 1] = _parted(spots[start : end + 1], profiles[start : end + 1], units)
        start = end + 1
    return result


def _parted(spots: list[Spot], profiles: Sequence[Profile], units: Sequence[str]) -> list[Spot]:
    low, high = min(s.start for s in spots), max(s.end for s in spots)
    text = units[spots[0].unit][low:high]
    parts = [part for part in _PARTS.split(text) if part]
    whole = [Spot(spot.unit, low, high, spot.score) for spot in spots]
    if len(parts) < len(spots):
        return whole
    scores = Scores(parts)
    path = _best_path([scores.row(evidence) for evidence in profiles])
    if len(set(path)) < len(path):
        return whole
    ends = [0]
    for part in parts:
        ends.append(ends[-1] + len(part))
    lasts = [*(following - 1 for following in path[1:]), len(parts) - 1]
    return [Spot(spot.unit, low + ends[at], low + ends[last + 1], spot.score) for spot, at, last in zip(spots, path, lasts, strict=True)]
