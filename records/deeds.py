"""What the stores of this floor report for the audit, and the one way in which they change something (TISC-6.1.3-g, GXDSL-8.1-7).

A deed and its entry in the trail are one transaction: killed in between, neither is there.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from domain.principal import Principal

from .database import Database
from .encoding import utc_now

Outcome = Literal["done", "refused"]


@dataclass(frozen=True, slots=True)
class Deed:
    """Who did what to which thing. No secret, no content."""

    action: str
    by: Principal
    object_kind: str
    object_id: str = ""
    outcome: Outcome = "done"
    reason: str = ""
    detail: dict[str, Any] = field(default_factory=dict[str, Any])


Audit = Callable[[Deed, Connection | None], None]
"""Puts a deed on record, inside the transaction of what was done; a refusal, with which nothing was changed, has one of its own.
What it raises undoes the deed and reaches the caller."""


def nothing() -> None:
    """For callers that keep no principals in memory."""


class AuditedStore:
    """A store whose every change is on record. `changed` is called after whatever makes a remembered principal wrong."""

    def __init__(
        self, database: Database, audit: Audit, *, changed: Callable[[], None] = nothing, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._audit = audit
        self._changed = changed
        self._now = now

    @contextmanager
    def _deed(self) -> Generator[tuple[Session, list[Deed]]]:
        """A change and its deeds, which the caller appends: stored together at the end. Without a deed nothing is stored."""
        deeds: list[Deed] = []
        with self._database.session(write=True) as session:
            yield session, deeds
            session.flush()
            # last, because the trail's head stays locked until the commit
            for deed in deeds:
                self._audit(deed, session.connection())
            if not deeds:
                session.rollback()
        if deeds:
            self._changed()

    def _refused(self, deed: Deed) -> None:
        """Put on record what was not done."""
        self._audit(deed, None)
