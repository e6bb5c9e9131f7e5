"""What people think of answers: thumb and comment, one per person and run."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from domain.errors import NotFound
from domain.principal import Principal

from .access import content_reader, owned
from .audit import AuditLog
from .audit_entries import Door, NewEntry
from .content import PLAIN, Content
from .database import Database
from .encoding import storable, utc_now
from .sealing import row_of
from .tables import FeedbackRow, RunRow

Rating = Literal["up", "down"]


class Feedback(BaseModel):
    """One person's opinion of one answer."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    principal_id: str
    rating: Rating
    comment: str
    updated_at: datetime


class FeedbackStore:
    """Every method raises NotFound for a run that is not the principal's, NotAllowed for an audit administrator.

    `content`: how comments are kept. `audit`: takes an entry for each opinion, in the same transaction.
    """

    def __init__(
        self, database: Database, *, now: Callable[[], datetime] = utc_now, content: Content = PLAIN, audit: AuditLog | None = None
    ) -> None:
        self._database = database
        self._now = now
        self._content, self._audit = content, audit

    def give(self, run_id: str, principal: Principal, rating: Rating, comment: str = "", *, door: Door = "system") -> Feedback:
        """Say something about an answer, or say it differently. Raises what `AuditLog.append` raises, too."""
        with self._database.session(write=True) as session:
            _check_own(session, run_id, principal)
            row = session.merge(
                FeedbackRow(
                    run_id=run_id,
                    principal_id=principal.id,
                    tenant=principal.tenant,
                    rating=rating,
                    comment=self._content.comment.seal(row_of((run_id, principal.id)), storable(comment)),
                    updated_at=self._now(),
                )
            )
            session.flush()
            self._record(session, run_id, principal, door, {"rating": rating, "comment_length": len(comment)})
        return self._feedback(row)

    def withdraw(self, run_id: str, principal: Principal, *, door: Door = "system") -> None:
        """Take one's opinion back; without one, nothing happens."""
        with self._database.session(write=True) as session:
            _check_own(session, run_id, principal)
            gone = delete(FeedbackRow).where(FeedbackRow.run_id == run_id, FeedbackRow.principal_id == principal.id)
            if session.execute(gone.returning(FeedbackRow.run_id)).scalar() is not None:
                self._record(session, run_id, principal, door, {"withdrawn": True})

    def _record(self, session: Session, run_id: str, principal: Principal, door: Door, detail: dict[str, Any]) -> None:
        if self._audit is not None:
            entry = NewEntry(principal=principal, action="feedback.give", door=door, object_kind="run", object_id=run_id, detail=detail)
            self._audit.append(entry, session.connection())

    def of_run(self, run_id: str, principal: Principal) -> Feedback | None:
        """The principal's opinion of one answer."""
        with self._database.session() as session:
            _check_own(session, run_id, principal)
            row = session.get(FeedbackRow, (run_id, principal.id))
            return None if row is None else self._feedback(row)

    def list_feedback(self, principal: Principal, *, rating: Rating | None = None, limit: int = 100) -> list[Feedback]:
        """The principal's opinions, newest first."""
        reader = content_reader(principal)
        query = select(FeedbackRow).where(FeedbackRow.tenant == reader.tenant, FeedbackRow.principal_id == reader.id)
        if rating is not None:
            query = query.where(FeedbackRow.rating == rating)
        with self._database.session() as session:
            return [self._feedback(row) for row in session.scalars(query.order_by(FeedbackRow.updated_at.desc()).limit(limit))]

    def _feedback(self, row: FeedbackRow) -> Feedback:
        rating: Rating = "up" if row.rating == "up" else "down"
        comment = self._content.comment.open(row_of((row.run_id, row.principal_id)), row.comment)
        return Feedback(run_id=row.run_id, principal_id=row.principal_id, rating=rating, comment=comment, updated_at=row.updated_at)


def _check_own(session: Session, run_id: str, principal: Principal) -> None:
    if session.scalar(select(RunRow.id).where(RunRow.id == storable(run_id), owned(RunRow, principal))) is None:
        raise NotFound(f"没有运行 {run_id!r}", where="run_id", cure="只能评价自己得到的回答")
