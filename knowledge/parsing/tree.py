"""The tree of a document: units placed by their markers, whose nesting is discovered and not prescribed.

A marker whose scheme is open already makes a sibling, an unknown one a child; laws' divisions and GB/T numbers carry their
rank. A marker that ordinary words could also be (`10 个以上`) has to be the next number of its scheme.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .blocks import Block, despaced
from .flow import Unit
from .numbering import LIST_SCHEMES, RANKED, Marker
from .toc import NAMED, is_contents_title

NUMBERED = frozenset({"6.1", "A.1", "a.1"})
LONGEST_TITLE = 40
LONGEST_HEADING = 120
LOOK_AHEAD = 12
DEEPEST = 16
"""Beyond this depth a list that starts again is a sibling: broken numbering must not nest without end."""
GAP = 3
_STOPS = "。；！？：，;!?:,"
UNMARKED = "#"
FURNITURE = re.compile(r"[\s\-—–·.]*\d{0,4}[\s\-—–·.]*$")
"""A page number or a line that parts pages, standing alone."""
BRACKETED = re.compile(r"[(（][^()（）]*[)）]$")


@dataclass(slots=True, eq=False)
class Node:
    """A heading, clause, list entry, unnumbered paragraph (`¶`) or table with what stands under it."""

    scheme: str
    unit: Unit | None
    marker: Marker | None = None
    parent: "Node | None" = None
    level: int = 0
    """Heading level the format states; 0: none."""
    heading: bool = False
    extra: list[Unit] = field(default_factory=list[Unit])
    """Units printed apart that belong to the node itself: the title under a bare number, a table's caption."""
    children: list["Node"] = field(default_factory=list["Node"])
    address: str = ""
    continued: bool = False
    """A list entry of this list had paragraphs of its own."""

    @property
    def block(self) -> Block:
        return self.unit.block if self.unit else Block("paragraph", "", 0)

    @property
    def text(self) -> str:
        """As printed, without what stands under it."""
        return "\n".join(unit.block.text for unit in ([self.unit] if self.unit else []) + self.extra)

    @property
    def title(self) -> str:
        """The words of a heading after its marker."""
        rest = self.block.text[self.marker.end :] if self.marker else self.block.text
        return " ".join(" ".join([rest, *(unit.block.text for unit in self.extra)]).split()).strip("：: ")


class Builder:
    """Feeds units one by one; `root` is the tree, `titles` the units that repeat the document's title, and page numbers."""

    def __init__(self, units: Sequence[Unit], title: str) -> None:
        self.root = Node("root", None)
        self.titles: list[Unit] = []
        self._units = units
        self._title = despaced(title)
        self._stack = [self.root]
        self._last: dict[str, tuple[int, ...]] = {}

    def build(self) -> Node:
        for at, unit in enumerate(self._units):
            block = unit.block
            if block.kind == "table":
                self._add_table(unit)
            elif self._is_title(block):
                self.titles.append(unit)
                self._stack = [self.root]
            elif despaced(block.text).strip("*#") in NAMED or is_contents_title(block):
                self._open(Node("named", unit, level=block.level, heading=True), 1)
            elif marker := self._reading(unit, at):
                self._place(unit, marker, at)
            elif block.kind == "heading" and len(block.text) <= LONGEST_HEADING:
                self._open(Node(UNMARKED, unit, level=block.level or 9, heading=True), self._under_level(block.level or 9))
            else:
                self._add_paragraph(unit, at)
        return self.root

    def _is_title(self, block: Block) -> bool:
        return bool(self._title) and len(block.text) < 2 * len(self._title) + 8 and despaced(block.text) == self._title

    def _reading(self, unit: Unit, at: int) -> Marker | None:
        """The first reading of the unit's head that fits here."""
        return next((marker for marker in unit.readings if self._fits(marker, unit, at)), None)

    def _fits(self, marker: Marker, unit: Unit, at: int) -> bool:
        block, last = unit.block, self._last.get(marker.scheme)
        if marker.scheme == "附":
            return block.kind == "heading" or (marker.sure and len(block.text) <= 2 * LONGEST_TITLE and not block.text.endswith("。"))
        if marker.scheme in NUMBERED:
            titled = self._titled(unit, marker, at)
            return _numbered_fits(marker, last, heading=block.kind == "heading", titled=titled)
        if marker.scheme == "dash":
            return not _is_furniture(block.text)
        if marker.sure:
            return True
        if marker.scheme == "一、":
            return block.kind == "heading" or (_is_title_like(block.text[marker.end :]) and _is_next(marker, last))
        return marker.ordinals == (1,) or block.kind == "heading" or _is_next(marker, last)

    def _titled(self, unit: Unit, marker: Marker, at: int) -> bool:
        """Whether a title follows the number, in its line or alone in the next: a bare page number has none."""
        rest = unit.block.text[marker.end :].strip()
        if rest:
            return _is_title_like(rest)
        following = self._units[at + 1] if at + 1 < len(self._units) else None
        if following is None or following.block.kind != "paragraph" or following.readings:
            return False
        return _is_title_like(following.block.text)

    def _place(self, unit: Unit, marker: Marker, at: int) -> None:
        block = unit.block
        keep = self._depth_for(marker, block)
        heading = block.kind == "heading" or marker.scheme in {"编", "分编", "章", "节", "附"}
        if not heading and marker.scheme not in LIST_SCHEMES and marker.scheme != "条":
            heading = _is_title_like(block.text[marker.end :]) and self._is_heading_like(marker, at)
        self._last[marker.scheme] = marker.ordinals
        if marker.scheme in RANKED:
            for deeper in [s for s in self._last if s in RANKED and RANKED[s] > RANKED[marker.scheme] and s != "条"]:
                del self._last[deeper]
        elif marker.scheme == "附":
            self._last = {"附": marker.ordinals}
        self._open(Node(marker.scheme, unit, marker, level=block.level, heading=heading and block.kind != "item"), keep)
        if heading and not any(node.scheme in NUMBERED for node in self._stack):
            self._last = {scheme: last for scheme, last in self._last.items() if scheme not in NUMBERED}

    def _is_heading_like(self, marker: Marker, at: int) -> bool:
        """A short numbered line is a heading unless its neighbours show it to be an entry of a list."""
        if marker.scheme in NUMBERED or marker.scheme in {"一、", "Ⅰ"}:
            return True
        following = self._units[at + 1] if at + 1 < len(self._units) else None
        return following is not None and not any(other.scheme == marker.scheme for other in following.readings)

    def _depth_for(self, marker: Marker, block: Block) -> int:
        """How many nodes of the stack stay open under the new one's parent."""
        scheme, stack = marker.scheme, self._stack
        if scheme in RANKED:
            return self._ranked_depth(RANKED[scheme], block.level)
        if scheme == "附":
            return 1
        if scheme in NUMBERED:
            return self._numbered_depth(marker)
        open_at = next((at for at in range(len(stack) - 1, 0, -1) if stack[at].scheme == scheme), 0)
        nested_anew = open_at and marker.ordinals == (1,) and open_at < len(stack) - 1 and stack[-1].scheme in LIST_SCHEMES
        nested_anew = nested_anew and len(stack) < DEEPEST
        if open_at and not nested_anew:
            return open_at
        if stack[-1].scheme == "named" and scheme in {"一、", "Ⅰ"}:
            return 1
        return len(stack)

    def _ranked_depth(self, rank: int, level: int) -> int:
        for at in range(1, len(self._stack)):
            node = self._stack[at]
            if node.scheme in RANKED and RANKED[node.scheme] >= rank:
                return at
            if node.scheme not in RANKED and not (node.scheme == "附" or (node.scheme == UNMARKED and not (level and level <= node.level))):
                return at
        return len(self._stack)

    def _numbered_depth(self, marker: Marker) -> int:
        stack, numbers = self._stack, marker.ordinals
        same = [at for at in range(1, len(stack)) if stack[at].scheme == marker.scheme]
        for at in reversed(same):
            above = stack[at].marker
            if above and len(above.ordinals) < len(numbers) and numbers[: len(above.ordinals)] == above.ordinals:
                return at + 1
        if same:
            shallower = [at for at in same if (above := stack[at].marker) and len(above.ordinals) < len(numbers)]
            return shallower[-1] + 1 if shallower and len(numbers) > 2 else same[0]
        keep = len(stack)
        while keep > 1 and (stack[keep - 1].scheme in LIST_SCHEMES or stack[keep - 1].scheme == "named"):
            keep -= 1
        return keep

    def _under_level(self, level: int) -> int:
        """The depth below the innermost open heading of an outer level."""
        for at in range(len(self._stack) - 1, 0, -1):
            if 0 < self._stack[at].level < level:
                return at + 1
        return 1

    def _open(self, node: Node, keep: int) -> None:
        del self._stack[keep:]
        self._attach(node, self._stack[-1])
        self._stack.append(node)

    def _attach(self, node: Node, parent: Node) -> None:
        node.parent = parent
        parent.children.append(node)

    def _add_paragraph(self, unit: Unit, at: int) -> None:
        top = self._stack[-1]
        if _is_furniture(unit.block.text):
            self.titles.append(unit)
            return
        untitled = top.heading and top.marker is not None and not top.children and (not top.title or BRACKETED.match(top.title))
        bare = untitled and len(unit.block.text) <= LONGEST_TITLE
        if bare and unit.block.text[-1] not in _STOPS:
            top.extra.append(unit)
            return
        depth = len(self._stack)
        while depth > 1 and _is_entry(self._stack[depth - 1]) and not self._belongs_to(self._stack[depth - 1], at):
            depth -= 1
        owner = self._stack[depth - 1]
        del self._stack[depth:]
        if _is_entry(owner) and owner.parent:
            owner.parent.continued = True
        self._attach(Node("¶", unit), owner)

    def _belongs_to(self, entry: Node, at: int) -> bool:
        """Whether the paragraph at `at` is the entry's: it ends with a colon, or its list goes on after the paragraph."""
        if entry.block.text[-1] in "：:" or (entry.parent and entry.parent.continued and entry.scheme == "dash"):
            return True
        for later in self._units[at + 1 : at + 1 + LOOK_AHEAD]:
            if later.block.kind in {"heading", "table"}:
                return False
            for marker in later.readings[:1]:
                if marker.scheme == entry.scheme:
                    return not marker.ordinals or _is_next(marker, self._last.get(entry.scheme))
                if marker.scheme in RANKED or marker.scheme in NUMBERED or marker.scheme not in LIST_SCHEMES:
                    return False
        return False

    def _add_table(self, unit: Unit) -> None:
        depth = len(self._stack)
        while depth > 1 and _is_entry(self._stack[depth - 1]):
            depth -= 1
        owner = self._stack[depth - 1]
        node = Node("table", unit)
        last = owner.children[-1] if owner.children else None
        if last is not None and last.scheme == "¶" and last.unit and not last.extra and _is_caption(last.block.text):
            owner.children.pop()
            node.extra.append(last.unit)
        self._attach(node, owner)


def _is_furniture(text: str) -> bool:
    return len(text) <= LONGEST_TITLE and bool(FURNITURE.match(text))


def _is_entry(node: Node) -> bool:
    """A list entry: what comes after its list is not its own."""
    return node.scheme in LIST_SCHEMES or (node.scheme in {"1、", "1."} and not node.heading)


def _is_title_like(text: str) -> bool:
    bare = text.strip()
    return len(bare) <= LONGEST_TITLE and not any(char in _STOPS for char in bare.rstrip("：:"))


def _is_caption(text: str) -> bool:
    return len(text) <= 2 * LONGEST_TITLE and text[-1] not in "。；！？"


def _is_next(marker: Marker, last: tuple[int, ...] | None) -> bool:
    if last is None:
        return marker.ordinals == (1,)
    if len(marker.ordinals) > 1:
        return marker.ordinals[0] == last[0]
    return bool(marker.ordinals) and last[0] < marker.ordinals[0] <= last[0] + GAP


def _numbered_fits(marker: Marker, last: tuple[int, ...] | None, *, heading: bool, titled: bool) -> bool:
    """Whether a GB/T number continues the numbers before it."""
    numbers = marker.ordinals
    if heading:
        return True
    if len(numbers) == 1:
        return titled and (numbers[0] == 1 if last is None else last[0] < numbers[0] <= last[0] + 2)
    if last is None:
        return numbers[-1] == 1 or marker.sure or (len(numbers) > 2 and titled)
    common = 0
    while common < min(len(last), len(numbers)) and last[common] == numbers[common]:
        common += 1
    if common == len(numbers):
        return False
    step = numbers[common] - (last[common] if common < len(last) else 0)
    return 0 < step <= GAP and all(number <= 2 for number in numbers[common + 1 :])
