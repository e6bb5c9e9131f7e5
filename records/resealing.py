"""Rotation of data keys without downtime: old values are sealed anew batch by batch while others read and write, and a key goes only
when nothing needs it any more."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    String,
    Table,
    and_,
    delete,
    func,
    inspect,
    literal,
    not_,
    or_,
    select,
    sql,
    tuple_,
    update,
)

from domain.errors import Conflict, NotFound, StorageError

from .database import Database
from .encoding import utc_now
from .sealing import DataKey, Place, Sealer, key_of, row_of, token_prefix
from .sealing_tables import DATA_KEYS

BATCH = 500
MOST_NAMED = 100


@dataclass(frozen=True)
class SealedColumn:
    """A column that `reseal` walks."""

    table: Table
    column: str
    index: str | None = None
    """The column of its blind index, if it has one."""
    plain: bool = False
    """Whether text that is no sealed value is content from before the column was sealed, to be sealed now."""
    keeps_empty: bool = False
    """Whether empty text is left as it is, because statements ask for it."""
    normal: Callable[[str], str] = str
    """The form in which a value is indexed."""


class Resealed(BaseModel):
    """What a walk over one column did. When nothing is unreadable, every value has the newest key."""

    model_config = ConfigDict(frozen=True)

    sealed: int
    """Values that got the newest key now."""
    unreadable: int
    rows: list[str]
    """The first of the rows that do not open and were left as they are."""


class KeyStatus(BaseModel):
    """One data key and how many values need it (`shuzhi keys status`)."""

    model_config = ConfigDict(frozen=True)

    id: str
    purpose: str
    algorithm: str
    master: str
    created_at: datetime
    newest: bool
    values: int


def reseal(database: Database, sealer: Sealer, column: SealedColumn, *, batch: int = BATCH) -> Resealed:
    """Seal every value of a column, and make its index, with the newest keys.

    Each batch is a transaction. What has the newest key is passed over, so a walk that was killed goes on where it stopped and a second
    walk does nothing. A value that somebody changes meanwhile stays as changed. Raises ConfigurationError for a missing key, and what
    `Database.transaction` raises.
    """
    sealer.refresh()
    key = tuple(column.table.primary_key.columns)
    sealed, unreadable = 0, list[str]()
    after: tuple[Any, ...] | None = None
    while True:
        with database.transaction(write=True) as connection:
            query = _stale(column, sealer, key).limit(batch)
            if after is not None:
                query = query.where(tuple_(*key) > tuple_(*(literal(value, each.type) for each, value in zip(key, after, strict=True))))
            rows = connection.execute(query).all()
            for row in rows:
                try:
                    sealed += _reseal_row(connection, sealer, column, key, row)
                except StorageError:
                    unreadable.append(row_of(row[:-1]))
        if len(rows) < batch:
            return Resealed(sealed=sealed, unreadable=len(unreadable), rows=unreadable[:MOST_NAMED])
        after = tuple(rows[-1])[:-1]


def _stale(column: SealedColumn, sealer: Sealer, key: tuple[ColumnElement[Any], ...]) -> Any:
    value = column.table.c[column.column]
    stale = not_(value.startswith(sealer.prefix("data"), autoescape=True))
    if column.index is not None:
        index = column.table.c[column.index]
        stale = or_(stale, index.is_(None), not_(index.startswith(sealer.prefix("index"), autoescape=True)))
    if column.keeps_empty:
        stale = and_(stale, value != "")
    return select(*key, value).where(value.is_not(None), stale).order_by(*key)


def _reseal_row(connection: Connection, sealer: Sealer, column: SealedColumn, key: tuple[ColumnElement[Any], ...], row: Row[Any]) -> int:
    *ids, stored = row
    place = Place(column.table.name, column.column, row_of(ids))
    text = stored if column.plain and key_of(stored) is None else sealer.open(stored, place)
    values = {column.column: sealer.seal(text, place)}
    if column.index is not None:
        values[column.index] = sealer.index(column.normal(text), column.table.name, column.column)
    unchanged = and_(*(each == value for each, value in zip(key, ids, strict=True)), column.table.c[column.column] == stored)
    return connection.execute(update(column.table).where(unchanged).values(values)).rowcount


def status(database: Database, sealer: Sealer) -> list[KeyStatus]:
    """Every data key and how many values need it, oldest first."""
    sealer.refresh()
    with database.transaction() as connection:
        needed = _needed(connection, sealer.ring())
    return [
        KeyStatus(
            **{name: getattr(key, name) for name in ("id", "purpose", "algorithm", "master", "created_at")},
            newest=sealer.is_newest(key),
            values=needed[key.id],
        )
        for key in sealer.ring()
    ]


def masters_needed(sealer: Sealer) -> dict[str, int]:
    """How many data keys each master key wraps. Files need theirs too, see `sealed_files.master_of`."""
    sealer.refresh()
    found: dict[str, int] = {}
    for key in sealer.ring():
        found[key.master] = found.get(key.master, 0) + 1
    return found


def drop(database: Database, sealer: Sealer, key_id: str, *, now: Callable[[], datetime] = utc_now) -> None:
    """Delete a data key for good.

    Every text column of the database is searched for values that need it, whatever the caller knows of. Raises NotFound for an unknown
    key; Conflict when values need it (saying how many), when it is the newest, or so soon after a rotation that another process may
    still seal with it.
    """
    sealer.refresh()
    key = next((each for each in sealer.ring() if each.id == key_id), None)
    if key is None:
        raise NotFound(f"没有数据密钥 {key_id[:40]!r}", where="data_keys", cure="用 shuzhi keys status 查看")
    if sealer.is_newest(key):
        raise Conflict(f"数据密钥 {key_id} 正在使用，不能删除", where="data_keys", cure="先运行 shuzhi keys rotate")
    newest = max(each.created_at for each in sealer.ring() if each.purpose == key.purpose)
    if now() - newest < timedelta(seconds=2 * sealer.refresh_s):
        raise Conflict(f"刚刚换过密钥，别的进程可能还在用 {key_id}", where="data_keys", cure=f"{2 * sealer.refresh_s:g} 秒后再试")
    with database.transaction(write=True) as connection:
        gone = connection.execute(delete(DATA_KEYS).where(DATA_KEYS.c.id == key_id, DATA_KEYS.c.wrapped == key.wrapped)).rowcount
        needed = _needed(connection, [key])[key_id]
        if needed or not gone:
            why = f"还有 {needed} 个值需要数据密钥 {key_id}，不能删除" if needed else f"数据密钥 {key_id} 刚被改动"
            raise Conflict(why, where="data_keys", cure="先用新密钥重新加密（shuzhi keys rotate），再删除旧密钥")
    sealer.refresh()


def _needed(connection: Connection, keys: list[DataKey]) -> dict[str, int]:
    found = dict.fromkeys((key.id for key in keys), 0)
    for column in _text_columns(connection):
        counts = [func.count().filter(column.contains(token_prefix(key), autoescape=True)) for key in keys]
        for key, count in zip(keys, connection.execute(select(*counts)).one() if keys else (), strict=True):
            found[key.id] += count
    return found


def _text_columns(connection: Connection) -> Iterator[ColumnElement[str]]:
    inspector = inspect(connection)
    for name in inspector.get_table_names():
        if name != DATA_KEYS.name:
            columns = [sql.column(each["name"], String()) for each in inspector.get_columns(name) if isinstance(each["type"], String)]
            yield from sql.table(name, *columns).columns
