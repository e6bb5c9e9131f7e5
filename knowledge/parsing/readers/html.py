"""HTML, by BeautifulSoup over lxml: headings, paragraphs, lists with their numbers, tables with merged cells."""

import warnings
from collections.abc import Iterator

from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning
from bs4.element import Comment, Doctype, NavigableString, ProcessingInstruction, Tag

from domain.numerals import to_numeral

from ..blocks import Block
from ..numbering import markers
from ..tables import build_table
from .decode import decode
from .limits import DEFAULT_LIMITS, ReadLimits, too_large
from .lines import table_text

SKIPPED = frozenset({"script", "style", "noscript", "template", "head", "nav", "svg", "iframe", "object", "select", "button"})
HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCK_NAMES = (
    "address article aside blockquote body br caption center dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 "
    "header hr html legend li main ol p pre section summary table tbody td tfoot th thead tr ul"
)
BLOCKS = frozenset(_BLOCK_NAMES.split())
MAX_SPAN = 200


def read_html(data: bytes, name: str, limits: ReadLimits) -> list[Block]:
    """Blocks of an HTML page."""
    return html_blocks(decode(data, name), name=name, limits=limits)


def html_blocks(markup: str, *, name: str = "", limits: ReadLimits = DEFAULT_LIMITS, first_line: int = 1) -> list[Block]:
    """Blocks of a piece of HTML; line numbers count from `first_line`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        soup = BeautifulSoup(markup, "lxml")
    return _Page(name, limits, first_line).blocks(soup)


class _Page:
    """An iterative walk (pages nest deeper than Python's stack): text gathers until a block element begins or ends."""

    def __init__(self, name: str, limits: ReadLimits, first_line: int) -> None:
        self._name, self._limits, self._line = name, limits, first_line
        self._blocks: list[Block] = []
        self._text: list[str] = []
        self._level = 0
        self._entry = ""

    def blocks(self, soup: Tag) -> list[Block]:
        stack: list[tuple[Tag, Iterator[object]]] = [(soup, iter(soup.children))]
        while stack:
            parent, children = stack[-1]
            child = next(children, None)
            if child is None:
                self._leave(parent)
                stack.pop()
            elif isinstance(child, Tag):
                if self._enter(child):
                    stack.append((child, iter(child.children)))
            elif isinstance(child, NavigableString) and not isinstance(child, Comment | Doctype | ProcessingInstruction):
                self._text.append(str(child))
        self._flush()
        return self._blocks

    def _enter(self, tag: Tag) -> bool:
        if tag.name in SKIPPED:
            return False
        if tag.name in BLOCKS:
            self._flush()
        if tag.name == "table":
            self._table(tag)
            return False
        if tag.name in HEADINGS:
            self._level = HEADINGS[tag.name]
        elif tag.name == "li":
            self._entry = _entry_marker(tag)
        return True

    def _leave(self, tag: Tag) -> None:
        if tag.name in BLOCKS:
            self._flush()
            self._level = 0

    def _flush(self) -> None:
        text = " ".join("".join(self._text).split())
        self._text.clear()
        if not text:
            return
        if self._level:
            block = Block("heading", text, self._line, level=self._level)
        elif self._entry:
            own = any(marker.sure for marker in markers(text))
            block = Block("item", text if own else f"{self._entry} {text}", self._line, marker="" if own else self._entry)
        else:
            block = Block("paragraph", text, self._line)
        self._entry = ""
        self._line += 1
        self._blocks.append(block)

    def _table(self, tag: Tag) -> None:
        rows, head = self._grid(tag)
        lines = list(range(self._line, self._line + len(rows)))
        self._line += max(1, len(rows))
        if max((len(row) for row in rows), default=0) <= 1:
            self._blocks.extend(Block("paragraph", row[0], line) for row, line in zip(rows, lines, strict=True) if row and row[0])
            return
        table = build_table(rows, lines, header=max(1, head))
        if table:
            self._blocks.append(Block("table", table_text(table), lines[0], table=table))

    def _grid(self, tag: Tag) -> tuple[list[list[str]], int]:
        """Rows with spans resolved, and how many of them are the head."""
        rows: list[list[str]] = []
        below: dict[tuple[int, int], str] = {}
        head = cells = 0
        for number, row in enumerate(found for found in tag.find_all("tr") if found.find_parent("table") is tag):
            values: list[str] = []
            entries = [cell for cell in row.find_all(["td", "th"], recursive=False)]
            for cell in entries:
                while (number, len(values)) in below:
                    values.append(below.pop((number, len(values))))
                text = " ".join(cell.get_text(" ").split())
                across, down = _span(cell, "colspan"), _span(cell, "rowspan")
                below.update({(number + d, len(values) + a): text for d in range(1, down) for a in range(across)})
                values += [text] * across
                cells += across * down
                if cells > self._limits.max_cells:
                    raise too_large("表格太大", f"{self._name} 第 {number + 1} 行", f" {self._limits.max_cells} 个单元格")
            while (number, len(values)) in below:
                values.append(below.pop((number, len(values))))
            if head == number and (row.find_parent("thead") is not None or all(cell.name == "th" for cell in entries)):
                head += 1
            rows.append(values)
        return rows, min(head, 3)


def _span(cell: Tag, name: str) -> int:
    value = str(cell.get(name) or "1")
    return min(max(1, int(value)), MAX_SPAN) if value.isascii() and value.isdigit() and len(value) < 6 else 1


def _entry_marker(tag: Tag) -> str:
    """The marker that a browser would print before a list entry."""
    parent = tag.parent
    if parent is None or parent.name != "ol":
        return "-"
    before = len(tag.find_previous_siblings("li"))
    start = str(parent.get("start") or "1")
    number = before + (int(start) if start.isascii() and start.isdigit() and len(start) < 6 else 1)
    style = str(parent.get("type") or "1") + str(parent.get("style") or "")
    if style.startswith("a") and number <= 26:
        return f"{chr(96 + number)})"
    return f"{to_numeral(number)}、" if "cjk" in style or "chinese" in style else f"{number}."
