"""What of a record may be said as fact: what a named person has confirmed. The rest is listed as waiting, and nothing is built on it."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import takewhile

from .record import LONGEST_NAME, Comparison, DiagnosisReport, Dimension, Item, Matrix, NextLevel, Rating, Result, Scene


@dataclass(frozen=True)
class Standing:
    """A record without what nobody has confirmed, and what that was."""

    record: DiagnosisReport
    waiting: tuple[Rating, ...]
    """Proposals, and scores that nobody rated."""
    unknown: Set[str]
    """Ids of items, groups and cells whose score is open for that reason."""
    withheld: bool
    """Whether the total was built on some of them, and is therefore left out."""


def standing(record: DiagnosisReport) -> Standing:
    """A score, cell or total stays only if every rating it counts was confirmed or corrected by a named person."""
    confirmed = {rating.item for rating in record.ratings if rating.stands}
    proposed = [rating for rating in record.ratings if rating.item not in confirmed]
    result, named = record.result, {rating.item for rating in proposed}
    items = {item.id: item.title for item in result.items if item.score is not None and item.id not in confirmed}
    nodes = _open_nodes(result, confirmed, items.keys())
    cells = _open_cells(record.matrix, confirmed)
    places = {part.id for part in (*result.items, *result.nodes)} | cells.keys() | {row.id for row in _rows(record.matrix)}
    counted = bool(items or nodes) or any(rating.item not in places for rating in proposed)
    # without items or groups, the total can only stand on the cells or on a rating of its own
    withheld = counted or (not result.items and not result.nodes and bool(cells or not confirmed))
    lone = {node.id: node.title for node in result.nodes if node.id in nodes and not _items_of(result, node)}
    unrated = [(item, title) for item, title in (*items.items(), *lone.items(), *cells.items()) if item not in named]
    covered = {row.id for row in _rows(record.matrix) if row.id in named}
    rows = [*proposed, *(_unrated(item, title) for item, title in unrated if item.rpartition("-")[0] not in covered)]
    unknown = {*items, *nodes, *cells, *named}
    stripped = {"result": _stripped(result, unknown, withheld=withheld), "matrix": _matrix(record.matrix, cells.keys())}
    return Standing(record.model_copy(update=stripped), tuple(rows), unknown, withheld)


def contradicted(record: DiagnosisReport) -> list[str]:
    """Titles of items that were scored with another answer than the one that was confirmed."""
    confirmed = {rating.item: rating.value for rating in record.ratings if rating.stands and rating.value}

    def differs(item: Item) -> bool:
        said = confirmed.get(item.id, item.value)
        return bool(item.value) and "".join(said.split()) != "".join(item.value.split())

    return [item.title for item in record.result.items if differs(item)]


def _unrated(item: str, title: str) -> Rating:
    return Rating(item=item[:LONGEST_NAME], title=title[:LONGEST_NAME], state="proposed")


def _items_of(result: Result, node: Dimension) -> list[Item]:
    """Items of a group and of the groups inside it."""
    at = result.nodes.index(node)
    inside = list(takewhile(lambda other: other.depth > node.depth, result.nodes[at + 1 :]))
    names = {name for part in (node, *inside) for name in (part.id, part.title)}
    return [item for item in result.items if item.node in names]


def _open_nodes(result: Result, confirmed: set[str], open_items: Set[str]) -> set[str]:
    """Groups with a score that counts something open; one without items needs a rating of its own."""
    found: set[str] = set()
    for node in result.nodes:
        below = _items_of(result, node)
        stands = not any(item.id in open_items for item in below) if below else node.id in confirmed
        if node.score is not None and not stands:
            found.add(node.id)
    return found


def _rows(matrix: Matrix | None) -> Sequence[Scene]:
    return matrix.rows if matrix else ()


def _open_cells(matrix: Matrix | None, confirmed: set[str]) -> dict[str, str]:
    """Cells that claim something which nobody has confirmed, neither the cell nor its scene."""
    found: dict[str, str] = {}
    for row in _rows(matrix):
        for level, state in zip(matrix.levels if matrix else (), row.cells, strict=True):
            cell = f"{row.id}-{level}"
            if state not in ("/", "未知") and row.id not in confirmed and cell not in confirmed:
                found[cell] = f"{row.title}·{level}"
    return found


def _matrix(matrix: Matrix | None, open_cells: Set[str]) -> Matrix | None:
    if matrix is None:
        return None

    def row(of: Scene) -> Scene:
        cells = zip(matrix.levels, of.cells, strict=True)
        return of.model_copy(update={"cells": tuple("未知" if f"{of.id}-{level}" in open_cells else state for level, state in cells)})

    return matrix.model_copy(update={"rows": tuple(map(row, matrix.rows))})


def _stripped(result: Result, unrated: Set[str], *, withheld: bool) -> Result:
    def item(of: Item) -> Item:
        return of.model_copy(update={"value": "", "score": None, "contribution": None}) if of.id in unrated else of

    def node(of: Dimension) -> Dimension:
        return of.model_copy(update={"score": None, "contribution": None, "level": ""}) if of.id in unrated else of

    changed: dict[str, object] = {"items": tuple(map(item, result.items)), "nodes": tuple(map(node, result.nodes))}
    if result.comparison:
        changed["comparison"] = _comparison(result.comparison, unrated, withheld=withheld)
    if result.next_level:
        changed["next_level"] = _ahead(result.next_level, unrated, withheld=withheld)
    if withheld:
        gates = tuple(gate.model_copy(update={"passed": None}) for gate in result.gates)
        changed |= {"total": None, "level": "", "gates": gates, "vetoes": (), "notes": ()}
    return result.model_copy(update=changed)


def _comparison(given: Comparison, unrated: Set[str], *, withheld: bool) -> Comparison:
    nodes = tuple(n.model_copy(update={"after": None, "delta": None}) if n.id in unrated else n for n in given.nodes)
    return given.model_copy(update={"nodes": nodes, **({"total_delta": None} if withheld else {})})


def _ahead(given: NextLevel, unrated: Set[str], *, withheld: bool) -> NextLevel | None:
    """The way up starts from where the enterprise stands; where that is open, there is none."""
    if withheld:
        return None
    gaps = tuple(gap for gap in given.gaps if gap.id not in unrated)
    steps = tuple(step for step in given.steps if step.id not in unrated)
    return given.model_copy(update={"gaps": gaps, "steps": steps})
