"""Deterministic metrics, each named after the harm it shows: not found, wrong, answered though unknown, refused though known."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.answer import Answer

from .dataset import Item

TOLERANCE = 0.011


def names(gold: str, clause_id: str) -> bool:
    """Whether a found clause is the gold one or part of the gold section."""
    return clause_id == gold or clause_id.startswith(f"{gold}-") or (gold == "JSSF-T" and clause_id.startswith("JSSF-T"))


def found(item: Item, ranked: Sequence[str], k: int) -> float:
    """Share of the gold clauses among the first `k` distinct sections of the ranking (recall@k)."""
    if not item.gold_clauses:
        return 1.0
    heads = _distinct(ranked, item.gold_clauses)[:k]
    alternatives = item.alt_clauses or {}
    hits = [any(names(g, c) or any(names(a, c) for a in alternatives.get(g, [])) for c in heads) for g in item.gold_clauses]
    return sum(hits) / len(hits)


def _distinct(ranked: Sequence[str], golds: Iterable[str]) -> list[str]:
    """The ranking with everything inside one gold section counted once."""
    seen: dict[str, str] = {}
    for clause_id in ranked:
        section = next((g for g in golds if names(g, clause_id)), clause_id)
        seen.setdefault(section, clause_id)
    return list(seen.values())


def right(item: Item, answer: Answer) -> bool:
    """Everything that must be in the answer is, nothing that must not be; an unanswerable question is refused."""
    if not item.answerable:
        return answer.refused
    if answer.refused or not answer.text:
        return False
    text = _folded(answer.text)
    return all(_contains(text, need) for need in item.must_contain) and not any(_contains(text, word) for word in item.must_not)


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).lower()
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", re.sub(r"\[\d+\]", "", plain))
    return re.sub(r"\s+", "", plain)


def _contains(text: str, need: str | float) -> bool:
    if isinstance(need, int | float):
        return any(abs(float(number) - need) <= TOLERANCE for number in re.findall(r"(?<![\d.])\d+(?:\.\d+)?", text))
    if need.startswith("re:"):
        return bool(re.search(need[3:], text))
    for option in need.split("|"):
        pattern = re.escape(_folded(option))
        if pattern[:1].isdigit():
            pattern = r"(?<![\d.])" + pattern
        if pattern[-1:].isdigit():
            pattern += r"(?!\d)"
        if re.search(pattern, text):
            return True
    return False


@dataclass(frozen=True)
class Scored:
    """One answered item."""

    item: Item
    answer: Answer
    milliseconds: float


def summary(scored: Sequence[Scored]) -> dict[str, float | int]:
    """The figures of a suite; each is a share of the items it is defined for."""
    known = [s for s in scored if s.item.answerable]
    gold = [s for s in known if s.item.gold_clauses]
    refused_right = sum(s.answer.refused for s in scored if not s.item.answerable)
    refused_wrong = sum(s.answer.refused and not s.item.partial_absence for s in known)
    unknown = len(scored) - len(known)
    quotes = [citation.verified for s in scored for citation in s.answer.citations]
    times = sorted(s.milliseconds for s in scored)
    lengths = sorted(len(s.answer.text) for s in scored)
    f1 = 2 * refused_right / (refused_right + refused_wrong + unknown) if refused_right else 0.0
    figures: dict[str, float | int] = {
        "items": len(scored),
        "recall@5": _mean(found(s.item, s.answer.retrieved, 5) for s in gold),
        "all_gold@10": _mean(float(found(s.item, s.answer.retrieved, 10) == 1.0) for s in gold),
        "answers_right": _mean(float(right(s.item, s.answer)) for s in known),
        "refusal_f1": round(f1, 4),
        "over_refusal": round(refused_wrong / len(known), 4) if known else 0.0,
        "quotes_verified": _mean(float(q) for q in quotes),
        "answer_chars_p50": lengths[len(lengths) // 2] if lengths else 0,
        "latency_ms_p50": round(times[len(times) // 2], 1) if times else 0.0,
        "latency_ms_p95": round(times[int(0.95 * (len(times) - 1))], 1) if times else 0.0,
    }
    return figures


def by_type(scored: Sequence[Scored]) -> dict[str, float]:
    """Share of right answers per type of question."""
    types = sorted({s.item.type for s in scored})
    return {kind: _mean(float(right(s.item, s.answer)) for s in scored if s.item.type == kind) for kind in types}


def _mean(values: Iterable[float]) -> float:
    found_values = list(values)
    return round(sum(found_values) / len(found_values), 4) if found_values else 0.0
