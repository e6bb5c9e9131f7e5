"""Catalogue ids that stand in tables: cells by row number and level, rows by name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from domain.clause import FACTORY_LEVELS, Clause, Section

from .blocks import Table
from .evidence import dice, fold

ALIKE = 0.75
_GROUP_NAME = re.compile(r"^[一二三四五六七八九十\d]+[、.．]|[(（]\s*\d+(?:\.\d+)?\s*%\s*[)）]$")


@dataclass(frozen=True, slots=True)
class TableSpot:
    """The text of a cell or row, and the span of it that is the clause's own."""

    text: str
    start: int
    end: int


def cell_of(clause: Clause, scene: Section, tables: Sequence[Table]) -> TableSpot | None:
    """The cell of a scene's row in the column of the clause's level; the row is known by its number or its name."""
    for table in tables:
        columns = {level: at for at, name in enumerate(table.columns) for level in FACTORY_LEVELS if level in name}
        if len(columns) < 3 or clause.level not in columns:
            continue
        row = _scene_row(scene, table, max(0, min(columns.values())))
        if row is not None:
            text = row[columns[clause.level]]
            return TableSpot(text, 0, len(text)) if text else None
    return None


def _scene_row(scene: Section, table: Table, width: int) -> tuple[str, ...] | None:
    """Number and name agree, or one of them where the other is unreadable."""
    number = scene.number.lstrip("0")
    best: tuple[float, tuple[str, ...]] | None = None
    for row in table.rows:
        heads = row[:width]
        score = max((dice(cell, scene.title) for cell in heads), default=0.0) + (0.5 if number in heads else 0.0)
        if score >= min(ALIKE, 0.5) and (best is None or score > best[0]):
            best = (score, row)
    return best[1] if best else None


def row_of(clause: Clause, name: str, tables: Sequence[Table]) -> TableSpot | None:
    """The first row with a cell called `name`, numbering and percentages in the cell apart."""
    wanted = fold(name)
    near: tuple[float, TableSpot] | None = None
    for table in tables:
        for row in table.rows:
            text, start = "\t".join(row), 0
            for column, cell in enumerate(row):
                bare = _GROUP_NAME.sub("", _GROUP_NAME.sub("", fold(cell)))
                grouped = bare != fold(cell)
                end = start + len(cell) if grouped or column < table.key else len(text)
                spot = TableSpot(text, start, end)
                if bare == wanted:
                    return spot
                likeness = dice(bare, wanted)
                if likeness >= ALIKE and (near is None or likeness > near[0]):
                    near = (likeness, spot)
                start += len(cell) + 1
    return near[1] if near else None
