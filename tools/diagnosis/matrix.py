"""Scenes by levels: which level each scene has reached, what the next one asks, and which level the entered score opens."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from domain.errors import ProblemDetail

from .definition import Matrix, fault
from .notation import Interval, fold

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
    asked: frozenset[tuple[int, int]]
    """The cells that ask something, by row and level."""

    def cell_id(self, row: int, level: int) -> str:
        """Under which a cell is answered, rated and shown."""
        return f"{self.rows[row].id}-{self.levels[level]}"


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
    asked = frozenset((cell.row, cell.level) for row in rows for cell in row.cells)
    return Grid(spec, spec.levels, tuple(rows), gates, names, level_names, asked)
