"""`search_standards` and `get_clause`, as every door calls them, and the contract all tools share."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel

from domain.answer import is_verbatim
from domain.errors import ConfigurationError, NotAllowed, NotFound, UserInputError
from domain.principal import Principal, own_label
from knowledge.catalogue import Catalogue, load_catalogue
from knowledge.catalogue_index import index_catalogue
from knowledge.index.edge import EdgeIndex
from knowledge.ingest import Ingestor, SourceFile
from knowledge.library import Library
from knowledge.question import QuestionReader, load_vocabulary
from knowledge.retrieve import Retriever, load_ranking
from knowledge.thesaurus import load_thesaurus
from records.database import Database
from tools.contract import Tool, ToolContext, ToolResult
from tools.registry import ToolRegistry
from tools.search.tool import SearchOutput, clause_tool, search_tool

STAFF = frozenset({"staff"})
ANN = Principal.model_validate({"id": "ann", "tenant": "works", "roles": STAFF})
BOB = Principal.model_validate({"id": "bob", "tenant": "works", "roles": STAFF})
GUEST = Principal(id="guest", tenant="works")
SECRET = "# 窑炉制度\n\n第一条 窑炉每月检修，由班组长签字。\n"


def context(principal: Principal) -> ToolContext:
    return ToolContext(principal=principal, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Iterator[ToolRegistry]:
    """The two tools over the catalogue, an official clause, and a private document of Ann's."""
    database = Database("sqlite://")
    database.upgrade()
    library, index = Library(database), EdgeIndex(tmp_path_factory.mktemp("search") / "vectors")
    index_catalogue(catalogue, index)
    reader = QuestionReader(catalogue, load_vocabulary())
    retriever = Retriever(catalogue, index, library, reader, load_thesaurus(), load_ranking())
    Ingestor(catalogue, library, index).ingest(SourceFile("窑炉制度.md", SECRET.encode()), ANN, own_label(ANN), "my")
    yield ToolRegistry([search_tool(retriever, catalogue), clause_tool(catalogue, library, retriever)])
    index.close()
    database.close()


async def search(tools: ToolRegistry, principal: Principal = BOB, **arguments: Any) -> ToolResult[SearchOutput]:
    return await tools.run("search_standards", {"query": "采购成本下降率怎么算"} | arguments, context(principal))


async def read(tools: ToolRegistry, clause_id: str, principal: Principal = BOB) -> ToolResult[Any]:
    return await tools.run("get_clause", {"clause_id": clause_id}, context(principal))


class TestSearch:
    async def test_hits_say_where_they_stand_and_why_they_were_found(self, tools: ToolRegistry, catalogue: Catalogue) -> None:
        result = await search(tools)
        first = result.data.hits[0]
        assert first.clause_id == "TISC-A2-a.1-1"
        assert first.standard == catalogue.standards["TISC"].short
        assert first.path[0] == first.standard
        assert first.source == "catalogue"
        assert first.score == pytest.approx(sum(first.parts.values()), abs=1e-3)
        assert str(len(result.data.hits)) in result.summary

    async def test_every_citation_is_a_verbatim_quote_of_its_hit(self, tools: ToolRegistry) -> None:
        result = await search(tools, k=20)
        texts = {hit.clause_id: hit.text for hit in result.data.hits}
        assert len(result.citations) == len(texts)
        assert all(citation.verified and is_verbatim(citation.quote, texts[citation.clause_id]) for citation in result.citations)

    async def test_the_result_is_plain_json(self, tools: ToolRegistry) -> None:
        result = await search(tools)
        assert SearchOutput.model_validate(result.model_dump(mode="json")["data"]) == result.data

    async def test_selections_hold(self, tools: ToolRegistry) -> None:
        result = await search(tools, standards=["SDIB", "MIIT"], k=30)
        assert {hit.clause_id.split("-")[0] for hit in result.data.hits} == {"SDIB", "MIIT"}
        assert (await search(tools, collections=["none"])).data.hits == []

    async def test_levels_and_modalities_hold(self, tools: ToolRegistry, catalogue: Catalogue) -> None:
        result = await search(tools, query="在线检测", levels=["先进"], k=30)
        assert {catalogue.clauses[hit.clause_id].level for hit in result.data.hits} == {"先进"}
        result = await search(tools, modalities=["指标"], k=30)
        assert {catalogue.clauses[hit.clause_id].modality for hit in result.data.hits} == {"指标"}

    async def test_earlier_turns_complete_a_question(self, tools: ToolRegistry) -> None:
        result = await search(tools, query="那卓越级呢？", earlier=["江苏先进级的在线智能检测要做到什么程度"])
        assert result.data.hits[0].clause_id.endswith("-卓越")

    async def test_nothing_found_says_so(self, tools: ToolRegistry) -> None:
        result = await search(tools, query="xyzzy")
        assert (result.summary, result.data.hits, result.citations) == ("没有找到相关条款", [], [])

    async def test_a_private_document_is_its_owners_alone(self, tools: ToolRegistry) -> None:
        own = await search(tools, ANN, query="窑炉多久检修", collections=["my"])
        assert "窑炉每月检修" in own.data.hits[0].text
        assert (await search(tools, BOB, query="窑炉多久检修", collections=["my"])).data.hits == []
        assert "窑炉" not in (await search(tools, BOB, query="窑炉多久检修", k=50)).model_dump_json()

    @pytest.mark.parametrize(
        "arguments",
        [
            {"query": ""},
            {"query": "甲" * 2001},
            {"k": 0},
            {"k": 51},
            {"standards": ["ISO"]},
            {"levels": ["特级"]},
            {"limit": 5},
            {"k": "many"},
        ],
    )
    async def test_bad_arguments_are_named(self, tools: ToolRegistry, arguments: dict[str, Any]) -> None:
        with pytest.raises(UserInputError) as caught:
            await search(tools, **arguments)
        assert next(iter(arguments)) in caught.value.detail[0].where


class TestReading:
    async def test_a_clause_is_read_with_its_surroundings(self, tools: ToolRegistry, catalogue: Catalogue) -> None:
        result = await read(tools, "TISC-7.3.1-b")
        clause = catalogue.clauses["TISC-7.3.1-b"]
        assert (result.data.title, result.data.text, result.data.modality) == (clause.title, clause.text, clause.modality)
        assert result.data.source == "catalogue"
        assert result.data.status == "征求意见稿"
        assert result.data.parent.clause_id == "TISC-7.3.1"
        assert "TISC-7.3.1-a" in [neighbour.clause_id for neighbour in result.data.neighbours]
        assert [twin.clause_id for twin in result.data.see] == clause.see
        assert result.citations[0].verified

    async def test_every_clause_can_be_read(self, tools: ToolRegistry, catalogue: Catalogue) -> None:
        for clause_id in list(catalogue.clauses)[::7]:
            assert (await read(tools, clause_id)).data.clause_id == clause_id

    async def test_an_unknown_clause_is_answered_with_the_nearest(self, tools: ToolRegistry) -> None:
        with pytest.raises(NotFound) as caught:
            await read(tools, "TISC-7.3.1b")
        assert "TISC-7.3.1-b" in caught.value.detail[0].cure

    async def test_what_one_may_not_read_does_not_exist(self, tools: ToolRegistry) -> None:
        own = (await search(tools, ANN, query="窑炉多久检修", collections=["my"])).data.hits[0].clause_id
        assert "窑炉" in (await read(tools, own, ANN)).data.text
        with pytest.raises(NotFound) as hidden:
            await read(tools, own, BOB)
        with pytest.raises(NotFound) as absent:
            await read(tools, own.replace("第一条", "第二条"), BOB)
        assert hidden.value.detail[0].cure == absent.value.detail[0].cure
        assert "窑炉每月检修" not in str(hidden.value.problem())


class _Given(BaseModel):
    number: int


class _Doubled(BaseModel):
    number: int


async def _double(given: _Given, context: ToolContext) -> ToolResult[_Doubled]:
    return ToolResult(summary=f"{given.number * 2}", data=_Doubled(number=given.number * 2))


def double(name: str = "double", **changed: Any) -> Tool[_Given, _Doubled]:
    return Tool(name=name, summary="翻倍", input=_Given, output=_Doubled, run=_double, examples=("翻倍",), **changed)


class TestRegistry:
    def test_a_name_belongs_to_one_tool(self) -> None:
        with pytest.raises(ConfigurationError, match="double"):
            ToolRegistry([double(), double()])

    async def test_an_unknown_tool_is_answered_with_the_known_ones(self) -> None:
        with pytest.raises(NotFound) as caught:
            await ToolRegistry([double()]).run("dubble", {}, context(ANN))
        assert "double" in caught.value.detail[0].cure

    async def test_no_role_no_tool(self) -> None:
        registry = ToolRegistry([double(), double("audit", roles=frozenset({"audit_admin"}))])
        assert [tool.name for tool in registry.allowed(ANN)] == ["double"]
        assert registry.allowed(GUEST) == []
        for name, principal in (("audit", ANN), ("double", GUEST)):
            with pytest.raises(NotAllowed):
                await registry.run(name, {"number": 1}, context(principal))

    async def test_rights_are_checked_before_arguments(self) -> None:
        with pytest.raises(NotAllowed):
            await ToolRegistry([double()]).run("double", {"wrong": True}, context(GUEST))

    async def test_arguments_are_checked_field_by_field(self) -> None:
        with pytest.raises(UserInputError) as caught:
            await ToolRegistry([double()]).run("double", {"number": "many"}, context(ANN))
        assert [detail.where for detail in caught.value.detail] == ["number"]

    async def test_what_is_right_is_run(self) -> None:
        assert (await ToolRegistry([double()]).run("double", {"number": 4}, context(ANN))).data.number == 8

    def test_the_schema_is_what_endpoints_expect(self, tools: ToolRegistry) -> None:
        for tool in tools:
            schema = tool.schema
            assert schema["type"] == "function"
            assert schema["function"]["name"] == tool.name
            assert schema["function"]["parameters"]["type"] == "object"
            assert schema["function"]["parameters"]["additionalProperties"] is False

    def test_every_tool_declares_utterances_and_a_chinese_summary(self, tools: ToolRegistry) -> None:
        for tool in tools:
            assert len(tool.examples) >= 3
            assert any("一" <= char <= "鿿" for char in tool.summary)
            assert tool.effect == "read"
