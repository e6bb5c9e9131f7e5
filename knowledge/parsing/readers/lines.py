"""Lines of text into blocks: hard-wrapped lines joined, tables of tabs or pipes gathered, Markdown headings recognised."""

import re
import unicodedata
from collections.abc import Sequence

from ..blocks import Block, BlockKind, Table
from ..numbering import LIST_SCHEMES, markers
from ..tables import build_table, join_text

HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*?)[ \t]*#*[ \t]*$")
COMMENT = re.compile(r"\s*<!--.*?-->\s*$")
RULE = re.compile(r"\s*(?:[-*_]\s*){3,}$")
PIPE_RULE = re.compile(r"[\s|:\-]+$")
SENTENCE_ENDS = "。；！？：…;!?:"
WIDEST_WRAP = 130
"""Columns beyond which nobody wraps by hand: longer lines are whole paragraphs."""
WRAP_SHARE = 0.82
LONGEST_HEADING = 500
LONGEST_PARAGRAPH = 20_000
"""Nothing more is joined to a paragraph of this length: a broken file must not cost quadratic time."""

Line = tuple[int, str]
"""(line or page number, text)."""


def blocks_of_lines(lines: Sequence[Line]) -> list[Block]:
    """The blocks of a plain text. Blank lines part paragraphs; a table may run over them."""
    wrap = _wrap_width([text for _, text in lines])
    blocks: list[Block] = []
    pending: Line | None = None
    full = False
    at = 0
    while at < len(lines):
        number, raw = lines[at]
        text = raw.strip()
        rows = _table_run(lines, at) if "\t" in text or text.startswith("|") else 0
        if rows:
            pending = _flush(blocks, pending)
            blocks.extend(_table(lines[at : at + rows]))
            at += rows
            continue
        at += 1
        if not text or COMMENT.match(text) or RULE.match(text):
            pending = _flush(blocks, pending)
        elif text[0] == "#" and len(text) <= LONGEST_HEADING and (heading := HEADING.match(text)):
            pending = _flush(blocks, pending)
            blocks.append(Block("heading", heading[2], number, level=len(heading[1])))
        elif pending and full and len(pending[1]) < LONGEST_PARAGRAPH and not _starts_anew(raw, text):
            pending = (pending[0], join_text(pending[1], text))
        else:
            _flush(blocks, pending)
            pending = (number, text)
        full = bool(wrap) and _columns(raw) >= wrap and text[-1:] not in SENTENCE_ENDS
    _flush(blocks, pending)
    return blocks


def _flush(blocks: list[Block], pending: Line | None) -> None:
    if pending:
        blocks.append(Block(kind_of(pending[1]), pending[1], pending[0]))


def kind_of(text: str) -> BlockKind:
    """item where `text` begins with a marker that only lists have; 一、 or 1. may also number headings."""
    readings = markers(text)
    return "item" if readings and readings[0].scheme in LIST_SCHEMES else "paragraph"


def has_tab_table(texts: Sequence[str]) -> bool:
    """Whether at least two lines are rows of a table of tabs."""
    return sum(1 for text in texts if text.count("\t") >= 2 and text.strip()) >= 2


def _starts_anew(raw: str, text: str) -> bool:
    """A line that cannot be the rest of a sentence: it is indented by two characters or begins with a marker."""
    return raw.startswith("\u3000\u3000") or any(marker.sure for marker in markers(text))


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text[:400].rstrip())


def _wrap_width(texts: Sequence[str]) -> int:
    """Columns from which a line counts as full, or 0 when the text is not wrapped by hand."""
    inner = sorted(
        _columns(text) for text, after in zip(texts, [*texts[1:], ""], strict=True) if text.strip() and after.strip() and "\t" not in text
    )
    if len(inner) < 3:
        return 0
    widest = inner[int(0.95 * (len(inner) - 1))]
    if not 30 <= widest <= WIDEST_WRAP or sum(1 for width in inner if width >= WRAP_SHARE * widest) * 3 < len(inner):
        return 0
    return int(WRAP_SHARE * widest)


def _cells(text: str) -> list[str]:
    """The cells of a table row, or nothing where the line is none."""
    if text.lstrip().startswith("|") and text.count("|") >= 2:
        return [cell.strip() for cell in text.strip().strip("|").split("|")]
    return text.rstrip("\r\n").split("\t") if text.count("\t") >= 2 else []


def _table_run(lines: Sequence[Line], at: int) -> int:
    """How many lines from `at` on are rows of one table (blank lines between them included); 0 when it is no table."""
    rows, end = 0, at
    piped = lines[at][1].lstrip().startswith("|")
    for offset in range(at, len(lines)):
        text = lines[offset][1]
        if not text.strip():
            continue
        cells = _cells(text)
        if not cells or text.lstrip().startswith("|") != piped:
            break
        rows, end = rows + 1, offset + 1
    return end - at if rows >= 2 else 0


def _table(lines: Sequence[Line]) -> list[Block]:
    rows = [(number, _cells(text)) for number, text in lines if text.strip() and not (text.lstrip()[0] == "|" and PIPE_RULE.match(text))]
    table = build_table([cells for _, cells in rows], [number for number, _ in rows], sparse=True)
    return [Block("table", table_text(table), lines[0][0], table=table)] if table else []


def table_text(table: Table) -> str:
    """All cells of a table, a row a line."""
    return "\n".join("\t".join(row) for row in (*table.header, *table.rows))
