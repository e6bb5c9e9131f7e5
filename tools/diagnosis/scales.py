"""How one answer becomes a score: a scale is compiled once into a function of the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import Literal, cast

from domain.errors import ConfigurationError
from domain.formula import Expression, Undefined
from domain.quantity import quantities

from ..kpi.units import comparable, convert
from .definition import Band, Node, Option, Scale
from .notation import Interval, fold, number, show
from .words import Words, load_words

State = Literal["answered", "missing", "not_applicable", "review", "conflict", "uncomputable"]
"""review: evidence expired or absent (待复核)."""
ZERO, ONE = Decimal(0), Decimal(1)
GROWTH = "growth(本期, 上期)"
CHANGE = ("本期", "上期")
REMEMBERED = 2048


class BadAnswer(ValueError):
    """An answer that its scale cannot read; the message says why."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What an answer scores and how it is shown."""

    score: Decimal | None
    state: State = "answered"
    shown: str = ""
    why: str = ""


NOT_APPLICABLE = Scored(None, "not_applicable", "不适用", "不适用")
UNANSWERED = Scored(None, "missing", "", "未作答")
Reader = Callable[[object], Scored]


@dataclass(frozen=True)
class ItemScale:
    """A compiled scale: a function, the lowest and the highest score, and answers that improve on each other."""

    read: Reader
    low: Decimal
    high: Decimal
    ladder: tuple[tuple[object, Decimal], ...] = ()
    """Answers in rising order of score, where there are few."""
    asks: str = ""
    """What is to be answered, in words."""
    variables: tuple[str, ...] = ()


def compile_scale(node: Node, scale: Scale, points: Decimal | None) -> ItemScale:
    """Raises ConfigurationError for a formula that cannot be, ValueError for a scale without a meaning."""
    words = load_words()
    made = _base(node, scale, words)
    if scale.cap is not None or scale.floor is not None:
        made = _clipped(made, scale.floor, scale.cap)
    if points is not None:
        made = _rescaled(made, points, by_range=node.rescale == "by_range")
    return replace(made, read=_with_words(made.read, words))


def noted(unit: str) -> ItemScale:
    """Anything; a number keeps its value."""

    def read(raw: object) -> Scored:
        try:
            return Scored(value := amount(raw, unit), shown=f"{show(value)}{unit}")
        except BadAnswer:
            return Scored(ZERO, shown=str(raw))

    return ItemScale(_with_words(read, load_words()), ZERO, ZERO, (), "任意内容")


def _base(node: Node, scale: Scale, words: Words) -> ItemScale:
    if scale.formula is not None or scale.growth:
        return _computed(node, scale)
    if scale.bands or scale.interpolate or scale.threshold:
        return _converted(scale, _amount_reader(node.unit, integer=scale.integer), f"一个数{f'（{node.unit}）' if node.unit else ''}")
    if scale.options:
        return _chosen(scale.options)
    if (scale.yes_no is not None and scale.yes_no is not False) or (scale.type == "yes_no" and not scale.choices):
        return _yes_no(scale, words)
    if scale.choices:
        return _several(scale)
    if scale.each is not None:
        return _counted(scale.each, scale, node.unit)
    span = scale.level or scale.range or Interval(ZERO, Decimal(100))
    return _ranged(span, node.unit, integer=scale.integer or scale.level is not None)


def _with_words(read: Reader, words: Words) -> Reader:
    """不适用 and 未知 mean the same on every scale; answers that were read before are remembered."""
    known: dict[tuple[type, object], Scored] = {}

    def reading(raw: object) -> Scored:
        if isinstance(raw, list | dict):
            return read(cast("object", raw))
        found = known.get((type(raw), raw))
        if found is None:
            if raw is None or words.means("unknown", raw):
                found = UNANSWERED
            elif isinstance(raw, str) and words.means("not_applicable", raw):
                found = NOT_APPLICABLE
            else:
                found = read(raw)
            if len(known) < REMEMBERED:
                known[type(raw), raw] = found
        return found

    return reading


def _clipped(scale: ItemScale, floor: Decimal | None, cap: Decimal | None) -> ItemScale:
    def clip(score: Decimal) -> Decimal:
        score = score if floor is None else max(score, floor)
        return score if cap is None else min(score, cap)

    return _mapped(scale, clip)


def _rescaled(scale: ItemScale, points: Decimal, *, by_range: bool) -> ItemScale:
    base = scale.low if by_range else ZERO
    if scale.high == base:
        raise ValueError("量表的最高分为 0，不能换算到 points")
    width = scale.high - base
    return _mapped(scale, lambda score: (score - base) * points / width)


def _mapped(scale: ItemScale, change: Callable[[Decimal], Decimal]) -> ItemScale:
    def read(raw: object) -> Scored:
        found = scale.read(raw)
        return found if found.score is None else replace(found, score=change(found.score))

    ladder = tuple((raw, change(score)) for raw, score in scale.ladder)
    return replace(scale, read=read, low=change(scale.low), high=change(scale.high), ladder=ladder)


def amount(raw: object, unit: str) -> Decimal:
    """The number of an answer, in the item's unit (2.5小时 where min is asked gives 150); raises BadAnswer."""
    plain = number(raw)
    if plain is not None:
        return plain
    if not isinstance(raw, str):
        raise BadAnswer(f"“{raw}”不是数")
    read = [q for q in quantities(raw) if q.kind == "number"]
    if len(read) != 1 or (read[0].end - read[0].start) < len(raw.strip()):
        raise BadAnswer(f"“{raw}”不是一个数")
    found, asked = read[0], unit.partition("/")[0]
    value = Decimal(repr(found.value))
    if not found.unit or found.unit in (unit, asked) or not asked or found.unit == "分" or not unit:
        return value
    if not comparable(found.unit, asked):
        raise BadAnswer(f"“{raw}”的单位不是{unit}")
    return Decimal(repr(convert(found.value, found.unit, asked)))


def _amount_reader(unit: str, *, integer: bool) -> Callable[[object], Decimal]:
    def read(raw: object) -> Decimal:
        value = amount(raw, unit)
        if integer and value != value.to_integral_value():
            raise BadAnswer(f"“{raw}”应为整数")
        return value

    return read


def _ranged(span: Interval, unit: str, *, integer: bool) -> ItemScale:
    low, high = span.low or ZERO, span.high or ZERO
    read_amount = _amount_reader(unit, integer=integer)

    def read(raw: object) -> Scored:
        if isinstance(raw, bool):
            raise BadAnswer(f"“{raw}”不是数")
        value = read_amount(raw)
        if not low <= value <= high:
            raise BadAnswer(f"{show(value)} 超出 {show(low)}–{show(high)}")
        return Scored(value, shown=show(value))

    steps = int(high - low) + 1 if integer else 5
    width = ONE if integer else (high - low) / 4
    ladder = tuple((low + width * n, low + width * n) for n in range(min(steps, 21)))
    return ItemScale(read, low, high, ladder, f"{show(low)}–{show(high)} 的{'整数' if integer else '数'}")


def _chosen(options: tuple[Option, ...]) -> ItemScale:
    table: dict[str, Scored] = {}
    for option in options:
        scored = Scored(option.score, shown=option.label) if option.score is not None else NOT_APPLICABLE
        table[fold(option.label).lower()] = scored
    for option in options:  # A、有规划 is also A
        short = fold(option.label).lower()
        for mark in (",", ".", ":", ")", " "):
            head = short.partition(mark)[0].strip()
            if head and len(head) <= 3 and head != short and sum(fold(o.label).lower().startswith(head + mark) for o in options) == 1:
                table.setdefault(head, table[short])
    asks = "、".join(option.label for option in options)

    def read(raw: object) -> Scored:
        text = "是" if raw is True else "否" if raw is False else show(found) if (found := number(raw)) is not None else str(raw)
        hit = table.get(fold(str(raw)).lower()) or table.get(fold(text).lower())
        if hit is None:
            raise BadAnswer(f"“{raw}”不是选项，可选：{asks}")
        return hit

    scores = [o.score for o in options if o.score is not None]
    if not scores:
        raise ValueError("选项都没有分数")
    ladder = tuple(sorted(((o.label, o.score) for o in options if o.score is not None), key=lambda pair: pair[1]))
    return ItemScale(read, min(scores), max(scores), ladder, asks)


def _yes_no(scale: Scale, words: Words) -> ItemScale:
    own = scale.yes_no if isinstance(scale.yes_no, dict) else {}
    worth = {"yes": ONE, "partly": Decimal("0.5"), "no": ZERO}
    for label, score in own.items():
        kind = next((k for k in worth if words.means(k, label)), None)
        if kind is None:
            raise ValueError(f"yes_no 只有 是、部分、否，没有“{label}”")
        worth[kind] = score
    shown = {"yes": "是", "partly": "部分", "no": "否"}
    if own and not any(words.means("partly", label) for label in own):
        del worth["partly"]

    def read(raw: object) -> Scored:
        kind = next((k for k in worth if words.means(k, str(raw) if isinstance(raw, int | float | Decimal) else raw)), None)
        if kind is None:
            raise BadAnswer(f"“{raw}”应为{'、'.join(shown[k] for k in worth)}之一")
        return Scored(worth[kind], shown=shown[kind])

    ladder = tuple(sorted(((shown[kind], score) for kind, score in worth.items()), key=lambda pair: pair[1]))
    return ItemScale(read, min(worth.values()), max(worth.values()), ladder, "、".join(shown[k] for k in worth))


def _several(scale: Scale) -> ItemScale:
    each = scale.each if scale.each is not None else ONE
    options = scale.choices or ()
    worth = {fold(o.label).lower(): o.score if o.score is not None else each for o in options}
    for option in options:
        head = fold(option.label).lower().partition(",")[0].partition(".")[0].strip()
        if len(head) <= 3:
            worth.setdefault(head, worth[fold(option.label).lower()])
    asks = "、".join(o.label for o in options)

    def read(raw: object) -> Scored:
        given = cast("list[object]", raw) if isinstance(raw, list) else _split(str(raw), worth)
        chosen = dict.fromkeys(fold(str(entry)).lower() for entry in given)
        none = [c for c in chosen if c in ("", "无", "没有", "none")]
        unknown = [c for c in chosen if c not in worth and c not in none]
        if unknown:
            raise BadAnswer(f"“{'、'.join(unknown)}”不是选项，可选：{asks}")
        return Scored(sum((worth[c] for c in chosen if c in worth), ZERO), shown="、".join(str(g) for g in given) or "无")

    own = [o.score if o.score is not None else each for o in options]
    low, high = sum((s for s in own if s < 0), ZERO), sum((s for s in own if s > 0), ZERO)
    return ItemScale(read, low, high, (), f"可多选：{asks}")


def _counted(each: Decimal, scale: Scale, unit: str) -> ItemScale:
    """So much for each one counted."""
    read_amount = _amount_reader(unit, integer=scale.integer)

    def read(raw: object) -> Scored:
        count = read_amount(raw)
        if count < 0:
            raise BadAnswer(f"{show(count)} 是负数")
        return Scored(count * each, shown=show(count), why=f"{show(count)} × {show(each)}")

    return ItemScale(read, min(ZERO, each * 100), max(ZERO, each * 100), (), "一个数")


def _split(text: str, worth: Mapping[str, Decimal]) -> list[object]:
    plain = fold(text).lower()
    if plain in worth:
        return [text]
    return [part.strip() for part in plain.replace(";", ",").replace("/", ",").split(",") if part.strip()]


def _converted(scale: Scale, read_amount: Callable[[object], Decimal], asks: str) -> ItemScale:
    """A number turned into a score by bands, by points to interpolate between, or by a threshold."""
    convert_, scores = _conversion(scale)

    def read(raw: object) -> Scored:
        value = read_amount(raw)
        score, why = convert_(value)
        return Scored(score, shown=show(value), why=why)

    ladder = _threshold_ladder(scale)
    return ItemScale(read, min(scores), max(scores), ladder, asks)


def _threshold_ladder(scale: Scale) -> tuple[tuple[object, Decimal], ...]:
    if scale.interpolate:
        return tuple(sorted(scale.interpolate, key=lambda pair: pair[1]))
    if scale.threshold and not scale.bands:
        edge = scale.threshold.low if scale.threshold.low is not None else scale.threshold.high
        return ((edge, ONE),) if edge is not None and scale.threshold.contains(edge) else ()
    return ()


def _conversion(scale: Scale) -> tuple[Callable[[Decimal], tuple[Decimal, str]], list[Decimal]]:
    if scale.bands:
        bands = scale.bands

        def by_band(value: Decimal) -> tuple[Decimal, str]:
            found = band_of(bands, value)
            if found is None:
                raise BadAnswer(f"{show(value)} 不在任何分段内")
            return found.score, f"落在 {found.bounds.text or '该分段'}"

        return by_band, [band.score for band in bands]
    if scale.interpolate:
        knots = scale.interpolate
        return (lambda value: (_between(knots, value), "线性插值")), [y for _, y in knots]
    limit = scale.threshold or Interval()

    def by_threshold(value: Decimal) -> tuple[Decimal, str]:
        met = limit.contains(value, closed=True)
        return (ONE if met else ZERO), f"{show(value)} {'达到' if met else '未达到'} {limit.text}"

    return by_threshold, [ZERO, ONE]


def band_of(bands: tuple[Band, ...], value: Decimal) -> Band | None:
    """The band of a value; the upper end of 60-90 belongs to it when no other band takes it."""
    return next((b for b in bands if b.bounds.contains(value)), None) or next(
        (b for b in bands if b.bounds.span and b.bounds.contains(value, closed=True)), None
    )


def _between(knots: tuple[tuple[Decimal, Decimal], ...], value: Decimal) -> Decimal:
    if value <= knots[0][0]:
        return knots[0][1]
    for (x1, y1), (x2, y2) in pairwise(knots):
        if value <= x2:
            return y1 + (value - x1) * (y2 - y1) / (x2 - x1)
    return knots[-1][1]


def _computed(node: Node, scale: Scale) -> ItemScale:
    """A number computed from this item's own inputs."""
    expression = Expression(scale.formula or GROWTH)
    variables = scale.inputs or (CHANGE if scale.growth and not scale.formula else expression.names)
    unknown = [name for name in expression.names if name not in variables]
    if unknown:
        raise ConfigurationError(f"公式里的 {'、'.join(unknown)} 不在 inputs 里", where=expression.text, cure="补进 inputs")
    converts = scale.bands or scale.interpolate or scale.threshold
    change, scores = _conversion(scale) if converts else (None, [])
    undefined = ZERO if scale.undefined == "zero" else None

    def read(raw: object) -> Scored:
        if not isinstance(raw, Mapping):
            if len(variables) == 1:
                raw = {variables[0]: raw}
            elif isinstance(raw, list) and len(cast("list[object]", raw)) == len(variables):
                raw = dict(zip(variables, cast("list[object]", raw), strict=True))
            else:
                raise BadAnswer(f"应给出 {'、'.join(variables)}")
        given = cast("Mapping[str, object]", raw)
        extra = [key for key in given if key not in variables]
        if extra:
            raise BadAnswer(f"没有名为“{'、'.join(extra)}”的输入，应为：{'、'.join(variables)}")
        absent = [name for name in variables if given.get(name) is None]
        if absent:
            return Scored(None, "missing", why=f"缺少 {'、'.join(absent)}")
        values = {name: amount(given[name], node.unit if len(variables) == 1 else "") for name in variables}
        shown = "，".join(f"{name} {show(value)}" for name, value in values.items())
        try:
            result = expression(values)
        except Undefined:
            return Scored(undefined, "uncomputable" if undefined is None else "answered", shown, "不可计算（分母为 0 或没有有限的结果）")
        value = (ONE if result else ZERO) if isinstance(result, bool) else result
        if change is None:
            return Scored(value, shown=shown, why=f"{expression.text} = {show(value)}")
        score, why = change(value)
        return Scored(score, shown=shown, why=f"{expression.text} = {show(value)}，{why}")

    if scores:
        low, high = min(scores), max(scores)
    elif scale.range:
        low, high = scale.range.low or ZERO, scale.range.high or ZERO
    else:
        low, high = (scale.floor if scale.floor is not None else ZERO), (scale.cap if scale.cap is not None else Decimal(100))
    made = ItemScale(read, low, high, (), "、".join(variables), tuple(variables))
    return _mapped(made, lambda score: max(low, min(high, score))) if scale.range and not scores else made
