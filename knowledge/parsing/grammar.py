"""Blocks into a parsed document: contents skipped, broken sentences mended, the tree built, the loss counted."""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from domain.errors import DocumentError

from .blocks import Block, despaced
from .emit import ClauseKind, Emitted, Emitter, ParsedClause
from .flow import Unit, mend
from .front import find_title, read_front, stem
from .loss import lost_blocks
from .toc import NAMED, contents_of, is_contents_title
from .tree import Builder, Node

__all__ = ["ClauseKind", "ParsedClause", "ParsedDocument", "document_key", "parse_document"]

LONGEST_FRONT = 60
"""Units of a title page."""
LONGEST_FRONT_LINE = 150
_SENTENCE = "。；：;"


@dataclass(frozen=True)
class ParsedDocument:
    """A document as a list of clauses, with what it says about itself."""

    name: str
    title: str
    code: str
    """Number of the standard if one is printed (T/GXDSL 142—2025)."""
    version: str
    status: str
    front_matter: str
    """The title page's lines, and the title where the body repeats it."""
    contents: str
    """The table of contents that was skipped."""
    clauses: list[ParsedClause]
    lines_total: int
    lines_lost: int
    """Blocks whose characters are in no clause, not on the title page and not in the contents; 0 unless the parser is wrong."""
    root: Node = field(repr=False, compare=False)
    """The tree that the clauses were listed from; `join` works on it."""


def parse_document(blocks: Sequence[Block], name: str) -> ParsedDocument:
    """The clauses of a document.

    Raises:
        DocumentError: it has no text that could be a clause.
    """
    blocks = [block for block in blocks if block.text.strip()]
    skipped = contents_of(blocks)
    if len(skipped) == len(blocks):
        skipped = set[int]()
    units = mend(blocks, skipped)
    ends = _front_end(blocks, units, skipped)
    lines = [(unit.block.text, unit.block.level) for unit in units[:ends]]
    front = read_front(lines, name)
    builder = Builder(units[ends:], find_title(lines))
    root = builder.build()
    emitted = list(Emitter().emit(root))
    if not emitted:
        raise DocumentError("文档里没有可以引用的条款", where=name, cure="检查文件内容是否完整；扫描件请先做文字识别(OCR)")
    front_units = [*units[:ends], *builder.titles]
    front_matter = "\n".join(unit.block.text for unit in front_units)
    contents = "\n".join(blocks[index].text for index in sorted(skipped))
    return ParsedDocument(
        name=name,
        title=front.title,
        code=front.code,
        version=front.version,
        status=front.status,
        front_matter=front_matter,
        contents=contents,
        clauses=[item.clause for item in emitted],
        lines_total=len(blocks),
        lines_lost=len(lost_blocks(blocks, _homes(emitted, front_units, front_matter, skipped, contents))),
        root=root,
    )


def _homes(emitted: list[Emitted], front: list[Unit], front_matter: str, skipped: set[int], contents: str) -> dict[int, list[str]]:
    """Which texts claim to carry which block."""
    homes: defaultdict[int, list[str]] = defaultdict(list)
    for item in emitted:
        for index in item.sources:
            homes[index].append(item.clause.text)
    for unit in front:
        for index in unit.sources:
            homes[index].append(front_matter)
    for index in skipped:
        homes[index].append(contents)
    return homes


def _front_end(blocks: Sequence[Block], units: Sequence[Unit], skipped: set[int]) -> int:
    """How many units are title page: all before the contents, or the short lines before the first heading or sentence."""
    if skipped and is_contents_title(blocks[min(skipped)]):
        before = sum(1 for unit in units if unit.sources[-1] < min(skipped))
        if before <= LONGEST_FRONT and all(len(unit.block.text) <= LONGEST_FRONT_LINE for unit in units[:before]):
            return before
    headings = [unit.block.level for unit in units if unit.block.kind == "heading" and not unit.readings]
    title_level = headings[0] if headings and sum(1 for level in headings if level <= headings[0]) == 1 else 0
    for at, unit in enumerate(units[:LONGEST_FRONT]):
        if not _is_front_line(unit, at, title_level):
            return at
    return 0 if len(units) <= LONGEST_FRONT else min(LONGEST_FRONT, 1)


def _is_front_line(unit: Unit, at: int, title_level: int) -> bool:
    block = unit.block
    if block.kind in {"table", "item"} or despaced(block.text).strip("*#") in NAMED:
        return False
    if block.kind == "heading":
        return not unit.readings and bool(title_level) and block.level == title_level
    first = unit.readings[0] if unit.readings else None
    if first is not None and (first.sure or first.ordinals == (1,)):
        return at < 3 and first.scheme == "附" and first.end == len(block.text)
    return len(block.text) <= LONGEST_FRONT_LINE and block.text[-1] not in _SENTENCE


_NOISE = re.compile(r"[《》“”\"'\s/\\#?@]|(?:19|20)\d{2}[-.年]\d{1,2}[-.月]\d{1,2}日?|[(（][\d.\-、\s]*[)）]|[vV]\d+(?:\.\d+)*|[-—_]+")
KEY_LENGTH = 12


def document_key(name: str, title: str) -> str:
    """A short stable key for a user's document: readable words of its title, and a hash of title and file name.

    Dates and version numbers do not count, so that a new edition under the same name keeps its key. The key has no hyphen: in
    `<key>-<address>` the first one ends the key.
    """
    words = _NOISE.sub("", unicodedata.normalize("NFKC", title)) or _NOISE.sub("", unicodedata.normalize("NFKC", stem(name)))
    file_words = _NOISE.sub("", unicodedata.normalize("NFKC", stem(name)))
    digest = hashlib.blake2b(f"{words}|{file_words}".encode(), digest_size=3).hexdigest()
    return f"{words.removeprefix('中华人民共和国')[:KEY_LENGTH]}~{digest}"
