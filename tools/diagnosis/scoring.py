"""From answers to the total, the level, and what every node came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from statistics import median

from domain.formula import Undefined

from .answers import Answers, Resolved, descendants, resolve
from .exact import CONTEXT, rounded, settle
from .levels import Rung, VetoRule
from .notation import show
from .scales import ONE, UNANSWERED, ZERO, BadAnswer, Scored
from .tree import HUNDRED, WEIGHTED, Compiled, Model, bound_of


@dataclass(slots=True)
class Run:
    """Everything one scoring came to, by node index."""

    model: Model
    resolved: Resolved
    scored: list[Scored]
    cover: list[Decimal | None]
    """Share answered, 0 to 1; None where nothing applies."""
    factors: list[Decimal | None]
    """What a point of the node is worth to its parent; None where it does not add up."""
    total: Decimal | None = None
    level: Rung | None = None
    level_note: str = ""
    level_name: str | None = None
    vetoes: tuple[VetoRule, ...] = ()
    coverage: Decimal = ONE

    def score(self, index: int) -> Decimal | None:
        return self.scored[index].score

    def raw(self, index: int) -> object:
        return self.resolved.raw.get(index)


def score(model: Model, answers: Answers, today: date) -> Run:
    """Raises UserInputError for answers that cannot be read."""
    with localcontext(CONTEXT):
        return evaluate(model, resolve(model, answers, today))


def evaluate(model: Model, resolved: Resolved) -> Run:
    """Nodes from the leaves up, then vetoes and the level. The exact context has to be active."""
    count = len(model.nodes)
    run = Run(model, resolved, [UNANSWERED] * count, [ZERO] * count, [None] * count)
    covered = {below for index in resolved.groups for below in descendants(model, index)} if resolved.groups else frozenset[int]()
    for index in model.order:
        node = model.nodes[index]
        if index in resolved.groups:
            run.scored[index], run.cover[index] = Scored(resolved.groups[index], shown="整体给分"), ONE
        elif node.scale is not None:
            if index not in covered:
                _item(run, node)
        else:
            _group(run, node)
    _conclude(run)
    return run


def _item(run: Run, node: Compiled) -> None:
    found = run.resolved.scored.get(node.index)
    if found is None and node.sources:
        found = _derived(run, node)
    found = found or UNANSWERED
    if node.spec.round is not None and found.score is not None:
        found = Scored(rounded(found.score, node.spec.round, node.spec.round.at), found.state, found.shown, found.why)
    rule = run.model.definition.round
    if rule is not None and rule.at in ("items", "all") and found.score is not None:
        found = Scored(rounded(settle(found.score), rule, "items"), found.state, found.shown, found.why)
    run.scored[node.index] = found
    run.cover[node.index] = None if found.state == "not_applicable" else ONE if found.state == "answered" else ZERO


def _source_values(run: Run, node: Compiled) -> dict[str, object] | None:
    values: dict[str, object] = dict(run.resolved.partial.get(node.index, {}))
    for source in node.sources:
        if source.kind == "input":
            value: object = run.resolved.inputs.get(run.model.inputs.get(source.name.lower(), source.name))
        elif source.kind == "score":
            scored = run.scored[source.index]
            value = (
                scored.score
                if scored.score is not None
                else ZERO
                if run.model.nodes[source.index].zero_if_missing and scored.state != "uncomputable"
                else None
            )
        else:
            value = run.resolved.raw.get(source.index)
        if value is None:
            return None
        values[source.name] = value
    return values


def _derived(run: Run, node: Compiled) -> Scored:
    values = _source_values(run, node)
    if values is None:
        return UNANSWERED
    assert node.scale is not None
    try:
        return node.scale.read(values)
    except BadAnswer as error:
        return Scored(None, "uncomputable", why=str(error))


def _group(run: Run, node: Compiled) -> None:
    cover_weight = cover = ZERO
    counted: list[tuple[int, Decimal]] = []
    """Position among the children, and score."""
    by_points = node.aggregate == "sum"
    for position, index in enumerate(node.children):
        found, child = run.scored[index], run.model.nodes[index]
        share = run.cover[index]
        weight = max(child.high, ZERO) if by_points else node.weights[position]
        if share is not None:
            cover_weight += weight
            cover += weight * share
        if found.score is not None:
            counted.append((position, found.score))
        elif found.state == "not_applicable":
            if node.not_applicable in ("zero", "full"):
                counted.append((position, ZERO if node.not_applicable == "zero" else child.high))
        elif node.zero_if_missing:
            counted.append((position, ZERO))
    run.cover[node.index] = cover / cover_weight if cover_weight else None
    if node.expression is not None:
        run.scored[node.index] = _by_formula(run, node)
        return
    if not counted:
        absent = "not_applicable" if all(run.scored[i].state == "not_applicable" for i in node.children) else "missing"
        run.scored[node.index] = Scored(None, absent, why="不适用" if absent == "not_applicable" else "没有已答的指标")
        return
    base = _combined(run, node, counted)
    run.scored[node.index] = Scored(_adjusted(run, node, settle(base)))


def _combined(run: Run, node: Compiled, counted: list[tuple[int, Decimal]]) -> Decimal:
    kind = node.aggregate
    if kind in WEIGHTED or kind == "sum":
        return _linear(run, node, counted)
    scores = [value for _, value in counted]
    if kind == "mean":
        for position, _ in counted:
            run.factors[node.children[position]] = ONE / len(counted)
        return sum(scores, ZERO) / len(scores)
    if kind in ("min", "max"):
        chosen = (min if kind == "min" else max)(counted, key=lambda pair: pair[1])
        for position, _ in counted:
            run.factors[node.children[position]] = ONE if position == chosen[0] else ZERO
        return chosen[1]
    if kind == "median":
        return median(scores)
    if kind == "product":
        made = ONE
        for value in scores:
            made *= value
        return made
    if kind == "geometric_mean":
        return _geometric(node, counted)
    return _share_met(run, node, counted)


def _linear(run: Run, node: Compiled, counted: list[tuple[int, Decimal]]) -> Decimal:
    weights = node.weights
    if node.aggregate == "sum":
        scale = ONE
        if len(counted) < len(node.children):
            highs = [run.model.nodes[i].high for i in node.children]
            known = sum((highs[p] for p, _ in counted), ZERO)
            scale = sum(highs, ZERO) / known if known else ONE
    else:
        known = sum((weights[p] for p, _ in counted), ZERO)
        if not known:
            return ZERO
        whole = ONE if node.aggregate == "weighted_mean" else sum(weights, ZERO)
        scale = ONE if known == whole else whole / known
    total = ZERO
    for position, value in counted:
        factor = weights[position] * scale
        run.factors[node.children[position]] = factor
        total += weights[position] * value
    return total * scale


def _geometric(node: Compiled, counted: list[tuple[int, Decimal]]) -> Decimal:
    if any(value <= 0 for _, value in counted):
        return ZERO
    weights = sum((node.weights[p] for p, _ in counted), ZERO)
    return (sum((node.weights[p] * value.ln() for p, value in counted), ZERO) / weights).exp()


def is_met(node: Compiled, value: Decimal | None) -> bool:
    """Whether a score counts as met: what the definition says, or else the best there is."""
    if value is None:
        return False
    return node.spec.met.contains(value, closed=True) if node.spec.met is not None else value >= node.high


def _share_met(run: Run, node: Compiled, counted: list[tuple[int, Decimal]]) -> Decimal:
    children = [run.model.nodes[i] for i in node.children]
    if node.aggregate == "conformance":
        shall = [pair for pair in counted if children[pair[0]].spec.modality != "宜"]
        counted = shall or counted
    met = sum((node.weights[p] for p, value in counted if is_met(children[p], value)), ZERO)
    if node.aggregate == "count":
        return met
    known = sum((node.weights[p] for p, _ in counted), ZERO)
    for position, _ in counted:
        child = children[position]
        run.factors[child.index] = (
            node.weights[position] * HUNDRED / known / child.high if child.high > 0 and child.spec.met is None else None
        )
    return met * HUNDRED / known


def _by_formula(run: Run, node: Compiled) -> Scored:
    assert node.expression is not None
    values = _source_values(run, node)
    if values is None:
        return Scored(None, "missing", why="公式所需的指标没有答全")
    try:
        made = node.expression(values)
    except Undefined:
        return Scored(None, "uncomputable", why="不可计算（分母为 0 或没有有限的结果）")
    value = (ONE if made else ZERO) if isinstance(made, bool) else made
    return Scored(_adjusted(run, node, settle(value)), why=node.expression.text)


def _adjusted(run: Run, node: Compiled, value: Decimal) -> Decimal:
    """Scaled to its points, with bonus and deductions, within its bounds, rounded."""
    spec = node.spec
    if spec.points is not None and node.expression is None:
        from_high = _own_high(run, node)
        if from_high and from_high != spec.points:
            factor = spec.points / from_high
            value *= factor
            for index in node.children:
                held = run.factors[index]
                run.factors[index] = None if held is None else held * factor
    for group, sign, cap in ((node.bonus, ONE, spec.bonus_cap), (node.deductions, -ONE, spec.deduction_cap)):
        if group:
            value += _extra(run, group, sign, cap)
    if spec.cap is not None:
        value = min(value, spec.cap)
    if spec.floor is not None:
        value = max(value, spec.floor)
    rule = spec.round if node.index else None
    if rule is not None:
        value = rounded(value, rule, rule.at)
    own = run.model.definition.round
    return rounded(value, own, "nodes") if node.index else value


def _extra(run: Run, group: Sequence[int], sign: Decimal, cap: Decimal | None) -> Decimal:
    """What bonus or deduction items come to. A deduction may be written as 5 or as -5."""
    amounts = [abs(found) if sign < 0 else found for index in group if (found := run.scored[index].score) is not None]
    made = sum(amounts, ZERO)
    for index in group:
        run.factors[index] = sign if cap is None or made <= cap else None
    return sign * (made if cap is None else min(made, cap))


def _own_high(run: Run, node: Compiled) -> Decimal:

    return settle(bound_of(node, [run.model.nodes[i].high for i in node.children])) if node.children else ZERO


def _conclude(run: Run) -> None:
    definition = run.model.definition
    value = run.scored[0].score
    run.coverage = ONE if run.cover[0] is None else settle(run.cover[0])
    if value is not None:
        value = rounded(settle(value), definition.round, "total")
    run.total = value
    least = definition.coverage
    if least is not None:
        share = least / HUNDRED if least > 1 else least
        if run.coverage < share:
            run.level_note = f"已答部分占权重的 {_percent(run.coverage)}，低于 {_percent(share)}，不定等级"
    run.vetoes = tuple(veto for veto in run.model.vetoes if veto.when.test(run) is True)
    for veto in run.vetoes:
        if run.total is not None:
            run.total = veto.total if veto.total is not None else run.total
            run.total = min(run.total, veto.cap) if veto.cap is not None else run.total
    if run.total is None or run.level_note:
        return
    if run.model.requires is not None and run.model.requires.test(run) is not True:
        run.level_note = f"不满足参评条件：{run.model.requires.text}"
        return
    ladder = run.model.ladder
    run.level = ladder.reached(run.total, run) if ladder else None
    for veto in run.vetoes:
        capped = ladder.named(veto.level_cap) if ladder and veto.level_cap else None
        if capped is not None and run.level is not None and run.level.rank > capped.rank:
            run.level = capped
    run.level_name = run.level.name if run.level else None
    for veto in run.vetoes:
        if veto.level is not None:
            run.level, run.level_name = (ladder.named(veto.level) if ladder else None), veto.level


def _percent(share: Decimal) -> str:

    return f"{show(rounded_percent(share))}%"


def rounded_percent(share: Decimal) -> Decimal:
    return round(share * HUNDRED, 2)
