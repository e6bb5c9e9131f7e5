"""Sentences that a page end broke into two paragraphs, put together again."""

from collections.abc import Sequence
from dataclasses import dataclass

from .blocks import Block
from .numbering import Marker, markers
from .tables import join_text

SHORTEST_HALF = 20
"""A shorter line that lacks a full stop is a title, not half a sentence."""
_STOPS = "。；！？;!?"
_PAUSES = "，、。；：,;:"
_JOINING = "和与及或的等并，、,)）》”"
"""A title has no pause and is followed by none of these."""
_CUT = ("通过", "公布", "修正", "修订", "施行", "批准", "实施", "发布")


@dataclass(frozen=True, slots=True)
class Unit:
    """A block, or several that are one sentence; `sources` are the indices of the blocks in it."""

    block: Block
    sources: tuple[int, ...]
    readings: tuple[Marker, ...]


def mend(blocks: Sequence[Block], skipped: set[int]) -> list[Unit]:
    """Units of the blocks that are not skipped."""
    units: list[Unit] = []
    for index, block in enumerate(blocks):
        if index in skipped:
            continue
        readings = () if block.kind == "table" else markers(block.text)
        if units and index - 1 == units[-1].sources[-1] and _continues(units[-1].block, block, readings):
            last = units[-1]
            whole = Block(last.block.kind, join_text(last.block.text, block.text), last.block.line, last.block.level, last.block.marker)
            units[-1] = Unit(whole, (*last.sources, index), last.readings)
        else:
            units.append(Unit(block, (index,), readings))
    return units


def _continues(before: Block, after: Block, readings: tuple[Marker, ...]) -> bool:
    if before.kind not in {"paragraph", "item"} or after.kind != "paragraph" or readings:
        return False
    left, right = before.text, after.text
    if len(left) < SHORTEST_HALF or left.endswith(_CUT) or right[-1] not in _STOPS:
        return False
    if right[0] not in _JOINING and not any(char in _PAUSES for char in left):
        return False
    return _runs_on(left[-1]) and (_is_word(right[0]) or right[0] in "，、,)）》”")


def _is_word(char: str) -> bool:
    return "一" <= char <= "鿿" or (char.isascii() and (char.islower() or char.isdigit()))


def _runs_on(char: str) -> bool:
    return "一" <= char <= "鿿" or (char.isascii() and char.isalnum()) or char in "，、,（(《“"
