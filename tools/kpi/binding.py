"""An indicator with the numbers that it takes: bound, corrected, derived, in the variables of its formula."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from domain.quantity import Quantity

from .assign import SCALED, Binding, assign, derivable, variables
from .context import speak
from .engine import Amount
from .lists import ListReading, complaint_times, emission_sources
from .names import Indicator
from .products import combine
from .spec import Vocabulary
from .units import CALENDAR, convert, unit_measure

COMPLETE = 4.0
FIT = 1.5
LISTED_FIT = 1.8
ONLY_MONEY = frozenset({"money"})
MOST_BARE = 10_000
ANY_YEAR = "2025"
BEFORE_YEAR, AFTER_YEAR = "去年", "今年"


@dataclass(frozen=True)
class Topic:
    """What the words of an utterance say for an indicator, whatever its numbers."""

    indicator: Indicator
    evidence: float
    named: bool


@dataclass(frozen=True)
class Candidate:
    """One indicator with what the words and the numbers say for it."""

    topic: Topic
    amounts: Mapping[str, Amount]
    missing: tuple[str, ...]
    fit: float
    bound: int
    cued: int
    question: str = ""
    basis: str = ""

    @property
    def indicator(self) -> Indicator:
        return self.topic.indicator

    @property
    def complete(self) -> bool:
        return not self.missing and not self.question

    @property
    def total(self) -> float:
        return self.topic.evidence + FIT * self.fit + (COMPLETE if self.complete else 0.0)


def bind(topic: Topic, text: str, numbers: Sequence[Quantity], vocabulary: Vocabulary) -> Candidate | None:
    """`topic`'s indicator with the numbers that it takes."""
    spec = topic.indicator.spec
    if not spec.slots:
        return None
    kinds = ("number", "date") if "date" in spec.accepts else ("number",)
    taken = [q for q in combine(text, numbers, spec.products) if q.kind in kinds]
    if not any("time" in (slot.accepts or spec.accepts) for slot in spec.slots.values()):
        taken = [q for q in taken if q.unit not in CALENDAR or q.value != 1]
    if spec.accepts == ONLY_MONEY:
        taken = _same_scale(taken)
    spoken = speak(_years_as_roles(text, numbers), taken)
    if "co2" in spec.accepts:
        return _from_list(topic, emission_sources(text, spoken))
    if any(slot.list for slot in spec.slots.values()):
        return _from_list(topic, complaint_times(text, spoken, (*vocabulary.aside, *vocabulary.hearsay)))
    binding = assign(spec, spoken, vocabulary)
    amounts, basis = _amounts(topic.indicator, binding)
    impossible = {v for v, a in amounts.items() if isinstance(a.value, float) and a.value < 0 and v not in spec.signed}
    missing = tuple(v for v in variables(spec) if v not in amounts or v in impossible)
    fit = binding.score / max(1, len(variables(spec)))
    return Candidate(topic, amounts, missing, fit, len(binding.slots), binding.cued, basis=basis)


def _same_scale(numbers: Sequence[Quantity]) -> list[Quantity]:
    """从两百万降到一百五: beside amounts in 万 a bare small number is in 万 too."""
    scales = [SCALED.search(q.text) for q in numbers]
    scale = next((10**8 if found[0] == "亿" else 10**4 for found in scales if found), 1)
    bare = [not q.unit and not found and 0 < q.value < MOST_BARE for q, found in zip(numbers, scales, strict=True)]
    return [replace(q, value=q.value * scale) if short else q for q, short in zip(numbers, bare, strict=True)]


def _years_as_roles(text: str, numbers: Sequence[Quantity]) -> str:
    """Of two years the earlier one is before and the later one after; rewritten in place, length kept."""
    years = sorted({q.iso[:4] for q in numbers if q.kind == "date" and re.match(r"\d{4}", q.iso)})
    if len(years) != 2:
        return text
    for q in numbers:
        if q.kind == "date" and len(q.iso) == 4:
            word = BEFORE_YEAR if q.iso == years[0] else AFTER_YEAR
            text = text[: q.start] + word.rjust(q.end - q.start) + text[q.end :]
    return text


def _from_list(topic: Topic, listed: ListReading | None) -> Candidate:
    every = tuple(variables(topic.indicator.spec))
    if listed is None:
        return Candidate(topic, {}, every, -1.0, 0, 0)
    if listed.question:
        return Candidate(topic, {}, every, 0.0, 1, 1, listed.question)
    return Candidate(topic, listed.amounts, (), LISTED_FIT, len(every), 1, basis=listed.basis)


def _amounts(indicator: Indicator, binding: Binding) -> tuple[dict[str, Amount], str]:
    """Amounts by variable symbol: said, corrected, or derived from what was said."""
    spec = indicator.spec
    known: dict[str, Amount] = {name: _total([n.quantity for n in spoken]) for name, spoken in binding.slots.items()}
    for name in known:
        number = binding.slots[name][0]
        if name in spec.signed and re.search(r"亏|赔本|负", number.near[-8:]) and (value := known[name].value) and isinstance(value, float):
            known[name] = replace(known[name], value=-abs(value))
    basis: list[str] = []
    terms = {v.symbol: v.name for v in indicator.formula.variables}
    if spec.adjust and all(set(e.split()[::2]) <= set(known) for e in spec.adjust.values()):
        corrected = {name: _arithmetic(e, known) for name, e in spec.adjust.items()}
        basis += [f"{terms[name]}按 {_spell(e, known)} 计" for name, e in spec.adjust.items()]
        known |= corrected
    _percent_of_answers(spec.products, known)
    dated = _settle_years(spec.accepts, known)
    basis += [dated] if dated else []
    for variable in variables(spec):
        expression = derivable(spec, variable, frozenset(known)) if variable not in known else None
        if expression:
            basis.append(f"{terms[variable]}按 {_spell(expression, known)} 计")
            known[variable] = _arithmetic(expression, known)
    return {v: known[v] for v in variables(spec) if v in known}, "；".join(basis)


def _percent_of_answers(products: Sequence[str], known: dict[str, Amount]) -> None:
    """Shares of promoters and detractors are shares of a hundred answers."""
    if "score_bands" in products and {known[n].unit for n in ("v1", "v2") if n in known} == {"%"}:
        known["v3"] = Amount(100.0)
        known |= {n: replace(known[n], unit="") for n in ("v1", "v2") if n in known}


def _settle_years(spec_accepts: frozenset[str], known: dict[str, Amount]) -> str:
    """Gives dates that were said without a year the other one's; says so where neither had one."""
    if "date" not in spec_accepts or not {"v1", "v2"} <= set(known):
        return ""
    end, start = known["v1"].unit, known["v2"].unit
    if not (start and end):
        return ""
    basis = ""
    if start[0] == "-" and end[0] == "-":
        basis = "两个日期都未写年份，按同一年计"
        start = ANY_YEAR + start[1:]
    if end[0] == "-":
        end = _near_year(start[:4], end[1:], forward=True, other=start)
    elif start[0] == "-":
        start = _near_year(end[:4], start[1:], forward=False, other=end)
    for name, iso in (("v1", end), ("v2", start)):
        day = _as_date(iso)
        if day:
            known[name] = Amount(day, iso)
        else:
            del known[name]
    return basis


def _near_year(year: str, rest: str, *, forward: bool, other: str) -> str:
    guess = year + rest
    if forward and guess < other:
        return f"{int(year) + 1}{rest}"
    return f"{int(year) - 1}{rest}" if not forward and guess > other else guess


def _total(numbers: Sequence[Quantity]) -> Amount:
    first = numbers[0]
    if first.kind == "date":
        return Amount(_as_date(first.iso) or 0.0, first.iso or "-")
    if len(numbers) == 1:
        return Amount(first.value, first.unit)
    return Amount(sum(convert(n.value, n.unit, first.unit) if n.unit else n.value for n in numbers), first.unit)


def _as_date(iso: str) -> date | None:
    try:
        return date.fromisoformat(iso if len(iso) == 10 else f"{iso}-01")
    except ValueError:
        return None


def _arithmetic(expression: str, known: Mapping[str, Amount]) -> Amount:
    """`a - b + c` or `a / b` over amounts, in the first one's unit."""
    parts = expression.split()
    first = known[parts[0]]
    total = first.value
    assert isinstance(total, float)
    for sign, name in zip(parts[1::2], parts[2::2], strict=True):
        value = _number(known[name], first.unit if sign != "/" else "")
        total = total + value if sign == "+" else total - value if sign == "-" else total / value if value else total
    return Amount(float(f"{total:.12g}"), "" if "/" in parts else first.unit)


def _number(amount: Amount, unit: str) -> float:
    assert isinstance(amount.value, float)
    same = unit and amount.unit and unit_measure(unit).dimension == unit_measure(amount.unit).dimension
    return convert(amount.value, amount.unit, unit) if same else amount.value


def _spell(expression: str, known: Mapping[str, Amount]) -> str:
    return " ".join(f"{known[p].value:g}" if p in known else p for p in expression.split())
