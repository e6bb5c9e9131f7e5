"""Tables of contents (目次): recognised, kept for the loss count, and left out of the clauses."""

import re
from collections.abc import Sequence

from .blocks import Block, despaced

NAMED = frozenset({"前言", "引言", "序言", "序", "参考文献", "索引", "摘要"})
"""Titles of GB/T 1.1's unnumbered parts."""
TITLES = frozenset({"目次", "目录", "contents", "tableofcontents"})
LONGEST_ENTRY = 70
LONGEST_TABLE = 1500
SEARCHED = 20
_PAGE = re.compile(r"[\s.…·．—\-_]*(?:\d{1,4}|[IVXivxⅠ-Ⅻⅰ-ⅻ]{1,5})$")
_LEADERS = re.compile(r"(?:\.\s?){4,}|…{2,}|·{4,}|．{3,}|_{4,}")
_SENTENCE = "。；！？;"


def is_contents_title(block: Block) -> bool:
    """目 次, 目录."""
    return block.kind != "table" and len(block.text) < 24 and despaced(block.text).strip("*#").lower() in TITLES


def contents_of(blocks: Sequence[Block]) -> set[int]:
    """Indices of the blocks that are tables of contents, their titles included."""
    found: set[int] = set()
    at = 0
    while at < len(blocks):
        if is_contents_title(blocks[at]):
            end = _end_of_contents(blocks, at + 1)
            found.update(range(at, end))
            at = end
        else:
            at += 1
    return found | _leader_runs(blocks) | (set() if found else _untitled_contents(blocks))


def _untitled_contents(blocks: Sequence[Block]) -> set[int]:
    """Near the top, three and more headings in a row of which the first then comes again: contents whose title is missing."""
    for at, block in enumerate(blocks[:SEARCHED]):
        if block.kind != "heading" or at + 1 >= len(blocks) or blocks[at + 1].kind != "heading":
            continue
        again = _skip_unpaged(blocks, at)
        if again - at >= 3 and all(entry.kind == "heading" for entry in blocks[at:again]):
            return set(range(at, again))
    return set()


def _end_of_contents(blocks: Sequence[Block], start: int) -> int:
    """The first block that is no entry: a sentence, or a title that the contents have already listed."""
    listed: set[str] = set()
    at = start
    while at < min(len(blocks), start + LONGEST_TABLE):
        block = blocks[at]
        if block.kind == "table" or not _may_be_entry(block.text):
            break
        paged = _PAGE.search(block.text)
        title = despaced(block.text[: paged.start()] if paged else block.text).strip(".…·．*#")
        if title in listed and (not paged or block.kind == "heading"):
            break
        if title in NAMED and listed and not paged:
            break
        if not paged and not listed:
            return start if not _repeated_later(blocks, at, title) else _skip_unpaged(blocks, at)
        listed.add(title)
        at += 1
    return at


def _skip_unpaged(blocks: Sequence[Block], start: int) -> int:
    """Contents without page numbers: entries until the first of them comes again."""
    first = despaced(blocks[start].text)
    for at in range(start + 1, min(len(blocks), start + LONGEST_TABLE)):
        if despaced(blocks[at].text) == first:
            return at
        if not _may_be_entry(blocks[at].text):
            return start
    return start


def _repeated_later(blocks: Sequence[Block], at: int, title: str) -> bool:
    """Whether the entry comes again, with nothing but entries before it."""
    for later in range(at + 1, min(len(blocks), at + LONGEST_TABLE)):
        if despaced(blocks[later].text) == title:
            return True
        if not _may_be_entry(blocks[later].text):
            return False
    return False


def _may_be_entry(text: str) -> bool:
    leaders = bool(_LEADERS.search(text))
    return len(text) <= (4 if leaders else 1) * LONGEST_ENTRY and (leaders or not any(char in _SENTENCE for char in text))


def _leader_runs(blocks: Sequence[Block]) -> set[int]:
    """Three and more lines in a row with dot leaders and page numbers, under whatever title."""
    found: set[int] = set()
    run: list[int] = []
    for at, block in enumerate([*blocks, Block("paragraph", "", 0)]):
        short = block.kind != "table" and len(block.text) <= 4 * LONGEST_ENTRY
        if short and _LEADERS.search(block.text) and _PAGE.search(block.text):
            run.append(at)
            continue
        if len(run) >= 3:
            found.update(run)
        run = []
    return found
