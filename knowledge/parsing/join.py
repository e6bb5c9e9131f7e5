"""Official texts onto catalogue ids: recognise the standard, then find every clause's own words in the parsed tree.

Sections match by number and title, labelled items by label, table clauses by row and column; all other clauses by monotone
alignment of the section's text with the catalogue's own wording. Nothing of the official text is stored in the product, so this
also works on a slightly different edition or under OCR noise.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from domain.clause import Clause, Section

from ..catalogue.model import Catalogue, Standard
from .align import Spot, align
from .evidence import Profile, Scores, fold, profile
from .grammar import ParsedDocument
from .join_table import TableSpot, cell_of, row_of
from .sections import match_sections, subtree, walk
from .tree import Node

HEAD = 4000
"""Characters of a text in which a standard's marks must stand."""
WHOLE_SECTION = 2500
"""Of a section with a single clause, the clause's text is the whole section up to this length."""
LEAST_SCORE = 0.02
"""An aligned clause that shares nothing with its place is missing, not found."""
_LETTER = re.compile(r"[a-z]")
_LEAD_IN = re.compile(r"\S{1,10}[：:]\s*$")
"""例如：: a paragraph that only announces the next ones."""
_PARAGRAPH_SCHEMES = frozenset({"(一)", "1、", "1."})
_WORDED = re.compile(r"[一-鿿]")


@dataclass(frozen=True, slots=True)
class JoinedClause:
    """A catalogue id with the official text it stands in (a whole paragraph, item, row or cell) and its own span of it."""

    clause_id: str
    text: str
    focus: tuple[int, int]
    path: list[str]


@dataclass(frozen=True)
class Joined:
    """The joined clauses in the catalogue's order, and the ids that the text does not contain."""

    clauses: list[JoinedClause]
    missing: list[str]


def recognise(head: str, catalogue: Catalogue) -> Standard | None:
    """The standard all of whose marks stand in the document's first characters; the one with the longest marks where several do."""
    text = fold(head)[:HEAD]
    fitting = [standard for standard in catalogue.standards.values() if all(fold(mark) in text for mark in standard.marks)]
    return max(fitting, key=lambda standard: sum(map(len, standard.marks)), default=None)


def join(parsed: ParsedDocument, standard: Standard) -> Joined:
    """Every clause of `standard` in `parsed`, as far as it is there."""
    return _Join(parsed, standard).run()


class _Join:
    def __init__(self, parsed: ParsedDocument, standard: Standard) -> None:
        self._standard = standard
        self._root = parsed.root
        self._nodes = match_sections(standard, parsed.root)
        self._matched = list(self._nodes.values())
        self._tables = [node.block.table for node in walk(parsed.root) if node.block.table]
        self._sections = {section.id: section for section in standard.sections}
        self._clauses = {clause.id: clause for clause in standard.clauses}
        self._found: dict[str, tuple[str, int, int]] = {}

    def run(self) -> Joined:
        groups: defaultdict[str | None, list[Clause]] = defaultdict(list)
        for clause in self._standard.clauses:
            section = self._section_of(clause)
            if not self._place_in_table(clause, section) and not self._place_under_own_heading(clause):
                groups[section.id if section else None].append(clause)
        orphans = None in groups
        first = self._standard.sections[0].id if self._standard.sections else None
        for section_id, clauses in groups.items():
            introduction = section_id is None or (section_id == first and not orphans)
            self._place_in_section(clauses, section_id, introduction=introduction)
        joined = [self._joined(clause) for clause in self._standard.clauses if clause.id in self._found]
        return Joined(joined, [clause.id for clause in self._standard.clauses if clause.id not in self._found])

    def _joined(self, clause: Clause) -> JoinedClause:
        text, start, end = self._found[clause.id]
        own = text[start:end]
        start, end = start + len(own) - len(own.lstrip()), end - len(own) + len(own.rstrip())
        return JoinedClause(clause.id, text, (start, max(start, end)), self._path(clause))

    def _path(self, clause: Clause) -> list[str]:
        names: list[str] = []
        parent = clause.parent
        while parent:
            section, above = self._sections.get(parent), self._clauses.get(parent)
            names.append(f"{section.number} {section.title}".strip() if section else above.title if above else "")
            parent = section.parent if section else above.parent if above else None
        return [self._standard.short, *reversed(names)]

    def _section_of(self, clause: Clause) -> Section | None:
        parent = clause.parent
        while parent and parent not in self._sections:
            parent = self._clauses[parent].parent if parent in self._clauses else None
        return self._sections[parent] if parent else None

    def _place_in_table(self, clause: Clause, section: Section | None) -> bool:
        spot: TableSpot | None = None
        if section is None or not self._tables:
            return False
        if clause.level:
            spot = cell_of(clause, section, self._tables)
        elif _WORDED.search(tail := clause.id.removeprefix(f"{section.id}-")):
            node = self._nodes.get(section.id)
            inside = [part.block.table for part in subtree(node) if part.block.table] if node else []
            spot = row_of(clause, tail.rsplit("-", 1)[-1], inside or self._tables)
        if spot is not None:
            self._found[clause.id] = (spot.text, spot.start, spot.end)
        return spot is not None

    def _place_under_own_heading(self, clause: Clause) -> bool:
        node = self._nodes.get(clause.id)
        texts = [self._text(child) for child in self._units(node)] if node else []
        if not texts:
            return False
        text = "\n".join(texts)
        self._found[clause.id] = (text, 0, len(text))
        return True

    def _units(self, node: Node) -> list[Node]:
        """What stands directly under a heading and belongs to no other section."""
        taken = {id(other) for other in self._matched}
        return [child for child in node.children if id(child) not in taken]

    def _text(self, node: Node) -> str:
        return "\n".join(part.text for part in subtree(node, self._matched))

    def _place_in_section(self, clauses: list[Clause], section_id: str | None, *, introduction: bool) -> None:
        node = self._nodes.get(section_id) if section_id else None
        before = [child for child in self._root.children if child.scheme == "¶"] if introduction else []
        if node is None and not before:
            return
        units = [*before, *(self._units(node) if node else [])]
        clauses, units = self._place_labelled(clauses, units, section_id or "")
        texts = [text for text in self._texts(units, len(clauses)) if text.strip() and not _LEAD_IN.match(text)]
        extra = [unit.block.text for unit in node.extra] if node else []
        if not clauses or not (texts or extra):
            return
        if len(clauses) == 1:
            self._place_single(clauses[0], extra, texts)
            return
        self._place_aligned(clauses, [*extra, *texts])

    def _texts(self, units: list[Node], wanted: int) -> list[str]:
        """One text a unit; where units are too few, a paragraph under a numbered one may be its neighbour whose number is unreadable."""
        if len(units) >= wanted:
            return [self._text(unit) for unit in units]
        texts: list[str] = []
        for unit in units:
            loose = unit.scheme in _PARAGRAPH_SCHEMES and bool(unit.children)
            texts.extend([unit.text, *(self._text(child) for child in unit.children)] if loose else [self._text(unit)])
        return texts

    def _place_labelled(self, clauses: list[Clause], units: list[Node], section_id: str) -> tuple[list[Clause], list[Node]]:
        """Clauses whose label is printed (a, 15) or that are the lead (0); returns the rest of the clauses and of the units."""
        placed: dict[str, Node] = {}
        for clause in clauses:
            tail = clause.id.removeprefix(f"{section_id}-")
            if _LETTER.fullmatch(tail):
                wanted = self._first(units, placed, lambda node, tail=tail: node.marker is not None and node.marker.label == tail)
            elif tail == "0":
                wanted = self._first(units, placed, lambda node: node.scheme == "¶")
            else:
                wanted = None
            if wanted is not None:
                placed[clause.id] = wanted
        rest = [clause for clause in clauses if clause.id not in placed]
        placed |= self._numbered(rest, units)
        for clause_id, node in placed.items():
            text = self._text(node)
            start = node.marker.end if node.marker and node.marker.end < len(text) else 0
            self._found[clause_id] = (text, start, len(text))
        used = {id(node) for node in placed.values()}
        return [c for c in clauses if c.id not in placed], [unit for unit in units if id(unit) not in used]

    def _first(self, units: Iterable[Node], placed: dict[str, Node], fits: Callable[[Node], bool]) -> Node | None:
        used = {id(node) for node in placed.values()}
        return next((node for node in units if id(node) not in used and fits(node)), None)

    def _numbered(self, clauses: list[Clause], units: list[Node]) -> dict[str, Node]:
        """Clauses called by the number that is printed; all of a section or none, for numbers can also be mere order."""
        numbers: defaultdict[int, list[Node]] = defaultdict(list)
        for unit in units:
            if unit.marker and len(unit.marker.ordinals) == 1 and unit.marker.scheme != "dash":
                numbers[unit.marker.ordinals[0]].append(unit)
        tails = {clause.id: clause.id.rsplit("-", 1)[-1] for clause in clauses}
        if not all(tail.isdigit() and len(numbers.get(int(tail), [])) == 1 for tail in tails.values()):
            return {}
        return {clause_id: numbers[int(tail)][0] for clause_id, tail in tails.items()}

    def _place_single(self, clause: Clause, extra: list[str], texts: list[str]) -> None:
        """The only clause of a section: its words are the paragraph that resembles it, or all of them together."""
        everything = "\n".join([*extra, *texts])
        evidence = profile(clause)
        candidates = [*texts, everything] if texts else [everything]
        best = _most_alike(evidence, candidates) if len(texts) > 1 else len(candidates) - 1
        text = everything if len(everything) <= WHOLE_SECTION else candidates[best]
        start = 0 if candidates[best] == everything else text.find(candidates[best])
        self._found[clause.id] = (text, max(0, start), max(0, start) + len(candidates[best]))

    def _place_aligned(self, clauses: list[Clause], texts: list[str]) -> None:
        spots: Sequence[Spot] = align([profile(clause) for clause in clauses], texts)
        for clause, spot in zip(clauses, spots, strict=True):
            if spot.score >= LEAST_SCORE:
                self._found[clause.id] = (texts[spot.unit], spot.start, spot.end)


def _most_alike(evidence: Profile, candidates: Sequence[str]) -> int:
    row = Scores(candidates).row(evidence)
    return max(range(len(row)), key=row.__getitem__)
