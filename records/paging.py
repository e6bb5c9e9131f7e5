"""Marks between pages of rows that are ordered by time and id."""

from datetime import datetime

from domain.errors import UserInputError

from .encoding import storable


def page_mark(at: datetime, row_id: str) -> str:
    """Behind this row the next page begins."""
    return f"{at.isoformat()}~{row_id}"


def read_mark(before: str) -> tuple[datetime, str]:
    """The row of a mark. Raises UserInputError for what is none."""
    at, _, row_id = before.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not row_id:
        raise UserInputError(f"分页标记 {before[:100]!r} 不对", where="before", cure="使用上一页返回的 next")
    return moment, storable(row_id)
