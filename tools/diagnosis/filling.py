"""A matrix filled with answers: per cell, per scene, or the level that a scene has; "/" never counts."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import cast

from domain.errors import ProblemDetail, UserInputError, known_names

from .answers import Answers, Given, rows_of
from .matrix import Board, CellState, Grid
from .notation import fold, number, show
from .words import load_words

KINDS = ("yes", "partly", "no", "unknown", "not_applicable")


def fill(grid: Grid, answers: Answers, today: date, *, review: bool) -> Board:
    """Answers may be per cell (JSSF-09-先进: 是), per scene ({JSSF-09: {先进: 是}}), or the level that a scene has (JSSF-09: 先进).

    Raises:
        UserInputError: naming every answer that cannot be read.
    """
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
    for at, rows in said.items():
        _settle(board, at, rows, today, faults, review=review)
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


def _scene(grid: Grid, row: int, given: Given, said: dict[tuple[int, int], list[Given]], faults: list[ProblemDetail]) -> None:

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
    yes, no = replace(given, value="是"), replace(given, value="否")
    for cell in grid.rows[row].cells:
        said.setdefault((row, cell.level), []).append(yes if cell.level <= n else no)


def _settle(
    board: Board,
    at: tuple[int, int],
    rows: list[Given],
    today: date,
    faults: list[ProblemDetail],
    *,
    review: bool,
) -> None:
    grid, words = board.grid, load_words()
    if at not in grid.asked:
        return  # "/" asks nothing: an answer to it never counts
    where = f"{grid.rows[at[0]].id}-{grid.levels[at[1]]}"
    rows = [row for row in rows if row.confirmed_by][-1:] or rows
    kinds = [next((k for k in KINDS if words.means(k, _word(row.value))), None) for row in rows]
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
    if isinstance(raw, str):
        return raw
    return show(found) if (found := number(raw)) is not None and not isinstance(raw, bool) else raw
