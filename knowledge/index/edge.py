"""The embedded store: Qdrant's engine in process (`qdrant-edge`). One process owns it; a second one is told so."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import UUID

import qdrant_edge as qe

from domain.errors import Conflict, StorageError

from .filters import IDENTITY_FIELDS, INDEXED_FIELDS, payload, query_filter
from .store import FIELDS, IndexPoint, IndexQuery, Scored

Key = int | str | UUID
"""A point's id as the engine types it; ours are integers."""
BATCH = 500
FULL_SCAN_BELOW = 200
"""Points a filter may leave for the engine to score one by one; with its own default of 5,000 a filtered search took five times longer."""
IDENTITIES_KEPT = 20_000


class EdgeDialect:
    """Filter classes of the embedded engine."""

    def any_of(self, key: str, values: Sequence[str]) -> Any:
        return qe.FieldCondition(key, match=qe.MatchAny(list(values)))

    def none_but(self, key: str, values: Sequence[str]) -> Any:
        return qe.FieldCondition(key, match=qe.MatchExcept(list(values)))

    def empty(self, key: str) -> Any:
        return qe.IsEmptyCondition(key)

    def all_of(self, must: Sequence[Any], must_not: Sequence[Any] = ()) -> Any:
        return qe.Filter(must=list(must), must_not=list(must_not) or None)

    def one_of(self, should: Sequence[Any]) -> Any:
        return qe.Filter(should=list(should))


class EdgeIndex:
    """A PassageIndex in a folder. Thread-safe: the engine is guarded by one lock."""

    def __init__(self, folder: Path, dense_size: int = 0) -> None:
        """Open the store in `folder`, or make it.

        Raises:
            Conflict: another process owns the store.
            StorageError: the folder cannot be written or its content is damaged.
        """
        self._lock = Lock()
        self._dialect = EdgeDialect()
        self._dense = dense_size > 0
        self._identities: dict[Key, dict[str, Any]] = {}
        self._generation = 0
        sparse = {field: qe.EdgeSparseVectorParams(full_scan_threshold=FULL_SCAN_BELOW, modifier=qe.Modifier.Idf) for field in FIELDS}
        vectors = {"dense": qe.EdgeVectorParams(size=dense_size, distance=qe.Distance.Cosine)} if self._dense else {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                self._shard = qe.EdgeShard.load(str(folder))
            else:
                self._shard = qe.EdgeShard.create(str(folder), qe.EdgeConfig(vectors=vectors, sparse_vectors=sparse))
                for field in INDEXED_FIELDS:
                    self._shard.update(qe.UpdateOperation.create_field_index(field, qe.PayloadSchemaType.Keyword))
        except OSError as error:
            raise StorageError(f"无法打开向量库：{error.strerror}", where=str(folder), cure="检查磁盘空间与目录权限") from error
        except Exception as error:
            if "WouldBlock" in str(error) or "lock" in str(error).lower():
                cure = "使用正在运行的实例，或先停止它"
                raise Conflict("向量库正被另一个进程使用", where=str(folder), cure=cure) from error
            raise StorageError(f"向量库损坏或不兼容：{error}", where=str(folder), cure="删除该目录后重启，索引会从文档库重建") from error

    def upsert(self, points: Sequence[IndexPoint]) -> None:
        for at in range(0, len(points), BATCH):
            batch = [self._point(point) for point in points[at : at + BATCH]]
            self._update(qe.UpdateOperation.upsert_points(batch))

    def _point(self, point: IndexPoint) -> qe.Point:
        vectors: dict[str, Any] = {
            name: qe.SparseVector(list(vector), list(vector.values())) for name, vector in point.fields.items() if vector
        }
        if self._dense and point.dense is not None:
            vectors["dense"] = list(point.dense)
        return qe.Point(point.id, vectors, payload(point))

    def delete_document(self, document_id: str) -> None:
        only = self._dialect.all_of([self._dialect.any_of("document_id", [document_id])])
        self._update(qe.UpdateOperation.delete_points_by_filter(only))

    def _update(self, operation: qe.UpdateOperation) -> None:
        try:
            with self._lock:
                self._changed()
                self._shard.update(operation)
        except Exception as error:
            raise StorageError(f"写入向量库失败：{error}", cure="检查磁盘空间；已写入的内容不受影响") from error

    def search(self, queries: Sequence[IndexQuery]) -> list[list[Scored]]:
        requests: list[qe.QueryRequest] = []
        owners: list[tuple[int, str]] = []
        for number, query in enumerate(queries):
            only = query_filter(self._dialect, query.access, query.selection)
            for name, vector in self._vectors(query):
                requests.append(qe.QueryRequest(limit=query.limit, query=qe.Query.Nearest(vector, using=name), filter=only))
                owners.append((number, name))
        with self._lock:
            answers = self._shard.query_batch(qe.QueryBatchRequest(requests)) if requests else []
            found = [[(point.id, point.score) for point in points] for points in answers]
            identities = self._identified({key for points in found for key, _ in points})
        merged: list[dict[str, Scored]] = [{} for _ in queries]
        for (number, name), points in zip(owners, found, strict=True):
            for key, score in points:
                merge_hit(merged[number], str(key), identities[key], name, score)
        return [list(hits.values()) for hits in merged]

    def _identified(self, keys: set[Key]) -> dict[Key, dict[str, Any]]:
        """What each point stands for. Payloads are read once: handing them over cost more than finding the points."""
        if len(self._identities) + len(keys) > IDENTITIES_KEPT:
            self._identities.clear()
        unknown: list[Key] = [key for key in keys if key not in self._identities]
        for record in self._shard.retrieve(unknown, True, False) if unknown else []:
            data = record.payload or {}
            self._identities[record.id] = {name: data[name] for name in IDENTITY_FIELDS}
        return {key: self._identities[key] for key in keys}

    def _changed(self) -> None:
        self._generation += 1
        self._identities.clear()

    @property
    def generation(self) -> int:
        return self._generation

    def _vectors(self, query: IndexQuery) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = [
            (name, qe.SparseVector(list(vector), list(vector.values()))) for name, vector in query.fields.items() if vector
        ]
        if self._dense and query.dense is not None:
            found.append(("dense", list(query.dense)))
        return found

    def count(self) -> int:
        with self._lock:
            return self._shard.count(qe.CountRequest(exact=True))

    def optimize(self) -> None:
        with self._lock:
            self._changed()
            self._shard.optimize()
            self._shard.flush()

    def close(self) -> None:
        with self._lock:
            self._shard.flush()
            self._shard.close()


def merge_hit(found: dict[str, Scored], key: str, data: dict[str, Any], field: str, score: float) -> None:
    """Add one field's score of a point to the point's other scores."""
    hit = found.get(key)
    if hit is None:
        hit = found[key] = Scored(
            passage_id=str(data["passage_id"]),
            clause_id=str(data["clause_id"]),
            document_id=str(data["document_id"]),
            standard=str(data["standard"]),
            kind=str(data["kind"]),
        )
    hit.scores[field] = score
