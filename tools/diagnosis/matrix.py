"""Scenes by levels: which level each scene has reached, what the next one asks, and which level the entered score opens."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from domain.errors import ProblemDetail, UserInputError, known_names

from .definition import Matrix, fault
from .notation import Interval, fold, number, show
from .words import load_words

if TYPE_CHECKING:
    from .answers import Answers, Given

NOT_ASKED = "/"


@dataclass(frozen=True)
class Cell:
    """One cell that asks something."""

    row: int
    level: int
    asks: str


@dataclass(frozen=True)
class Row:
    """One scene; cells that ask nothing are left out."""

    id: str
    title: str
    cells: tuple[Cell, ...]
    effort: Decimal


@dataclass(frozen=True)
class Grid:
    """A compiled matrix."""

    spec: Matrix
    levels: tuple[str, ...]
    rows: tuple[Row, ...]
    gates: tuple[Interval | None, ...]
    names: Mapping[str, int]
    level_names: Mapping[str, int]


@dataclass
class CellState:
    """What is known of one cell."""

    met: bool | None
    """None: not known, or its evidence has expired."""
    said: str = ""
    review: str = ""
    evidence: str = ""


@dataclass
class Board:
    """A filled matrix."""

    grid: Grid
    states: dict[tuple[int, int], CellState]
    score: Decimal | None
    conflicts: list[tuple[str, str]]

    def reached(self, row: int) -> int | None:
        """The highest level of a scene whose own cell and (cumulative) all lower cells that ask something are satisfied."""
        best: int | None = None
        for cell in self.grid.rows[row].cells:
            state = self.states.get((row, cell.level))
            if state is not None and state.met:
                best = cell.level
            elif self.grid.spec.cumulative:
                break
        return best

    def allowed(self) -> int | None:
        """The highest level whose gate the entered score meets."""
        if self.score is None:
            return None
        open_ = [n for n, gate in enumerate(self.grid.gates) if gate is not None and gate.contains(self.score, closed=True)]
        return max(open_, default=None)

    def missing(self, row: int, upto: int) -> list[Cell]:
        """The cells up to a level that are not satisfied."""
        return [c for c in self.grid.rows[row].cells if c.level <= upto and not ((s := self.states.get((row, c.level))) and s.met)]

    def satisfied(self, level: int) -> tuple[int, int]:
        """Cells of one level that are satisfied, and those that ask something."""
        asked = [cell for row in self.grid.rows for cell in row.cells if cell.level == level]
        return sum(bool((s := self.states.get((c.row, c.level))) and s.met) for c in asked), len(asked)


def compile_grid(spec: Matrix, faults: list[ProblemDetail]) -> Grid:
    """Check and compile; faults are collected."""
    level_names: dict[str, int] = {}
    for n, level in enumerate(spec.levels):
        for name in (level, level.removesuffix("级"), f"{level.removesuffix('级')}级", f"智能{level}"):
            level_names.setdefault(fold(name).lower(), n)
    rows: list[Row] = []
    names: dict[str, int] = {}
    for n, row in enumerate(spec.rows):
        unknown = [level for level in row.cells if level not in spec.levels]
        absent = [level for level in spec.levels if level not in row.cells]
        if unknown or absent:
            what = f"“{row.title or row.id}”{'多了' if unknown else '缺少'}等级“{(unknown or absent)[0]}”"
            faults.append(fault(row.line, "cells", what, f"应为：{'、'.join(spec.levels)}；没有要求的写 /"))
        cells = [
            Cell(n, i, row.cells[level]) for i, level in enumerate(spec.levels) if row.cells.get(level, NOT_ASKED).strip() != NOT_ASKED
        ]
        rows.append(Row(row.id, row.title or row.id, tuple(cells), row.effort or Decimal(1)))
        for name in (row.id, row.title):
            if name and names.setdefault(fold(name).lower(), n) != n:
                faults.append(fault(row.line, "id", f"“{name}”重复", "每个场景用不同的 id 和 title"))
    for level in (*spec.gates, *spec.gate_clauses):
        if level not in spec.levels:
            faults.append(fault(spec.line, "gates", f"没有等级“{level}”", f"应为：{'、'.join(spec.levels)}"))
    gates = tuple(spec.gates.get(level) for level in spec.levels)
    return Grid(spec, spec.levels, tuple(rows), gates, names, level_names)


def fill(grid: Grid, answers: "Answers", today: date, *, review: bool) -> Board:
    """Answers may be per cell (JSSF-09-先进: 是), per scene ({JSSF-09: {先进: 是}}), or the level that a scene has (JSSF-09: 先进).

    Raises:
        UserInputError: naming every answer that cannot be read.
    """
    from .answers import rows_of

    faults: list[ProblemDetail] = []
    board = Board(grid, {}, None, [])
    said: dict[tuple[int, int], list[Given]] = {}
    for name, given in rows_of(answers, faults):
        if grid.spec.score and fold(name).lower() in (fold(grid.spec.score).lower(), "score"):
            board.score = _score(grid, given.value, faults)
        elif (row := grid.names.get(fold(name).lower())) is not None:
            _scene(grid, row, given, said, faults)
        elif (cell := _cell_named(grid, name)) is not None:
            said.setdefault(cell, []).append(given)
        else:
            what = f"没有名为“{name}”的场景或单元格"
            faults.append(ProblemDetail(where=name, what=what, cure=known_names(name, [r.id for r in grid.rows])))
    asked = {(cell.row, cell.level) for row in grid.rows for cell in row.cells}
    for at, rows in said.items():
        _settle(board, at, rows, asked, today, faults, review=review)
    if faults:
        raise UserInputError(f"{len(faults)} 个答案有误：{faults[0].where}：{faults[0].what}", detail=faults[:50])
    return board


def _score(grid: Grid, raw: object, faults: list[ProblemDetail]) -> Decimal | None:
    value, span = number(raw), grid.spec.score_range
    if value is None or not span.contains(value, closed=True):
        what = f"“{raw}”不是 {show(span.low)}–{show(span.high)} 的数"
        faults.append(ProblemDetail(where=grid.spec.score, what=what, cure="给自评价得分"))
    return value


def _cell_named(grid: Grid, name: str) -> tuple[int, int] | None:
    for mark in ("-", "·", ".", "/", " "):
        head, found, tail = fold(name).lower().rpartition(mark)
        if found and head in grid.names and tail in grid.level_names:
            return grid.names[head], grid.level_names[tail]
    return None


def _scene(grid: Grid, row: int, given: "Given", said: dict[tuple[int, int], list["Given"]], faults: list[ProblemDetail]) -> None:

    if isinstance(given.value, Mapping):
        for level, value in cast("Mapping[str, object]", given.value).items():
            n = grid.level_names.get(fold(str(level)).lower())
            if n is None:
                faults.append(ProblemDetail(where=grid.rows[row].id, what=f"没有等级“{level}”", cure=f"应为：{'、'.join(grid.levels)}"))
                continue
            said.setdefault((row, n), []).append(replace(given, value=value))
        return
    n = grid.level_names.get(fold(str(given.value)).lower())
    if n is None and load_words().means("no", given.value):
        n = -1
    if n is None:
        what = f"“{given.value}”不是等级"
        faults.append(ProblemDetail(where=grid.rows[row].id, what=what, cure=f"应为：{'、'.join(grid.levels)}，或逐级写是/否"))
        return
    for cell in grid.rows[row].cells:
        said.setdefault((row, cell.level), []).append(replace(given, value="是" if cell.level <= n else "否"))


def _settle(
    board: Board,
    at: tuple[int, int],
    rows: list["Given"],
    asked: set[tuple[int, int]],
    today: date,
    faults: list[ProblemDetail],
    *,
    review: bool,
) -> None:
    grid, words = board.grid, load_words()
    where = f"{grid.rows[at[0]].id}-{grid.levels[at[1]]}"
    if at not in asked:
        return  # "/" asks nothing: an answer to it never counts
    rows = [row for row in rows if row.confirmed_by][-1:] or rows
    kinds = [
        next((k for k in ("yes", "partly", "no", "unknown", "not_applicable") if words.means(k, _word(row.value))), None) for row in rows
    ]
    for row, kind in zip(rows, kinds, strict=True):
        if kind is None:
            faults.append(ProblemDetail(where=where, what=f"“{row.value}”应为是、部分、否之一", cure="写 是、部分 或 否"))
            return
    if len(set(kinds)) > 1:
        said = "；".join(f"{row.respondent or '未具名'}：{row.value}" for row in rows)
        board.conflicts.append((where, said))
        board.states[at] = CellState(None, said, "多人作答不一致，须确认")
        return
    last, kind = rows[-1], kinds[-1]
    met = {"yes": True, "partly": False, "no": False}.get(kind or "")
    state = CellState(met, {"yes": "是", "partly": "部分", "no": "否"}.get(kind or "", ""), evidence=last.evidence)
    if review and met and last.expires is not None and last.expires < today:
        state = CellState(None, "是", f"证据 {last.expires.isoformat()} 到期，待复核", last.evidence)
    board.states[at] = state


def _word(raw: object) -> object:
    return show(found) if (found := number(raw)) is not None and not isinstance(raw, bool) else raw
