"""The audit chain's rows as they are stored, read so that a damaged one is a finding and not a crash."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, Row, Select, cast, func, select, update

from domain.errors import StorageError

from .audit_chain import FIELDS, Anchor, Link
from .audit_check import ChainCheck, Verdict
from .audit_tables import ENTRIES, HEADS
from .database import Database
from .keys import Keys

PAGE = 5_000
LOCK = update(HEADS).values(seq=HEADS.c.seq).returning(*HEADS.c)


def verify(database: Database, *, keys: Keys | None = None, anchor: Anchor | None = None) -> Verdict:
    """Check the whole chain, page by page, while others go on appending.

    It hands out hashes and seqs only. For a person, `AuditLog.verify` records that it was done. Raises StorageError when there is no
    head to check against, and what `Database.transaction` raises.
    """
    head = read_head(database)
    check = ChainCheck(head, keys=keys, anchor=anchor)
    with database.transaction() as connection:
        # one statement, so that entries appended meanwhile are seen together with their head
        beyond = ENTRIES.c.seq > select(func.max(HEADS.c.seq)).scalar_subquery()
        first, last = connection.execute(select(func.min(ENTRIES.c.seq), func.max(ENTRIES.c.seq)).where(beyond)).one()
    if first is not None:
        check.findings.add("row_inserted", first, "在链头之后", last=last)
    return check.run(links(database, last=head.seq))


def read_head(database: Database) -> Anchor:
    """Where the chain ends. Raises StorageError when that is not recorded any more."""
    with database.transaction() as connection:
        return _head(connection.execute(select(HEADS)).all())


def locked_head(connection: Connection) -> Anchor:
    """Where the chain ends, and nobody else appends until the transaction is over. Raises StorageError like `read_head`."""
    if connection.dialect.name == "sqlite":
        # a reading statement would not take SQLite's lock
        return _head(connection.execute(LOCK).all())
    return _head(connection.execute(select(HEADS).with_for_update()).all())


def _head(rows: Any) -> Anchor:
    fields: dict[str, Any] = rows[0]._asdict() if len(rows) == 1 else {}
    if not fields or type(fields["seq"]) is not int or type(fields["signed_from"]) is not int:
        raise StorageError("审计链头不见了或被改坏，不能追加或校验", where="audit_heads", cure="从备份恢复数据库，并查明谁改动了它")
    return Anchor(**fields)


def links(database: Database, *, first: int | None = None, last: int) -> Iterator[Link]:
    """Entries `first`..`last` in pages; without `first` also those that stand before the first seq, where none should be."""
    after = None if first is None else first - 1
    while True:
        with database.transaction() as connection:
            query = stored(connection).where(ENTRIES.c.seq <= last).order_by(ENTRIES.c.seq).limit(PAGE)
            page = connection.execute(query if after is None else query.where(ENTRIES.c.seq > after)).all()
        for row in page:
            yield link_of(row)
        if len(page) < PAGE:
            return
        after = page[-1][0]


def stored(connection: Connection) -> Select[Any]:
    """A query for entries, to be read with `link_of`."""
    return select(ENTRIES.c.seq, *(_bytes(connection, ENTRIES.c[name]) for name in ("previous", "hash", "mac", *FIELDS)))


def link_of(row: Row[Any]) -> Link:
    """An entry from a row of `stored`."""
    seq, *columns = row
    previous, hash_, mac = (_readable(value) for value in columns[:3])
    try:
        fields = {name: _text(value) for name, value in zip(FIELDS, columns[3:], strict=True)}
    except UnicodeDecodeError:
        fields = None
    return Link(seq=seq, previous=previous, hash=hash_, mac=mac, fields=fields)


def _bytes(connection: Connection, column: ColumnElement[str]) -> ColumnElement[Any]:
    # SQLite hands out text that was edited into invalid UTF-8 as an error; PostgreSQL never stores such text
    return cast(column, LargeBinary) if connection.dialect.name == "sqlite" else column


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _readable(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
