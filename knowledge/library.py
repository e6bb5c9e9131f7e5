"""The library (文档库): every ingested document and passage, in SQL. The vector store can always be rebuilt from here."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict
from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Integer,
    MetaData,
    RowMapping,
    Select,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from domain.clause import Passage, Source
from domain.errors import NotFound
from domain.principal import Label, Place, Principal, may_read, read_filter

from .readable import readable

State = Literal["indexing", "ready", "superseded"]
"""indexing: stored, not yet searchable (a killed ingestion goes on from here). superseded: replaced, still addressable."""

metadata = MetaData()
documents = Table(
    "documents",
    metadata,
    Column("id", Text, primary_key=True),
    *(Column(name, Text, nullable=False, default="") for name in ("key", "title", "collection", "name", "content_hash")),
    *(Column(name, Text, nullable=False, default="") for name in ("version", "status", "standard", "source", "state")),
    *(Column(name, Text, nullable=False, default="") for name in ("label_level", "label_tenant", "label_attributes", "label_parties")),
    Column("clause_count", Integer, nullable=False, default=0),
    Column("lost_count", Integer, nullable=False, default=0),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("created_by", Text, nullable=False, default=""),
    Column("superseded_by", Text),
)
passages = Table(
    "passages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("document_id", Text, nullable=False),
    Column("ord", Integer, nullable=False),
    *(Column(name, Text, nullable=False, default="") for name in ("clause_id", "title", "path", "text", "kind")),
    Column("focus_start", Integer),
    Column("focus_end", Integer),
)
DATED = re.compile(r"(?:19|20)\d{2}(?:-\d{2}){0,2}$")
PASSAGE_COLUMNS = tuple(column.name for column in passages.c)
DOCUMENT_COLUMNS = tuple(column.name for column in documents.c)
JOINED = (
    select(*passages.c, *documents.c)
    .join_from(passages, documents, documents.c.id == passages.c.document_id)
    .order_by(documents.c.created_at.desc(), passages.c.ord)
)
BY_ID = JOINED.where(passages.c.id.in_(bindparam("wanted", expanding=True)))
BY_CLAUSE = JOINED.where(passages.c.clause_id.in_(bindparam("wanted", expanding=True)), documents.c.state == "ready")


class Transactions(Protocol):
    """The database, as this floor needs it."""

    def transaction(self) -> AbstractContextManager[Connection]: ...


class Document(BaseModel):
    """One version of one ingested document."""

    model_config = ConfigDict(frozen=True)

    id: str
    key: str
    title: str
    collection: str
    name: str
    content_hash: str
    version: str = ""
    status: str = ""
    standard: str = ""
    """Key of the standard whose official text this is, or empty."""
    source: Source = "document"
    state: State
    label: Label
    clause_count: int = 0
    lost_count: int = 0
    """Blocks of the file that ended up in no passage; must be 0."""
    created_at: datetime
    created_by: str = ""
    superseded_by: str | None = None

    @property
    def place(self) -> Place:
        """What a grant may name: this document, or the collection it lies in."""
        return Place(self.id, self.collection)


Then = Callable[[Connection, Document], None]
"""What is done about a document in the same transaction; what it raises ends that."""


class Library:
    """Reads are filtered by the policy; a document that a principal may not read does not exist for it."""

    def __init__(self, database: Transactions) -> None:
        self._database = database
        self.generation = 0
        """Grows with every change made here; the same number means the same answers."""

    def find_same(self, content_hash: str, label: Label, collection: str) -> Document | None:
        """The document with this very content for the same readers in the same collection, whatever its state."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                select(documents).where(documents.c.content_hash == content_hash, documents.c.collection == collection)
            ).mappings()
            return next((found for found in map(_document, rows) if found.label == label), None)

    def add(self, document: Document, parts: Sequence[Passage], then: Then | None = None) -> None:
        """Store a document and all its passages, or nothing; `then` is the transaction's last step."""
        rows = [
            {
                "id": part.id,
                "document_id": document.id,
                "ord": part.order,
                "clause_id": part.clause_id,
                "title": part.title,
                "path": json.dumps(part.path, ensure_ascii=False),
                "text": part.text,
                "kind": part.kind,
                "focus_start": part.focus[0] if part.focus else None,
                "focus_end": part.focus[1] if part.focus else None,
            }
            for part in parts
        ]
        with self._database.transaction() as connection:
            connection.execute(insert(documents).values(_row(document)))
            for at in range(0, len(rows), 1000):
                connection.execute(insert(passages), rows[at : at + 1000])
            if then is not None:
                then(connection, document)

    def mark_ready(self, document: Document) -> tuple[Document, list[str]]:
        """Make a document current in place of its other editions (same key, readers, collection), or retire it when one is newer.

        Returns it as it is now, and the ids of the editions that are no longer current.
        """
        same_work = (documents.c.key == document.key) & (documents.c.collection == document.collection)
        with self._database.transaction() as connection:
            others = select(documents).where(same_work, documents.c.state == "ready", documents.c.id != document.id)
            editions = [other for other in map(_document, connection.execute(others).mappings()) if other.label == document.label]
            newer = next((other for other in editions if _is_newer(other, document)), None)
            current = newer or document
            retired = [other.id for other in (*editions, document) if other.id != current.id]
            connection.execute(update(documents).where(documents.c.id == current.id).values(state="ready", superseded_by=None))
            if retired:
                change = {"state": "superseded", "superseded_by": current.id}
                connection.execute(update(documents).where(documents.c.id.in_(retired)).values(change))
        self.generation += 1
        if newer:
            return document.model_copy(update={"state": "superseded", "superseded_by": newer.id}), retired
        return document.model_copy(update={"state": "ready", "superseded_by": None}), retired

    def unfinished(self) -> list[Document]:
        """Documents whose indexing was cut off."""
        with self._database.transaction() as connection:
            query = select(documents).where(documents.c.state == "indexing").order_by(documents.c.created_at)
            return [_document(row) for row in connection.execute(query).mappings()]

    def current(self) -> list[Document]:
        """Every current document, for rebuilding the vector store; not for showing to anybody."""
        with self._database.transaction() as connection:
            return [_document(row) for row in connection.execute(select(documents).where(documents.c.state == "ready")).mappings()]

    def all_versions(self) -> list[Document]:
        """Every searchable or superseded document, for the address book; its labels decide who may resolve to it."""
        with self._database.transaction() as connection:
            return [_document(row) for row in connection.execute(select(documents).where(documents.c.state != "indexing")).mappings()]

    def documents(self, principal: Principal, *, key: str = "", all_versions: bool = False) -> list[Document]:
        """Documents the principal may read, newest first."""
        query = select(documents).where(readable(read_filter(principal), documents.c)).order_by(documents.c.created_at.desc())
        if key:
            query = query.where(documents.c.key == key)
        if not all_versions:
            query = query.where(documents.c.state != "superseded")
        with self._database.transaction() as connection:
            return [_document(row) for row in connection.execute(query).mappings()]

    def find(self, document_id: str) -> Document | None:
        """A document whoever may read it: for deciding about access to it, not for showing to anybody."""
        with self._database.transaction() as connection:
            row = connection.execute(select(documents).where(documents.c.id == document_id)).mappings().first()
        return _document(row) if row else None

    def holds(self, collection: str, tenant: str) -> bool:
        """Whether the tenant has something in this collection that is restricted."""
        theirs = (documents.c.collection == collection, documents.c.label_tenant == tenant, documents.c.label_level == "restricted")
        with self._database.transaction() as connection:
            return connection.execute(select(documents.c.id).where(*theirs).limit(1)).first() is not None

    def remove(self, document_id: str, principal: Principal, then: Then | None = None) -> Document:
        """Delete a document with all its passages; only its own owner's. `then` is the transaction's last step."""
        with self._database.transaction() as connection:
            row = connection.execute(select(documents).where(documents.c.id == document_id)).mappings().first()
            document = _document(row) if row else None
            if document is None or not may_read(principal, document.label, document.place):
                raise NotFound(f"没有文档 {document_id!r}", where="document_id", cure="用 shuzhi documents 查看现有文档")
            if document.created_by != principal.id or document.label.tenant not in ("", principal.tenant):
                raise NotFound(f"文档 {document_id!r} 不是你上传的", where="document_id", cure="请上传者或管理员删除")
            connection.execute(delete(passages).where(passages.c.document_id == document_id))
            connection.execute(delete(documents).where(documents.c.id == document_id))
            if then is not None:
                then(connection, document)
        self.generation += 1
        return document

    def passages_of(self, document: Document) -> Iterator[Passage]:
        """All passages of one document in order."""
        with self._database.transaction() as connection:
            query = select(passages).where(passages.c.document_id == document.id).order_by(passages.c.ord)
            for row in connection.execute(query).mappings():
                yield _passage(row, document)

    def by_id(self, passage_ids: Iterable[str], principal: Principal) -> dict[str, Passage]:
        """Readable passages among `passage_ids`."""
        return self._joined(BY_ID, list(passage_ids), principal)

    def by_clause(
        self, clause_ids: Iterable[str], principal: Principal, collections: Sequence[str] = (), document_ids: Sequence[str] = ()
    ) -> dict[str, Passage]:
        """The current readable passage of each clause, by clause id; the newest document wins, among those named if any are."""
        query = BY_CLAUSE.where(documents.c.collection.in_(collections)) if collections else BY_CLAUSE
        query = query.where(documents.c.id.in_(document_ids)) if document_ids else query
        found = self._joined(query, list(clause_ids), principal)
        return {passage.clause_id: passage for passage in reversed(found.values())}

    def _joined(self, query: Select[Any], wanted: list[str], principal: Principal) -> dict[str, Passage]:
        if not wanted:
            return {}
        found: dict[str, Passage] = {}
        owners: dict[str, Document | None] = {}
        with self._database.transaction() as connection:
            for row in connection.execute(query, {"wanted": wanted}):
                own, shared = row[: len(PASSAGE_COLUMNS)], row[len(PASSAGE_COLUMNS) :]
                part = dict(zip(PASSAGE_COLUMNS, own, strict=True))
                if part["document_id"] not in owners:
                    document = _document(dict(zip(DOCUMENT_COLUMNS, shared, strict=True)))
                    owners[document.id] = document if may_read(principal, document.label, document.place) else None
                owner = owners[part["document_id"]]
                if owner is not None:
                    found[part["id"]] = _passage(part, owner)
        return found

    def count(self) -> tuple[int, int]:
        """Current documents and their passages."""
        with self._database.transaction() as connection:
            ready = documents.c.state == "ready"
            row = connection.execute(select(func.count(), func.coalesce(func.sum(documents.c.clause_count), 0)).where(ready)).one()
            return int(row[0]), int(row[1])


def _is_newer(other: Document, document: Document) -> bool:
    """By the dates that the two carry; of undated ones, the later ingested is the newer."""
    return bool(DATED.match(other.version) and DATED.match(document.version)) and other.version > document.version


def _row(document: Document) -> dict[str, Any]:
    row = document.model_dump(exclude={"label"})
    label = document.label
    return row | {
        "label_level": label.level,
        "label_tenant": label.tenant,
        "label_attributes": json.dumps(sorted(label.attributes)),
        "label_parties": json.dumps(sorted(label.parties)),
    }


def _document(row: RowMapping | dict[str, Any]) -> Document:
    label = Label(
        level=row["label_level"],
        tenant=row["label_tenant"],
        attributes=frozenset(json.loads(row["label_attributes"] or "[]")),
        parties=frozenset(json.loads(row["label_parties"] or "[]")),
    )
    stored = {name: row[name] for name in Document.model_fields if name != "label"}
    if stored["created_at"].tzinfo is None:  # SQLite keeps UTC and forgets that it is
        stored["created_at"] = stored["created_at"].replace(tzinfo=UTC)
    return Document(label=label, **stored)


def _passage(row: RowMapping | dict[str, Any], document: Document) -> Passage:
    start, end = row["focus_start"], row["focus_end"]
    return Passage(
        id=row["id"],
        clause_id=row["clause_id"],
        document_id=document.id,
        title=document.title,
        path=json.loads(row["path"]),
        text=row["text"],
        focus=(start, end) if start is not None and end is not None else None,
        kind=row["kind"],
        source=document.source,
        order=row["ord"],
        version=document.version,
        status=document.status,
        label=document.label,
    )
