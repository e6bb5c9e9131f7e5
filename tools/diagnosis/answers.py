"""Answers as people send them: plain values or records with evidence, one respondent or several; every fault is named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from statistics import median
from typing import cast

from domain.errors import ProblemDetail, UserInputError, known_names

from .notation import fold, number, show
from .scales import NOT_APPLICABLE, UNANSWERED, BadAnswer, Scored, amount
from .tree import Compiled, Model
from .words import load_words

VALUE_KEYS = ("value", "answer", "status", "score", "答案", "值", "状态", "得分")
ITEM_KEYS = ("item", "id", "key", "name", "指标", "题目", "编号", "条款")
RECORD = frozenset(
    (*VALUE_KEYS, *ITEM_KEYS, "evidence", "expires", "respondent", "confirmed_by", "out_of", "at", "owner", "reviewer", "note")
)
MOST_FAULTS = 50
BARE = (str, int, float, bool, Decimal)
Answers = Mapping[str, object] | Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Given:
    """One answer of one person."""

    value: object
    evidence: str = ""
    expires: date | None = None
    respondent: str = ""
    confirmed_by: str = ""
    out_of: Decimal | None = None
    """The value is so many out of this: 3 out of 5."""
    at: str = ""
    owner: str = ""
    reviewer: str = ""
    note: str = ""


@dataclass(frozen=True)
class Disagreement:
    """Respondents who contradict each other on one item, none of them confirmed."""

    index: int
    said: tuple[tuple[str, str], ...]


@dataclass
class Resolved:
    """One answer per item, and what became of the others."""

    scored: dict[int, Scored] = field(default_factory=dict[int, Scored])
    raw: dict[int, object] = field(default_factory=dict[int, object])
    groups: dict[int, Decimal] = field(default_factory=dict[int, Decimal])
    """Scores that were given for a group as a whole."""
    inputs: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    partial: dict[int, dict[str, object]] = field(default_factory=dict[int, dict[str, object]])
    """Own inputs of items whose formula also needs other nodes."""
    given: dict[int, Given] = field(default_factory=dict[int, Given])
    conflicts: list[Disagreement] = field(default_factory=list[Disagreement])


def rows_of(answers: Answers, faults: list[ProblemDetail]) -> list[tuple[str, Given]]:
    """Every answer with the name it was given under."""
    rows: list[tuple[str, Given]] = []
    if isinstance(answers, Mapping):
        for name, value in answers.items():
            several = isinstance(value, list) and value and all(is_record(v) for v in cast("list[object]", value))
            for entry in cast("list[object]", value) if several else [value]:
                rows += [(name, made)] if (made := _given(name, entry, faults)) else []
        return rows
    for at, row in enumerate(answers, 1):
        name = next((str(row[key]) for key in ITEM_KEYS if row.get(key) is not None), "")
        if not name:
            faults.append(ProblemDetail(where=f"answers 第 {at} 行", what="没有写是哪一项", cure="加上 item: 指标编号"))
            continue
        rows += [(name, made)] if (made := _given(name, row, faults)) else []
    return rows


def is_record(value: object) -> bool:
    """Whether a mapping is an answer with its particulars rather than the inputs of a formula."""
    if not isinstance(value, Mapping):
        return False
    keys = set(cast("Mapping[str, object]", value))
    return bool(keys & {*VALUE_KEYS, "evidence", "respondent"}) and keys <= RECORD


def _given(name: str, value: object, faults: list[ProblemDetail]) -> Given | None:
    if not is_record(value):
        return Given(value)
    row = cast("Mapping[str, object]", value)
    expires = _day(name, row.get("expires"), faults)
    out_of = number(row["out_of"]) if row.get("out_of") is not None else None
    if row.get("out_of") is not None and (out_of is None or out_of <= 0):
        faults.append(ProblemDetail(where=name, what=f"out_of“{row['out_of']}”不是正数", cure="写满分是多少，如 5"))
        return None
    text = {key: str(row.get(key) or "") for key in ("respondent", "confirmed_by", "at", "owner", "reviewer", "note")}
    evidence = row.get("evidence")
    shown = "、".join(map(str, cast("list[object]", evidence))) if isinstance(evidence, list) else str(evidence or "")
    return Given(next((row[key] for key in VALUE_KEYS if key in row), None), shown, expires, out_of=out_of, **text)


def _day(name: str, value: object, faults: list[ProblemDetail]) -> date | None:
    if value in (None, ""):
        return None
    try:
        return date.fromisoformat(str(value)[:10].replace("/", "-"))
    except ValueError:
        faults.append(ProblemDetail(where=name, what=f"有效期“{value}”不是日期", cure="写成 2026-03-01 的形式"))
        return None


def resolve(model: Model, answers: Answers, today: date) -> Resolved:
    """Raises UserInputError naming every unknown item and every answer that its scale cannot read."""
    faults: list[ProblemDetail] = []
    out = Resolved()
    by_index: dict[int, list[Given]] = {}
    if isinstance(answers, Mapping):
        answers = _plain_answers(model, answers, out, faults)
    for name, given in rows_of(answers, faults):
        index = model.names.get(name)
        if index is None:
            index = model.names.get(fold(name).lower())
        if index is not None:
            by_index.setdefault(index, []).append(given)
        elif (shared := model.inputs.get(fold(name).lower())) is not None:
            _read_input(out, shared, given, faults)
        elif not _own_input(model, out, name, given):
            known = [n.id for n in model.nodes[1:]]
            faults.append(ProblemDetail(where=name, what=f"没有名为“{name}”的指标", cure=known_names(name, known)))
    for index, rows in by_index.items():
        node = model.nodes[index]
        if index in out.scored:
            faults.append(ProblemDetail(where=node.id, what=f"“{node.title}”用两个名字各答了一次", cure="只留一个"))
        elif node.is_item:
            _read_item(model, out, node, rows, today, faults)
        else:
            _read_group(model, out, node, rows[-1], by_index, faults)
    _complete(model, out, faults)
    if faults:
        raise UserInputError(f"{len(faults)} 个答案有误：{faults[0].where}：{faults[0].what}", detail=faults[:MOST_FAULTS])
    return out


def _plain_answers(model: Model, answers: Mapping[str, object], out: Resolved, faults: list[ProblemDetail]) -> Mapping[str, object]:
    """Reads bare values of items without further ado; gives back the rest."""
    rest: dict[str, object] = {}
    names, nodes, scored, raw = model.names, model.nodes, out.scored, out.raw
    for name, value in answers.items():
        index = names.get(name)
        if index is None or type(value) not in BARE or index in scored:
            rest[name] = value
            continue
        node = nodes[index]
        if node.scale is None or node.sources or node.spec.evidence or node.not_applicable == "forbidden":
            rest[name] = value
            continue
        try:
            scored[index] = node.scale.read(value)
            raw[index] = value
        except BadAnswer as error:
            faults.append(ProblemDetail(where=node.id, what=f"{node.title}：{error}", cure=f"应为：{node.scale.asks}"))
    return rest


def _read_input(out: Resolved, name: str, given: Given, faults: list[ProblemDetail]) -> None:
    try:
        if given.value is not None:
            out.inputs[name] = amount(given.value, "")
    except BadAnswer as error:
        faults.append(ProblemDetail(where=name, what=str(error), cure="给一个数"))


def _own_input(model: Model, out: Resolved, name: str, given: Given) -> bool:
    """An input of one item's formula, answered by its own name."""
    owners = [i for i in model.items if (scale := model.nodes[i].scale) and name in scale.variables]
    for index in owners:
        out.partial.setdefault(index, {})[name] = given.value
    return bool(owners)


def _complete(model: Model, out: Resolved, faults: list[ProblemDetail]) -> None:
    for index, values in out.partial.items():
        node = model.nodes[index]
        if not node.sources and index not in out.scored:
            _score(out, node, Given(values), faults)


def _read_group(
    model: Model, out: Resolved, node: Compiled, given: Given, answered: Mapping[int, object], faults: list[ProblemDetail]
) -> None:
    below = [model.nodes[i].title for i in descendants(model, node.index) if i in answered or i in out.scored]
    if below:
        what = f"“{node.title}”给了总的分数，又给了“{below[0]}”的"
        faults.append(ProblemDetail(where=node.id, what=what, cure="只给其中一种"))
        return
    if given.value is None:
        return
    value = number(given.value)
    top = given.out_of or node.high
    if value is None or not min(ZERO, node.low) <= value <= top:
        what = f"“{given.value}”不是 {show(min(ZERO, node.low))}–{show(top)} 的数"
        faults.append(ProblemDetail(where=node.id, what=what, cure="给这一组的得分"))
        return
    out.groups[node.index] = value * node.high / given.out_of if given.out_of else value
    out.given[node.index] = given


ZERO = Decimal(0)


def descendants(model: Model, index: int) -> list[int]:
    node = model.nodes[index]
    below = [*node.children, *node.bonus, *node.deductions, *node.records]
    return [i for child in below for i in (child, *descendants(model, child))]


def _read_item(model: Model, out: Resolved, node: Compiled, rows: list[Given], today: date, faults: list[ProblemDetail]) -> None:
    rows = [row for row in rows if row.value is not None] or rows[:1]
    confirmed = [row for row in rows if row.confirmed_by]
    rows = confirmed[-1:] or rows
    if len(rows) > 1 and len({_plain(row.value) for row in rows}) > 1:
        chosen = _settled(model, node, rows, faults)
        if chosen is None:
            said = tuple((row.respondent or "未具名", str(row.value)) for row in rows)
            out.conflicts.append(Disagreement(node.index, said))
            out.scored[node.index] = Scored(None, "conflict", "；".join(f"{who}：{what}" for who, what in said), "多人作答不一致，须确认")
            return
        if isinstance(chosen, Scored):
            out.scored[node.index] = chosen
            return
        rows = [chosen]
    _score(out, node, rows[-1], faults)
    scored = out.scored.get(node.index)
    if scored is None or scored.state != "answered" or model.definition.expired != "review":
        return
    last = rows[-1]
    if last.expires is not None and last.expires < today:
        why = f"证据 {last.expires.isoformat()} 到期，待复核"
        out.scored[node.index] = Scored(None, "review", scored.shown, why)
    elif node.spec.evidence and not last.evidence and scored.score and scored.score > 0:
        out.scored[node.index] = Scored(None, "review", scored.shown, "没有证据，待复核")


def _plain(value: object) -> str:
    return show(found) if (found := number(value)) is not None else fold(str(value)).lower()


def _settled(model: Model, node: Compiled, rows: list[Given], faults: list[ProblemDetail]) -> Given | Scored | None:
    """One answer out of several by the definition's rule; None leaves them in conflict."""
    rule = model.definition.respondents
    if rule == "conflict":
        return None
    if rule == "latest":
        return max(rows, key=lambda row: row.at)
    scratch = Resolved()
    scores: list[Decimal] = []
    for row in rows:
        scratch.scored.pop(node.index, None)
        _score(scratch, node, row, faults)
        found = scratch.scored.get(node.index)
        scores += [found.score] if found and found.score is not None else []
    if not scores:
        return UNANSWERED
    made = {"mean": sum(scores, ZERO) / len(scores), "median": median(scores), "min": min(scores), "max": max(scores)}[rule]
    said = {"mean": "平均", "median": "中位数", "min": "最低", "max": "最高"}[rule]
    return Scored(made, shown="、".join(str(row.value) for row in rows), why=f"{len(rows)} 人作答取{said}")


def _score(out: Resolved, node: Compiled, given: Given, faults: list[ProblemDetail]) -> None:
    assert node.scale is not None
    raw = given.value
    try:
        if given.out_of is not None:
            out.scored[node.index] = _share(node, given)
        elif node.sources and isinstance(raw, Mapping):
            out.partial.setdefault(node.index, {}).update(cast("Mapping[str, object]", raw))
        else:
            out.scored[node.index] = node.scale.read(raw)
    except BadAnswer as error:
        faults.append(ProblemDetail(where=node.id, what=f"{node.title}：{error}", cure=f"应为：{node.scale.asks}"))
        return
    found = out.scored.get(node.index)
    if found is not None and found.state == "not_applicable" and node.not_applicable == "forbidden":
        faults.append(ProblemDetail(where=node.id, what=f"{node.title}：不允许“不适用”", cure=f"应为：{node.scale.asks}"))
    out.raw[node.index] = raw
    out.given[node.index] = given


def _share(node: Compiled, given: Given) -> Scored:
    assert node.scale is not None
    if load_words().means("not_applicable", given.value):
        return NOT_APPLICABLE
    value = amount(given.value, "")
    if given.out_of is None or not ZERO <= value <= given.out_of:
        raise BadAnswer(f"{show(value)} 超出 0–{show(given.out_of)}")
    return Scored(value * node.scale.high / given.out_of, shown=f"{show(value)}/{show(given.out_of)}")
