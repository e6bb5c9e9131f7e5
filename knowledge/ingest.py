"""Documents into the library and the index (文档入库).

Idempotent by content hash, all or nothing per document, and resumable: a document is stored first and indexed after, so a
killed process leaves either nothing or a document in state `indexing` that `resume` finishes.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

import orjson
from sqlalchemy import Connection

from domain.clause import Passage
from domain.errors import DocumentError, PlatformError, Problem, ProblemDetail
from domain.principal import Label, Principal

from .catalogue import Catalogue
from .embed import Embedder
from .index import IndexPoint, PassageIndex, point_id
from .lexicon import document_vector
from .library import Document, Library
from .parsing.grammar import ParsedDocument, document_key, parse_document
from .parsing.join import join, recognise
from .parsing.readers import read_blocks

CONTAINER_SUFFIX = ".jsonl"
BATCH = 512
HEAD_CHARS = 4000
FAULTS_SHOWN = 20


@dataclass(frozen=True)
class SourceFile:
    """One document's bytes with the name it is known by."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Outcome:
    """What became of one file. `problem` is set when nothing of it was stored."""

    name: str
    document: Document | None = None
    unchanged: bool = False
    replaced: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Catalogue ids of a recognised standard that its text does not contain."""
    problem: Problem | None = None


Progress = Callable[[int, int, str], None]
"""Files done, files in all, name of the file at hand."""


Mask = Callable[[str], str]
"""A text with personal data hidden, character for character: spans of the text still hold."""


def as_it_is(text: str) -> str:
    """For stores that hold no personal data."""
    return text


class Trail(Protocol):
    """Where it is recorded that documents came and went. `door`: the way in; what these raise ends what was under way."""

    def added(self, connection: Connection | None, document: Document, principal: Principal, door: str) -> None:
        """A document is in the library, or back in it; `connection`: of the transaction that this belongs to."""
        ...

    def removed(self, connection: Connection, document: Document, principal: Principal, door: str) -> None:
        """A document is gone."""
        ...

    def refused(self, problem: Problem, principal: Principal, door: str) -> None:
        """A file could not be taken in."""
        ...


class Ingestor:
    """Reads, parses, stores and indexes documents.

    `trail`: where that is recorded, nowhere by default. `mask`: how personal data in documents for everybody is hidden before anything is
    stored (GXDSL-8.1-2).
    """

    def __init__(
        self,
        catalogue: Catalogue,
        library: Library,
        index: PassageIndex,
        embedder: Embedder | None = None,
        *,
        trail: Trail | None = None,
        mask: Mask = as_it_is,
    ) -> None:
        self._trail = trail
        self._mask = mask
        self._catalogue = catalogue
        self._library = library
        self._index = index
        self._embedder = embedder

    def ingest_paths(
        self, paths: Sequence[Path], principal: Principal, label: Label, collection: str, progress: Progress, *, door: str = "system"
    ) -> Iterator[Outcome]:
        """Every file under `paths`. A bad file yields its problem and does not stop the others."""
        files = [file for path in paths for file in expand(path)]
        for number, file in enumerate(files):
            progress(number, len(files), file.name)
            try:
                for source in contents(file):
                    yield self.ingest(source, principal, label, collection, door=door)
            except PlatformError as error:
                yield Outcome(name=file.name, problem=error.problem())
        progress(len(files), len(files), "")
        self._index.optimize()

    def ingest(self, source: SourceFile, principal: Principal, label: Label, collection: str, *, door: str = "system") -> Outcome:
        """One document. Content that is current is recognised by its hash and left alone; a superseded edition comes back."""
        digest = hashlib.sha256(source.data).hexdigest()
        same = self._library.find_same(digest, label, collection)
        if same is not None:
            if same.state == "superseded" and self._trail is not None:
                self._trail.added(None, same, principal, door)
            document, replaced = (same, []) if same.state == "ready" else self._finish(same)
            return Outcome(name=source.name, document=document, unchanged=same.state != "superseded", replaced=tuple(replaced))
        try:
            parsed = parse_document(read_blocks(source.data, source.name), source.name)
            document, parts, missing = self._compose(source, parsed, digest, principal, label, collection)
        except PlatformError as error:
            if self._trail is not None:
                self._trail.refused(error.problem(), principal, door)
            return Outcome(name=source.name, problem=error.problem())
        added = None if self._trail is None else partial(self._trail.added, principal=principal, door=door)
        self._library.add(document, parts, added)
        document, replaced = self._finish(document, parts)
        return Outcome(name=source.name, document=document, replaced=tuple(replaced), missing=missing)

    def resume(self) -> list[Document]:
        """Finish what a killed process left unindexed."""
        unfinished = self._library.unfinished()
        for document in unfinished:
            self._finish(document)
        return unfinished

    def rebuild(self) -> int:
        """Index every current document again, for a new or lost vector store; returns how many."""
        current = self._library.current()
        for document in current:
            self._index.delete_document(document.id)
            self._index_passages(document, self._library.passages_of(document))
        self._index.optimize()
        return len(current)

    def forget(self, document_id: str, principal: Principal, *, door: str = "system") -> Document:
        """Delete a document of one's own from the library and the index."""
        removed = None if self._trail is None else partial(self._trail.removed, principal=principal, door=door)
        document = self._library.remove(document_id, principal, removed)
        self._index.delete_document(document.id)
        return document

    def _finish(self, document: Document, parts: Iterable[Passage] | None = None) -> tuple[Document, list[str]]:
        """Index a stored document and settle which edition is current; returns it as it is then, and whom it replaced."""
        self._index_passages(document, parts if parts is not None else self._library.passages_of(document))
        settled, retired = self._library.mark_ready(document)
        for old in retired:
            self._index.delete_document(old)
        return settled, [old for old in retired if old != document.id]

    def _index_passages(self, document: Document, parts: Iterable[Passage]) -> None:
        batch: list[Passage] = []
        for part in parts:
            batch.append(part)
            if len(batch) >= BATCH:
                self._index.upsert(self._points(document, batch))
                batch = []
        if batch:
            self._index.upsert(self._points(document, batch))

    def _points(self, document: Document, parts: Sequence[Passage]) -> list[IndexPoint]:
        texts = [" ".join([*part.path[-3:], part.own_text]) for part in parts]
        dense = self._embedder.embed(texts) if self._embedder else [None] * len(texts)
        return [
            IndexPoint(
                id=point_id(part.id),
                passage_id=part.id,
                clause_id=part.clause_id,
                document_id=document.id,
                standard=document.standard or document.key,
                kind="clause",
                label=document.label,
                fields={"body": document_vector(text)},
                modality=self._modality(part.clause_id),
                level=self._level(part.clause_id),
                collection=document.collection,
                dense=vector,
            )
            for part, text, vector in zip(parts, texts, dense, strict=True)
        ]

    def _masked(self, part: Passage) -> Passage:
        changes = {"text": self._mask(part.text), "path": [self._mask(heading) for heading in part.path], "title": self._mask(part.title)}
        return part.model_copy(update=changes)

    def _modality(self, clause_id: str) -> str:
        clause = self._catalogue.clauses.get(clause_id)
        return clause.modality if clause else ""

    def _level(self, clause_id: str) -> str:
        clause = self._catalogue.clauses.get(clause_id)
        return clause.level or "" if clause else ""

    def _compose(
        self, source: SourceFile, parsed: ParsedDocument, digest: str, principal: Principal, label: Label, collection: str
    ) -> tuple[Document, list[Passage], tuple[str, ...]]:
        head = "".join(clause.text for clause in parsed.clauses[:40])[:HEAD_CHARS]
        standard = recognise(parsed.title + parsed.front_matter + head, self._catalogue)
        document_id = hashlib.sha256(f"{digest}|{label.model_dump_json()}|{collection}".encode()).hexdigest()[:20]
        key = standard.key if standard else document_key(source.name, parsed.title)
        document = Document(
            id=document_id,
            key=key,
            title=standard.short if standard else parsed.title,
            collection=collection,
            name=source.name,
            content_hash=digest,
            version=parsed.version or (standard.version if standard else ""),
            status=parsed.status or (standard.status if standard else ""),
            standard=standard.key if standard else "",
            source="official" if standard else "document",
            state="indexing",
            label=label,
            lost_count=parsed.lines_lost,
            created_at=datetime.now(UTC),
            created_by=principal.id,
        )
        missing: tuple[str, ...] = ()
        if standard:
            joined = join(parsed, standard)
            missing = tuple(joined.missing)
            parts = [_passage(document, c.clause_id, n, c.path, c.text, c.focus) for n, c in enumerate(joined.clauses)]
        else:
            named = [c for c in parsed.clauses if c.text.strip()]
            parts = [_passage(document, f"{key}-{c.address}", c.order, [parsed.title, *c.path], c.text, c.focus, c.kind) for c in named]
        if label.level == "public" and not standard:
            # a published standard names its authors by right; what a user publishes names nobody
            parts = [self._masked(part) for part in parts]
            document = document.model_copy(update={"title": self._mask(document.title)})
        if not parts:
            raise DocumentError("文档里没有可以引用的条款", where=source.name, cure="检查文件内容是否完整")
        return document.model_copy(update={"clause_count": len(parts)}), parts, missing


def _passage(
    document: Document, clause_id: str, order: int, path: list[str], text: str, focus: tuple[int, int] | None, kind: str = "clause"
) -> Passage:
    """One clause of a document as it is stored; official texts are told apart by their catalogue ids."""
    return Passage(
        id=f"{document.id}#{clause_id if document.standard else order}",
        clause_id=clause_id,
        document_id=document.id,
        title=document.title,
        path=path,
        text=text,
        focus=focus,
        kind=kind,
        source=document.source,
        order=order,
        version=document.version,
        status=document.status,
        label=document.label,
    )


def expand(path: Path) -> list[Path]:
    """The files under a path, in a stable order, hidden ones left out.

    Raises:
        DocumentError: nothing is there.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DocumentError("没有这个文件或目录", where=str(path), cure="检查路径")
    return sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))


def contents(file: Path) -> Iterator[SourceFile]:
    """A file is one document, or a `.jsonl` container with one document a line: {file|name|id, text}.

    Raises:
        DocumentError: the file cannot be read, or a line of a container is not a document; nothing was yielded then.
    """
    try:
        if file.suffix != CONTAINER_SUFFIX:
            yield SourceFile(name=file.name, data=file.read_bytes())
            return
        _check_container(file)
        with file.open("rb") as stream:
            yield from (_contained(file.name, number, line) for number, line in enumerate(stream, 1) if line.strip())
    except OSError as error:
        raise DocumentError(f"读不了文件：{error.strerror}", where=str(file), cure="检查权限与磁盘") from error


def _check_container(file: Path) -> None:
    faults: list[ProblemDetail] = []
    documents = 0
    with file.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                documents += bool(line.strip() and _contained(file.name, number, line))
            except DocumentError as error:
                faults += error.detail
    if faults:
        raise DocumentError(f"有 {len(faults)} 行不是文档", detail=faults[:FAULTS_SHOWN])
    if not documents:
        raise DocumentError("文件里没有文档", where=file.name, cure="每行一个 JSON 对象 {file, text}")


def _contained(container: str, number: int, line: bytes) -> SourceFile:
    where = f"{container} 第 {number} 行"
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise DocumentError("不是 JSON", where=where, cure="每行一个 JSON 对象") from None
    text = record.get("text") if isinstance(record, dict) else None
    name = str(record.get("file") or record.get("name") or record.get("id") or f"{number}.md") if isinstance(record, dict) else ""
    if not isinstance(text, str):
        raise DocumentError("缺少 text 字段", where=where, cure="每行需要 text，以及 file 或 name")
    return SourceFile(name=name.rsplit("/", 1)[-1], data=text.encode())
