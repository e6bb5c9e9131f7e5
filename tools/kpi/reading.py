"""The typed extractor of the offline model: which indicator a question means, and which number is which variable."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from functools import lru_cache

from domain.quantity import Quantity, quantities

from ..contract import Reading
from .binding import Candidate, Topic, bind
from .names import Indicator, plain
from .spec import Vocabulary, load_vocabulary
from .units import convert, unit_measure

NAME, AGAINST = 6.0, 3.0
MOST_EVIDENCE = 12.0
LEAST_EVIDENCE = 1.0
"""Topical evidence without which numbers alone mean nothing."""
ASK_EVIDENCE = 3.0
"""Evidence from which on a missing number is asked for; where all are there, each number named by its words makes up for one."""
CANDIDATES = 6
MASSES = ("吨", "公斤", "千克")
_UNIT_FREE = frozenset({"money", "percent", "count"})


def reader(book: Mapping[str, Indicator]) -> Callable[[str], Reading | None]:
    """`read_arguments` over the indicators of `book`."""
    vocabulary = load_vocabulary()

    def read_arguments(text: str) -> Reading | None:
        text = text.strip()
        blocked = any(pattern.search(text) for pattern in vocabulary.stop)
        numbers = _spoken_numbers(text, vocabulary)
        ranked = sorted(topics(book, text), key=lambda t: -t.evidence)[:CANDIDATES]
        found = [candidate for topic in ranked if (candidate := bind(topic, text, numbers, vocabulary))]
        best = max(found, key=lambda c: c.total, default=None)
        asked = any(word in text for word in (*vocabulary.asking, *vocabulary.request))
        if best is None or not (asked or best.topic.named) or (blocked and not (best.topic.named and best.complete)):
            return None
        return _reading(best, text, vocabulary)

    return lru_cache(maxsize=256)(read_arguments)


def topics(book: Mapping[str, Indicator], text: str) -> list[Topic]:
    """The indicators that the words of `text` speak for, how much, and whether they are named."""
    shown = plain(text)
    out: list[Topic] = []
    for indicator in book.values():
        spec = indicator.spec
        named = any(name in shown for name in indicator.long_names)
        weights = indicator.word_weights
        matched = [w for w in weights if w in text]
        matched = [w for w in matched if not any(w != other and w in other for other in matched)]
        score = min(sum(weights[w] for w in matched), MOST_EVIDENCE)
        against = sum(1 for w in spec.without if w in text and not any(w in n for n in indicator.names if n in text))
        named = named and (not against or plain(indicator.name) in shown)
        score += (NAME if named else 0.0) - AGAINST * against
        if score >= LEAST_EVIDENCE:
            out.append(Topic(indicator, score, named))
    return out


def _spoken_numbers(text: str, vocabulary: Vocabulary) -> list[Quantity]:
    """Numbers and dates; score bands (9到10分) and ordinals are labels and minutes written 分 become minutes."""
    found = quantities(text)
    clock = any(q.unit in ("秒", "分钟", "小时", "秒钟") for q in found)
    found = [replace(q, unit="分钟") if q.unit == "分" and clock else q for q in found]
    found = [_as_coal(text, q) if q.unit in MASSES else q for q in found]
    before, after = vocabulary.labels.before, vocabulary.labels.after
    amounts = [q for q in found if q.kind != "ordinal" and q.unit not in ("分", "倍")]
    return [q for q in amounts if not before.search(text[: q.start]) and not after.search(text[q.end :])]


def _as_coal(text: str, quantity: Quantity) -> Quantity:
    """折标煤3500吨 and 耗煤20吨: the fuel is said before the number."""
    said = re.search(r"(标煤|标准煤|煤)[^，,。；;\d]{0,2}$", text[: quantity.start])
    return replace(quantity, unit=quantity.unit + ("标煤" if said[1] != "煤" else "煤")) if said else quantity


def _reading(best: Candidate, text: str, vocabulary: Vocabulary) -> Reading | None:
    """The reading of the best candidate, a question for what is missing, or None when it is no computation."""
    names = {v.symbol: v.name for v in best.indicator.formula.variables}
    defining = any(word in text for word in (*vocabulary.defining, *(() if best.complete else vocabulary.planning)))
    requested = any(word in text for word in vocabulary.request)
    arguments = {"indicator": best.indicator.id, **_arguments(best, names)}
    if best.complete:
        if not best.topic.named and best.topic.evidence < ASK_EVIDENCE - best.cued:
            return None
        surety = 0.45 + 0.03 * best.topic.evidence + 0.15 * best.fit - (0.15 if defining else 0.0)
        return Reading(arguments, round(max(0.3, min(0.98, surety)), 2))
    asks = best.bound > 0 and best.cued > 0 and best.topic.evidence >= ASK_EVIDENCE
    if defining or not (asks or (requested and best.topic.named)):
        return None
    wanted = "、".join(f"{names[v]}（{_unit_of(best, v)}）" if _unit_of(best, v) else names[v] for v in best.missing)
    question = best.question or f"要计算{best.indicator.name}，还需要：{wanted}。请补充"
    return Reading(arguments, round(min(0.7, 0.25 + 0.04 * best.topic.evidence), 2), question)


def _unit_of(best: Candidate, symbol: str) -> str:
    unit = next(v.unit for v in best.indicator.formula.variables if v.symbol == symbol)
    return unit.removesuffix("[]")


def _spelt_out(unit: str, best: Candidate, group: str, declared: Mapping[str, str]) -> str:
    """A unit that another number of the same group says in full (0.42吨标煤 … 0.357吨): the short form means the long one."""
    full = [a.unit for s, a in best.amounts.items() if unit and declared[s] == group and a.unit.startswith(unit)]
    return max(full, key=len, default=unit)


def _arguments(best: Candidate, names: Mapping[str, str]) -> dict[str, object]:
    """Inputs and units by variable name; money and counts are plain numbers, a unit said once holds for its whole group."""
    inputs: dict[str, object] = {}
    units: dict[str, str] = {}
    declared = {v.symbol: v.unit for v in best.indicator.formula.variables}
    said = {declared[s]: a.unit for s, a in best.amounts.items() if a.unit}
    for symbol, amount in best.amounts.items():
        if isinstance(amount.value, date):
            inputs[names[symbol]] = amount.unit
            continue
        unit = _spelt_out((amount.unit if amount.unit != "个" else "") or said.get(declared[symbol], ""), best, declared[symbol], declared)
        dimension = unit_measure(unit).dimension if unit else ""
        value = convert(amount.value, unit, "元") if dimension == "money" and isinstance(amount.value, float) else amount.value
        inputs[names[symbol]] = value
        if unit and dimension not in _UNIT_FREE and unit != declared[symbol]:
            units[names[symbol]] = unit
    out: dict[str, object] = {"inputs": inputs}
    return out | ({"units": units} if units else {}) | ({"basis": best.basis} if best.basis else {})
