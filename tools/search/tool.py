"""`search_standards` and `get_clause`: retrieval and reading as tools like any other."""

import asyncio
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from domain.answer import Citation
from domain.clause import Clause, FactoryLevel, Modality, Passage
from domain.errors import NotFound, ProblemDetail, UserInputError, known_names
from domain.principal import Principal, read_filter
from knowledge.catalogue import Catalogue
from knowledge.cite import cite
from knowledge.index import Selection
from knowledge.library import Library
from knowledge.recent import Recent
from knowledge.retrieve import Hit, Retriever

from ..contract import Tool, ToolContext, ToolResult

REMEMBERED = 512
"""Searches whose results are kept; their passages are shared, so one takes some 10 KB."""


class SearchInput(BaseModel):
    """What to look for, and where."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(min_length=1, max_length=2000, description="要查的问题或关键词，可以是口语")
    earlier: list[str] = Field(default_factory=list[str], max_length=10, description="用户此前的提问，用来补全指代")
    k: int = Field(default=8, ge=1, le=50, description="返回条数")
    standards: list[str] = Field(default_factory=list[str], max_length=20, description="只查这些标准（编号的第一段）；空为全部")
    levels: list[FactoryLevel] = Field(default_factory=list[FactoryLevel], description="江苏对照表的等级")
    modalities: list[Modality] = Field(default_factory=list[Modality], description="应/宜/指标/示例/信息")
    collections: list[str] = Field(default_factory=list[str], description="只查这些文档集")


class FoundClause(BaseModel):
    """One hit with the text to quote and why it was found."""

    clause_id: str
    standard: str
    path: list[str]
    text: str
    source: str
    score: float
    parts: dict[str, float]
    via: str
    passage_id: str


class SearchOutput(BaseModel):
    """Hits, best first."""

    hits: list[FoundClause]


class ClauseInput(BaseModel):
    """Which clause to read."""

    model_config = ConfigDict(extra="forbid")

    clause_id: str = Field(description="条款编号，如 TISC-7.3.1-b")


class Neighbour(BaseModel):
    """A clause beside, above or below."""

    clause_id: str
    title: str


class ClauseOutput(BaseModel):
    """A clause with its text, our reading of it, and its neighbours."""

    clause_id: str
    standard: str
    status: str
    version: str
    path: list[str]
    title: str
    text: str
    own_text: str
    source: str
    modality: str
    note: str
    parent: Neighbour | None
    neighbours: list[Neighbour]
    see: list[Neighbour]


def search_tool(retriever: Retriever, catalogue: Catalogue) -> Tool[SearchInput, SearchOutput]:
    """The retrieval tool; results are filtered by the principal inside the index."""
    recent: Recent[ToolResult[SearchOutput]] = Recent(REMEMBERED)

    async def run(given: SearchInput, context: ToolContext) -> ToolResult[SearchOutput]:
        _check_standards(given.standards, list(catalogue.standards))
        selection = Selection(
            standards=tuple(given.standards),
            levels=tuple(given.levels),
            modalities=tuple(given.modalities),
            collections=tuple(given.collections),
        )
        asked = (given.query, context.principal, given.k, selection, tuple(given.earlier))
        # what a principal may read changes when a grant ends, the principal does not
        key, generation = (read_filter(context.principal), *asked), retriever.generation
        known = recent.known(key, generation)
        return known or await asyncio.to_thread(recent.recall, key, generation, lambda: search(*asked))

    def search(query: str, principal: Principal, k: int, selection: Selection, earlier: Sequence[str]) -> ToolResult[SearchOutput]:
        hits = retriever.search(query, principal, k, selection, earlier)
        citations = [c for hit in hits if (c := cite(hit.passage, hit.passage.own_text))]
        summary = f"找到 {len(hits)} 条" if hits else "没有找到相关条款"
        return ToolResult(summary=summary, data=SearchOutput(hits=[found_clause(hit) for hit in hits]), citations=citations)

    return Tool(
        name="search_standards",
        summary="在五项标准和用户有权阅读的文档中检索条款，返回原文与编号",
        input=SearchInput,
        output=SearchOutput,
        run=run,
        examples=("标准里怎么规定的", "有没有要求", "应该包含哪些内容", "查一下相关条款"),
    )


def _check_standards(given: Sequence[str], known: list[str]) -> None:
    details = [
        ProblemDetail(where=f"standards.{n}", what=f"没有标准 {key!r}", cure=known_names(key, known))
        for n, key in enumerate(given)
        if key not in known
    ]
    if details:
        raise UserInputError("要查的标准不在目录中", where="standards", detail=details)


def found_clause(hit: Hit) -> FoundClause:
    passage = hit.passage
    return FoundClause(
        clause_id=hit.clause_id,
        standard=passage.title,
        path=passage.path,
        text=passage.own_text,
        source=passage.source,
        score=round(hit.score, 4),
        parts={name: round(score, 4) for name, score in hit.parts.items()},
        via=hit.via,
        passage_id=passage.id,
    )


def clause_tool(catalogue: Catalogue, library: Library, retriever: Retriever) -> Tool[ClauseInput, ClauseOutput]:
    """Read one clause by its id."""

    async def run(given: ClauseInput, context: ToolContext) -> ToolResult[ClauseOutput]:
        if given.clause_id in catalogue.sections:
            return await asyncio.to_thread(read_section, given.clause_id, context.principal, catalogue, library, retriever)
        passage = await asyncio.to_thread(read_passage, given.clause_id, context.principal, catalogue, library, retriever)
        clause = catalogue.clauses.get(passage.clause_id)
        citation = cite(passage, passage.own_text)
        citations: list[Citation] = [citation] if citation else []
        data = ClauseOutput(
            clause_id=passage.clause_id,
            standard=passage.title,
            status=passage.status,
            version=passage.version,
            path=passage.path,
            title=clause.title if clause else (passage.path[-1] if passage.path else passage.clause_id),
            text=passage.text,
            own_text=passage.own_text,
            source=passage.source,
            modality=clause.modality if clause else "",
            note=clause.note if clause else "",
            parent=_neighbour(catalogue, clause.parent) if clause and clause.parent else None,
            neighbours=[_neighbour(catalogue, i) for i in _around(catalogue, clause)] if clause else [],
            see=[_neighbour(catalogue, i) for i in clause.see] if clause else [],
        )
        return ToolResult(summary=passage.own_text, data=data, citations=citations)

    return Tool(
        name="get_clause",
        summary="按编号读取一条条款的原文、上下文与相邻条款",
        input=ClauseInput,
        output=ClauseOutput,
        run=run,
        examples=("打开 TISC-7.3.1-b", "把这一条原文给我看看", "MIIT-15 写的什么"),
    )


def read_passage(clause_id: str, principal: Principal, catalogue: Catalogue, library: Library, retriever: Retriever) -> Passage:
    """The official text of a clause if ingested, else our wording; a user's document's passage by its id.

    Raises:
        NotFound: no such clause, or not one that the principal may read.
    """
    stored = library.by_clause([clause_id], principal).get(clause_id)
    passage = stored or retriever.catalogue_passage(clause_id)
    if passage is None:
        cure = known_names(clause_id, list(catalogue.clauses))
        raise NotFound(f"没有编号为 {clause_id!r} 的条款", where="clause_id", cure=cure)
    return passage


def read_section(
    section_id: str, principal: Principal, catalogue: Catalogue, library: Library, retriever: Retriever
) -> ToolResult[ClauseOutput]:
    """A whole section (章节): every clause below it, official text where ingested, one a line."""
    section, standard = catalogue.sections[section_id], catalogue.standard_of(section_id)
    below = catalogue.descendants(section_id)
    stored = library.by_clause(below, principal)
    passages = [p for i in below if (p := stored.get(i) or retriever.catalogue_passage(i))]
    text = "\n".join(passage.own_text.strip() for passage in passages)
    data = ClauseOutput(
        clause_id=section_id,
        standard=standard.short,
        status=standard.status,
        version=standard.version,
        path=catalogue.path(section_id),
        title=section.title,
        text=text,
        own_text=text,
        source=passages[0].source if passages else "catalogue",
        modality="",
        note="",
        parent=_neighbour(catalogue, section.parent) if section.parent else None,
        neighbours=[_neighbour(catalogue, i) for i in below],
        see=[],
    )
    citations = [c for passage in passages if (c := cite(passage, passage.own_text))]
    return ToolResult(summary=f"{section.number} {section.title}：共 {len(passages)} 条", data=data, citations=citations)


def _neighbour(catalogue: Catalogue, any_id: str) -> Neighbour:
    return Neighbour(clause_id=any_id, title=catalogue.title_of(any_id))


def _around(catalogue: Catalogue, clause: Clause, width: int = 2) -> Sequence[str]:
    family = catalogue.children(clause.parent) if clause.parent else []
    if clause.id not in family:
        return []
    at = family.index(clause.id)
    return [i for i in family[max(0, at - width) : at + width + 1] if i != clause.id]
