"""Facts about an enterprise in its own words, as fields of its file, each with the sentence that says it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from domain.quantity import Quantity, quantities
from tools.diagnosis.speech import load_speech, mentions, sentence_at

from .words import fact_words

TEN_THOUSAND, HUNDRED_MILLION = 10_000, 100_000_000
PRESENT = ("done", "trial")


@dataclass(frozen=True)
class Found:
    """A field's value; its evidence is text[start:end]."""

    field: str
    value: Any
    start: int
    end: int


def facts_in(text: str, *, name_asked: bool = False) -> list[Found]:
    """Every fact that the words hold; of single values the first one."""
    found = [*_name(text, bare=name_asked), *_headcount(text), *_revenue(text), *_region(text), *_industry(text)]
    singles = {each.field: each for each in reversed(found)}
    return [*singles.values(), *_lists(text)]


def _at(text: str, field: str, value: Any, start: int) -> Found:
    return Found(field, value, *sentence_at(text, start, load_speech()))


def _name(text: str, *, bare: bool) -> Iterator[Found]:
    words = fact_words().name
    for pattern in words.patterns:
        for match in pattern.finditer(text):
            if match["name"] not in words.never and not any(match["name"].endswith(each) for each in words.never):
                yield _at(text, "name", match["name"], match.start("name"))
    whole = words.bare.fullmatch(text.strip().strip("。"))
    if bare and whole:
        yield _at(text, "name", whole["name"], text.index(whole["name"]))


def _headcount(text: str) -> Iterator[Found]:
    words = fact_words().employees
    for each in quantities(text):
        before, after = text[max(0, each.start - words.reach) : each.start], text[each.end : each.end + words.reach]
        before = re.split(r"[，,。；;\n]", before)[-1]
        clause = re.split(r"[，,。；;\n]", after)[0]
        if each.kind != "number" or each.value < words.fewest or each.value != int(each.value):
            continue
        cued = any(cue in before or clause.startswith(cue) for cue in words.cues)
        if each.unit not in words.units and not (not each.unit and cued and any(cue in before for cue in words.cues[:4])):
            continue
        if each.unit == "个" and not any(clause.startswith(cue) for cue in words.cues):
            continue
        if any(clause.startswith(word) for word in words.not_after) or any(word in before for word in words.not_before):
            continue
        yield _at(text, "employees", int(each.value), each.start)


def _revenue(text: str) -> Iterator[Found]:
    words = fact_words().revenue
    for each in quantities(text):
        before = text[max(0, each.start - words.reach) : each.start]
        if each.kind == "number" and each.value >= TEN_THOUSAND and any(cue in before for cue in words.cues) and _is_money(each):
            yield _at(text, "revenue", _money(each.value), each.start)


def _is_money(each: Quantity) -> bool:
    return each.unit in ("", "元", "块", "块钱", "万元", "亿元", "人民币", "RMB")


def _money(yuan: float) -> str:
    """As people write it; `domain.money` reads it."""
    unit, size = ("亿元", HUNDRED_MILLION) if yuan >= HUNDRED_MILLION else ("万元", TEN_THOUSAND)
    return f"{round(yuan / size, 6):g}{unit}"


def _region(text: str) -> Iterator[Found]:
    words = fact_words().region
    patterns = [*words.patterns, _city_pattern()]
    for match in (found for pattern in patterns for found in pattern.finditer(text)):
        yield _at(text, "region", match["region"], match.start("region"))


@cache
def _city_pattern() -> re.Pattern[str]:
    words = fact_words().region
    return re.compile(words.city_pattern.replace("{cities}", "|".join(words.cities)))


@cache
def _industry_pattern() -> re.Pattern[str]:
    words = fact_words()
    known = sorted((word for group in words.industry.values() for word in group), key=len, reverse=True)
    return re.compile(words.industry_pattern.replace("{words}", "|".join(map(re.escape, known))))


def _industry(text: str) -> Iterator[Found]:
    for match in _industry_pattern().finditer(text):
        word = match["word"] or match["word2"]
        code = next(code for code, group in fact_words().industry.items() if word in group)
        yield _at(text, "industry_code", code, match.start())
        yield _at(text, "industry_text", word, match.start())


def _lists(text: str) -> Iterator[Found]:
    words = fact_words()
    yield from _collected(text, "systems", {name: name for name in words.systems})
    counted = {name: _counted(text, name) for name in words.equipment if name in text}
    kept = {name: shown for name, shown in counted.items() if not any(name != other and name in other for other in counted)}
    yield from _collected(text, "equipment", kept)
    speech = load_speech()
    pains: dict[str, int] = {}
    for cue in words.pains:
        for match in re.finditer(re.escape(cue), text):
            start, end = _clause(text, match.start())
            pains.setdefault(text[start:end].strip(), start)
    if pains:
        yield Found("pain_points", list(pains), *sentence_at(text, min(pains.values()), speech))


def _collected(text: str, field: str, names: dict[str, str]) -> Iterator[Found]:
    """Things that are there, planned ones left out."""
    present = {shown: at for name, shown in names.items() for at in _present(text, name)[:1]}
    if present:
        yield _at(text, field, list(present), min(present.values()))


def _present(text: str, name: str) -> list[int]:
    return [text.lower().index(name.lower(), m.start) for m in mentions(text, name) if m.status in PRESENT]


def _counted(text: str, name: str) -> str:
    """60台注塑机, where a number stands before it."""
    at = text.index(name)
    units = fact_words().equipment_units
    near = next((q for q in reversed(quantities(text[max(0, at - 10) : at])) if q.unit in units and q.value == int(q.value)), None)
    gap = text[max(0, at - 10) + near.end : at] if near else ""
    return f"{name} {int(near.value)} {near.unit}" if near and len(gap) <= 2 else name


def _clause(text: str, at: int) -> tuple[int, int]:
    cuts = re.compile(r"[，,。；;！!？?\n]")
    start = max((match.end() for match in cuts.finditer(text, 0, at)), default=0)
    after = cuts.search(text, at)
    return start, after.start() if after else len(text)
