"""What people think of answers: thumb and comment, one per person and run."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from domain.errors import NotFound
from domain.principal import Principal

from .access import content_reader, owned
from .database import Database
from .encoding import storable, utc_now
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
    """Every method raises NotFound for a run that is not the principal's, NotAllowed for an audit administrator."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    def give(self, run_id: str, principal: Principal, rating: Rating, comment: str = "") -> Feedback:
        """Say something about an answer, or say it differently."""
        with self._database.session(write=True) as session:
            _check_own(session, run_id, principal)
            row = session.merge(
                FeedbackRow(
                    run_id=run_id,
                    principal_id=principal.id,
                    tenant=principal.tenant,
                    rating=rating,
                    comment=storable(comment),
                    updated_at=self._now(),
                )
            )
        return _feedback(row)

    def withdraw(self, run_id: str, principal: Principal) -> None:
        """Take one's opinion back; without one, nothing happens."""
        with self._database.session(write=True) as session:
            _check_own(session, run_id, principal)
            session.execute(delete(FeedbackRow).where(FeedbackRow.run_id == run_id, FeedbackRow.principal_id == principal.id))

    def of_run(self, run_id: str, principal: Principal) -> Feedback | None:
        """The principal's opinion of one answer."""
        with self._database.session() as session:
            _check_own(session, run_id, principal)
            row = session.get(FeedbackRow, (run_id, principal.id))
            return None if row is None else _feedback(row)

    def list_feedback(self, principal: Principal, *, rating: Rating | None = None, limit: int = 100) -> list[Feedback]:
        """The principal's opinions, newest first."""
        reader = content_reader(principal)
        query = select(FeedbackRow).where(FeedbackRow.tenant == reader.tenant, FeedbackRow.principal_id == reader.id)
        if rating is not None:
            query = query.where(FeedbackRow.rating == rating)
        with self._database.session() as session:
            return [_feedback(row) for row in session.scalars(query.order_by(FeedbackRow.updated_at.desc()).limit(limit))]


def _check_own(session: Session, run_id: str, principal: Principal) -> None:
    if session.scalar(select(RunRow.id).where(RunRow.id == storable(run_id), owned(RunRow, principal))) is None:
        raise NotFound(f"没有运行 {run_id!r}", where="run_id", cure="只能评价自己得到的回答")


def _feedback(row: FeedbackRow) -> Feedback:
    rating: Rating = "up" if row.rating == "up" else "down"
    return Feedback(run_id=row.run_id, principal_id=row.principal_id, rating=rating, comment=row.comment, updated_at=row.updated_at)
