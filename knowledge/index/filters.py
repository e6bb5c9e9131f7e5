"""The access policy and a query's selection as a store filter, written once for every engine.

`Dialect` names the classes of one engine's client; both clients share Qdrant's filter language.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from domain.principal import ReadFilter

from .store import IndexPoint, Selection


class Dialect(Protocol):
    """Constructors of one client library's filter classes."""

    def any_of(self, key: str, values: Sequence[str]) -> Any: ...
    def none_but(self, key: str, values: Sequence[str]) -> Any:
        """Holds when the field has a value outside `values`."""
        ...

    def empty(self, key: str) -> Any: ...
    def all_of(self, must: Sequence[Any], must_not: Sequence[Any] = ()) -> Any: ...
    def one_of(self, should: Sequence[Any]) -> Any: ...


def payload(point: IndexPoint) -> dict[str, Any]:
    """What a filter may look at, and what a hit must carry."""
    return {
        "passage_id": point.passage_id,
        "clause_id": point.clause_id,
        "document_id": point.document_id,
        "standard": point.standard,
        "kind": point.kind,
        "modality": point.modality,
        "level": point.level,
        "collection": point.collection,
        "label_level": point.label.level,
        "tenant": point.label.tenant,
        "attributes": sorted(point.label.attributes),
        "parties": sorted(point.label.parties),
    }


IDENTITY_FIELDS = ("passage_id", "clause_id", "document_id", "standard", "kind")
"""What a hit must carry."""
INDEXED_FIELDS = ("document_id", "standard", "kind", "modality", "level", "collection", "label_level", "tenant", "attributes", "parties")


def access_condition(dialect: Dialect, access: ReadFilter) -> Any:
    """`domain.principal.may_read` in the engine's language; a test holds the two against each other."""
    alternatives = [dialect.any_of("label_level", ["public"])]
    if access.tenant and access.principal_id:
        tenant = dialect.any_of("tenant", [access.tenant])
        restricted = [dialect.any_of("label_level", ["restricted"]), tenant]
        private = [dialect.any_of("label_level", ["private"]), tenant]
        if access.attributes:
            beyond = dialect.none_but("attributes", sorted(access.attributes))
            alternatives.append(dialect.all_of(restricted, must_not=[beyond]))
        else:
            alternatives.append(dialect.all_of([*restricted, dialect.empty("attributes")]))
        alternatives.append(dialect.all_of([*private, dialect.any_of("parties", [access.principal_id])]))
        # one alternative for each kind of grant (GXDSL-8.1-3)
        granted = (("document_id", access.objects), ("collection", access.collections))
        alternatives += [dialect.all_of([*restricted, dialect.any_of(key, sorted(names))]) for key, names in granted if names]
        if access.named_objects:
            alternatives.append(dialect.all_of([*private, dialect.any_of("document_id", sorted(access.named_objects))]))
    return dialect.one_of(alternatives)


def query_filter(dialect: Dialect, access: ReadFilter, selection: Selection) -> Any:
    wanted = {
        "standard": selection.standards,
        "level": selection.levels,
        "modality": selection.modalities,
        "kind": selection.kinds,
        "collection": selection.collections,
        "document_id": selection.documents,
    }
    conditions = [dialect.any_of(key, values) for key, values in wanted.items() if values]
    return dialect.all_of([access_condition(dialect, access), *conditions])
