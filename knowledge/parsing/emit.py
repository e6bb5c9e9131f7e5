"""The tree as a flat list of addressable clauses."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from .blocks import Table, despaced
from .numbering import LIST_SCHEMES, RANKED, Marker
from .tree import NUMBERED, UNMARKED, Node

ClauseKind = Literal["heading", "clause", "lead", "item", "cell", "row"]
"""lead: the unnumbered paragraph that introduces a list. row, cell: of a table."""
ARTICLE_LIMIT = 4000
"""An article (第…条) up to this many characters is one clause with its paragraphs and items: that is how laws are cited."""
LONGEST_NAME = 40
_NUMERIC_LISTS = frozenset({"1)", "(1)", "1、", "1."})
_CAPTION = re.compile(r"(?:续\s*)?(表\s*(?:[A-Z]\s*[.．]?\s*)?\d+(?:\s*[.．\-]\s*\d+)*)")
_ORDINAL = re.compile(r"\d{1,5}")


@dataclass(frozen=True, slots=True)
class ParsedClause:
    """One addressable piece of a document. `text` is verbatim, its marker included."""

    address: str
    title: str
    text: str
    path: list[str]
    """Headings from the document's top down to the parent."""
    order: int
    kind: ClauseKind
    focus: tuple[int, int] | None
    line: int


@dataclass(frozen=True, slots=True)
class Emitted:
    """A clause with the blocks whose text it carries."""

    clause: ParsedClause
    sources: tuple[int, ...]


class Emitter:
    """Walks the tree once, in document order. Addresses are unique over the document."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._order = 0
        self._tables = 0

    def emit(self, root: Node) -> Iterator[Emitted]:
        yield from self._children(root, [])

    def _children(self, node: Node, path: list[str]) -> Iterator[Emitted]:
        numeric = any(child.scheme in _NUMERIC_LISTS for child in node.children)
        unnumbered = sections = 0
        for at, child in enumerate(node.children):
            if child.scheme in {"¶", "dash"}:
                label = _unnumbered_label(unnumbered, root=node.parent is None, numeric=numeric)
                unnumbered += 1
            elif child.scheme == UNMARKED:
                sections += 1
                label = str(sections)
            else:
                label = child.marker.label if child.marker else despaced(child.block.text).strip("*#")
            if child.block.table:
                yield from self._table(child, child.block.table, node, path)
                continue
            child.address = self._unique(_address(child, node, label), node)
            after = node.children[at + 1] if at + 1 < len(node.children) else None
            yield from self._node(child, path, after)

    def _node(self, node: Node, path: list[str], after: Node | None) -> Iterator[Emitted]:
        own = _sources([node])
        if node.scheme == "条" and node.children:
            parts = list(_subtree(node))
            if not any(part.block.table for part in parts) and sum(len(part.text) for part in parts) <= ARTICLE_LIMIT:
                for part in parts:
                    part.address = node.address
                yield self._clause(node, path, "clause", "\n".join(part.text for part in parts), _sources(parts))
                return
        yield self._clause(node, path, _kind(node, after), node.text, own)
        yield from self._children(node, [*path, _heading(node)])

    def _clause(self, node: Node, path: list[str], kind: ClauseKind, text: str, sources: tuple[int, ...]) -> Emitted:
        return self._emitted(node.address, _title(node), text, path, kind, node.block.line, sources)

    def _emitted(
        self, address: str, title: str, text: str, path: list[str], kind: ClauseKind, line: int, sources: tuple[int, ...]
    ) -> Emitted:
        self._order += 1
        return Emitted(ParsedClause(address, title, text, path, self._order - 1, kind, None, line), sources)

    def _table(self, node: Node, table: Table, parent: Node, path: list[str]) -> Iterator[Emitted]:
        """The caption with the head as one clause, each row, and each cell that has text."""
        self._tables += 1
        caption = " ".join(unit.block.text for unit in node.extra)
        printed = _CAPTION.match(caption)
        label = despaced(printed[1]) if printed else f"表{self._tables}"
        node.address = self._unique(label if printed or not parent.address else f"{parent.address}-{label}", parent)
        head = "\n".join("\t".join(row) for row in table.header)
        sources = _sources([node])
        shown = "\n".join(filter(None, [caption, head])) or label
        yield self._emitted(node.address, caption or label, shown, path, "heading", node.block.line, sources)
        inside = [*path, caption or label]
        columns = table.columns
        for row, line in zip(table.rows, table.lines, strict=True):
            name = row_name(table, row)
            address = self._unique(f"{node.address}/{_slug(name) or '行'}", node)
            yield self._emitted(address, name, "\t".join(row), inside, "row", line, sources)
            for column, cell in enumerate(row):
                if column != table.key and cell and cell != name:
                    place = self._unique(f"{address}/{_slug(columns[column])}", node)
                    yield self._emitted(place, f"{name} {columns[column]}", cell, [*inside, name, columns[column]], "cell", line, ())

    def _unique(self, address: str, parent: Node) -> str:
        """`address`, or with its parent's before it, or numbered when the document repeats a number."""
        if address in self._seen and parent.address and not address.startswith(parent.address):
            address = f"{parent.address}-{address}"
        count = self._seen[address] = self._seen.get(address, 0) + 1
        if count == 1:
            return address
        return self._unique(f"{address}@{count}", parent)


def row_name(table: Table, row: tuple[str, ...]) -> str:
    """What a row is called: its key cell, or where that is a mere number the next cell whose words differ from row to row."""
    name = row[table.key] if table.key < len(row) else ""
    if not _ORDINAL.fullmatch(name):
        return " ".join(name.split())
    for column in range(len(row)):
        values = [other[column] for other in table.rows[:200] if other[column]]
        if column != table.key and len(values) > len(table.rows[:200]) // 2 and len(set(values)) > 0.8 * len(values):
            return " ".join(row[column].split()) or name
    return name


def _slug(name: str) -> str:
    return despaced(name).replace("/", "／")[:LONGEST_NAME]


def _unnumbered_label(count: int, *, root: bool, numeric: bool) -> str:
    """0, 1, 2 …, with `numeric` siblings 0, 0.1, 0.2 …, at the top ¶1, ¶2 …"""
    if root:
        return f"¶{count + 1}"
    return f"0.{count}" if numeric and count else str(count)


def _address(node: Node, parent: Node, label: str) -> str:
    base = parent.address
    if node.scheme == UNMARKED:
        return f"{base}.{label}" if parent.scheme == UNMARKED else f"{base}§{label}"
    if node.scheme in {"编", "条", "附", "named", "A.1"}:
        return label
    if node.scheme in RANKED:
        above = next((a for a in _ancestors(node) if a.scheme in RANKED and a.scheme != "条"), None)
        return f"{above.address}{label}" if above else label
    if node.scheme in NUMBERED:
        above = next((a for a in _ancestors(node) if a.scheme not in NUMBERED and (node.scheme == "a.1" or a.scheme == "附")), None)
        return f"{above.address}-{label}" if above and above.address else label
    if node.scheme == "(一)":
        return f"{base}（{label}）"
    return f"{base}-{label}" if base else label


def _ancestors(node: Node) -> Iterator[Node]:
    while node.parent is not None:
        node = node.parent
        yield node


def _subtree(node: Node) -> Iterator[Node]:
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(top.children))


def _sources(nodes: Iterable[Node]) -> tuple[int, ...]:
    return tuple(index for node in nodes for unit in [*([node.unit] if node.unit else []), *node.extra] for index in unit.sources)


def _kind(node: Node, after: Node | None) -> ClauseKind:
    if node.heading:
        return "heading"
    if node.scheme == "¶":
        return "lead" if after is not None and after.scheme in LIST_SCHEMES | {"1、", "1.", "(一)"} else "clause"
    return "item" if node.scheme in LIST_SCHEMES or node.block.kind == "item" else "clause"


def _heading(node: Node) -> str:
    """The node as it stands in its children's path."""
    return " ".join(node.text.split()) if node.heading else " ".join(filter(None, [_printed(node.marker), _title(node)]))


def _printed(marker: Marker | None) -> str:
    return marker.label if marker else ""


def _title(node: Node) -> str:
    """A heading's words; of a clause its first words, up to a colon or full stop."""
    if node.heading or len(node.title) <= LONGEST_NAME:
        return node.title
    return re.split(r"[：。；:;]", node.title, maxsplit=1)[0][:LONGEST_NAME]
