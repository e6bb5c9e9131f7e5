"""The cheapest improvements that reach the next level: every combination of up to three, in order of effort, until one does."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from itertools import count

from .answers import Resolved
from .exact import CONTEXT
from .levels import Rung
from .notation import show
from .outcome import NextLevel, Step
from .scales import ONE, ZERO, Scored
from .scoring import Run, evaluate

MOST_STEPS = 3
MOST_TRIALS = 4000
MOST_WORK = 2_000_000
"""Nodes scored while looking for a way up."""
MOST_COMBINATIONS = 400_000


@dataclass(frozen=True)
class Move:
    """One item answered better: the answer, its score, the effort, and what the total gains by it alone."""

    index: int
    to: str
    scored: Scored
    effort: Decimal
    gain: Decimal


def next_level(run: Run) -> NextLevel | None:
    """None where there are no levels, or none above."""
    ladder = run.model.ladder
    if ladder is None or run.total is None:
        return None
    above = ladder.above(run.level)
    if above is None:
        return None
    low = above.bounds.low
    gap = max(ZERO, low - run.total) if low is not None else None
    made = NextLevel(level=above.name, gap=None if gap is None else float(gap))
    if run.level_note:
        return made.model_copy(update={"note": run.level_note})
    answers = sum(len(scale.ladder) for i in run.model.items if (scale := run.model.nodes[i].scale))
    if answers * len(run.model.nodes) > MOST_WORK:
        return made.model_copy(update={"note": "题目过多，没有逐项比较"})
    with localcontext(CONTEXT):
        moves = _moves(run)
        found, note = _search(run, above, moves)
    if found is None:
        return made.model_copy(update={"note": note})
    steps = [_step(run, move) for move in found]
    return made.model_copy(update={"steps": steps, "effort": float(sum((m.effort for m in found), ZERO)), "note": note})


def _step(run: Run, move: Move) -> Step:
    node = run.model.nodes[move.index]
    now = run.scored[move.index].shown or "未答"
    return Step(id=node.id, title=node.title, current=now, to=move.to, effort=float(move.effort), gain=float(round(move.gain, 6)))


def _with(resolved: Resolved, moves: tuple[Move, ...]) -> Resolved:
    scored: Mapping[int, Scored] = {**resolved.scored, **{m.index: m.scored for m in moves}}
    raw = {**resolved.raw, **{m.index: m.to for m in moves}}
    return replace(resolved, scored=dict(scored), raw=raw, groups=dict(resolved.groups))


def _moves(run: Run) -> list[Move]:
    """Every better answer of every item that has a ladder of answers."""
    moves: list[Move] = []
    assert run.total is not None
    for index in run.model.items:
        node = run.model.nodes[index]
        scale, now = node.scale, run.scored[index]
        if scale is None or now.state == "not_applicable" or node.spec.deduction or not scale.ladder:
            continue
        base = now.score if now.score is not None else scale.low
        better = [(raw, score) for raw, score in scale.ladder if score > base or (now.score is None and score >= base)]
        for steps, (raw, score) in enumerate(better, 1):
            label = show(raw) if isinstance(raw, Decimal) else str(raw)
            move = Move(index, label, Scored(score, shown=label), _effort(node.spec.effort, label, steps), ZERO)
            total = evaluate(run.model, _with(run.resolved, (move,))).total
            gain = (total - run.total) if total is not None else ZERO
            moves.append(replace(move, gain=gain))
    return moves


def _effort(given: Decimal | dict[str, Decimal] | None, label: str, steps: int) -> Decimal:
    """Effort per answer where the definition says so, else per step."""
    if isinstance(given, dict):
        return given.get(label, Decimal(steps))
    return (given if given is not None else ONE) * steps


def _search(run: Run, above: Rung, moves: list[Move]) -> tuple[tuple[Move, ...] | None, str]:
    """The cheapest combination; by number of steps and gain among equals."""
    trials = 0
    if _out_of_reach(run, above, moves):
        return None, f"改进至多 {MOST_STEPS} 项还不能达到"
    helpful = _useful(run, above, moves)
    for number, combination in enumerate(_by_effort(helpful)):
        if number >= MOST_COMBINATIONS:
            return None, "组合过多，没有穷尽"
        if _cannot(run, above, combination):
            continue
        trials += 1
        if trials > min(MOST_TRIALS, MOST_WORK // len(run.model.nodes)):
            return None, "组合过多，没有穷尽"
        tried = evaluate(run.model, _with(run.resolved, combination))
        if tried.level is not None and tried.level.rank >= above.rank:
            return combination, "已按投入从小到大穷尽比较" + ("" if _has_effort(run) else "；定义没有给出投入，按每提升一档计 1")
    return None, f"改进至多 {MOST_STEPS} 项还不能达到"


def _has_effort(run: Run) -> bool:
    return any(run.model.nodes[i].spec.effort is not None for i in run.model.items)


def _useful(run: Run, above: Rung, moves: list[Move]) -> list[Move]:
    """Where only the total decides, a move that gains nothing or less than a cheaper one on the same item helps nobody."""
    if (
        above.requires is not None
        or run.vetoes
        or any(r.requires is not None for r in (run.model.ladder.rungs if run.model.ladder else ()))
    ):
        return moves
    kept: list[Move] = []
    for move in sorted(moves, key=lambda m: (m.index, m.effort, -m.gain)):
        last = kept[-1] if kept and kept[-1].index == move.index else None
        if last is None or move.gain > last.gain or not _adds_up(run):
            kept.append(move)
    return kept


def _adds_up(run: Run) -> bool:
    """Whether single gains simply add: weighted sums, sums and means all the way, nothing capped or rounded on the way."""
    if run.vetoes or run.model.vetoes:
        return False
    rule = run.model.definition.round
    for node in run.model.nodes:
        spec = node.spec
        if node.is_item or node.index in run.resolved.groups:
            continue
        judged = node.aggregate in ("share", "count", "conformance") and all(run.model.nodes[i].is_item for i in node.children)
        simple = (node.aggregate in ("weighted_sum", "weighted_mean", "sum", "mean") or judged) and node.expression is None
        if not simple or spec.cap is not None or spec.floor is not None or spec.bonus_cap is not None or (node.index and spec.round):
            return False
        if not node.zero_if_missing:
            return False
    return rule is None or rule.at == "total"


def _cannot(run: Run, above: Rung, moves: tuple[Move, ...]) -> bool:
    """Whether adding up shows that these moves fall short; half a unit of the last rounded place is allowed for each."""
    if above.bounds.low is None or run.total is None or not _adds_up(run):
        return False
    rule = run.model.definition.round
    slack = ZERO if rule is None else Decimal(1).scaleb(-rule.decimals) * (len(moves) + 1)
    return run.total + sum((m.gain for m in moves), ZERO) + slack < above.bounds.low


def _out_of_reach(run: Run, above: Rung, moves: list[Move]) -> bool:
    """Whether even the three items that gain most fall short."""
    best: dict[int, Move] = {}
    for move in moves:
        if move.index not in best or move.gain > best[move.index].gain:
            best[move.index] = move
    most = sorted(best.values(), key=lambda m: -m.gain)[:MOST_STEPS]
    return _cannot(run, above, tuple(most))


def _by_effort(moves: list[Move]) -> Iterator[tuple[Move, ...]]:
    """Combinations of one to three moves on different items, cheapest first; among equals the one with fewer steps and more gain."""
    ordered = sorted(moves, key=lambda m: (m.effort, -m.gain, m.index))
    tick = count()
    heap: list[tuple[Decimal, int, Decimal, int, tuple[int, ...]]] = []

    def push(chosen: tuple[int, ...]) -> None:
        effort = sum((ordered[i].effort for i in chosen), ZERO)
        gain = sum((ordered[i].gain for i in chosen), ZERO)
        heapq.heappush(heap, (effort, len(chosen), -gain, next(tick), chosen))

    if ordered:
        push((0,))
    while heap:
        *_, chosen = heapq.heappop(heap)
        last = chosen[-1]
        if last + 1 < len(ordered):
            push((*chosen[:-1], last + 1))
            if len(chosen) < MOST_STEPS:
                push((*chosen, last + 1))
        picked = tuple(ordered[i] for i in chosen)
        if len({m.index for m in picked}) == len(picked):
            yield picked
