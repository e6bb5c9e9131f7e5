"""A scored tree as a result that explains itself: contributions, gates, what is missing."""

from collections.abc import Mapping
from decimal import Decimal, localcontext

from .answers import descendants
from .exact import CONTEXT, settle
from .levels import Ladder
from .notation import show
from .outcome import AssessmentResult, Contradiction, Gate, ItemResult, NodeResult
from .scales import ONE, State
from .scoring import Run, evaluate, is_met
from .tree import HUNDRED, Compiled, Model

STATES: Mapping[State, str] = {
    "answered": "已答",
    "missing": "未答",
    "not_applicable": "不适用",
    "review": "待复核",
    "conflict": "冲突",
    "uncomputable": "不可计算",
}
JUDGED = ("share", "count", "conformance")


def plain(value: Decimal | None) -> float | None:
    """For JSON: up to twelve decimals, as written."""
    return None if value is None else float(round(value, 12))


def result_of(run: Run, alternatives: Mapping[str, Model]) -> AssessmentResult:
    """`alternatives` are the same definition with unanswered items left out (exclude) and as zero."""
    model, definition = run.model, run.model.definition
    with localcontext(CONTEXT):
        shares = _shares(run)
        covered = {i for index in run.resolved.groups for i in descendants(model, index)}
        items = [_item(run, model.nodes[i], shares) for i in model.items if i not in covered]
        nodes = [_node(run, n, shares) for n in model.nodes[1:] if not n.is_item and n.index not in covered]
        waiting = [item.id for item in items if item.state in ("未答", "待复核", "冲突", "不可计算")]
        waiting = [i for i in waiting if not _is_extra(model, i)]
        totals = {name: evaluate(other, run.resolved).total for name, other in alternatives.items()} if waiting else {}
    return AssessmentResult(
        assessment=definition.key or definition.title,
        title=definition.title,
        version=definition.version,
        total=plain(run.total),
        level=run.level_name,
        label=definition.label,
        items=items,
        missing=waiting,
        nodes=nodes,
        gates=_gates(run),
        vetoes=[veto.why or f"一票否决：{veto.when.text}" for veto in run.vetoes],
        coverage=float(round(run.coverage, 6)),
        total_on_answered=plain(totals.get("exclude", run.total)),
        total_on_all=plain(totals.get("zero", run.total)),
        conflicts=[
            Contradiction(id=model.nodes[c.index].id, said="；".join(f"{who}：{what}" for who, what in c.said))
            for c in run.resolved.conflicts
        ],
        notes=[note for note in (run.level_note, definition.note) if note],
    )


def _is_extra(model: Model, item: str) -> bool:
    node = model.nodes[model.names[item.lower()]] if item.lower() in model.names else None
    return node is not None and (node.spec.bonus or node.spec.deduction or node.recorded or node.spec.record)


def _shares(run: Run) -> dict[int, Decimal | None]:
    """What a point of each node is worth to the total."""
    shares: dict[int, Decimal | None] = {0: ONE}
    for node in run.model.nodes:  # parents stand before their children
        for index in (*node.children, *node.bonus, *node.deductions, *node.records):
            factor, above = run.factors[index], shares.get(node.index)
            shares[index] = None if factor is None or above is None or node.expression is not None else factor * above
    return shares


def _contribution(run: Run, index: int, shares: Mapping[int, Decimal | None]) -> float | None:
    score, share = run.scored[index].score, shares.get(index)
    return None if score is None or share is None or run.vetoes else plain(settle(score * share))


def _item(run: Run, node: Compiled, shares: Mapping[int, Decimal | None]) -> ItemResult:
    found, given = run.scored[node.index], run.resolved.given.get(node.index)
    parent = run.model.nodes[node.parent]
    judged = parent.aggregate in JUDGED or node.spec.threshold is not None
    verdict = ""
    if judged and found.state != "not_applicable":
        unknown = "待复核" if found.state == "review" else "未知"
        verdict = unknown if found.score is None else "达标" if is_met(node, found.score) else "未达标"
    return ItemResult(
        id=node.id,
        title=node.title,
        node=parent.title if node.parent else "",
        value=found.shown,
        score=plain(found.score),
        best=plain(node.high),
        contribution=_contribution(run, node.index, shares),
        state=STATES[found.state],
        verdict=verdict,
        clauses=list(node.spec.clauses),
        modality=node.spec.modality,
        why=found.why,
        evidence=given.evidence if given else "",
        expires=given.expires.isoformat() if given and given.expires else "",
        owner=given.owner if given else "",
        reviewer=given.reviewer if given else "",
        confirmed_by=given.confirmed_by if given else "",
    )


def _node(run: Run, node: Compiled, shares: Mapping[int, Decimal | None]) -> NodeResult:
    found, parent = run.scored[node.index], run.model.nodes[node.parent]
    weight = None
    if node.index in parent.children and parent.aggregate in ("weighted_sum", "weighted_mean"):
        total = sum(parent.weights, Decimal(0))
        weight = plain(round(parent.weights[parent.children.index(node.index)] / total * HUNDRED, 6))
    reached = node.ladder.reached(found.score, run) if node.ladder and found.score is not None else None
    cover = run.cover[node.index]
    return NodeResult(
        id=node.id,
        title=node.title,
        depth=node.depth,
        score=plain(found.score),
        best=plain(node.high),
        weight=weight,
        contribution=_contribution(run, node.index, shares),
        coverage=None if cover is None else float(round(cover, 6)),
        level=reached.name if reached else None,
        verdict=_verdict(run, node) if node.aggregate == "conformance" else "",
        should_share=_should_share(run, node) if node.aggregate == "conformance" else None,
    )


def _verdict(run: Run, node: Compiled) -> str:
    """A chapter passes when every 应 of it that applies is met; what is not known never counts as met."""
    shall = [i for i in node.children if run.model.nodes[i].spec.modality != "宜" and run.scored[i].state != "not_applicable"]
    if not shall:
        return "无应达条款"
    scores = [run.scored[i] for i in shall]
    if all(is_met(run.model.nodes[i], run.scored[i].score) for i in shall):
        return "通过"
    known_failed = any(s.score is not None and not is_met(run.model.nodes[i], s.score) for i, s in zip(shall, scores, strict=True))
    return "不通过" if known_failed else "待定"


def _should_share(run: Run, node: Compiled) -> float | None:
    """How much of what applies among the 宜 clauses is met, in per cent."""
    should = [i for i in node.children if run.model.nodes[i].spec.modality == "宜" and run.scored[i].state != "not_applicable"]
    met = sum(is_met(run.model.nodes[i], run.scored[i].score) for i in should)
    return round(100 * met / len(should), 6) if should else None


def _gates(run: Run) -> list[Gate]:
    ladder: Ladder | None = run.model.ladder
    gates: list[Gate] = []
    for rung in ladder.rungs if ladder else ():
        if rung.bounds.low is not None and run.total is not None:
            low = rung.bounds.low
            passed = run.total > low if rung.bounds.low_open else run.total >= low
            gates.append(Gate(level=rung.name, condition=f"总分 {'>' if rung.bounds.low_open else '>='} {show(low)}", passed=passed))
        if rung.requires is not None:
            gates += [Gate(level=rung.name, condition=text, passed=ok) for text, ok in rung.requires.checks(run)]
    return gates
