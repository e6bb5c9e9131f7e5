"""Audit chains in real SQLite files, and ways to damage them past the triggers."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from records.audit import AuditLog
from records.audit_chain import HashName, canonical, digest
from records.audit_entries import NewEntry
from records.database import Database
from records.keys import Keys, new_key_line, parse_keys

from .people import ANNA

KEYS = parse_keys(new_key_line()[1], "测试")
OTHER_KEYS = parse_keys(new_key_line()[1], "测试")
COLUMNS = (
    *("at", "tenant", "actor", "roles", "action", "object_kind", "object_id", "level", "reason", "door", "outcome", "detail"),
    *("previous", "hash", "mac"),
)


def entry(number: int = 1) -> NewEntry:
    """An entry in which no column is empty."""
    return NewEntry(
        principal=ANNA,
        action="document.read",
        door="http",
        object_kind="document",
        object_id=f"d{number}",
        level="restricted",
        reason="查阅设备台账",
        detail={"pages": number, "phone": "138****0000"},
    )


def chain(path: Path, count: int, *, keys: Keys | None = KEYS, algorithm: HashName = "sha256") -> Database:
    """A database with a chain of `count` entries."""
    database = Database(f"sqlite:///{path}")
    database.upgrade()
    AuditLog(database, keys=keys, algorithm=algorithm).append([entry(number) for number in range(1, count + 1)])
    return database


class Editor:
    """Somebody with the file in an editor: no trigger holds."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        for (name,) in self.connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            self.connection.execute(f"DROP TRIGGER {name}")

    def __call__(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        return self.connection.execute(statement, parameters).fetchall()

    def bytes_of(self, seq: int, column: str) -> bytes:
        return self.connection.execute(f"SELECT CAST({column} AS BLOB) FROM audit_entries WHERE seq = ?", (seq,)).fetchone()[0]

    def write_bytes(self, seq: int, column: str, value: bytes) -> None:
        self(f"UPDATE audit_entries SET {column} = CAST(? AS TEXT) WHERE seq = ?", (value, seq))

    def flip(self, seq: int, column: str, at: int, bit: int) -> None:
        value = bytearray(self.bytes_of(seq, column))
        value[at % len(value)] ^= 1 << bit
        self.write_bytes(seq, column, bytes(value))

    def rehash(self, first: int, last: int) -> None:
        """What a forger without the key can do: make the chain fit again from `first` on."""
        [(name, previous)] = self("SELECT chain, (SELECT previous FROM audit_entries WHERE seq = ?) FROM audit_heads", (first,))
        for seq in range(first, last + 1):
            [row] = self(f"SELECT {', '.join(COLUMNS[:12])} FROM audit_entries WHERE seq = ?", (seq,))
            fields = {column: str(value) for column, value in zip(COLUMNS[:12], row, strict=True)}
            made = digest("sha256", canonical(str(name), seq, str(previous), fields))
            self("UPDATE audit_entries SET previous = ?, hash = ? WHERE seq = ?", (previous, made, seq))
            previous = made
        self("UPDATE audit_heads SET seq = ?, hash = ?", (last, previous))

    def renumber(self, first: int, last: int, by: int) -> None:
        for seq in range(last, first - 1, -1) if by > 0 else range(first, last + 1):
            self("UPDATE audit_entries SET seq = ? WHERE seq = ?", (seq + by, seq))

    def swap(self, one: int, other: int) -> None:
        for old, new in ((one, -1), (other, one), (-1, other)):
            self("UPDATE audit_entries SET seq = ? WHERE seq = ?", (new, old))

    def close(self) -> None:
        self.connection.close()
