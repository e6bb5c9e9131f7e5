"""Finding clauses: by address, by words, within what was asked for, with an account of every score."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from domain.clause import FACTORY_LEVELS
from domain.principal import PUBLIC, own_label
from knowledge.catalogue import Catalogue
from knowledge.catalogue_index import CATALOGUE_PREFIX, catalogue_points, fingerprint, index_catalogue
from knowledge.index import Selection
from knowledge.index.edge import EdgeIndex
from knowledge.question import QuestionReader
from knowledge.retrieve import Hit, Retriever, load_ranking
from knowledge.thesaurus import load_thesaurus
from tests.knowledge.conftest import ANN, BOB, EVE, Shelf

QUESTIONS = [
    "先进级的在线检测要做到什么程度",
    "采购成本下降率怎么算",
    "江苏和山东对数据有什么不同要求",
    "T/ISC 7.3.1 b)",
    "设备联网率怎么算？库存周转天数怎么算？",
    "数字化水平得分 60 分算哪一级，团标怎么分",
    "工信部指南第十五条",
]


def search(shelf: Shelf, text: str, k: int = 10, earlier: Sequence[str] = (), **selected: tuple[str, ...]) -> list[Hit]:
    return shelf.retriever.search(text, BOB, k, Selection(**selected), earlier)


class TestFinding:
    def test_a_clause_is_found_by_the_questions_people_put(self, standards: Shelf, catalogue: Catalogue) -> None:
        asked = [(c.id, c.questions[0]) for c in list(catalogue.clauses.values())[::20] if c.available]
        found = [clause_id in standards.found(question, k=5) for clause_id, question in asked]
        assert sum(found) >= 0.9 * len(asked)

    @pytest.mark.parametrize(
        ("text", "first"),
        [
            ("工信部指南第十五条", "MIIT-15"),
            ("T/ISC 7.3.1 b)", "TISC-7.3.1-b"),
            ("广西7.2-6", "GXDSL-7.2-6"),
            ("JSSF-09-先进", "JSSF-09-先进"),
            ("采购成本下降率怎么算", "TISC-A2-a.1-1"),
        ],
    )
    def test_what_is_addressed_or_named_comes_first(self, standards: Shelf, text: str, first: str) -> None:
        assert standards.found(text)[0] == first

    def test_an_address_is_marked_as_such(self, standards: Shelf) -> None:
        assert search(standards, "工信部指南第十五条")[0].via == "address"
        assert search(standards, "采购成本下降率怎么算")[0].via == "match"

    @pytest.mark.parametrize("text", QUESTIONS)
    def test_each_clause_comes_once(self, standards: Shelf, text: str) -> None:
        ids = standards.found(text, k=50)
        assert len(ids) == len(set(ids))

    @pytest.mark.parametrize("k", [1, 3, 10, 40])
    def test_at_most_k(self, standards: Shelf, k: int) -> None:
        assert len(standards.found("数据怎么管理", k=k)) == k

    def test_the_same_question_finds_the_same(self, standards: Shelf, catalogue: Catalogue, reader: QuestionReader) -> None:
        again = Retriever(catalogue, standards.index, standards.library, reader, load_thesaurus(), load_ranking())
        for text in QUESTIONS:
            assert again.search(text, BOB) == standards.retriever.search(text, BOB)

    @pytest.mark.parametrize("text", ["，。！", "xyzzy", "🙂"])
    def test_words_that_nobody_wrote_find_nothing(self, standards: Shelf, text: str) -> None:
        assert standards.found(text) == []

    def test_our_own_wording_says_that_it_is_ours(self, standards: Shelf) -> None:
        for hit in search(standards, "数据怎么管理"):
            assert hit.passage.source == "catalogue"
            assert hit.passage.id == f"{CATALOGUE_PREFIX}{hit.clause_id}"

    def test_cells_that_ask_nothing_are_never_found(self, standards: Shelf, catalogue: Catalogue) -> None:
        silent = [c for c in catalogue.clauses.values() if not c.available]
        assert silent
        for cell in silent[:10]:
            assert cell.id not in standards.found(f"江苏{catalogue.title_of(cell.parent or '')}{cell.level}级要求", k=50)


class TestNamedStandards:
    @pytest.mark.parametrize(
        ("name", "key"), [("山东", "SDIB"), ("江苏", "JSSF"), ("工信部", "MIIT"), ("广西", "GXDSL"), ("T/ISC", "TISC")]
    )
    def test_the_named_standard_leads(self, standards: Shelf, name: str, key: str) -> None:
        assert search(standards, f"{name}对数据有什么要求")[0].clause_id.startswith(f"{key}-")

    def test_what_is_not_meant_does_not_lead(self, standards: Shelf) -> None:
        assert not standards.found("不是江苏的，数据采集和在线检测有什么要求")[0].startswith("JSSF-")

    def test_of_several_standards_each_is_heard(self, standards: Shelf) -> None:
        keys = {clause_id.split("-")[0] for clause_id in standards.found("江苏和山东对数据有什么不同要求", k=6)}
        assert {"JSSF", "SDIB"} <= keys

    def test_of_several_matters_each_is_heard(self, standards: Shelf) -> None:
        found = standards.found("①采购成本下降率怎么算②客户留存率怎么算", k=4)
        assert {"TISC-A2-a.1-1", "TISC-A2-c.3-3"} <= set(found)


class TestLevels:
    @pytest.mark.parametrize("level", FACTORY_LEVELS[1:])
    def test_the_wanted_level_leads(self, standards: Shelf, catalogue: Catalogue, level: str) -> None:
        first = search(standards, f"江苏{level}级的在线智能检测要做到什么程度")[0].clause_id
        clause = catalogue.clauses[first]
        assert clause.level == level or catalogue.first_available(clause.parent or "", level) == clause  # pyright: ignore

    def test_a_follow_up_moves_along_the_ladder(self, standards: Shelf) -> None:
        first = search(standards, "江苏先进级的在线智能检测要做到什么程度")[0].clause_id
        then = search(standards, "那卓越级呢？", earlier=["江苏先进级的在线智能检测要做到什么程度"])[0].clause_id
        assert first.endswith("-先进")
        assert then == first.replace("-先进", "-卓越")


class TestSelections:
    @pytest.mark.parametrize("text", QUESTIONS)
    @pytest.mark.parametrize(
        "selected", [{"standards": ("SDIB",)}, {"standards": ("TISC", "MIIT")}, {"levels": ("先进", "卓越")}, {"modalities": ("指标",)}]
    )
    def test_every_hit_is_of_what_was_selected(
        self, standards: Shelf, catalogue: Catalogue, text: str, selected: dict[str, tuple[str, ...]]
    ) -> None:
        for hit in search(standards, text, k=30, **selected):
            clause = catalogue.clauses[hit.clause_id]
            assert catalogue.standard_of(clause.id).key in selected.get("standards", (catalogue.standard_of(clause.id).key,))
            assert clause.level in selected.get("levels", (clause.level,))
            assert clause.modality in selected.get("modalities", (clause.modality,))

    def test_a_selection_finds_something(self, standards: Shelf) -> None:
        assert search(standards, "数据怎么管理", standards=("SDIB",))
        assert search(standards, "在线检测", levels=("先进",))
        assert search(standards, "下降率", modalities=("指标",))

    def test_a_collection_holds_only_its_own_documents(self, shelf: Shelf) -> None:
        text = "# 窑炉制度\n\n第一条 窑炉每月检修。\n"
        shelf.put("窑炉制度.md", text, collection="laws")
        shelf.put("窑炉制度.md", text.replace("每月", "每周"), collection="my")
        for collection, word in (("laws", "每月"), ("my", "每周")):
            hits = search(shelf, "窑炉检修", collections=(collection,))
            assert hits
            assert all(word in hit.passage.text for hit in hits if "检修" in hit.passage.text)
            assert all(word in hit.passage.text for hit in search(shelf, "窑炉制度第一条", collections=(collection,)))
        assert search(shelf, "窑炉检修", collections=("none",)) == []

    def test_our_own_wording_belongs_to_no_collection(self, standards: Shelf) -> None:
        assert search(standards, "工信部指南第十五条", collections=("laws",)) == []


class TestExplanations:
    @pytest.mark.parametrize("text", QUESTIONS)
    def test_a_score_is_the_sum_of_its_parts(self, standards: Shelf, text: str) -> None:
        for hit in search(standards, text, k=40):
            of_whole = {name: part for name, part in hit.parts.items() if not name.removeprefix("part").isdigit()}
            assert hit.score == pytest.approx(sum(of_whole.values())), hit.clause_id

    def test_the_parts_are_named(self, standards: Shelf) -> None:
        known = {"body", "ask", "dense", "part", "scene", "ladder", "address", "relation", "part1", "part2", "part3"}
        for text in QUESTIONS:
            assert {name for hit in search(standards, text, k=40) for name in hit.parts} <= known

    def test_without_an_address_or_a_relation_better_scores_come_first(self, standards: Shelf) -> None:
        scores = [hit.score for hit in search(standards, "设备怎么维护", k=5) if hit.via == "match"]
        assert scores == sorted(scores, reverse=True)


class TestRelations:
    @pytest.mark.parametrize("text", ["受限数据的访问要满足什么条件", "领军企业可以用哪几种方式输出解决方案", "系统散热对风扇的建议是什么"])
    def test_what_stands_beside_the_best_clause_is_reached_over_it(self, standards: Shelf, catalogue: Catalogue, text: str) -> None:
        hits = search(standards, text, k=40)
        best = hits[0].clause_id
        reached = [hit for hit in hits if hit.via.startswith("relation:")]
        assert reached
        assert {hit.via for hit in reached} == {f"relation:{best}"}
        assert {hit.clause_id for hit in reached} <= {*catalogue.children(best), *catalogue.clauses[best].see, *catalogue.siblings(best)}

    def test_every_sibling_of_the_best_clause_comes(self, standards: Shelf, catalogue: Catalogue) -> None:
        found = standards.found("系统散热对风扇的建议是什么", k=50)
        assert set(catalogue.siblings(found[0])) <= set(found)

    @pytest.mark.parametrize("text", QUESTIONS)
    def test_relations_without_a_wanted_level_never_take_the_first_places(self, standards: Shelf, text: str) -> None:
        head = search(standards, text, k=load_ranking().lead)
        assert [hit.via for hit in head if hit.via.startswith("relation:")] == []


class TestDocuments:
    def test_a_users_document_is_found_beside_the_standards(self, shelf: Shelf) -> None:
        shelf.put("窑炉制度.md", "# 窑炉制度\n\n第一条 窑炉每月检修，由班组长签字。\n", label=own_label(ANN))
        [hit] = [hit for hit in search_as(shelf, "窑炉多久检修", ANN) if hit.passage.source == "document"]
        assert hit.passage.title == "窑炉制度"
        assert search_as(shelf, "窑炉多久检修", BOB) == []
        assert search_as(shelf, "窑炉多久检修", EVE) == []

    def test_the_newest_edition_answers_an_address(self, shelf: Shelf) -> None:
        for year, often in ((2023, "每周"), (2018, "每月")):
            shelf.put(f"窑炉法({year}-01-01).md", f"# 窑炉法\n\n第一条 总则。\n\n第二条 窑炉{often}检修。\n", label=PUBLIC)
        hit = search_as(shelf, "《窑炉法》第2条", BOB)[0]
        assert hit.via == "address"
        assert "每周" in hit.passage.text


def search_as(shelf: Shelf, text: str, principal) -> list[Hit]:
    return shelf.retriever.search(text, principal)


class TestAttachedModels:
    class Embedder:
        """Texts that speak of the same of three matters lie in the same direction."""

        name, size = "three-matters", 3

        def __init__(self) -> None:
            self.queries = 0

        def embed(self, texts: Sequence[str], *, query: bool = False) -> list[list[float]]:
            self.queries += query
            return [[float(text.count(word)) + 0.01 for word in ("采购", "培训", "窑炉")] for text in texts]

    class Reranker:
        name = "shortest"

        def score(self, question: str, passages: Sequence[str]) -> list[float]:
            return [1 / len(passage) for passage in passages]

    def test_dense_vectors_add_their_part(self, tmp_path: Path, shelf: Shelf, catalogue: Catalogue, reader: QuestionReader) -> None:
        embedder, small = self.Embedder(), Catalogue([catalogue.standards["MIIT"]])
        index = EdgeIndex(tmp_path / "dense", embedder.size)
        index_catalogue(small, index, embedder)
        retriever = Retriever(catalogue, index, shelf.library, reader, load_thesaurus(), load_ranking(), embedder)
        hits = retriever.search("培训怎么办", BOB)
        assert embedder.queries == 1
        assert any("dense" in hit.parts for hit in hits)
        index.close()

    def test_a_reranker_orders_what_was_found(self, standards: Shelf, catalogue: Catalogue, reader: QuestionReader) -> None:
        parts = (catalogue, standards.index, standards.library, reader, load_thesaurus(), load_ranking())
        hits = Retriever(*parts, None, self.Reranker()).search("数据怎么管理", BOB)
        lengths = [len(hit.passage.own_text) for hit in hits]
        assert lengths == sorted(lengths)
        assert {hit.clause_id for hit in hits} == set(standards.found("数据怎么管理"))

    def test_an_address_stays_first(self, standards: Shelf, catalogue: Catalogue, reader: QuestionReader) -> None:
        parts = (catalogue, standards.index, standards.library, reader, load_thesaurus(), load_ranking())
        assert Retriever(*parts, None, self.Reranker()).search("工信部指南第十五条", BOB)[0].clause_id == "MIIT-15"


@pytest.fixture
def small(catalogue: Catalogue) -> Catalogue:
    """The scenes of Jiangsu's table alone."""
    return Catalogue([catalogue.standards["JSSF"]])


class TestCatalogueIndex:
    def test_every_clause_that_asks_something_and_every_section_is_a_point(self, small: Catalogue) -> None:
        points = {point.clause_id: point for point in catalogue_points(small)}
        assert points.keys() == {c.id for c in small.clauses.values() if c.available} | set(small.sections)

    def test_points_are_public_and_carry_what_selections_look_at(self, small: Catalogue) -> None:
        for point in catalogue_points(small):
            assert point.label == PUBLIC
            if clause := small.clauses.get(point.clause_id):
                assert (point.modality, point.level) == (clause.modality, clause.level or "")

    def test_indexing_again_replaces(self, small: Catalogue, shelf: Shelf) -> None:
        points = index_catalogue(small, shelf.index)
        assert index_catalogue(small, shelf.index) == points == shelf.index.count()
        shelf.index.delete_document(f"{CATALOGUE_PREFIX}JSSF")

    def test_the_fingerprint_tells_a_changed_catalogue(self, catalogue: Catalogue) -> None:
        standard = catalogue.standards["MIIT"]
        clauses = [standard.clauses[0].model_copy(update={"text": "改了"}), *standard.clauses[1:]]
        changed = Catalogue([standard.model_copy(update={"clauses": clauses}), *list(catalogue.standards.values())[1:]])
        assert fingerprint(changed, None) != fingerprint(catalogue, None) == fingerprint(catalogue, None)
        assert fingerprint(catalogue, TestAttachedModels.Embedder()) != fingerprint(catalogue, None)
