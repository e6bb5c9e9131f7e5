"""DOCX: headings by style and outline level, automatic numbering, tables with merged cells."""

import io
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from docx import Document

from domain.errors import PlatformError

from ..blocks import Block
from ..tables import build_table
from .docx_numbering import Numbering, W
from .limits import ReadLimits, too_large, unreadable
from .lines import kind_of, table_text

HEADING_STYLE = re.compile(r"(?:heading|标题)\s*([1-9])$", re.IGNORECASE)
SKIPPED = frozenset({f"{W}del", f"{W}moveFrom", f"{W}instrText", f"{W}delText", f"{W}pPr", f"{W}rPr"})
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
"""Word stores a text box twice, as a drawing and as a picture for old versions; the second is skipped."""
MAX_SPAN = 200


def read_docx(data: bytes, name: str, limits: ReadLimits) -> list[Block]:
    """Blocks of a DOCX file; `line` is the running number of the paragraph or table row."""
    try:
        document = Document(io.BytesIO(data))
        return _Body(document, name, limits).blocks()
    except PlatformError:
        raise
    except Exception as error:  # zipfile, zlib, lxml and python-docx each have their own for broken files
        raise unreadable("DOCX 内部结构损坏", name, "用 Word 或 WPS 打开后重新保存") from error


class _Body:
    """One pass over the body; paragraphs and tables in reading order."""

    def __init__(self, document: Any, name: str, limits: ReadLimits) -> None:
        self._body = document.element.body
        self._name, self._limits = name, limits
        self._styles = _heading_styles(document.styles.element)
        part = next((r.target_part for r in document.part.rels.values() if r.reltype.endswith("/numbering")), None)
        self._numbering = Numbering.of(part.element if part is not None else None)
        self._line = 0
        self._cells = 0

    def blocks(self) -> list[Block]:
        found: list[Block] = []
        for element in _content(self._body):
            found.extend(self._paragraph(element) if element.tag == f"{W}p" else self._table(element))
        return found

    def _paragraph(self, element: Any) -> Iterator[Block]:
        self._line += 1
        style, level, numbered = self._properties(element)
        level = level or self._styles.get(style, (0, None))[0]
        marker = self._numbering.next(*numbered) if numbered else ""
        parts = [part for part in (" ".join(line.split()) for line in _text(element).split("\n")) if part]
        for number, part in enumerate(parts):
            if number or not marker:
                kind = "heading" if level and not number else kind_of(part)
                yield Block(kind, part, self._line, level)
            else:
                shown = f"{marker} {part}"
                yield Block("heading" if level else kind_of(shown), shown, self._line, level, marker)

    def _properties(self, element: Any) -> tuple[str, int, tuple[str, int] | None]:
        """(style id, outline level or 0, (list id, depth) or None); a style's own numbering counts too."""
        properties = element.find(f"{W}pPr")
        style = _value(properties, "pStyle") if properties is not None else ""
        outline = _value(properties, "outlineLvl") if properties is not None else ""
        level = int(outline) + 1 if outline.isdigit() and int(outline) < 9 else 0
        own = properties.find(f"{W}numPr") if properties is not None else None
        inherited = self._styles.get(style, (0, None))[1]
        if own is None:
            return style, level, inherited
        list_id, depth = _value(own, "numId"), _value(own, "ilvl")
        return style, level, (list_id, int(depth) if depth.isdigit() else 0) if list_id and list_id != "0" else None

    def _table(self, element: Any) -> Iterator[Block]:
        rows: list[list[str]] = []
        head = 0
        for row in element.iterchildren(f"{W}tr"):
            above = rows[-1] if rows else []
            rows.append(self._row(row, above))
            properties = row.find(f"{W}trPr")
            if head == len(rows) - 1 and properties is not None and properties.find(f"{W}tblHeader") is not None:
                head += 1
        first, self._line = self._line + 1, self._line + len(rows)
        lines = list(range(first, self._line + 1))
        if max((len(row) for row in rows), default=0) <= 1:
            for row, line in zip(rows, lines, strict=True):
                yield from (Block("paragraph", part, line) for cell in row for part in cell.split("\n") if part)
            return
        if not head:
            head = 2 if len(rows) > 2 and _spans(rows[0]) and not _spans(rows[1]) else 1
        table = build_table(rows, lines, header=head)
        if table:
            yield Block("table", table_text(table), first, table=table)

    def _row(self, row: Any, above: list[str]) -> list[str]:
        values: list[str] = []
        properties = row.find(f"{W}trPr")
        values += [""] * min(MAX_SPAN, _integer(_value(properties, "gridBefore") if properties is not None else ""))
        for cell in _content(row, f"{W}tc"):
            properties = cell.find(f"{W}tcPr")
            across = max(1, min(MAX_SPAN, _integer(_value(properties, "gridSpan") if properties is not None else "")))
            merge = properties.find(f"{W}vMerge") if properties is not None else None
            if merge is not None and merge.get(f"{W}val") != "restart" and len(values) < len(above):
                text = above[len(values)]
            else:
                text = "\n".join(part for part in (" ".join(line.split()) for line in _text(cell).split("\n")) if part)
            values += [text] * across
            self._cells += across
            if self._cells > self._limits.max_cells:
                raise too_large("表格太大", f"{self._name} 第 {self._line} 段", f" {self._limits.max_cells} 个单元格")
        return values


def _content(parent: Any, *wanted: str) -> Iterator[Any]:
    """The paragraphs and tables (or the cells) of a container, content controls and tracked insertions opened."""
    tags = wanted or (f"{W}p", f"{W}tbl")
    stack = list(parent)[::-1]
    while stack:
        child = stack.pop()
        if child.tag in tags:
            yield child
        elif child.tag in {f"{W}sdt", f"{W}sdtContent", f"{W}ins", f"{W}customXml", f"{W}moveTo", f"{W}smartTag"}:
            stack.extend(list(child)[::-1])


def _text(element: Any) -> str:
    """The text of a paragraph or cell as printed: deletions and field codes left out, breaks and inner paragraphs as new lines."""
    parts: list[str] = []
    stack: list[Any] = [element]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            parts.append(node)
            continue
        tag = node.tag
        if tag in SKIPPED or tag == FALLBACK or not isinstance(tag, str):
            continue
        if tag == f"{W}t":
            parts.append(node.text or "")
        elif tag in {f"{W}tab", f"{W}ptab"}:
            parts.append("\t")
        elif tag in {f"{W}br", f"{W}cr"}:
            parts.append("\n")
        elif tag == f"{W}noBreakHyphen":
            parts.append("-")
        else:
            if tag in {f"{W}p", f"{W}txbxContent"} and node is not element:
                parts.append("\n")
            stack.extend(list(node)[::-1])
    return "".join(parts)


def _heading_styles(styles: Any) -> dict[str, tuple[int, tuple[str, int] | None]]:
    """Style id → (heading level or 0, its own numbering), base styles followed."""
    found: dict[str, tuple[int, tuple[str, int] | None, str]] = {}
    for style in styles.findall(f"{W}style"):
        properties = style.find(f"{W}pPr")
        named = HEADING_STYLE.match(_value(style, "name"))
        outline = _value(properties, "outlineLvl") if properties is not None else ""
        level = int(named[1]) if named else int(outline) + 1 if outline.isdigit() and int(outline) < 9 else 0
        numbered = properties.find(f"{W}numPr") if properties is not None else None
        own = (_value(numbered, "numId"), _integer(_value(numbered, "ilvl"))) if numbered is not None else None
        found[style.get(f"{W}styleId") or ""] = (level, own if own and own[0] not in {"", "0"} else None, _value(style, "basedOn"))
    resolved: dict[str, tuple[int, tuple[str, int] | None]] = {}
    for style_id in found:
        level, numbered, base = found[style_id]
        for _ in range(8):
            if base not in found or (level and numbered):
                break
            level, numbered, base = level or found[base][0], numbered or found[base][1], found[base][2]
        resolved[style_id] = (level, numbered)
    return resolved


def _value(parent: Any, tag: str) -> str:
    element = parent.find(f"{W}{tag}")
    return (element.get(f"{W}val") or "") if element is not None else ""


def _integer(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _spans(row: list[str]) -> bool:
    """Whether a heading cell spans columns: two neighbours with the same text."""
    return any(left and left == right for left, right in pairwise(row))
