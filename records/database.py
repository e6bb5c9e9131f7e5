"""One database behind everything that is recorded: SQLite for one machine, PostgreSQL for a cluster, the same code and migrations."""

import os
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, TimeoutError
from sqlalchemy.orm import Session

from domain.errors import ConfigurationError, StorageError, install_cure

from .faults import busy, translate

MIGRATIONS = Path(__file__).parent / "migrations"
UPGRADE_LOCK = 0x5A_48_49
"""Key of the PostgreSQL advisory lock that lets one process at a time upgrade."""


class Database:
    """An engine whose errors are ours.

    `url`: `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite://` (in memory, for tests) or `postgresql://user:password@host/name`.
    Raises ConfigurationError for an address that cannot work, StorageError when the folder cannot be made. The address, which may
    hold a password, appears in no message.
    """

    def __init__(self, url: str, *, busy_seconds: float = 5.0, pool_size: int = 10) -> None:
        self._url = _checked(url)
        self.backend = self._url.get_backend_name()
        self._in_memory = self.backend == "sqlite" and self._url.database in (None, "", ":memory:")
        # the in-memory database is one connection, so its users take turns
        self._turn: threading.RLock | nullcontext[None] = threading.RLock() if self._in_memory else nullcontext()
        self._writers = _Turns(busy_seconds) if self.backend == "sqlite" and not self._in_memory else None
        self._engine = self._create_engine(busy_seconds, pool_size, "FULL")
        self._log_engine = self._create_engine(busy_seconds, 1, "NORMAL") if self._writers else self._engine
        self._log_connection: Connection | None = None

    def _create_engine(self, busy_seconds: float, pool_size: int, synchronous: str) -> Engine:
        options: dict[str, Any] = {"hide_parameters": True}
        if self.backend == "postgresql":
            options |= {"pool_size": pool_size, "max_overflow": pool_size, "pool_pre_ping": True, "connect_args": {"connect_timeout": 10}}
        elif self._in_memory:
            options |= {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
        else:
            _private_file(Path(self._url.database or ""))
            options |= {"pool_size": pool_size, "max_overflow": pool_size, "connect_args": {"check_same_thread": False}}
        try:
            engine = create_engine(self._url, **options)
        except ImportError as error:
            raise ConfigurationError(
                "没有安装 PostgreSQL 驱动",
                where="数据库",
                cure=install_cure("postgres"),
            ) from error
        if self.backend == "sqlite":
            event.listen(engine, "connect", _pragmas(busy_seconds, synchronous))
        return engine

    @contextmanager
    def transaction(self, *, write: bool = False) -> Generator[Connection]:
        """A connection whose statements are committed together at the end, or not at all.

        `write` says that it will change something: on SQLite, writers of this process then take turns instead of racing for the
        file's lock, which starves whoever is slow. Raises StorageError, UpstreamUnavailable, ConfigurationError or Conflict (see
        `faults`).
        """
        with self._turn, self._writing(write), _translated(), self._engine.begin() as connection:
            if write:
                self._take_lock(connection)
            yield connection

    @contextmanager
    def log_transaction(self) -> Generator[Connection]:
        """A writing `transaction` for the runs' log, whose commits do not wait for the disk on SQLite.

        What is committed here survives a killed process like everything else. A power cut may take the last moments of a
        conversation, in order and never half an entry, and never something that was committed before a plain transaction: that one's
        wait for the disk covers all that stands before it in the file. Decisions, claims and ratings use `transaction`.
        """
        with self._turn, self._writing(True), _translated():
            if self._writers is None:
                with self._log_engine.begin() as connection:
                    yield connection
                return
            # writers take turns, so one connection serves them all: taking it from the pool costs as much as a statement
            if self._log_connection is None:
                self._log_connection = self._log_engine.connect()
            with self._log_connection.begin():
                yield self._log_connection

    @contextmanager
    def session(self, *, write: bool = False) -> Generator[Session]:
        """`transaction` with mapped classes; raises the same."""
        with self._turn, self._writing(write), _translated(), Session(self._engine, expire_on_commit=False) as session, session.begin():
            if write:
                self._take_lock(session.connection())
            yield session

    def _take_lock(self, connection: Connection) -> None:
        """Begin on SQLite. sqlite3 by itself begins only before INSERT and UPDATE: what is released as a savepoint before that would be
        committed at once, and what was read before that may be out of date when it is acted upon."""
        if self.backend == "sqlite" and not getattr(connection.connection.dbapi_connection, "in_transaction", False):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    def _writing(self, write: bool) -> AbstractContextManager[None]:
        return self._writers.taken() if write and self._writers else nullcontext()

    def upgrade(self) -> None:
        """Bring the tables to this program's version, in one transaction, one process at a time.

        Raises ConfigurationError, with nothing touched, when a newer program has already been here.
        """
        with self.transaction(write=True) as connection:
            if self.backend == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({UPGRADE_LOCK})"))
            script = ScriptDirectory(str(MIGRATIONS))
            known = {revision.revision for revision in script.walk_revisions()}
            present = set(MigrationContext.configure(connection).get_current_heads())
            if not present <= known:
                raise ConfigurationError(
                    "数据库是更新版本的程序建立的，当前程序不能使用",
                    where=f"数据库版本 {'、'.join(sorted(present - known))}",
                    cure=f"升级 ShuZhi 后再启动，或恢复升级前的数据库备份；当前程序的版本是 {script.get_current_head()}",
                )
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def revision(self) -> str | None:
        """The version of the tables, or None for an empty database."""
        with self.transaction() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def close(self) -> None:
        """Give back every connection."""
        if self._log_connection is not None:
            self._log_connection.close()
            self._log_connection = None
        self._engine.dispose()
        self._log_engine.dispose()


class _Turns:
    """A lock that whoever just had it cannot take again before those who already wait."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._next = threading.Lock()
        self._now = threading.Lock()

    @contextmanager
    def taken(self) -> Generator[None]:
        if not self._next.acquire(timeout=self._patience):
            raise busy()
        try:
            if not self._now.acquire(timeout=self._patience):
                raise busy()
        finally:
            self._next.release()
        try:
            yield
        finally:
            self._now.release()


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except (DBAPIError, TimeoutError) as error:
        raise translate(error) from error


def _checked(url: str) -> URL:
    cure = "写成 sqlite:////绝对/路径.db 或 postgresql://用户:密码@主机/库名"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # the cause would print the address
        raise ConfigurationError("数据库地址的写法不对", where="数据库地址", cure=cure) from None
    backend = parsed.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise ConfigurationError(f"不支持的数据库类型 {backend!r}", where="数据库地址", cure=cure)
    return parsed.set(drivername="postgresql+psycopg") if backend == "postgresql" else parsed


def _private_file(path: Path) -> None:
    """Make the database file readable by its owner only; SQLite gives its side files the same mode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StorageError("数据库文件打不开或不可写", where=str(path), cure="检查磁盘空间和目录权限") from error


def _switch_to_wal(cursor: sqlite3.Cursor, deadline: float) -> None:
    # the first switch of a new file does not heed busy_timeout
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _pragmas(busy_seconds: float, synchronous: str) -> Any:
    def on_connect(connection: Any, record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(busy_seconds * 1000)}")
        _switch_to_wal(cursor, time.monotonic() + busy_seconds)
        # FULL: a claimed approval must still be claimed after a power cut
        cursor.execute(f"PRAGMA synchronous = {synchronous}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    return on_connect
