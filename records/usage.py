"""Use of data that is not public, on record (使用追踪, GXDSL-8.1-7): noted in memory, stored in batches by one thread."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import insert, select

from domain.errors import PlatformError, StorageError
from domain.permissions import require
from domain.principal import Principal

from .anomalies import Use, UseOutcome
from .database import Database
from .encoding import new_id, storable, utc_now
from .grant_tables import UsageRow
from .tables import table_of

log = structlog.get_logger()
USES = table_of(UsageRow)
EVERY_S = 0.5
"""How long a use waits for others at most; what a killed process loses."""
BATCH = 500
MOST_WAITING = 50_000


class UsageLog:
    """Thread-safe. `close` stores what is left."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = utc_now, every_s: float = EVERY_S) -> None:
        self._database = database
        self._now = now
        self._every_s = every_s
        self._waiting: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._storing = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="usage-log", daemon=True)
        self._thread.start()

    def note(self, principal: Principal, target: str, outcome: UseOutcome, *, level: str = "", door: str = "") -> None:
        """Record a look. Raises StorageError when too many wait for the disk: without a record there is no use (GXDSL-8.1-7)."""
        row = {
            "id": new_id(),
            "tenant": principal.tenant,
            "principal_id": principal.id,
            "target": storable(target)[:200],
            "level": level,
            "door": door,
            "outcome": outcome,
            "at": self._now(),
        }
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                raise _no_room()
            self._waiting.append(row)

    def check_room(self) -> None:
        """Raises StorageError when `note` would: for what is about to be looked at."""
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                raise _no_room()

    def flush(self) -> None:
        """Store what waits. Raises StorageError, UpstreamUnavailable; what could not be stored goes on waiting."""
        with self._storing:
            while True:
                with self._lock:
                    batch = self._waiting[:BATCH]
                if not batch:
                    return
                with self._database.log_transaction() as connection:
                    connection.execute(insert(USES), batch)
                with self._lock:
                    del self._waiting[: len(batch)]

    def close(self) -> None:
        """Stop the thread and store what is left; raises like `flush`."""
        self._stop.set()
        self._thread.join()
        self.flush()

    def list_uses(
        self, by: Principal, *, principal_id: str = "", target: str = "", since: datetime | None = None, limit: int = 200
    ) -> list[Use]:
        """The tenant's uses, newest first (使用追踪报告). Raises NotAllowed without `usage.review`."""
        require(by, "usage.review")
        self.flush()
        query = select(UsageRow).where(UsageRow.tenant == by.tenant)
        query = query.where(UsageRow.principal_id == storable(principal_id)) if principal_id else query
        query = query.where(UsageRow.target == storable(target)) if target else query
        query = query.where(UsageRow.at >= since) if since else query
        with self._database.session() as session:
            return [use_of(row) for row in session.scalars(query.order_by(UsageRow.at.desc(), UsageRow.id.desc()).limit(limit))]

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                self.flush()
            except PlatformError as error:
                # they go on waiting; `note` refuses when there are too many
                log.warning("uses not stored yet", problem=error.message, waiting=len(self._waiting))


def _no_room() -> StorageError:
    return StorageError("数据使用记录写不进去，暂停查看", where="数据库", cure="检查磁盘和数据库，恢复后自动继续")


def use_of(row: UsageRow) -> Use:
    return Use.model_validate({name: getattr(row, name) for name in Use.model_fields})
