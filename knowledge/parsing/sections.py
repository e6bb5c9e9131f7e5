"""Which heading of an official text is which section of the catalogue: by number and title together."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..catalogue.model import Standard
from .blocks import despaced
from .evidence import dice
from .numbering import markers, narrow
from .tree import NUMBERED, Node

TITLE_SHARE = 0.55
LEAST = 0.4
"""A pair below this is no match: the same number with quite another title, or a title with a passing likeness."""
_ANNEX = re.compile(r"附\s*录\s*([A-Z]|\d+)")
_KIND_OF_ANNEX = re.compile(r"[(（](?:资料性|规范性)(?:附录)?[)）]")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A section (or a clause that stands under a heading of its own) to be found."""

    id: str
    numbers: frozenset[str]
    title: str


def walk(root: Node) -> Iterator[Node]:
    """All nodes below `root`, in document order."""
    stack = list(reversed(root.children))
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def match_sections(standard: Standard, root: Node) -> dict[str, Node]:
    """Section or clause id → the heading it stands under. Every heading is used once."""
    wanted = [Wanted(s.id, frozenset({s.number}), s.title) for s in standard.sections]
    known = {section.id for section in standard.sections}
    for clause in standard.clauses:
        number = clause.id.removeprefix(f"{standard.key}-")
        if clause.id not in known and re.fullmatch(r"[A-Z\d]+(?:\.\d+)*", number):
            wanted.append(Wanted(clause.id, frozenset({number}), clause.title))
    headings = [(node, numbers_of(node), _bare_title(node.title)) for node in walk(root) if node.heading]
    pairs = sorted(
        (
            (score, -at, -order)
            for order, want in enumerate(wanted)
            for at, heading in enumerate(headings)
            if (score := _score(want, heading)) >= LEAST
        ),
        reverse=True,
    )
    found: dict[str, Node] = {}
    used: set[int] = set()
    for _, at, order in pairs:
        want, heading = wanted[-order], headings[-at]
        if want.id not in found and -at not in used:
            found[want.id] = heading[0]
            used.add(-at)
    return found


def _score(want: Wanted, heading: tuple[Node, frozenset[str], str]) -> float:
    _, numbers, title = heading
    same_number = bool(want.numbers & numbers)
    likeness = dice(_bare_title(want.title), title)
    return (1 - TITLE_SHARE if same_number and (likeness > 0 or not title) else 0.0) + TITLE_SHARE * likeness


def _bare_title(title: str) -> str:
    readings = markers(title)
    bare = title[readings[0].end :] if readings else title
    return despaced(_KIND_OF_ANNEX.sub("", _ANNEX.sub("", bare, count=1))).strip("：:*#")


def numbers_of(node: Node) -> frozenset[str]:
    """The numbers by which a catalogue may call a heading: 6.1, A, A1, A2-a.1, 4.2 for 四（二）, H3 for 三、."""
    marker = node.marker
    printed = _ANNEX.search(narrow(node.block.text))
    found = {printed[1], f"A{printed[1]}"} if printed and (marker is None or marker.scheme in {"附", "一、"}) else set[str]()
    if marker is None:
        return frozenset(found | ({"0"} if despaced(node.block.text).strip("*#") == "引言" else set[str]()))
    if marker.scheme in NUMBERED:
        found.add(marker.label)
    ordinal = str(marker.ordinals[0]) if marker.ordinals else ""
    if marker.scheme == "一、":
        found |= {ordinal, f"H{ordinal}"}
    above = _numbered_parent(node)
    if marker.scheme == "(一)" and above:
        found |= {f"{number}.{ordinal}" for number in numbers_of(above)}
    if marker.scheme == "a.1" and above:
        found |= {f"{number}-{marker.label}" for number in numbers_of(above)}
    return frozenset(found)


def _numbered_parent(node: Node) -> Node | None:
    """The nearest ancestor with a number of another scheme."""
    above = node.parent
    while above is not None and (above.marker is None or (node.marker is not None and above.marker.scheme == node.marker.scheme)):
        above = above.parent
    return above


def subtree(node: Node, without: Iterable[Node] = ()) -> Iterator[Node]:
    """`node` and what stands under it, leaving out the subtrees of `without`."""
    left_out = {id(other) for other in without}
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(child for child in reversed(top.children) if id(child) not in left_out)
