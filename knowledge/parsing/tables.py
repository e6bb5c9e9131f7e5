"""Raw rows into a `Table`: padding, merged cells of text tables, rows broken by page ends."""

from collections.abc import Sequence

from .blocks import Table

NAMING_SHARE = 0.6
"""A column names the rows when at least this share of its cells is filled."""
BROKEN_CELL = 10
"""A cell shorter than this that lacks a full stop is a value, not a sentence broken by a page end."""
LONGEST_CELL = 20_000
"""Nothing more is joined to a cell of this length: a broken file must not cost quadratic time."""
_FULL_STOPS = "。；！？;!?.）)”》/%"


def build_table(rows: Sequence[Sequence[str]], lines: Sequence[int], *, header: int = 1, sparse: bool = False) -> Table | None:
    """The table of `rows`, `header` of which are its head. None when no cell has text.

    `sparse`: the format has no merged cells and prints them as empty ones (text, Markdown); a row without a name is then the
    end of the row before it when that one stops in mid-sentence, and empty group cells repeat the cell above.
    """
    width = max((len(row) for row in rows), default=0)
    kept = [
        ([cell.strip() for cell in row] + [""] * (width - len(row)), line)
        for row, line in zip(rows, lines, strict=True)
        if any(cell.strip() for cell in row)
    ]
    if not kept:
        return None
    header = min(header, len(kept) - 1)
    body = kept[header:]
    key = _naming_column([row for row, _ in body])
    if sparse:
        body = _join_broken(body, key)
        _fill_down(body, key)
    return Table(
        header=tuple(tuple(row) for row, _ in kept[:header]),
        rows=tuple(tuple(row) for row, _ in body),
        lines=tuple(line for _, line in body),
        key=key,
    )


def _naming_column(rows: list[list[str]]) -> int:
    """The first column that is mostly filled, with mostly different values."""
    for column in range(len(rows[0]) if rows else 0):
        filled = [row[column] for row in rows if row[column]]
        if len(filled) >= NAMING_SHARE * len(rows) and len(set(filled)) >= NAMING_SHARE * len(filled):
            return column
    return 0


def _join_broken(body: list[tuple[list[str], int]], key: int) -> list[tuple[list[str], int]]:
    joined: list[tuple[list[str], int]] = []
    for row, line in body:
        if joined and not row[key] and _continues(joined[-1][0], row):
            above = joined[-1][0]
            above[:] = [join_text(upper, lower) for upper, lower in zip(above, row, strict=True)]
        else:
            joined.append((row, line))
    return joined


def _continues(above: list[str], row: list[str]) -> bool:
    broken = [
        BROKEN_CELL <= len(upper) <= LONGEST_CELL and upper[-1] not in _FULL_STOPS for upper, lower in zip(above, row, strict=True) if lower
    ]
    return bool(broken) and sum(broken) * 2 >= len(broken)


def _fill_down(body: list[tuple[list[str], int]], key: int) -> None:
    """A group column (left of the row's name, or right of its running number) repeats its last value."""
    counted = all(row[key].isdigit() for row, _ in body)
    for column in range(min(key + 2 if counted else key, len(body[0][0]) if body else 0)):
        if column == key or not body[0][0][column]:
            continue
        last = ""
        for row, _ in body:
            last = row[column] = row[column] or last


def join_text(left: str, right: str) -> str:
    """Two halves of one sentence: with a space only between two words of a Latin script."""
    if not left or not right:
        return left or right
    latin = left[-1].isascii() and left[-1].isalnum() and right[0].isascii() and right[0].isalnum()
    return f"{left} {right}" if latin else left + right
