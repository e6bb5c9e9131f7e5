"""The typed extractor of the offline model: which indicator a question means, and which number is which variable."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from domain.quantity import Quantity, quantities

from ..contract import Reading
from .assign import Binding, accepts, assign, derivable, variables
from .context import Spoken, speak
from .engine import Amount
from .lists import ListReading, complaint_times, emission_sources
from .names import Indicator, plain
from .products import combine
from .spec import Vocabulary, load_vocabulary
from .units import convert, unit_measure

NAME, STRONG, WORD, SYNONYM, AGAINST = 6.0, 3.0, 1.0, 0.6, 3.0
MOST_EVIDENCE = 12.0
LEAST_EVIDENCE = 1.0
"""Topical evidence without which numbers alone mean nothing."""
ASK_EVIDENCE = 3.0
"""Evidence from which on a missing number is asked for."""
CANDIDATES = 6
COMPLETE = 4.0
FIT = 1.5
ANY_YEAR = "2025"
BEFORE_YEAR, AFTER_YEAR = "去年", "今年"
_UNIT_FREE = frozenset({"money", "percent", "count"})


@dataclass(frozen=True)
class Candidate:
    """One indicator with what the words and the numbers say for it."""

    indicator: Indicator
    evidence: float
    named: bool
    amounts: Mapping[str, Amount]
    missing: tuple[str, ...]
    fit: float
    bound: int
    cued: int
    question: str = ""
    basis: str = ""

    @property
    def complete(self) -> bool:
        return not self.missing and not self.question

    @property
    def total(self) -> float:
        return self.evidence + FIT * self.fit + (COMPLETE if self.complete else 0.0)


def reader(book: Mapping[str, Indicator]) -> Callable[[str], Reading | None]:
    """`read_arguments` over the indicators of `book`."""
    vocabulary = load_vocabulary()
    stop = [re.compile(pattern) for pattern in vocabulary.stop]

    def read_arguments(text: str) -> Reading | None:
        text = text.strip()
        if not any(word in text for word in (*vocabulary.asking, *vocabulary.request)):
            return None
        evidence = topical_evidence(book, text)
        if not evidence:
            return None
        blocked = any(pattern.search(text) for pattern in stop)
        numbers = _spoken_numbers(text)
        ranked = sorted(evidence.items(), key=lambda item: -item[1][0])[:CANDIDATES]
        found = [c for key, (score, named) in ranked if (c := bind(book[key], text, numbers, score, named, vocabulary))]
        best = max(found, key=lambda c: c.total, default=None)
        if best is None or (blocked and not (best.named and best.complete)):
            return None
        return _reading(best, text, vocabulary)

    return read_arguments


def topical_evidence(book: Mapping[str, Indicator], text: str) -> dict[str, tuple[float, bool]]:
    """How much the words of `text` speak for each indicator, and whether it is named."""
    shown = plain(text)
    out: dict[str, tuple[float, bool]] = {}
    for key, indicator in book.items():
        spec = indicator.spec
        named = any(len(n) > 2 and plain(n) in shown for n in indicator.names)
        weights = {w: STRONG for w in spec.strong} | {w: WORD for w in spec.words if w not in spec.strong}
        weights |= {w: SYNONYM for w in indicator.clause.synonyms if w not in weights}
        matched = [w for w in weights if w in text]
        matched = [w for w in matched if not any(w != other and w in other for other in matched)]
        score = min(sum(weights[w] for w in matched), MOST_EVIDENCE)
        against = sum(1 for w in spec.without if w in text and not any(w in n for n in indicator.names if n in text))
        named = named and (not against or plain(indicator.name) in shown)
        score += (NAME if named else 0.0) - AGAINST * against
        if score >= LEAST_EVIDENCE:
            out[key] = (score, named)
    return out


def _spoken_numbers(text: str) -> list[Quantity]:
    """Numbers and dates; score bands (9到10分) and ordinals are labels and minutes written 分 become minutes."""
    found = quantities(text)
    clock = any(q.unit in ("秒", "分钟", "小时", "秒钟") for q in found)
    found = [replace(q, unit="分钟") if q.unit == "分" and clock else q for q in found]
    return [q for q in found if q.kind != "ordinal" and q.unit not in ("分", "倍")]


def bind(indicator: Indicator, text: str, numbers: Sequence[Quantity], evidence: float, named: bool, vocabulary: Vocabulary) -> Candidate | None:
    """`indicator` with the numbers that it takes."""
    spec = indicator.spec
    if not spec.slots:
        return None
    wants_dates = "date" in spec.accepts
    plain_numbers = [q for q in combine(text, numbers, spec.products) if (q.kind == "date") == wants_dates or (q.kind == "number")]
    if not wants_dates:
        plain_numbers = [q for q in plain_numbers if q.kind == "number"]
    spoken = speak(_years_as_roles(text, numbers), plain_numbers)
    if any(slot.list for slot in spec.slots.values()):
        listed = complaint_times(text, spoken, vocabulary.aside) if "v2" in spec.slots and not spec.slots["v2"].list else emission_sources(text, spoken)
        return _from_list(indicator, listed, evidence, named)
    binding = assign(spec, spoken, vocabulary)
    amounts, basis = _amounts(indicator, binding)
    missing = tuple(v for v in variables(spec) if v not in amounts)
    fit = binding.score / max(1, len(variables(spec)))
    return Candidate(indicator, evidence, named, amounts, missing, fit, len(binding.slots), binding.cued, basis=basis)


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


def _from_list(indicator: Indicator, listed: ListReading | None, evidence: float, named: bool) -> Candidate | None:
    if listed is None:
        return Candidate(indicator, evidence, named, {}, tuple(variables(indicator.spec)), -1.0, 0, 0)
    done = not listed.question
    missing = () if done else tuple(v for v in variables(indicator.spec) if v not in listed.amounts)
    return Candidate(indicator, evidence, named, listed.amounts, missing, 1.8 if done else 0.0, 2 if done else 1, 1, listed.question, listed.basis)


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


def _reading(best: Candidate, text: str, vocabulary: Vocabulary) -> Reading | None:
    """The reading of the best candidate, a question for what is missing, or None when it is no computation."""
    names = {v.symbol: v.name for v in best.indicator.formula.variables}
    defining = any(word in text for word in vocabulary.defining)
    requested = any(word in text for word in vocabulary.request)
    arguments = {"indicator": best.indicator.id, **_arguments(best, names)}
    if best.complete:
        if not best.cued and not best.named and best.evidence < ASK_EVIDENCE:
            return None
        surety = 0.45 + 0.03 * best.evidence + 0.15 * best.fit - (0.15 if defining else 0.0)
        return Reading(arguments, round(max(0.3, min(0.98, surety)), 2))
    asks = best.bound > 0 and best.cued > 0 and best.evidence >= ASK_EVIDENCE
    if defining or not (asks or (requested and best.named)):
        return None
    wanted = "、".join(f"{names[v]}（{_unit_of(best, v)}）" if _unit_of(best, v) else names[v] for v in best.missing)
    question = best.question or f"要计算{best.indicator.name}，还需要：{wanted}。请补充"
    return Reading(arguments, round(min(0.7, 0.25 + 0.04 * best.evidence), 2), question)


def _unit_of(best: Candidate, symbol: str) -> str:
    unit = next(v.unit for v in best.indicator.formula.variables if v.symbol == symbol)
    return unit.removesuffix("[]")


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
        unit = (amount.unit if amount.unit != "个" else "") or said.get(declared[symbol], "")
        dimension = unit_measure(unit).dimension if unit else ""
        value = convert(amount.value, unit, "元") if dimension == "money" and isinstance(amount.value, float) else amount.value
        inputs[names[symbol]] = value
        if unit and dimension not in _UNIT_FREE and unit != declared[symbol]:
            units[names[symbol]] = unit
    out: dict[str, object] = {"inputs": inputs}
    return out | ({"units": units} if units else {}) | ({"basis": best.basis} if best.basis else {})
