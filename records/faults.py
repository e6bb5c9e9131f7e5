"""The one place where the database's errors become ours. The driver's own text stays in the traceback: it may quote content."""

import sqlite3
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, TimeoutError

from domain.errors import ConfigurationError, Conflict, PlatformError, StorageError, UpstreamUnavailable

Fault = Callable[[], PlatformError]


def _conflict() -> PlatformError:
    return Conflict("这条记录与已有的记录冲突", where="数据库", cure="刷新后重试")


def busy() -> PlatformError:
    return StorageError("数据库正忙，等不到写入的机会", where="数据库", cure="稍后重试；若一直如此，检查是否有别的进程占着数据库")


def _full() -> PlatformError:
    return StorageError("磁盘已满，数据库写不进去", where="数据库", cure="清理磁盘空间后重试，已保存的内容没有受影响")


def _closed_file() -> PlatformError:
    return StorageError("数据库文件打不开或不可写", where="数据库", cure="检查路径是否存在、当前用户是否有读写权限")


def _damaged() -> PlatformError:
    return StorageError("数据库文件读写出错或不是有效的数据库", where="数据库", cure="检查磁盘，从备份恢复")


def _refused() -> PlatformError:
    return StorageError("数据库拒绝了这次操作", where="数据库", cure="查看服务日志；已保存的内容没有受影响")


def _outdated() -> PlatformError:
    return ConfigurationError("数据库的表与程序不一致", where="数据库", cure="运行 shuzhi db upgrade")


def _login() -> PlatformError:
    return ConfigurationError("数据库不接受这个账号或没有这个库", where="数据库", cure="检查数据库地址里的用户名、密码和库名")


def _unreachable() -> PlatformError:
    return UpstreamUnavailable("连不上数据库", where="数据库", cure="检查数据库是否已启动、地址和网络是否正确")


SQLITE: dict[int, Fault] = {
    sqlite3.SQLITE_BUSY: busy,
    sqlite3.SQLITE_LOCKED: busy,
    sqlite3.SQLITE_FULL: _full,
    sqlite3.SQLITE_READONLY: _closed_file,
    sqlite3.SQLITE_PERM: _closed_file,
    sqlite3.SQLITE_CANTOPEN: _closed_file,
    sqlite3.SQLITE_IOERR: _damaged,
    sqlite3.SQLITE_CORRUPT: _damaged,
    sqlite3.SQLITE_NOTADB: _damaged,
    sqlite3.SQLITE_ERROR: _outdated,
}
"""By primary result code. SQLITE_ERROR is SQL that this schema does not fit."""

POSTGRES: tuple[tuple[str, Fault], ...] = (
    ("53100", _full),
    ("53", busy),
    ("40", busy),
    ("55P03", busy),
    ("57014", busy),
    ("25006", _closed_file),
    ("28", _login),
    ("3D", _login),
    ("42501", _login),
    ("42", _outdated),
    ("08", _unreachable),
    ("57P", _unreachable),
    ("58", _damaged),
    ("XX", _damaged),
)
"""By SQLSTATE prefix; the first that fits wins."""


def translate(error: DBAPIError | TimeoutError) -> PlatformError:
    """What we raise instead of `error`: Conflict, StorageError, ConfigurationError or UpstreamUnavailable.

    SQLAlchemy's other errors are mistakes of ours and pass as they are.
    """
    if isinstance(error, IntegrityError):
        return _conflict()
    if isinstance(error, TimeoutError):
        return busy()
    code = getattr(error.orig, "sqlite_errorcode", None)
    if isinstance(code, int):
        return SQLITE.get(code & 0xFF, _refused)()
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        return next((fault for prefix, fault in POSTGRES if state.startswith(prefix)), _refused)()
    if _wrong_login(error):
        return _login()
    # psycopg gives no SQLSTATE when there is no connection to get one from
    return _unreachable() if isinstance(error, OperationalError) else _refused()


def _wrong_login(error: DBAPIError) -> bool:
    """A login refused while connecting carries its reason in words only."""
    words = str(error.orig)
    return "authentication failed" in words or ("FATAL" in words and "does not exist" in words)
