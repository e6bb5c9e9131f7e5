"""One policy, three forms: the decision, the SQL condition and the index's filter agree on every principal, label and grant."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.clause import Passage
from domain.principal import Grant, Label, Place, Principal, Role, may_read, read_filter
from knowledge.index import IndexPoint, IndexQuery, point_id
from knowledge.index.edge import EdgeIndex
from knowledge.lexicon import document_vector, query_vector
from knowledge.library import Document, Library
from records.database import Database

AT = datetime.now(UTC)
ENDS = [AT - timedelta(days=1), AT + timedelta(days=1)]
TENANTS = st.sampled_from(["", "works", "rival"])
PEOPLE = st.sampled_from(["", "ann", "bob"])
ATTRIBUTES = st.frozensets(st.sampled_from(["steel", "钢铁", '"', "%", ""]), max_size=3)
COLLECTIONS = ["", "drawings", "letters"]
ROLES: list[Role] = ["staff", "expert", "system_admin"]
LABELS = st.builds(
    Label,
    level=st.sampled_from(["public", "restricted", "private"]),
    tenant=TENANTS,
    attributes=ATTRIBUTES,
    parties=st.frozensets(PEOPLE, max_size=2),
)


@st.composite
def grants(draw: st.DrawFn) -> Grant:
    role = draw(st.sampled_from([None, *ROLES]))
    return Grant(
        id="g",
        tenant=draw(TENANTS),
        principal_id="" if role else draw(st.sampled_from(["ann", "bob"])),
        role=role,
        kind=draw(st.sampled_from(["object", "collection"])),
        target=draw(st.sampled_from(["", "d0", "d1", "d2", *COLLECTIONS])),
        until=draw(st.sampled_from(ENDS)),
        revoked=draw(st.booleans()),
    )


PRINCIPALS = st.builds(
    Principal,
    id=PEOPLE,
    tenant=TENANTS,
    roles=st.frozensets(st.sampled_from(ROLES), max_size=2),
    attributes=ATTRIBUTES,
    grants=st.lists(grants(), max_size=5).map(tuple),
)
THINGS = st.lists(st.tuples(LABELS, st.sampled_from(COLLECTIONS)), min_size=1, max_size=6)


def expected(principal: Principal, things: list[tuple[Label, str]]) -> set[str]:
    return {f"d{n}" for n, (label, collection) in enumerate(things) if may_read(principal, label, Place(f"d{n}", collection))}


@settings(max_examples=60)
@given(things=THINGS, principals=st.lists(PRINCIPALS, min_size=1, max_size=5))
def test_the_sql_condition_is_the_policy(things: list[tuple[Label, str]], principals: list[Principal]) -> None:
    database = Database("sqlite://")
    database.upgrade()
    check_library(Library(database), things, principals)
    database.close()


def check_library(library: Library, things: list[tuple[Label, str]], principals: list[Principal]) -> None:
    for number, (label, collection) in enumerate(things):
        library.add(document(f"d{number}", label, collection), [passage(f"d{number}", label)])
    for principal in principals:
        readable = expected(principal, things)
        assert {found.id for found in library.documents(principal)} == readable
        assert {p.document_id for p in library.by_id([f"d{n}#0" for n in range(len(things))], principal).values()} == readable


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeIndex]:
    index = EdgeIndex(Path(tmp_path_factory.mktemp("index")))
    yield index
    index.close()


@settings(max_examples=60)
@given(things=THINGS, principals=st.lists(PRINCIPALS, min_size=1, max_size=5))
def test_the_indexs_filter_is_the_policy(index: EdgeIndex, things: list[tuple[Label, str]], principals: list[Principal]) -> None:
    index.upsert([point(f"d{n}", label, collection) for n, (label, collection) in enumerate(things)])
    queries = [IndexQuery(fields={"body": query_vector("图纸")}, access=read_filter(principal)) for principal in principals]
    answers = index.search(queries)
    for number in range(len(things)):
        index.delete_document(f"d{number}")
    for principal, hits in zip(principals, answers, strict=True):
        assert {hit.document_id for hit in hits} == expected(principal, things)


def point(document_id: str, label: Label, collection: str) -> IndexPoint:
    return IndexPoint(
        id=point_id(f"{document_id}#0"),
        passage_id=f"{document_id}#0",
        clause_id=document_id,
        document_id=document_id,
        standard="",
        kind="clause",
        label=label,
        fields={"body": document_vector("图纸")},
        collection=collection,
    )


def document(document_id: str, label: Label, collection: str) -> Document:
    return Document(
        id=document_id,
        key=document_id,
        title="图纸",
        collection=collection,
        name="图纸.txt",
        content_hash=document_id,
        state="ready",
        label=label,
        created_at=AT,
    )


def passage(document_id: str, label: Label) -> Passage:
    return Passage(
        id=f"{document_id}#0", clause_id=document_id, document_id=document_id, title="图纸", path=["图纸"], text="图纸",
        kind="clause", source="document", order=0, label=label,
    )  # fmt: skip
