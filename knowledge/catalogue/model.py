"""The catalogue's types and look-ups. Plain data; loading and checking is `load.py`."""

from collections import defaultdict
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field

from domain.clause import FACTORY_LEVELS, Clause, FactoryLevel, Section, Status
from domain.errors import NotFound, known_names


class Standard(BaseModel):
    """One standard: how it is called, what state it is in, and its parts (标准)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    """Prefix of the clause ids: TISC, SDIB, JSSF, MIIT, GXDSL."""
    code: str
    title: str
    short: str
    """The name an answer uses for it."""
    issuer: str
    status: Status
    version: str
    aliases: list[str] = Field(min_length=1)
    """What people call it; the question analyser looks for these."""
    marks: list[str] = Field(min_length=1)
    """Phrases that all stand at the head of the official text and tell it from every other document."""
    clause_count: int
    sections: list[Section]
    clauses: list[Clause]


class Catalogue:
    """All standards, with every look-up that retrieval and the tools need."""

    def __init__(self, standards: list[Standard]) -> None:
        self.standards = {standard.key: standard for standard in standards}
        self.clauses = {clause.id: clause for standard in standards for clause in standard.clauses}
        self.sections = {section.id: section for standard in standards for section in standard.sections}

    def standard_of(self, clause_id: str) -> Standard:
        key = clause_id.split("-", 1)[0]
        if key not in self.standards:
            raise NotFound(f"没有编号以 {key!r} 开头的标准", where=clause_id, cure=known_names(key, list(self.standards)))
        return self.standards[key]

    def knows(self, clause_id: str) -> bool:
        return clause_id in self.clauses or clause_id in self.sections

    def clause(self, clause_id: str) -> Clause:
        """The clause with this id; raises NotFound with the nearest ids."""
        try:
            return self.clauses[clause_id]
        except KeyError:
            cure = known_names(clause_id, list(self.clauses))
            raise NotFound(f"没有编号为 {clause_id!r} 的条款", where=clause_id, cure=cure) from None

    def title_of(self, any_id: str) -> str:
        return self.clauses[any_id].title if any_id in self.clauses else self.sections[any_id].title

    def parent_of(self, any_id: str) -> str | None:
        item = self.clauses.get(any_id) or self.sections.get(any_id)
        return item.parent if item else None

    def path(self, any_id: str) -> list[str]:
        """Headings from the standard's short name down to the parent of `any_id`."""
        names: list[str] = []
        parent = self.parent_of(any_id)
        while parent:
            names.append(self.heading(parent))
            parent = self.parent_of(parent)
        return [self.standard_of(any_id).short, *reversed(names)]

    def heading(self, any_id: str) -> str:
        section = self.sections.get(any_id)
        return f"{section.number} {section.title}".strip() if section else self.clauses[any_id].title

    def children(self, any_id: str) -> list[str]:
        return self._children.get(any_id, [])

    def descendants(self, any_id: str) -> list[str]:
        """Clause ids below `any_id`, in document order, itself included when it is a clause."""
        own = [any_id] if any_id in self.clauses else []
        return own + [leaf for child in self.children(any_id) for leaf in self.descendants(child)]

    def siblings(self, clause_id: str) -> list[str]:
        parent = self.parent_of(clause_id)
        return [c for c in self.children(parent) if c != clause_id] if parent else []

    def cell(self, scene: str, level: FactoryLevel) -> Clause:
        """One cell of the Jiangsu table: `scene` is `JSSF-09`."""
        return self.clause(f"{scene}-{level}")

    def first_available(self, scene: str, level: FactoryLevel) -> Clause | None:
        """The cell of `level`, or of the first level above it that asks for something ("/" means not asked here)."""
        for candidate in FACTORY_LEVELS[FACTORY_LEVELS.index(level) :]:
            cell = self.cell(scene, candidate)
            if cell.available:
                return cell
        return None

    @cached_property
    def ladders(self) -> list[list[str]]:
        """Clauses that set rising lower bounds on one metric (数字化水平得分 ≥50, ≥60, …), lowest first."""
        rungs: defaultdict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)
        for clause in self.clauses.values():
            if len(clause.facts) == 1 and (fact := clause.facts[0]).op == ">=" and isinstance(fact.value, float) and clause.parent:
                rungs[clause.parent, fact.metric].append((fact.value, clause.id))
        return [[clause_id for _, clause_id in sorted(found)] for found in rungs.values() if len(found) > 2]

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        table: defaultdict[str, list[str]] = defaultdict(list)
        for item in [*self.sections.values(), *self.clauses.values()]:
            if item.parent:
                table[item.parent].append(item.id)
        return dict(table)
