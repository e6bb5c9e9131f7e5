"""The store interface. Both engines answer the same queries with the same access filter, applied inside the engine."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from domain.principal import Label, ReadFilter

from ..lexicon import Sparse

Field = Literal["body", "ask"]
"""body: heading path and text. ask: synonyms and the questions people put."""
FIELDS: tuple[Field, ...] = ("body", "ask")


@dataclass(frozen=True)
class IndexPoint:
    """One indexed passage: its sparse fields, an optional dense vector, and what filters look at."""

    id: int
    passage_id: str
    clause_id: str
    document_id: str
    standard: str
    kind: str
    """clause, section, question: what the point stands for."""
    label: Label
    fields: dict[Field, Sparse]
    modality: str = ""
    level: str = ""
    collection: str = ""
    dense: Sequence[float] | None = None


@dataclass(frozen=True)
class Selection:
    """What a search may look at besides the access filter; an empty tuple means no restriction."""

    standards: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()


@dataclass(frozen=True)
class IndexQuery:
    """One search: sparse queries by field, an optional dense query, `limit` results for each of them."""

    fields: dict[Field, Sparse]
    access: ReadFilter
    selection: Selection = Selection()
    dense: Sequence[float] | None = None
    limit: int = 50


@dataclass(frozen=True)
class Scored:
    """A point with its score in each field that found it."""

    passage_id: str
    clause_id: str
    document_id: str
    standard: str
    kind: str
    scores: dict[str, float] = field(default_factory=dict[str, float])


class PassageIndex(Protocol):
    """Vectors of passages. Implementations raise UpstreamUnavailable when the engine does not answer."""

    def upsert(self, points: Sequence[IndexPoint]) -> None:
        """Insert or replace points by id."""
        ...

    def delete_document(self, document_id: str) -> None:
        """Remove every point of a document."""
        ...

    def search(self, queries: Sequence[IndexQuery]) -> list[list[Scored]]:
        """Results of each query, unordered, every result readable under that query's access filter."""
        ...

    @property
    def generation(self) -> int | None:
        """Grows with every change; the same number means the same answers. None: others write too, so nobody can know."""
        ...

    def count(self) -> int: ...

    def optimize(self) -> None:
        """Build the index structures for what was upserted; called once after a batch."""
        ...

    def close(self) -> None: ...


def point_id(passage_id: str) -> int:
    """63 bits of a hash: the same passage is always the same point."""
    return int.from_bytes(hashlib.blake2b(passage_id.encode(), digest_size=8).digest()) >> 1
