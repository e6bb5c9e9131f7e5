"""What every reader delivers: a document as a list of blocks, in reading order."""

from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["heading", "paragraph", "item", "table"]
"""heading: marked as one by style or syntax. item: a list entry whose marker the format printed or implies."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with merged cells resolved (their text repeated), every row as wide as the header, no cell lost."""

    header: tuple[tuple[str, ...], ...]
    """The header rows, outermost first; several where a heading spans columns."""
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    """Line (or row) number in the file of each row of `rows`."""
    key: int = 0
    """Column that names the rows."""

    @property
    def columns(self) -> list[str]:
        """One name per column: the header rows joined, repeated words once."""
        width = max((len(row) for row in (*self.header, *self.rows)), default=0)
        names = [list(dict.fromkeys(row[at].strip() for row in self.header if at < len(row) and row[at].strip())) for at in range(width)]
        return [" ".join(parts) or f"第{at + 1}列" for at, parts in enumerate(names)]


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, heading, list entry or table. `text` is as printed, the marker included; of a table, all its cells."""

    kind: BlockKind
    text: str
    line: int
    """Line of a text file, page of a PDF, running number of the paragraph elsewhere; from 1."""
    level: int = 0
    """Heading level that the format states, 1 outermost; 0: not stated."""
    marker: str = ""
    """Marker that the format computes and does not store as text (automatic numbering)."""
    table: Table | None = None


def despaced(text: str) -> str:
    """`text` without any white space."""
    return "".join(text.split())
