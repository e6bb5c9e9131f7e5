"""One contract for every vector store: the embedded engine, the server's client in local mode, and a server over HTTP."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client import QdrantClient

from domain.errors import Conflict, StorageError, UpstreamUnavailable
from domain.principal import PUBLIC, Label, Principal, may_read, read_filter
from knowledge.index import IndexPoint, IndexQuery, PassageIndex, Scored, Selection, point_id
from knowledge.index.edge import EdgeIndex
from knowledge.index.server import ServerIndex
from knowledge.lexicon import document_vector, query_vector
from tests.knowledge.conftest import ANN, BOB, EVE
from tests.knowledge.qdrant_stub import serve, stub_app

ROOT = Path(__file__).parents[2]
DENSE = 4
NUMBERS = count()
ENGINES = ("edge", "local", "server")
DOCUMENTS = ("a", "b", "s", *(f"thread{number}" for number in range(6)))


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    engine = QdrantClient(":memory:")
    with serve(stub_app(engine)) as url:
        yield url
    engine.close()


@pytest.fixture(scope="module", params=ENGINES)
def make(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], PassageIndex]]:
    """Makes empty indexes of one engine."""
    made: list[PassageIndex] = []

    def one(dense_size: int = 0) -> PassageIndex:
        name = f"index{next(NUMBERS)}"
        if request.param == "edge":
            made.append(EdgeIndex(tmp_path_factory.mktemp(name), dense_size))
        elif request.param == "local":
            made.append(ServerIndex(QdrantClient(":memory:"), name, dense_size))
        else:
            made.append(ServerIndex.connect(request.getfixturevalue("server_url"), "", name, dense_size))
        return made[-1]

    yield one
    for index in made:
        index.close()


@pytest.fixture(scope="module")
def shared(make: Callable[[int], PassageIndex]) -> PassageIndex:
    """One index of each engine: opening one takes longer than a hundred searches."""
    return make(0)


@pytest.fixture(scope="module")
def for_examples(make: Callable[[int], PassageIndex]) -> PassageIndex:
    """Another one: the local mode keeps deleted points and gets slow."""
    return make(0)


@pytest.fixture
def index(shared: PassageIndex) -> Iterator[PassageIndex]:
    """It, empty."""
    yield shared
    for document_id in DOCUMENTS:
        shared.delete_document(document_id)
    assert shared.count() == 0


def point(passage_id: str, text: str = "设备联网率", label: Label = PUBLIC, **more: object) -> IndexPoint:
    document_id, _, clause_id = passage_id.partition("#")
    plain = {
        "clause_id": clause_id,
        "document_id": document_id,
        "standard": "TISC",
        "kind": "clause",
        "fields": {"body": document_vector(text)},
    }
    return IndexPoint(id=point_id(passage_id), passage_id=passage_id, label=label, **plain | more)


def ask(text: str = "设备联网率", principal: Principal = ANN, limit: int = 50, **selected: tuple[str, ...]) -> IndexQuery:
    sparse = query_vector(text)
    return IndexQuery({"body": sparse, "ask": sparse}, read_filter(principal), Selection(**selected), limit=limit)


def found(index: PassageIndex, query: IndexQuery) -> set[str]:
    return {hit.passage_id for hit in index.search([query])[0]}


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")
class TestContract:
    def test_what_was_put_in_is_found_with_what_it_stands_for(self, index: PassageIndex) -> None:
        index.upsert([point("a#1")])
        [hit] = index.search([ask()])[0]
        assert (hit.passage_id, hit.clause_id, hit.document_id, hit.standard, hit.kind) == ("a#1", "1", "a", "TISC", "clause")
        assert hit.scores.keys() == {"body"}
        assert hit.scores["body"] > 0

    def test_more_shared_words_score_higher(self, index: PassageIndex) -> None:
        index.upsert([point("a#1", "设备联网率的算法"), point("a#2", "设备的维护"), point("a#3", "人员培训")])
        scores = {hit.passage_id: hit.scores["body"] for hit in index.search([ask()])[0]}
        assert scores["a#1"] > scores["a#2"]
        assert "a#3" not in scores

    def test_rare_words_weigh_more(self, index: PassageIndex) -> None:
        index.upsert([point(f"a#{n}", "设备") for n in range(20)] + [point("b#1", "窑炉")])
        scores = {hit.passage_id: hit.scores["body"] for hit in index.search([ask("窑炉设备")])[0]}
        assert scores["b#1"] > 2 * scores["a#1"]

    def test_each_field_has_its_own_score(self, index: PassageIndex) -> None:
        index.upsert([point("a#1", fields={"body": document_vector("设备"), "ask": document_vector("机器联网")})])
        [hit] = index.search([ask("设备联网")])[0]
        assert hit.scores.keys() == {"body", "ask"}

    def test_a_point_without_words_is_kept_and_never_found(self, index: PassageIndex) -> None:
        index.upsert([point("a#1", fields={"body": {}, "ask": {}})])
        assert index.count() == 1
        assert found(index, ask()) == set()

    def test_a_query_without_words_finds_nothing(self, index: PassageIndex) -> None:
        index.upsert([point("a#1")])
        assert index.search([ask("，。")]) == [[]]
        assert index.search([]) == []

    def test_the_same_point_again_replaces_the_first(self, index: PassageIndex) -> None:
        index.upsert([point("a#1", "设备联网率")])
        assert found(index, ask()) == {"a#1"}
        index.upsert([point("a#1", "人员培训", standard="SDIB")])
        assert index.count() == 1
        assert found(index, ask()) == set()
        assert [hit.standard for hit in index.search([ask("人员培训")])[0]] == ["SDIB"]

    def test_a_document_is_deleted_with_all_its_points(self, index: PassageIndex) -> None:
        index.upsert([point("a#1"), point("a#2"), point("b#1")])
        index.delete_document("a")
        assert index.count() == 1
        assert found(index, ask()) == {"b#1"}
        index.delete_document("never there")
        assert index.count() == 1

    def test_many_queries_are_answered_in_their_order(self, index: PassageIndex) -> None:
        index.upsert([point("a#1", "设备"), point("a#2", "培训")])
        answers = index.search([ask("设备"), ask("无关紧要"), ask("培训")])
        assert [[hit.passage_id for hit in hits] for hits in answers] == [["a#1"], [], ["a#2"]]

    def test_a_limit_holds_for_each_field(self, index: PassageIndex) -> None:
        index.upsert([point(f"a#{n}") for n in range(30)])
        assert len(found(index, ask(limit=7))) == 7

    def test_batches_larger_than_the_engines_are_stored_whole(self, index: PassageIndex) -> None:
        index.upsert([point(f"a#{n}", f"第{n}号设备") for n in range(1203)])
        index.optimize()
        assert index.count() == 1203
        assert "a#1202" in found(index, ask("第1202号"))

    @pytest.mark.parametrize(
        ("selected", "expected"),
        [
            ({}, {"a#1", "a#2", "b#1"}),
            ({"standards": ("TISC",)}, {"a#1", "a#2"}),
            ({"standards": ("TISC", "SDIB")}, {"a#1", "a#2", "b#1"}),
            ({"levels": ("先进",)}, {"a#2"}),
            ({"modalities": ("应",)}, {"a#1", "b#1"}),
            ({"kinds": ("section",)}, {"b#1"}),
            ({"collections": ("laws",)}, {"b#1"}),
            ({"documents": ("a",)}, {"a#1", "a#2"}),
            ({"standards": ("TISC",), "modalities": ("应",)}, {"a#1"}),
            ({"standards": ("TISC",), "collections": ("laws",)}, set()),
        ],
    )
    def test_a_selection_restricts(self, index: PassageIndex, selected: dict[str, tuple[str, ...]], expected: set[str]) -> None:
        index.upsert(
            [
                point("a#1", modality="应"),
                point("a#2", modality="宜", level="先进"),
                point("b#1", standard="SDIB", modality="应", kind="section", collection="laws"),
            ]
        )
        assert found(index, ask(**selected)) == expected

    def test_what_a_principal_may_not_read_takes_no_place(self, index: PassageIndex) -> None:
        secret = Label(level="private", tenant="works", parties=frozenset({"ann"}))
        index.upsert([point(f"s#{n}", "设备联网率设备联网率", secret) for n in range(30)] + [point("a#1")])
        assert found(index, ask(principal=BOB, limit=5)) == {"a#1"}
        assert found(index, ask(principal=EVE, limit=5)) == {"a#1"}
        assert len(found(index, ask(principal=ANN, limit=5))) == 5

    def test_dense_vectors_have_their_own_score(self, make: Callable[[int], PassageIndex]) -> None:
        index = make(DENSE)
        index.upsert([point("a#1", dense=[1, 0, 0, 0]), point("a#2", dense=[0.6, 0.8, 0, 0]), point("a#3")])
        [hits] = index.search([IndexQuery({}, read_filter(ANN), dense=[1, 0, 0, 0])])
        scores = {hit.passage_id: hit.scores["dense"] for hit in hits}
        assert scores == {"a#1": pytest.approx(1, abs=1e-3), "a#2": pytest.approx(0.6, abs=1e-3)}

    def test_it_is_safe_to_use_from_many_threads(self, index: PassageIndex) -> None:
        if not isinstance(index, EdgeIndex):
            pytest.skip("a server's safety is the server's")
        faults: list[BaseException] = []

        def work(number: int) -> None:
            try:
                for n in range(10):
                    index.upsert([point(f"thread{number}#{n}")])
                    index.search([ask()])
            except Exception as error:
                faults.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert faults == []
        assert index.count() == 60


TENANTS = st.sampled_from(["", "works", "rival"])
PEOPLE = st.sampled_from(["", "ann", "bob"])
ATTRIBUTES = st.frozensets(st.sampled_from(["steel", "night", "钢铁", ""]), max_size=3)
LABELS = st.builds(
    Label,
    level=st.sampled_from(["public", "restricted", "private"]),
    tenant=TENANTS,
    attributes=ATTRIBUTES,
    parties=st.frozensets(PEOPLE, max_size=2),
)
PRINCIPALS = st.builds(Principal, id=PEOPLE, tenant=TENANTS, attributes=ATTRIBUTES)


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")
@settings(max_examples=60)
@given(labels=st.lists(LABELS, min_size=1, max_size=12), principals=st.lists(PRINCIPALS, min_size=1, max_size=6))
def test_the_engines_filter_is_the_policy(for_examples: PassageIndex, labels: list[Label], principals: list[Principal]) -> None:
    for_examples.upsert([point(f"a#{number}", label=label) for number, label in enumerate(labels)])
    answers = for_examples.search([ask(principal=principal) for principal in principals])
    for_examples.delete_document("a")
    for principal, hits in zip(principals, answers, strict=True):
        readable = {f"a#{number}" for number, label in enumerate(labels) if may_read(principal, label)}
        assert {hit.passage_id for hit in hits} == readable


class TestEmbeddedStore:
    def test_what_was_stored_is_there_after_a_restart(self, tmp_path: Path) -> None:
        first = EdgeIndex(tmp_path)
        first.upsert([point("a#1")])
        first.close()
        again = EdgeIndex(tmp_path)
        assert found(again, ask()) == {"a#1"}
        again.close()

    def test_a_second_owner_is_told_so(self, tmp_path: Path) -> None:
        first = EdgeIndex(tmp_path)
        with pytest.raises(Conflict) as caught:
            EdgeIndex(tmp_path)
        assert str(tmp_path) in caught.value.detail[0].where
        assert caught.value.detail[0].cure
        assert first.count() == 0
        first.close()

    def test_a_second_process_is_told_so(self, tmp_path: Path) -> None:
        first = EdgeIndex(tmp_path)
        script = (
            "import sys\nfrom pathlib import Path\nfrom domain.errors import Conflict\nfrom knowledge.index.edge import EdgeIndex\n"
            "try:\n    EdgeIndex(Path(sys.argv[1]))\nexcept Conflict:\n    sys.exit(9)\n"
        )
        ran = subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
        assert ran.returncode == 9
        first.close()

    @pytest.mark.parametrize("damage", ["cut", "noise", "stray"])
    def test_a_damaged_folder_says_what_to_do(self, tmp_path: Path, damage: str) -> None:
        folder = tmp_path / "vectors"
        if damage == "stray":
            folder.mkdir()
            (folder / "notes.txt").write_text("mine", encoding="utf-8")
        else:
            index = EdgeIndex(folder)
            index.upsert([point(f"a#{n}") for n in range(50)])
            index.optimize()
            index.close()
            for file in folder.rglob("*.json"):
                data = file.read_bytes()
                file.write_bytes(data[: len(data) // 2] if damage == "cut" else b"\xff" * len(data))
        with pytest.raises(StorageError) as caught:
            EdgeIndex(folder)
        assert str(folder) in caught.value.detail[0].where
        assert "重建" in caught.value.detail[0].cure

    def test_a_place_that_is_no_folder(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("", encoding="utf-8")
        with pytest.raises(StorageError):
            EdgeIndex(tmp_path / "file")


class TestServer:
    @pytest.mark.filterwarnings("ignore:Failed to obtain server version")
    def test_a_server_that_is_not_there(self) -> None:
        with pytest.raises(UpstreamUnavailable) as caught:
            ServerIndex.connect("http://127.0.0.1:9", "", "any")
        assert "SHUZHI_VECTOR_STORE" in caught.value.detail[0].cure

    @pytest.mark.filterwarnings("ignore:Failed to obtain server version")
    def test_a_server_that_is_something_else(self) -> None:
        app = FastAPI()

        @app.api_route("/{path:path}", methods=["GET", "PUT", "POST"])
        async def page(path: str) -> HTMLResponse:
            return HTMLResponse("<h1>It works!</h1>")

        with serve(app) as url, pytest.raises(UpstreamUnavailable):
            ServerIndex.connect(url, "", "any")

    def test_a_collection_that_is_there_is_used_as_it_is(self, server_url: str) -> None:
        first = ServerIndex.connect(server_url, "", "kept")
        first.upsert([point("a#1")])
        first.close()
        again = ServerIndex.connect(server_url, "", "kept")
        assert found(again, ask()) == {"a#1"}
        again.close()


class TestPointIds:
    @given(st.text(), st.text())
    def test_ids_are_stable_and_fit_the_engines(self, one: str, other: str) -> None:
        assert 0 <= point_id(one) < 2**63
        assert (point_id(one) == point_id(other)) is (one == other)

    def test_an_id_never_changes(self) -> None:
        assert point_id("catalogue#TISC-7.3.1-b") == point_id("catalogue#TISC-7.3.1-b")
        assert Scored("p", "c", "d", "s", "k").scores == {}
