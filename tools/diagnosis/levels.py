"""Conditions over scores and answers, levels with bounds and prerequisites, and vetoes."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol, cast

from pydantic import ValidationError

from domain.errors import ConfigurationError, ProblemDetail, known_names
from domain.formula import Expression, Undefined

from .definition import Level, Veto, fault
from .loading import Lined
from .notation import SIGNS, Interval, bound, fold, interval, number, show, threshold
from .words import canonical, load_words

if TYPE_CHECKING:
    from .tree import Compiled

SPLIT = re.compile(r"\s*(?:；|;|，且|\s且\s|且|\s并且\s|\sand\s)\s*")
COMPARE = re.compile(rf"(.+?)\s*({'|'.join(sorted(map(re.escape, SIGNS), key=len, reverse=True))}|!=|为|是)\s*([^<>=]+)")
TOTAL = ("total", "总分", "综合得分", "总得分", "score")


class Seen(Protocol):
    """What a condition may look at."""

    def score(self, index: int) -> Decimal | None: ...
    def raw(self, index: int) -> object: ...
    @property
    def total(self) -> Decimal | None: ...


@dataclass(frozen=True)
class Names:
    """How a condition's words are found."""

    ids: Mapping[str, int]
    titles: Mapping[int, str]
    groups: Mapping[str, tuple[int, ...]]

    def find(self, word: str) -> int | None:
        """The node; 0 is the total. None where the word names none."""
        plain = fold(word).lower()
        if plain in self.ids:
            return self.ids[plain]
        for tail in load_words().words["strip"]:
            if plain.endswith(tail) and plain.removesuffix(tail) in self.ids:
                return self.ids[plain.removesuffix(tail)]
        return 0 if plain in TOTAL else None


@dataclass(frozen=True)
class Condition:
    """Something that has to hold; unknown (None) where an answer is missing."""

    text: str
    test: Callable[[Seen], bool | None]
    parts: tuple["Condition", ...] = ()

    def checks(self, seen: Seen) -> list[tuple[str, bool | None]]:
        """Each part with how it came out."""
        return [pair for part in self.parts for pair in part.checks(seen)] if self.parts else [(self.text, self.test(seen))]


def compile_condition(raw: object, names: Names, faults: list[ProblemDetail], line: int) -> Condition | None:
    """From words ("A >= 60"), a mapping ({A: ">= 60"}), or a list, all of which have to hold."""
    try:
        return _condition(raw, names)
    except (ValueError, ConfigurationError) as error:
        where = getattr(raw, "line", 0) or line
        faults.append(fault(where, "requires", error.message if isinstance(error, ConfigurationError) else str(error)))
        return None


def _condition(raw: object, names: Names) -> Condition:
    if isinstance(raw, list):
        return _all([_condition(entry, names) for entry in cast("list[object]", raw)])
    if isinstance(raw, Mapping):
        return _mapping({str(k): v for k, v in cast("Mapping[object, object]", raw).items() if k != "line"}, names)
    if isinstance(raw, str):
        parts = [part for part in SPLIT.split(raw.strip()) if part]
        if len(parts) > 1:
            return _all([_condition(part, names) for part in parts])
        return _comparison(raw, names)
    raise ValueError(f"条件“{raw}”写不对，写成 'A >= 60'")


def _all(parts: Sequence[Condition]) -> Condition:
    def test(seen: Seen) -> bool | None:
        found = [part.test(seen) for part in parts]
        return False if False in found else None if None in found else True

    return Condition("，且".join(p.text for p in parts), test, tuple(parts))


def _any(parts: Sequence[Condition]) -> Condition:
    def test(seen: Seen) -> bool | None:
        found = [part.test(seen) for part in parts]
        return True if True in found else None if None in found else False

    return Condition("，或".join(p.text for p in parts), test)


def _mapping(raw: Mapping[str, object], names: Names) -> Condition:
    if "any" in raw or "或" in raw:
        return _any([_condition(entry, names) for entry in cast("list[object]", raw.get("any") or raw.get("或"))])
    if "all" in raw or "且" in raw:
        return _condition(raw.get("all") or raw.get("且"), names)
    if "every" in raw or "count" in raw:
        return _many(raw, names)
    return _all([_bounded(name, body, names) for name, body in raw.items()])


def _many(raw: Mapping[str, object], names: Names) -> Condition:
    """{every: dimensions, is: ">= 60"} and {count: items, is: ">= 3", at_least: 5}."""
    of = raw.get("every", raw.get("count"))
    limit = threshold(raw.get("is"))
    if limit is None:
        raise ValueError(f"is: “{raw.get('is')}”不是范围，写成 '>= 60'")
    if isinstance(of, str):
        if of not in names.groups and names.find(of) is None:
            raise ValueError(f"“{of}”不是一组指标，可写 dimensions、items 或一列 id")
        members = names.groups.get(of) or (names.find(of) or 0,)
    else:
        found = [names.find(str(entry)) for entry in cast("list[object]", of)]
        if None in found:
            raise ValueError(f"没有名为“{cast('list[object]', of)[found.index(None)]}”的指标")
        members = tuple(i for i in found if i is not None)
    least = len(members) if "every" in raw else int(number(raw.get("at_least")) or len(members))

    def test(seen: Seen) -> bool | None:
        scores = [seen.score(i) for i in members]
        good = sum(s is not None and limit.contains(s, closed=True) for s in scores)
        return True if good >= least else None if good + scores.count(None) >= least else False

    said = "每一项" if "every" in raw else f"至少 {least} 项"
    listed = of if isinstance(of, str) else "、".join(names.titles[i] for i in members)
    return Condition(f"{listed} {said} {limit.text}", test)


def _bounded(name: str, body: object, names: Names) -> Condition:
    index = names.find(name)
    limit = threshold(body)
    if index is None:
        return _comparison(f"{name} {body}", names)
    if limit is None:
        return _equals(index, str(body), names)
    return _within(index, limit, names)


def _title(index: int, names: Names) -> str:
    return names.titles[index] if index else "总分"


def _within(index: int, limit: Interval, names: Names) -> Condition:
    def test(seen: Seen) -> bool | None:
        score = seen.score(index) if index else seen.total
        return None if score is None else limit.contains(score, closed=True)

    return Condition(f"{_title(index, names)} {limit.text}", test)


def _equals(index: int, wanted: str, names: Names, *, unequal: bool = False) -> Condition:
    words = load_words()
    plain = fold(wanted).lower()
    kinds = [kind for kind in ("yes", "no", "partly") if words.means(kind, wanted)]

    def test(seen: Seen) -> bool | None:
        raw = seen.raw(index)
        if raw is None:
            return None
        same = fold(str(raw)).lower() == plain or any(words.means(k, str(raw) if not isinstance(raw, str) else raw) for k in kinds)
        return same != unequal

    return Condition(f"{_title(index, names)} {'不为' if unequal else '为'}“{wanted}”", test)


def _comparison(text: str, names: Names) -> Condition:
    match = COMPARE.fullmatch(text.strip())
    if match:
        left, sign, right = match[1].strip(), match[2], match[3].strip()
        value = re.fullmatch(r"(.+?)(?:\.value|\.答案|的答案)", left)
        index = names.find(value[1] if value else left)
        limit = number(right)
        if index is not None and limit is not None and sign in SIGNS:
            return _on_answer(index, bound(SIGNS[sign], limit), names) if value else _within(index, bound(SIGNS[sign], limit), names)
        if index is not None and limit is None and sign in ("为", "是", "=", "==", "!="):
            return _equals(index, right.strip("'\"“”"), names, unequal=sign == "!=")
    return _expression(text, names)


def _on_answer(index: int, limit: Interval, names: Names) -> Condition:
    def test(seen: Seen) -> bool | None:
        raw = number(seen.raw(index))
        return None if raw is None else limit.contains(raw, closed=True)

    return Condition(f"{_title(index, names)}的答案 {limit.text}", test)


def _expression(text: str, names: Names) -> Condition:
    expression = Expression(text)
    found = {name: names.find(name) for name in expression.names}
    for name, index in found.items():
        if index is None:
            raise ValueError(f"条件“{text}”里的“{name}”不是指标；{known_names(name, list(names.titles.values()))}")

    def test(seen: Seen) -> bool | None:
        values = {name: seen.score(index) if index else seen.total for name, index in found.items() if index is not None}
        if any(value is None for value in values.values()):
            return None
        try:
            return bool(expression(values))
        except Undefined:
            return None

    return Condition(text, test)


@dataclass(frozen=True)
class Rung:
    """A level: its bound, what else it demands, its place from the bottom."""

    name: str
    bounds: Interval
    requires: Condition | None
    rank: int


@dataclass(frozen=True)
class Ladder:
    """Levels from the lowest up."""

    rungs: tuple[Rung, ...]
    cumulative: bool = False

    def reached(self, score: Decimal, seen: Seen) -> Rung | None:
        """The highest level whose bound and conditions hold; a level whose conditions fail gives way to the next lower one."""
        top = next((r for r in reversed(self.rungs) if r.bounds.contains(score)), None)
        top = top or next((r for r in reversed(self.rungs) if r.bounds.span and r.bounds.contains(score, closed=True)), None)
        if top is None:
            return None
        best: Rung | None = None
        for rung in self.rungs[: top.rank + 1]:
            if rung.bounds.low is not None and not Interval(rung.bounds.low, None, rung.bounds.low_open).contains(score):
                continue
            if rung.requires is None or rung.requires.test(seen) is True:
                best = rung
            elif self.cumulative:
                break
        return best

    def named(self, name: str) -> Rung | None:
        return next((rung for rung in self.rungs if rung.name == name), None)

    def above(self, rung: Rung | None) -> Rung | None:
        rank = rung.rank + 1 if rung else 0
        return self.rungs[rank] if rank < len(self.rungs) else None


def compile_ladder(levels: Sequence[Level], names: Names, faults: list[ProblemDetail], *, cumulative: bool) -> Ladder:
    made: list[tuple[Interval, Level, Condition | None]] = []
    for level in levels:
        bounds = level.at or Interval()
        if level.to is not None:
            bounds = Interval(bounds.low, level.to, bounds.low_open, True, f"{show(bounds.low)}-{show(level.to)}", span=True)
        requires = compile_condition(level.requires, names, faults, level.line) if level.requires is not None else None
        made.append((bounds, level, requires))
    seen = [level.name for level in levels]
    for level in levels:
        if seen.count(level.name) > 1:
            faults.append(fault(level.line, "levels", f"等级“{level.name}”重复", "删去其中一个"))
    lowest = Decimal("-Infinity")
    unbounded = all(bounds.low is None and bounds.high is None for bounds, _, _ in made)
    if not unbounded:  # several levels on one bound, told apart by what they require, keep the order in which they were written
        made.sort(key=lambda entry: (entry[0].low if entry[0].low is not None else lowest, entry[0].low_open))
    return Ladder(tuple(Rung(level.name, bounds, requires, n) for n, (bounds, level, requires) in enumerate(made)), cumulative)


@dataclass(frozen=True)
class VetoRule:
    """What happens when one condition holds (一票否决)."""

    when: Condition
    total: Decimal | None
    cap: Decimal | None
    level: str | None
    level_cap: str | None
    why: str


def compile_veto(
    raw: object, names: Names, ladder: Ladder | None, faults: list[ProblemDetail], node: "Compiled | None" = None
) -> VetoRule | None:
    """A veto of the definition, or one written on an item: its answer ("否"), its bound ("< 60"), or when and what then."""
    line = node.spec.line if node else getattr(raw, "line", 0)
    veto = raw if isinstance(raw, Veto) else _item_veto(raw, faults, line)
    if veto is None:
        return None
    wanted = veto.when
    if node is not None and not isinstance(wanted, Mapping | list) and not (isinstance(wanted, str) and COMPARE.fullmatch(wanted.strip())):
        limit = interval(wanted)
        when = _within(node.index, limit, names) if limit is not None else _equals(node.index, _word(wanted), names)
    elif node is not None and isinstance(wanted, str) and (limit := interval(wanted)) is not None:
        when = _within(node.index, limit, names)
    else:
        when = compile_condition(wanted, names, faults, veto.line or line)
    if when is None:
        return None
    for name in (veto.level, veto.level_cap):
        if name is not None and ladder is not None and ladder.named(name) is None:
            faults.append(fault(veto.line or line, "veto", f"没有等级“{name}”", known_names(name, [r.name for r in ladder.rungs])))
    effects = (veto.total, veto.cap, veto.level, veto.level_cap)
    total = Decimal(0) if all(effect is None for effect in effects) else veto.total
    return VetoRule(when, total, veto.cap, veto.level, veto.level_cap, veto.why)


def _word(raw: object) -> str:
    return "否" if raw is False else "是" if raw is True else str(raw)


def _item_veto(raw: object, faults: list[ProblemDetail], line: int) -> Veto | None:
    if raw is False:
        return None
    if raw is True:
        return Veto(when="否", line=line)
    if not isinstance(raw, Mapping):
        return Veto(when=raw, line=line)
    try:
        named = canonical(raw, "veto") if isinstance(raw, Lined) else raw
        return Veto.model_validate(dict(cast("Mapping[str, object]", named)) | {"line": line})
    except ValidationError as error:
        faults += [
            fault(line, f"veto.{e['loc'][0] if e['loc'] else ''}", e["msg"], "键为 when、total、cap、level、level_cap、why")
            for e in error.errors()
        ]
        return None
