"""Markdown, by markdown-it's block rules; inline marks are removed, what they mark stays."""

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ..blocks import Block
from ..numbering import markers
from ..tables import build_table
from .limits import ReadLimits
from .lines import blocks_of_lines, has_tab_table, table_text
from .text import text_lines

# `code` (indented blocks) is off: Chinese documents indent paragraphs. `reference` swallows footnotes. `lheading` turns a
# paragraph above a line of dashes into a heading.
_PARSER = MarkdownIt("commonmark", {"html": True}).enable("table").disable(["code", "reference", "lheading", "inline"])
_EMPHASIS = re.compile(r"(\*\*|__|~~|(?<![*\w])\*(?=\S)|(?<=\S)\*(?![*\w]))")
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[([^\[\]\n]{0,500})\]\([^()\n]{0,2000}\)")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def read_markdown(data: bytes, name: str, limits: ReadLimits) -> list[Block]:
    """Blocks of a Markdown file; lists get their printed markers back. A file with tables of tabs is plain text by another name."""
    lines = text_lines(data, name, limits)
    if has_tab_table([text for _, text in lines]):
        return blocks_of_lines(lines)
    return _Walk().blocks(_PARSER.parse("\n".join(text for _, text in lines)))


def plain(text: str) -> str:
    """Inline Markdown without its marks."""
    if not any(mark in text for mark in "*_~`[<\\"):
        return text
    text = _BREAK.sub("\n", _LINK.sub(r"\1", _CODE.sub(r"\1", text)))
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", _EMPHASIS.sub("", text))


class _Walk:
    """One pass over markdown-it's flat tokens."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._lists: list[int | None] = []
        self._entry = ""
        self._rows: list[tuple[int, list[str]]] | None = None
        self._line = 0

    def blocks(self, tokens: list[Token]) -> list[Block]:
        heading = 0
        for token in tokens:
            self._line = token.map[0] + 1 if token.map else self._line
            match token.type:
                case "heading_open":
                    heading = int(token.tag[1])
                case "inline":
                    self._inline(token.content, heading)
                    heading = 0
                case "fence" | "code_block" | "html_block":
                    self._raw(token)
                case _:
                    self._nesting(token)
        return self._blocks

    def _nesting(self, token: Token) -> None:
        match token.type:
            case "ordered_list_open":
                self._lists.append(int(token.attrGet("start") or 1))
            case "bullet_list_open":
                self._lists.append(None)
            case "ordered_list_close" | "bullet_list_close":
                self._lists.pop()
            case "list_item_open":
                self._entry = self._next_entry(token.markup)
            case "table_open":
                self._rows = []
            case "tr_open" if self._rows is not None:
                self._rows.append((self._line, []))
            case "table_close" if self._rows is not None:
                rows, self._rows = self._rows, None
                table = build_table([cells for _, cells in rows], [line for line, _ in rows], sparse=True)
                if table:
                    self._blocks.append(Block("table", table_text(table), rows[0][0], table=table))
            case _:
                pass

    def _next_entry(self, markup: str) -> str:
        number = self._lists[-1] if self._lists else None
        if number is None:
            return "- "
        self._lists[-1] = number + 1
        return f"{number}{markup} "

    def _inline(self, content: str, heading: int) -> None:
        if self._rows is not None:
            self._rows[-1][1].append(plain(content))
            return
        text = plain(content)
        if heading:
            self._blocks.append(Block("heading", " ".join(text.split()), self._line, level=heading))
            return
        for offset, block in enumerate(blocks_of_lines(list(enumerate(text.split("\n"), self._line)))):
            entry, self._entry = self._entry, ""
            if entry and not offset and block.kind != "table":
                shown = block.text if entry == "- " and any(m.sure for m in markers(block.text)) else entry + block.text
                block = Block("item", shown, block.line)
            self._blocks.append(block)

    def _raw(self, token: Token) -> None:
        content = token.content
        if token.type == "html_block":
            from .html import html_blocks  # noqa: PLC0415

            self._blocks.extend(html_blocks(content, first_line=self._line))
        else:
            self._blocks.extend(blocks_of_lines(list(enumerate(content.split("\n"), self._line))))
