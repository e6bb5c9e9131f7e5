"""What becomes of findings that cover the same characters. Deterministic: the order in which detectors reported does not matter."""

from bisect import bisect_left
from collections.abc import Iterable

from .findings import Finding

CHECKED = 1.0


def settled(findings: Iterable[Finding]) -> list[Finding]:
    """Findings without overlaps, in the order of the text: a checked one wins over a longer one, that over an earlier one."""
    kept: list[Finding] = []
    taken: list[tuple[int, int]] = []
    for one in sorted(findings, key=_rank):
        if one.start < one.end and claim(taken, one.start, one.end):
            kept.append(one)
    return sorted(kept, key=lambda one: one.start)


def claim(taken: list[tuple[int, int]], start: int, end: int) -> bool:
    """Adds a span to those taken, which stay sorted and apart; False, and nothing added, when it overlaps one."""
    at = bisect_left(taken, (start, end))
    if (at > 0 and taken[at - 1][1] > start) or (at < len(taken) and taken[at][0] < end):
        return False
    taken.insert(at, (start, end))
    return True


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Overlapping findings as one that covers all their characters, under the winner's rule: nothing found stays readable."""
    groups: list[list[Finding]] = []
    end = -1
    for one in sorted(findings, key=lambda one: (one.start, one.end, one.rule)):
        if one.start >= one.end:
            continue
        if groups and one.start < end:
            groups[-1].append(one)
        else:
            groups.append([one])
            end = one.end
        end = max(end, one.end)
    spans: list[Finding] = []
    for group in groups:
        winner = min(group, key=_rank)
        spans.append(Finding(winner.rule, group[0].start, max(one.end for one in group), winner.score, winner.reason))
    return spans


def _rank(one: Finding) -> tuple[bool, int, int, float, str]:
    return one.score < CHECKED, one.start - one.end, one.start, -one.score, one.rule
