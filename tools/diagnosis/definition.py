"""What an assessment is: a tree of weighted groups and items with scales, levels, vetoes and rules, or a matrix of scenes and levels.

The models are the reference of the language; docs/assessments.md explains it.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from domain.errors import ProblemDetail, UserInputError

from .loading import Lined, place, read_yaml
from .notation import Interval, interval, number, threshold
from .words import canonical, load_words

Aggregate = Literal[
    "weighted_sum", "weighted_mean", "mean", "sum", "min", "max", "product", "geometric_mean", "median", "share", "count", "conformance"
]


class Weight(NamedTuple):
    """A weight as written; `percent` says that it had a % sign."""

    value: Decimal
    percent: bool


class Option(NamedTuple):
    """An answer that can be chosen, and what it scores; None scores nothing and is not an answer (不适用)."""

    label: str
    score: Decimal | None


class Band(NamedTuple):
    """An interval of a number, and what it scores."""

    bounds: Interval
    score: Decimal


def _number(value: object) -> object:
    made = number(value)
    if made is None:
        raise ValueError(f"“{value}”不是数")
    return made


def _weight(value: object) -> object:
    if isinstance(value, Weight):
        return value
    top, slash, bottom = str(value).partition("/")
    above, below = number(top), number(bottom)
    made = above / below if slash and above is not None and below else number(value)
    if made is None or made < 0:
        raise ValueError(f"“{value}”不是权重，写成 20、20% 或 0.2")
    return Weight(made, isinstance(value, str) and value.strip().endswith(("%", "％")))


def _bound(value: object) -> object:
    made = value if isinstance(value, Interval) else threshold(value)
    if made is None:
        raise ValueError(f"“{value}”不是范围，写成 '>= 60'、'60-90' 或 '[60, 90)'")
    if made.empty:
        raise ValueError(f"“{value}”的下限大于上限")
    return made


def _span(value: object) -> object:
    if isinstance(value, list) and len(cast("list[object]", value)) == 2:
        low, high = (number(v) for v in cast("list[object]", value))
        made = Interval(low, high)
    elif (top := number(value)) is not None:
        made = Interval(Decimal(0), top)
    else:
        read = interval(value)
        made = Interval(read.low, read.high) if read else Interval()
    if made.low is None or made.high is None or made.low >= made.high:
        raise ValueError(f"“{value}”不是分数范围，写成 0-100 或 [0, 5]")
    return made


def _pairs(value: object) -> list[tuple[object, object]]:
    """Pairs from a mapping, a list of pairs, or a list of small mappings."""
    if isinstance(value, Mapping):
        return list(cast("Mapping[object, object]", value).items())
    if not isinstance(value, list):
        raise ValueError("应为映射或列表")
    pairs: list[tuple[object, object]] = []
    for entry in cast("list[object]", value):
        if isinstance(entry, Mapping):
            body = cast("Mapping[str, object]", entry)
            keys = [k for k in LABEL_KEYS if k in body]
            scores = [k for k in SCORE_KEYS if k in body]
            if keys and scores:
                pairs.append((body[keys[0]], body[scores[0]]))
            elif {"from", "to", "min", "max"} & set(body):
                pairs.append((_from_to(body), body[scores[0]] if scores else None))
            else:
                pairs += list(cast("Mapping[object, object]", body).items())
        elif isinstance(entry, list) and len(cast("list[object]", entry)) == 2:
            pairs.append((cast("list[object]", entry)[0], cast("list[object]", entry)[1]))
        else:
            pairs.append((entry, None))
    return pairs


LABEL_KEYS = ("label", "name", "title", "option", "value", "when", "range", "at", "if", "x", "选项", "名称", "区间", "范围", "条件")
SCORE_KEYS = ("score", "points", "分", "得分", "分值", "y")


def _from_to(body: Mapping[str, object]) -> Interval:
    body = {"from": body.get("from", body.get("min")), "to": body.get("to", body.get("max"))}
    return Interval(
        number(body.get("from")), number(body.get("to")), high_open=True, span=True, text=f"{body.get('from')}-{body.get('to')}"
    )


def _options(value: object) -> object:
    made: list[Option] = []
    for label, score in _pairs(value):
        points = number(score)
        if points is None and score is not None and not load_words().means("not_applicable", score):
            raise ValueError(f"选项“{label}”的分数“{score}”不是数")
        made.append(Option(str(label), points))
    if len({option.label for option in made}) < len(made) or not made:
        raise ValueError("选项为空或重复")
    return tuple(made)


def _bands(value: object) -> object:
    made: list[Band] = []
    for at, score in _pairs(value):
        bounds = at if isinstance(at, Interval) else interval(at)
        points = number(score)
        if bounds is None or bounds.empty or points is None:
            raise ValueError(f"分段“{at}: {score}”写不对，写成 '>= 90': 10 或 '60-90': 6")
        made.append(Band(bounds, points))
    if not made:
        raise ValueError("没有分段")
    return tuple(made)


def _knots(value: object) -> object:
    knots = [(number(x), number(y)) for x, y in _pairs(value)]
    if len(knots) < 2 or any(x is None or y is None for x, y in knots):
        raise ValueError("插值需要至少两个点，写成 [[0, 0], [50, 60], [100, 100]]")
    made = sorted(cast("list[tuple[Decimal, Decimal]]", knots))
    if len({x for x, _ in made}) < len(made):
        raise ValueError("插值点的横坐标重复")
    return tuple(made)


def _texts(value: object) -> object:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list | tuple) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _one_of(kind: str) -> BeforeValidator:
    return BeforeValidator(lambda value: load_words().value(kind, value))


def _round(value: object) -> object:
    return {"decimals": value} if not isinstance(value, Mapping | Round) else value


Number = Annotated[Decimal, BeforeValidator(_number)]
Bound = Annotated[Interval, BeforeValidator(_bound)]
Span = Annotated[Interval, BeforeValidator(_span)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Word = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, Decimal | bool) else value)]
Names = Annotated[tuple[Word, ...], BeforeValidator(_texts)]
Missing = Annotated[Literal["zero", "exclude"], _one_of("missing")]
NotApplicable = Annotated[Literal["redistribute", "zero", "full", "forbidden"], _one_of("not_applicable")]


class Part(BaseModel):
    """Anything in a definition; `line` is where it stands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    line: int = 0


class Round(Part):
    """To how many decimals, how, and what is rounded."""

    decimals: int = Field(ge=0, le=12)
    mode: Annotated[Literal["half_up", "half_even", "down", "up"], _one_of("mode")] = "half_up"
    at: Annotated[Literal["total", "nodes", "items", "all"], _one_of("at")] = "total"


Rounding = Annotated[Round, BeforeValidator(_round)]


class Scale(Part):
    """How an answer becomes a score; one of the ways below (a formula or growth may be followed by bands, interpolate or threshold)."""

    range: Span | None = None
    """Any number between the two: the score itself."""
    level: Span | None = None
    """Whole numbers between the two."""
    options: Annotated[tuple[Option, ...] | None, BeforeValidator(lambda v: None if v is None else _options(v))] = None
    yes_no: bool | dict[str, Number] | None = None
    choices: Annotated[tuple[Option, ...] | None, BeforeValidator(lambda v: None if v is None else _options(v))] = None
    """Several may be chosen; their points add up."""
    each: Number | None = None
    """What one choice is worth, or each one counted in a number (每项加 2 分)."""
    bands: Annotated[tuple[Band, ...] | None, BeforeValidator(lambda v: None if v is None else _bands(v))] = None
    interpolate: Annotated[tuple[tuple[Decimal, Decimal], ...] | None, BeforeValidator(lambda v: None if v is None else _knots(v))] = None
    formula: Word | None = None
    inputs: Names = ()
    growth: bool = False
    """(本期 - 上期) / 上期 × 100."""
    threshold: Bound | None = None
    """Met or not: 1 or 0 (times `points`)."""
    type: Annotated[Literal["", "number", "yes_no", "other"], _one_of("type")] = ""
    """A word for readers; yes_no alone makes a scale."""
    integer: bool = False
    cap: Number | None = None
    floor: Number | None = None
    undefined: Annotated[Literal["missing", "zero"], _one_of("undefined")] = "missing"
    """What a formula without a value (a zero divisor) counts as."""

    @property
    def given(self) -> bool:
        kinds = (
            self.range,
            self.level,
            self.options,
            self.yes_no,
            self.choices,
            self.bands,
            self.interpolate,
            self.formula,
            self.threshold,
        )
        return self.growth or self.type == "yes_no" or self.each is not None or any(kind is not None for kind in kinds)


class Level(Part):
    """A grade: from which score on, and what else it demands."""

    name: Word
    at: Bound | None = None
    to: Number | None = None
    requires: object = None


class Veto(Part):
    """One item that decides alone (一票否决): when, and what then."""

    when: object
    total: Number | None = None
    cap: Number | None = None
    level: Word | None = None
    level_cap: Word | None = None
    why: str = ""


class Node(Scale):
    """A group (it has children) or an item (it has a scale)."""

    id: Word = ""
    title: Word = ""
    question: str = ""
    note: str = ""
    weight: Annotated[Weight | None, BeforeValidator(lambda v: None if v is None else _weight(v))] = None
    children: tuple["Node", ...] = ()
    aggregate: Annotated[Aggregate | None, BeforeValidator(lambda v: None if v is None else load_words().value("aggregate", v))] = None
    check_weights: bool = True
    points: Number | None = None
    """The score of the best answer; others in proportion."""
    rescale: Annotated[Literal["by_max", "by_range"], _one_of("rescale")] = "by_max"
    scale: Word | None = None
    record: bool = False
    """Noted, never scored: a metric that is watched without a threshold."""
    bonus: bool = False
    deduction: bool = False
    bonus_cap: Number | None = None
    deduction_cap: Number | None = None
    round: Rounding | None = None
    levels: tuple[Level, ...] = ()
    unit: str = ""
    period: str = ""
    missing: Missing | None = None
    not_applicable: NotApplicable | None = None
    clauses: Texts = ()
    modality: Literal["", "应", "宜"] = ""
    effort: Number | dict[str, Number] | None = None
    veto: object = None
    evidence: bool = False
    """Only an answer with evidence counts."""
    met: Bound | None = None
    """From which score on share, count and conformance take it as met; default: the best score."""
    signals: dict[str, Texts] = Field(default_factory=dict[str, tuple[str, ...]])


class Cells(Part):
    """One scene of a matrix: what each level asks; "/" asks nothing."""

    id: Word
    title: str = ""
    cells: dict[str, Word]
    """By level: the clause or the words of what is asked."""
    effort: Number | None = None


class Matrix(Part):
    """Scenes by levels (典型场景对照表)."""

    levels: Names
    rows: tuple[Cells, ...] = Field(min_length=1)
    gates: dict[str, Bound] = Field(default_factory=dict[str, Interval])
    """Per level the bound that the entered score has to meet."""
    gate_clauses: dict[str, str] = Field(default_factory=dict[str, str])
    score: Word = ""
    """The name under which the score for the gates is answered."""
    score_range: Span = Interval(Decimal(0), Decimal(100))
    cumulative: bool = True
    """A scene has a level only with all lower ones that ask something."""


class Definition(Part):
    """One assessment."""

    key: Word = ""
    title: Word = Field(min_length=1)
    version: Word = ""
    status: str = ""
    summary: str = ""
    note: str = ""
    label: str = ""
    """Said with the level (参考)."""
    clauses: Texts = ()
    aggregate: Annotated[Aggregate | None, BeforeValidator(lambda v: None if v is None else load_words().value("aggregate", v))] = None
    total: Word | None = None
    """A formula over ids instead of an aggregate."""
    check_weights: bool = True
    children: tuple[Node, ...] = ()
    scales: dict[str, Scale] = Field(default_factory=dict[str, Scale])
    default_scale: Scale | str | None = None
    points: Number | None = None
    inputs: Names = ()
    levels: tuple[Level, ...] = ()
    cumulative: bool = False
    vetoes: tuple[Veto, ...] = ()
    requires: object = None
    round: Rounding | None = None
    missing: Missing = "zero"
    not_applicable: NotApplicable = "redistribute"
    expired: Annotated[Literal["review", "count"], _one_of("expired")] = "review"
    respondents: Annotated[Literal["conflict", "mean", "median", "min", "max", "latest"], _one_of("respondents")] = "conflict"
    coverage: Number | None = None
    bonus_cap: Number | None = None
    deduction_cap: Number | None = None
    cap: Number | None = None
    floor: Number | None = None
    matrix: Matrix | None = None


def fault(line: int, key: str, what: str, cure: str = "修正该处") -> ProblemDetail:
    """A spot of a definition that is wrong."""
    return ProblemDetail(where=f"第 {line} 行{f'：{key}' if key else ''}", what=what, cure=cure)


def read_definition(text: str) -> Definition:
    """The definition in a YAML text, by its form; `compile` checks the rest.

    Raises:
        UserInputError: every fault with line and key.
    """
    raw = canonical(read_yaml(text))
    try:
        return Definition.model_validate(_with_lines(raw))
    except ValidationError as error:
        details: list[ProblemDetail] = []
        for found in error.errors():
            line, key = place(raw, [step for step in found["loc"] if not isinstance(step, str) or not step.startswith("function-")])
            named = str(found["loc"][-1]) if found["type"] in ("extra_forbidden", "missing") else key
            details.append(fault(line, named, _said(found["type"], found["msg"])))
        raise UserInputError(f"评估定义有 {len(details)} 处写法不对", detail=details[:30]) from error


def _said(kind: str, message: str) -> str:
    known = {"extra_forbidden": "没有这个键（或同一个意思写了两次）", "missing": "缺少这个键"}
    return known.get(kind, message.removeprefix("Value error, "))


PLAIN = {
    "options",
    "choices",
    "bands",
    "interpolate",
    "yes_no",
    "cells",
    "gates",
    "gate_clauses",
    "requires",
    "when",
    "veto",
    "effort",
    "signals",
}
"""Mappings whose keys are the author's own; they have no line of their own."""


def _with_lines(raw: object, key: str = "") -> object:
    """Every part told its line."""
    if isinstance(raw, Lined):
        if key in PLAIN or (key == "clauses"):
            return raw
        made = {name: _with_lines(value, name) for name, value in raw.items()}
        if key != "scales":
            made["line"] = raw.line
        return made
    if isinstance(raw, list):
        return [_with_lines(entry, key) for entry in cast("list[object]", raw)]
    return raw
