"""A report as its renderings receive it: headings, paragraphs, tables and charts whose every text is final."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

Align = Literal["left", "center", "right"]
Tone = Literal["body", "note", "warning"]
CHINESE = "一二三四五六七八九"


class Part(BaseModel):
    """A part of the layout."""

    model_config = ConfigDict(frozen=True)


class Column(Part):
    """Its title, its share of the width, and where its text stands."""

    title: str
    width: float = 1
    align: Align = "left"


class Block(Part):
    """One piece below a heading; which fields count depends on `kind`."""

    kind: Literal["heading", "text", "facts", "cards", "table", "chart", "signatures"]
    text: str = ""
    tone: Tone = "body"
    pairs: tuple[tuple[str, str], ...] = ()
    """facts and cards: label and value. signatures: who signs, and the name where it is known."""
    label: str = ""
    """表 1, 图 2."""
    caption: str = ""
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    chart: str = ""
    """Key in `Layout.charts`."""


class Section(Part):
    """A heading of the first level and what is below it."""

    title: str
    blocks: tuple[Block, ...]
    new_page: bool = False


class Axis(Part):
    """One ray of the radar; positions are shares of the best score."""

    title: str
    now: float | None
    before: float | None
    shown: str
    shown_before: str


class Bar(Part):
    """One gap: where the enterprise stands and where the next level begins, as shares of the longest bar."""

    title: str
    now: float
    needed: float
    shown: str
    shown_needed: str


class HeatRow(Part):
    """One scene."""

    title: str
    cells: tuple[str, ...]


class Chart(Part):
    """What one drawing needs."""

    kind: Literal["radar", "bars", "heat"]
    axes: tuple[Axis, ...] = ()
    before: str = ""
    """Radar: name of the earlier outline; empty without one."""
    bars: tuple[Bar, ...] = ()
    levels: tuple[str, ...] = ()
    rows: tuple[HeatRow, ...] = ()


class Layout(Part):
    """The whole report."""

    title: str
    subject: str
    status: Literal["正式", "草稿"]
    facts: tuple[tuple[str, str], ...]
    """Of the cover."""
    running: str
    """Of every page's foot."""
    faults: tuple[tuple[str, str], ...]
    """What is missing and what to do about it, for page 2 of a draft."""
    sections: tuple[Section, ...]
    charts: dict[str, Chart]
    closing: tuple[tuple[str, str], ...]
    """Version and hash, on the last page."""

    @property
    def draft(self) -> bool:
        return self.status == "草稿"


class Numbering:
    """Tables and figures in the order in which they are asked for."""

    def __init__(self) -> None:
        self._tables, self._charts = 0, 0

    def table(self, caption: str, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> Block:
        self._tables += 1
        made = tuple(tuple(row) for row in rows)
        return Block(kind="table", label=f"表 {self._tables}", caption=caption, columns=tuple(columns), rows=made)

    def chart(self, caption: str, key: str) -> Block:
        self._charts += 1
        return Block(kind="chart", label=f"图 {self._charts}", caption=caption, chart=key)


def text(words: str, tone: Tone = "body") -> Block:
    return Block(kind="text", text=words, tone=tone)


def heading(words: str) -> Block:
    return Block(kind="heading", text=words)


def numbered(sections: Iterable[Section]) -> Iterator[Section]:
    """With Chinese ordinals before the titles."""
    for at, section in enumerate(sections, 1):
        ten, one = divmod(at, 10)
        ordinal = ("十" if ten else "") + (CHINESE[one - 1] if one else "")
        yield section.model_copy(update={"title": f"{ordinal}、{section.title}"})
