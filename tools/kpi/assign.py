"""Which number is which variable: the assignment of numbers to slots that the words, units and order speak for most."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from domain.quantity import Quantity

from .context import LEFT_NEXT, Spoken, cue_score, mentions
from .spec import IndicatorSpec, Slot, Vocabulary
from .units import unit_measure

ANY = "any"
ONLY_TIME = frozenset({"time"})
SCALED = re.compile(r"[万亿wW]")
NO_CUE = -0.3
BARE = -0.1
ASIDE = -1.6
ARTICLE = -1.2
STRICT = 0.35
NAMED = 0.6
EXTRA = 0.7
COMPLETE = 2.0
LARGER = 0.4
DERIVED = 0.25
ORDER = 0.12
UNUSED = 0.12
MIXED = -2.5
CURRENT = 0.3
TWO_PERIODS = 4
"""Numbers from which on a share was told for two periods; the present one is meant."""
MOST_NUMBERS = 12
MOST_CANDIDATES = 5


Table = Mapping[tuple[str, int], float | None]
"""How well each number fits each slot, by slot and the number's index."""


@dataclass(frozen=True)
class Binding:
    """Slots filled with numbers, how well, and which variables can be had from them."""

    slots: Mapping[str, tuple[Spoken, ...]]
    score: float
    missing: tuple[str, ...]
    cued: int
    """How many of the numbers were named by a word beside them."""


def dimension_of(quantity: Quantity) -> str:
    return "date" if quantity.kind == "date" else unit_measure(quantity.unit).dimension if quantity.unit else ""


def accepts(slot: Slot, spec: IndicatorSpec, quantity: Quantity) -> bool:
    if quantity.unit in spec.excludes:
        return False
    allowed = slot.accepts or spec.accepts
    dimension = dimension_of(quantity)
    elliptic = quantity.unit == "个" and "labour" in allowed  # 38个人天，后来12个
    if ANY in allowed or dimension in allowed or elliptic:
        return True
    return not dimension and "date" not in allowed and not (allowed == ONLY_TIME and SCALED.search(quantity.text))


def assign(spec: IndicatorSpec, numbers: Sequence[Spoken], vocabulary: Vocabulary) -> Binding:
    """The best binding of `numbers` to the slots of `spec`."""
    names = list(spec.slots)
    usable = [n for n in numbers if any(accepts(s, spec, n.quantity) for s in spec.slots.values())][:MOST_NUMBERS]
    table = {(name, n.index): slot_score(spec.slots[name], spec, n, vocabulary) for name in names for n in usable}
    candidates = {name: _candidates(name, usable, table) for name in names}
    best: Binding | None = None

    def extend(i: int, taken: dict[str, Spoken], score: float) -> None:
        nonlocal best
        if i == len(names):
            binding = _judge(spec, taken, score, usable, table, vocabulary)
            best = binding if best is None or binding.score > best.score else best
            return
        extend(i + 1, taken, score)
        used = {n.index for n in taken.values()}
        for number, value in candidates[names[i]]:
            if number.index not in used:
                extend(i + 1, {**taken, names[i]: number}, score + value)

    extend(0, {}, 0.0)
    assert best is not None
    return best


def _candidates(name: str, usable: Sequence[Spoken], table: Table) -> list[tuple[Spoken, float]]:
    scored = [(n, value) for n in usable if (value := table[name, n.index]) is not None]
    return sorted(scored, key=lambda pair: -pair[1])[:MOST_CANDIDATES]


def slot_score(slot: Slot, spec: IndicatorSpec, number: Spoken, vocabulary: Vocabulary) -> float | None:
    """How well a number fits a slot; None where it may not go."""
    if not accepts(slot, spec, number.quantity) or (slot.required_cue and not mentions(number, slot.required_cue, LEFT_NEXT)):
        return None
    own = cue_score(number, slot.cues) if slot.cues else 0.0
    role = cue_score(number, vocabulary.roles[slot.role]) if slot.role else 0.0
    cue = max(own, role) + 0.2 * min(own, role)
    strict = slot.strict or slot.role == "delta"
    if strict and cue < (0.75 if slot.role == "delta" else STRICT):
        return None
    score = cue or NO_CUE
    score += 0.0 if number.quantity.unit or number.quantity.kind == "date" else BARE
    score += ARTICLE if number.article else 0.0
    if (own < NAMED and mentions(number, vocabulary.aside)) or (cue < NAMED and mentions(number, vocabulary.hearsay)):
        score += ASIDE
    return score if score > -1.0 else None


def _judge(
    spec: IndicatorSpec, taken: dict[str, Spoken], score: float, usable: Sequence[Spoken], table: Table, vocabulary: Vocabulary
) -> Binding:
    """The score of a full assignment: what the slots say, plus completeness, plausibility and order."""
    slots: dict[str, tuple[Spoken, ...]] = {name: (number,) for name, number in taken.items()}
    used = {n.index for n in taken.values()}
    for name in [n for n in taken if spec.slots[n].sum]:
        for number in usable:
            value = table[name, number.index]
            rival = max((table[other, number.index] or 0.0 for other in spec.slots if other != name), default=0.0)
            if number.index not in used and value is not None and value >= EXTRA and value > rival:
                slots[name] = (*slots[name], number)
                used.add(number.index)
    missing = missing_variables(spec, frozenset(slots))
    score += COMPLETE if not missing else -COMPLETE * 0.3 * len(missing)
    score -= UNUSED * (len(usable) - len(used))
    if spec.shares and len(usable) >= TWO_PERIODS:
        score += CURRENT * _presence(taken, vocabulary)
    score += _plausible(spec, taken) + (ORDER if _in_order(spec, taken) else 0.0)
    cued = sum(1 for name, number in taken.items() if (table[name, number.index] or 0.0) > 0)
    return Binding(slots, score, missing, cued)


def missing_variables(spec: IndicatorSpec, known: frozenset[str]) -> tuple[str, ...]:
    """Variables that were neither said nor follow from what was."""
    return tuple(v for v in variables(spec) if v not in known and not derivable(spec, v, known))


def variables(spec: IndicatorSpec) -> list[str]:
    return sorted(name for name in spec.slots if name[0] == "v" and name[1:].isdigit())


def derivable(spec: IndicatorSpec, variable: str, known: frozenset[str]) -> str | None:
    """The expression that gives `variable` from `known`, if there is one."""
    return next((e for e in spec.derive.get(variable, ()) if set(e.split()[::2]) <= known), None)


def _plausible(spec: IndicatorSpec, taken: Mapping[str, Spoken]) -> float:
    score = DERIVED if spec.larger and not set(spec.larger) <= set(taken) and not missing_variables(spec, frozenset(taken)) else 0.0
    if spec.larger and all(name in taken for name in spec.larger):
        more, less = (taken[name].quantity for name in spec.larger)
        same = dimension_of(more) == dimension_of(less)
        factors = [unit_measure(q.unit).factor if same else 1.0 for q in (more, less)]
        score += LARGER if more.value * factors[0] >= less.value * factors[1] else -LARGER
    if {"v1", "v2", "out1", "out2"} <= set(taken):
        same_way = (taken["v1"].index < taken["v2"].index) == (taken["out1"].index < taken["out2"].index)
        score += LARGER if same_way else -LARGER
    if spec.shape:
        pair = {dimension_of(taken[n].quantity) for n in ("v1", "v2") if n in taken} - {""}
        score += MIXED if len(pair) > 1 else 0.0
    return score


def _presence(taken: Mapping[str, Spoken], vocabulary: Vocabulary) -> int:
    """How far a share is one of the present period, told in one place."""
    now, then = (sum(1 for n in taken.values() if mentions(n, vocabulary.roles[role])) for role in ("after", "before"))
    if not {"v1", "v2"} <= set(taken):
        return now - then
    part, whole = taken["v1"], taken["v2"]
    return now - then - (abs(part.index - whole.index) - 1) - (part.sentence != whole.sentence)


def _in_order(spec: IndicatorSpec, taken: Mapping[str, Spoken]) -> bool:
    order = [n for n in (spec.order or spec.slots) if n in taken]
    return all(taken[a].index < taken[b].index for a, b in pairwise(order))
