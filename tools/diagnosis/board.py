"""A filled matrix as a result: level per scene, what the next one asks, coverage per level, gates by the entered score."""

from decimal import Decimal

from domain.errors import NotFound
from knowledge.catalogue import Catalogue

from .definition import Definition
from .explain import plain
from .matrix import Board, Cell
from .notation import show
from .outcome import AssessmentResult, Contradiction, Gate, ItemResult, NextLevel, NodeResult, Step


def board_result(definition: Definition, board: Board, catalogue: Catalogue | None = None) -> AssessmentResult:
    """The level is the highest one whose gate the entered score meets; without gates, the highest at which no scene falls short."""
    grid = board.grid
    allowed = board.allowed()
    has_gates = any(gate is not None for gate in grid.gates)
    cells = [cell for row in grid.rows for cell in row.cells]
    target = allowed if has_gates and allowed is not None else len(grid.levels) - 1
    done = sum(grid_met(board, cell) for cell in cells if cell.level <= target)
    asked = sum(cell.level <= target for cell in cells)
    share = Decimal(done) * 100 / asked if asked else None
    level = allowed if has_gates else _overall(board)
    known = sum((c.row, c.level) in board.states and board.states[c.row, c.level].met is not None for c in cells)
    notes = [definition.note] if definition.note else []
    counted = range(len(grid.levels)) if board.states else range(0)
    if has_gates and board.score is None:
        notes.insert(0, f"没有给出“{grid.spec.score}”，不定等级")
    return AssessmentResult(
        assessment=definition.key or definition.title,
        title=definition.title,
        version=definition.version,
        total=plain(board.score if has_gates else share),
        level=grid.levels[level] if level is not None else None,
        label=definition.label,
        items=[_item(board, cell, catalogue) for cell in cells if (cell.row, cell.level) in board.states],
        missing=[
            *([grid.spec.score] if has_gates and board.score is None else []),
            *(cell_id(board, c) for c in cells if (s := board.states.get((c.row, c.level))) is None or s.met is None),
        ],
        nodes=[_scene(board, n, target, catalogue) for n in range(len(grid.rows))],
        gates=_gates(board),
        coverage=round(known / len(cells), 6) if cells else 1.0,
        total_on_all=plain(share),
        conflicts=[Contradiction(id=where, said=said) for where, said in board.conflicts],
        next_level=_next(board, level, catalogue),
        notes=[*notes, *(f"{grid.levels[n]}：满足 {board.satisfied(n)[0]}/{board.satisfied(n)[1]} 项" for n in counted)],
    )


def grid_met(board: Board, cell: Cell) -> bool:
    return bool((state := board.states.get((cell.row, cell.level))) and state.met)


def cell_id(board: Board, cell: Cell) -> str:
    return board.grid.cell_id(cell.row, cell.level)


def _overall(board: Board) -> int | None:
    """The highest level up to which no scene that asks something falls short."""
    best: int | None = None
    for level in range(len(board.grid.levels)):
        met, asked = board.satisfied(level)
        if met < asked:
            break
        best = level if asked else best
    return best


def _asks(board: Board, cell: Cell, catalogue: Catalogue | None) -> str:
    """The cell's own words; of a clause its catalogue text."""
    if catalogue is not None:
        try:
            return catalogue.clause(cell.asks).text
        except NotFound:
            return cell.asks
    return cell.asks


def _item(board: Board, cell: Cell, catalogue: Catalogue | None) -> ItemResult:
    row, state = board.grid.rows[cell.row], board.states[cell.row, cell.level]
    known = catalogue is not None and catalogue.knows(cell.asks)
    return ItemResult(
        id=cell_id(board, cell),
        title=f"{row.title}·{board.grid.levels[cell.level]}",
        node=row.title,
        value=state.said,
        state="已答" if state.met is not None else "待复核" if "到期" in state.review else "冲突" if state.review else "未答",
        verdict="达标" if state.met else "未达标" if state.met is False else "未知",
        clauses=[cell.asks] if known else [],
        why=state.review,
        evidence=state.evidence,
    )


def _scene(board: Board, row: int, target: int, catalogue: Catalogue | None) -> NodeResult:
    grid = board.grid
    scene, reached = grid.rows[row], board.reached(row)
    above = next((c.level for c in scene.cells if c.level > (reached if reached is not None else -1)), None)
    wanted = board.missing(row, above) if above is not None else []
    cells = [c for c in scene.cells if c.level <= target]
    met = sum(grid_met(board, c) for c in cells)
    return NodeResult(
        id=scene.id,
        title=scene.title,
        depth=1,
        score=plain(Decimal(met)),
        best=plain(Decimal(len(cells))),
        level=grid.levels[reached] if reached is not None else None,
        verdict="到此级不考核" if not cells else "达标" if met == len(cells) else "未达标",
        next_level=grid.levels[above] if above is not None else None,
        asks=[f"{cell_id(board, c)}：{_asks(board, c, catalogue)}" for c in wanted] if _touched(board, row) else [],
    )


def _touched(board: Board, row: int) -> bool:
    return any(at == row for at, _ in board.states)


def _gates(board: Board) -> list[Gate]:
    spec = board.grid.spec
    return [
        Gate(
            level=level,
            condition=f"{spec.score} {gate.text}",
            passed=None if board.score is None else gate.contains(board.score, closed=True),
            clause=spec.gate_clauses.get(level, ""),
        )
        for level, gate in zip(board.grid.levels, board.grid.gates, strict=True)
        if gate is not None
    ]


def _next(board: Board, level: int | None, catalogue: Catalogue | None) -> NextLevel | None:
    """What the score still lacks, and the three cheapest cells of the level that the score already opens."""
    grid = board.grid
    above = (level if level is not None else -1) + 1
    gate = grid.gates[above] if above < len(grid.levels) else None
    gap = gate.low - board.score if gate is not None and gate.low is not None and board.score is not None else None
    target = level if level is not None and any(g is not None for g in grid.gates) else min(above, len(grid.levels) - 1)
    open_cells = [c for n in range(len(grid.rows)) if _touched(board, n) for c in board.missing(n, target)]
    cheapest = sorted(open_cells, key=lambda c: (grid.rows[c.row].effort, c.level, c.row))[:3]
    if above >= len(grid.levels) and not cheapest:
        return None
    steps = [
        Step(
            id=cell_id(board, c),
            title=_asks(board, c, catalogue),
            current=(s.said or "未答") if (s := board.states.get((c.row, c.level))) else "未答",
            to="是",
            effort=float(grid.rows[c.row].effort),
        )
        for c in cheapest
    ]
    name = grid.levels[above] if above < len(grid.levels) else grid.levels[-1]
    note = f"{grid.spec.score}还差 {show(gap)} 分" if gap is not None and gap > 0 else ""
    return NextLevel(level=name, gap=plain(gap), steps=steps, note=note)
