"""A Qdrant server or cluster by URL, behind the same interface as the embedded engine."""

from collections.abc import Sequence
from typing import Any

from qdrant_client import QdrantClient, models

from domain.errors import UpstreamUnavailable

from .edge import FULL_SCAN_BELOW, merge_hit
from .filters import IDENTITY_FIELDS, INDEXED_FIELDS, payload, query_filter
from .store import FIELDS, IndexPoint, IndexQuery, Scored

BATCH = 200
TIMEOUT_S = 30


class ServerDialect:
    """Filter classes of the server's client."""

    def any_of(self, key: str, values: Sequence[str]) -> Any:
        return models.FieldCondition(key=key, match=models.MatchAny(any=list(values)))

    def none_but(self, key: str, values: Sequence[str]) -> Any:
        return models.FieldCondition(key=key, match=models.MatchExcept(**{"except": list(values)}))

    def empty(self, key: str) -> Any:
        return models.IsEmptyCondition(is_empty=models.PayloadField(key=key))

    def all_of(self, must: Sequence[Any], must_not: Sequence[Any] = ()) -> Any:
        return models.Filter(must=list(must), must_not=list(must_not) or None)

    def one_of(self, should: Sequence[Any]) -> Any:
        return models.Filter(should=list(should))


class ServerIndex:
    """A PassageIndex in a collection of a Qdrant server; `client` may also be the local mode, for tests."""

    def __init__(self, client: QdrantClient, collection: str, dense_size: int = 0) -> None:
        self._client = client
        self._collection = collection
        self._dialect = ServerDialect()
        self._dense = dense_size > 0
        self._guarded(self._prepare, dense_size)

    @classmethod
    def connect(cls, url: str, api_key: str, collection: str, dense_size: int = 0) -> "ServerIndex":
        return cls(QdrantClient(url=url, api_key=api_key or None, timeout=TIMEOUT_S), collection, dense_size)

    def _prepare(self, dense_size: int) -> None:
        if self._client.collection_exists(self._collection):
            return
        dense = {"dense": models.VectorParams(size=dense_size, distance=models.Distance.COSINE)} if self._dense else {}
        scan = models.SparseIndexParams(full_scan_threshold=FULL_SCAN_BELOW)
        sparse = {name: models.SparseVectorParams(index=scan, modifier=models.Modifier.IDF) for name in FIELDS}
        self._client.create_collection(self._collection, vectors_config=dense, sparse_vectors_config=sparse)
        for field in INDEXED_FIELDS:
            self._client.create_payload_index(self._collection, field, models.PayloadSchemaType.KEYWORD)

    def _guarded(self, call: Any, *args: Any, **kwargs: Any) -> Any:
        """Foreign errors are translated here, at the border."""
        try:
            return call(*args, **kwargs)
        except Exception as error:
            cure = "检查 SHUZHI_VECTOR_STORE__URL 与服务状态"
            raise UpstreamUnavailable(f"向量库没有正常应答：{error}", where="qdrant", cure=cure) from error

    def upsert(self, points: Sequence[IndexPoint]) -> None:
        for at in range(0, len(points), BATCH):
            batch = [self._point(point) for point in points[at : at + BATCH]]
            self._guarded(self._client.upsert, self._collection, batch, wait=True)

    def _point(self, point: IndexPoint) -> models.PointStruct:
        vectors: dict[str, Any] = {
            name: models.SparseVector(indices=list(vector), values=list(vector.values())) for name, vector in point.fields.items() if vector
        }
        if self._dense and point.dense is not None:
            vectors["dense"] = list(point.dense)
        return models.PointStruct(id=point.id, vector=vectors, payload=payload(point))

    def delete_document(self, document_id: str) -> None:
        only = self._dialect.all_of([self._dialect.any_of("document_id", [document_id])])
        self._guarded(self._client.delete, self._collection, models.FilterSelector(filter=only))

    def search(self, queries: Sequence[IndexQuery]) -> list[list[Scored]]:
        requests: list[models.QueryRequest] = []
        owners: list[tuple[int, str]] = []
        for number, query in enumerate(queries):
            only = query_filter(self._dialect, query.access, query.selection)
            for name, vector in self._vectors(query):
                requests.append(
                    models.QueryRequest(query=vector, using=name, filter=only, limit=query.limit, with_payload=list(IDENTITY_FIELDS))
                )
                owners.append((number, name))
        merged: list[dict[str, Scored]] = [{} for _ in queries]
        answers = self._guarded(self._client.query_batch_points, self._collection, requests) if requests else []
        for (number, name), answer in zip(owners, answers, strict=True):
            for point in answer.points:
                merge_hit(merged[number], str(point.id), point.payload or {}, name, point.score)
        return [list(found.values()) for found in merged]

    def _vectors(self, query: IndexQuery) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = [
            (name, models.SparseVector(indices=list(vector), values=list(vector.values())))
            for name, vector in query.fields.items()
            if vector
        ]
        if self._dense and query.dense is not None:
            found.append(("dense", list(query.dense)))
        return found

    @property
    def generation(self) -> None:
        """Any number of processes write to a server."""
        return None

    def count(self) -> int:
        return int(self._guarded(self._client.count, self._collection).count)

    def optimize(self) -> None:
        """The server optimises by itself."""

    def close(self) -> None:
        self._client.close()
