"""The access policy as a condition on rows that carry a label, the same on SQLite and PostgreSQL; a test holds it against `may_read`."""

from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, false, func, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from domain.principal import ReadFilter


class label_items(GenericFunction[str]):
    """The values of a JSON list that is kept as text, as rows of one column `value`."""

    name = "label_items"
    inherit_cache = True


@compiles(label_items, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(label_items, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"jsonb_array_elements_text(CAST({compiler.process(element.clauses, **options)} AS JSONB))"


def readable(access: ReadFilter, row: Any) -> ColumnElement[bool]:
    """The condition under which a row is readable.

    `row` has the columns `id`, `collection`, `label_level`, `label_tenant`, `label_attributes` and `label_parties` (JSON lists as text).
    """
    public = row.label_level == "public"
    if not access.tenant or not access.principal_id:
        return public
    ours = row.label_tenant == access.tenant
    attributes, parties = _items(row.label_attributes), _items(row.label_parties)
    beyond = exists(select(1).select_from(attributes).where(attributes.c.value.not_in(sorted(access.attributes))))
    party = exists(select(1).select_from(parties).where(parties.c.value == access.principal_id))
    restricted = or_(~beyond, _among(row.id, access.objects), _among(row.collection, access.collections))
    private = or_(party, _among(row.id, access.named_objects))
    return or_(
        public,
        and_(row.label_level == "restricted", ours, restricted),
        and_(row.label_level == "private", ours, private),
    )


def _items(column: Any) -> Any:
    # an empty text stands for an empty list, as the library reads it
    return func.label_items(case((column == "", "[]"), else_=column)).table_valued("value")


def _among(column: Any, names: frozenset[str]) -> ColumnElement[bool]:
    return column.in_(sorted(names)) if names else false()
