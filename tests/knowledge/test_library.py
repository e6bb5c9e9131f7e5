"""The library: what is stored comes back as it was, to those who may read it, and to nobody else."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.clause import Passage
from domain.errors import Conflict, NotFound
from domain.principal import PUBLIC, Label, Principal, may_read, own_label
from knowledge.library import Document, Library
from records.database import Database
from tests.knowledge.conftest import ANN, BOB, EVE

ANN_ELSEWHERE = Principal(id="ann", tenant="rival")
STEEL_ONLY = Label(level="restricted", tenant="works", attributes=frozenset({"steel"}))


def document(document_id: str = "d1", **changed: object) -> Document:
    values = {
        "id": document_id,
        "key": "手册",
        "title": "设备手册",
        "collection": "my",
        "name": "手册.md",
        "content_hash": document_id,
        "state": "indexing",
        "label": PUBLIC,
        "clause_count": 2,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "created_by": "ann",
    }
    return Document.model_validate(values | changed)


def parts(of: Document, *texts: str) -> list[Passage]:
    return [
        Passage(
            id=f"{of.id}#{number}",
            clause_id=f"{of.key}-{number}",
            document_id=of.id,
            title=of.title,
            path=[of.title, "1 总则"],
            text=text,
            focus=(0, 1) if number else None,
            source=of.source,
            order=number,
            version=of.version,
            status=of.status,
            label=of.label,
        )
        for number, text in enumerate(texts or ("甲。", "乙。"))
    ]


@pytest.fixture
def library() -> Iterator[Library]:
    database = Database("sqlite://")
    database.upgrade()
    yield Library(database)
    database.close()


def store(library: Library, one: Document, *texts: str) -> list[str]:
    library.add(one, parts(one, *texts))
    return library.mark_ready(one)[1]


class TestStoring:
    def test_what_is_stored_comes_back_as_it_was(self, library: Library) -> None:
        one = document(label=STEEL_ONLY, version="2026", status="发布")
        store(library, one)
        assert library.documents(ANN) == [one.model_copy(update={"state": "ready"})]
        assert list(library.passages_of(one)) == parts(one)
        assert library.by_clause(["手册-0", "手册-1", "手册-9"], ANN) == {p.clause_id: p for p in parts(one)}
        assert library.by_id(["d1#1"], ANN) == {"d1#1": parts(one)[1]}

    def test_a_document_is_stored_whole_or_not_at_all(self, library: Library) -> None:
        one = document()
        with pytest.raises(Conflict):
            library.add(one, [*parts(one), parts(one)[0]])
        assert library.unfinished() == []
        assert list(library.passages_of(one)) == []

    def test_a_document_twice_is_a_conflict(self, library: Library) -> None:
        library.add(document(), parts(document()))
        with pytest.raises(Conflict):
            library.add(document(), parts(document()))

    def test_a_document_being_indexed_is_not_read_by_clause(self, library: Library) -> None:
        library.add(document(), parts(document()))
        assert library.by_clause(["手册-0"], ANN) == {}
        assert library.count() == (0, 0)
        assert [found.id for found in library.unfinished()] == ["d1"]

    def test_unfinished_documents_come_in_the_order_they_came(self, library: Library) -> None:
        for day in (3, 1, 2):
            one = document(f"d{day}", created_at=datetime(2026, 1, day, tzinfo=UTC))
            library.add(one, parts(one))
        assert [found.id for found in library.unfinished()] == ["d1", "d2", "d3"]

    def test_it_counts_what_is_current(self, library: Library) -> None:
        store(library, document("d1"))
        store(library, document("d2"))
        assert library.count() == (1, 2)

    def test_asking_for_nothing_gives_nothing(self, library: Library) -> None:
        store(library, document())
        assert library.by_id([], ANN) == library.by_clause([], ANN) == {}

    def test_a_document_of_thousands_of_passages_is_stored(self, library: Library) -> None:
        store(library, document(), *(f"第{n}段。" for n in range(2500)))
        assert sum(1 for _ in library.passages_of(document())) == 2500
        assert len(library.by_id([f"d1#{n}" for n in range(2500)], ANN)) == 2500


class TestEditions:
    def test_a_new_edition_replaces_the_old_one(self, library: Library) -> None:
        store(library, document("d1"), "旧。")
        assert store(library, document("d2"), "新。") == ["d1"]
        assert library.by_clause(["手册-0"], ANN)["手册-0"].text == "新。"
        assert [(found.id, found.superseded_by) for found in library.documents(ANN, all_versions=True) if found.state == "superseded"] == [
            ("d1", "d2")
        ]

    def test_the_old_edition_stays_addressable(self, library: Library) -> None:
        store(library, document("d1"), "旧。")
        store(library, document("d2"), "新。")
        assert library.by_id(["d1#0"], ANN)["d1#0"].text == "旧。"
        assert {found.id for found in library.all_versions()} == {"d1", "d2"}

    def test_an_older_edition_that_comes_later_does_not_replace_a_newer_one(self, library: Library) -> None:
        store(library, document("d1", version="2023-12-29"), "新。")
        assert store(library, document("d2", version="2018-10-26"), "旧。") == ["d2"]
        assert library.by_clause(["手册-0"], ANN)["手册-0"].text == "新。"
        assert [found.id for found in library.current()] == ["d1"]

    @pytest.mark.parametrize("versions", [("", ""), ("2023-12-29", ""), ("", "2018-10-26"), ("V2", "V1"), ("2020", "2021-01-01")])
    def test_otherwise_the_later_one_is_the_newer(self, library: Library, versions: tuple[str, str]) -> None:
        store(library, document("d1", version=versions[0]))
        assert store(library, document("d2", version=versions[1])) == ["d1"]

    @pytest.mark.parametrize("other", [{"key": "别的"}, {"collection": "laws"}, {"label": own_label(ANN)}, {"label": own_label(BOB)}])
    def test_other_works_collections_and_readers_have_their_own(self, library: Library, other: dict[str, object]) -> None:
        store(library, document("d1"))
        assert store(library, document("d2", **other)) == []
        assert len(library.current()) == 2

    def test_a_clause_can_be_read_in_one_collection_or_document(self, library: Library) -> None:
        store(library, document("d1", collection="laws"), "在法规里。")
        store(library, document("d2", collection="my", created_at=datetime(2026, 2, 1, tzinfo=UTC)), "在我的文档里。")
        assert library.by_clause(["手册-0"], ANN)["手册-0"].text == "在我的文档里。"
        assert library.by_clause(["手册-0"], ANN, ["laws"])["手册-0"].text == "在法规里。"
        assert library.by_clause(["手册-0"], ANN, [], ["d1"])["手册-0"].text == "在法规里。"
        assert library.by_clause(["手册-0"], ANN, ["none"]) == {}

    def test_the_same_content_is_recognised_for_the_same_readers_and_collection(self, library: Library) -> None:
        store(library, document("d1", label=STEEL_ONLY))
        found = library.find_same("d1", STEEL_ONLY, "my")
        assert found is not None
        assert found.id == "d1"
        assert library.find_same("d1", PUBLIC, "my") is None
        assert library.find_same("d1", STEEL_ONLY, "laws") is None
        assert library.find_same("other", STEEL_ONLY, "my") is None


class TestReadingRights:
    @pytest.mark.parametrize(
        ("label", "readers"),
        [(PUBLIC, {ANN, BOB, EVE}), (STEEL_ONLY, {ANN}), (own_label(ANN), {ANN}), (own_label(ANN, "restricted"), {ANN, BOB})],
    )
    def test_every_read_is_filtered(self, library: Library, label: Label, readers: set[Principal]) -> None:
        store(library, document(label=label))
        for principal in (ANN, BOB, EVE, ANN_ELSEWHERE):
            readable = principal in readers or label == PUBLIC
            assert bool(library.documents(principal)) is readable
            assert bool(library.by_clause(["手册-0"], principal)) is readable
            assert bool(library.by_id(["d1#0"], principal)) is readable

    def test_a_private_document_does_not_hide_the_public_one(self, library: Library) -> None:
        store(library, document("d1"), "公开。")
        store(library, document("d2", label=own_label(ANN), created_at=datetime(2026, 2, 1, tzinfo=UTC)), "私密。")
        assert library.by_clause(["手册-0"], ANN)["手册-0"].text == "私密。"
        assert library.by_clause(["手册-0"], BOB)["手册-0"].text == "公开。"

    def test_only_its_owner_removes_a_document(self, library: Library) -> None:
        store(library, document(label=own_label(ANN, "public")))
        for stranger in (BOB, EVE, ANN_ELSEWHERE):
            with pytest.raises(NotFound):
                library.remove("d1", stranger)
        library.remove("d1", ANN)
        assert library.documents(ANN, all_versions=True) == []
        assert library.by_id(["d1#0"], ANN) == {}

    def test_what_one_may_not_read_does_not_exist(self, library: Library) -> None:
        store(library, document(label=own_label(ANN)))
        with pytest.raises(NotFound) as hidden:
            library.remove("d1", BOB)
        with pytest.raises(NotFound) as absent:
            library.remove("d0", BOB)
        assert hidden.value.message.replace("d1", "") == absent.value.message.replace("d0", "")


LABELS = st.builds(
    Label,
    level=st.sampled_from(["public", "restricted", "private"]),
    tenant=st.sampled_from(["", "works", "rival"]),
    attributes=st.frozensets(st.sampled_from(["steel", "钢铁", '"', ""]), max_size=2),
    parties=st.frozensets(st.sampled_from(["", "ann", "bob"]), max_size=2),
)


@settings(max_examples=30)
@given(labels=st.lists(LABELS, min_size=1, max_size=5))
def test_every_read_follows_the_policy(labels: list[Label]) -> None:
    database = Database("sqlite://")
    database.upgrade()
    library = Library(database)
    for number, label in enumerate(labels):
        store(library, document(f"d{number}", key=f"k{number}", label=label))
    for principal in (ANN, BOB, EVE, ANN_ELSEWHERE, Principal(id="", tenant="")):
        readable = {f"d{number}" for number, label in enumerate(labels) if may_read(principal, label)}
        assert {found.id for found in library.documents(principal)} == readable
        assert {p.document_id for p in library.by_clause([f"k{n}-0" for n in range(len(labels))], principal).values()} == readable
        assert {p.document_id for p in library.by_id([f"d{n}#0" for n in range(len(labels))], principal).values()} == readable
    database.close()
