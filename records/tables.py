"""The tables of this floor as typed classes. Their history is `migrations/`; a test compares the two.

Every statement that decides something (a seq, a decision, a claim) is one conditional UPDATE, so that it is right under SQLite's
and PostgreSQL's default isolation alike.
"""

from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import DateTime, Dialect, ForeignKey, Index, Table, Text, TypeDecorator, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Instant(TypeDecorator[datetime]):
    """An aware point in time; SQLite, which knows no time zones, keeps UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    type_annotation_map = {str: Text(), datetime: Instant()}  # noqa: RUF012 (SQLAlchemy's declaration)


class Owned:
    """A row that is private to one person of one tenant."""

    tenant: Mapped[str]
    owner: Mapped[str]


class ThreadRow(Owned, Base):
    """A conversation."""

    __tablename__ = "threads"
    __table_args__ = (Index("ix_threads_owner", "tenant", "owner", "updated_at", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class RunRow(Owned, Base):
    """One question on its way to an answer."""

    __tablename__ = "runs"
    __table_args__ = (Index("ix_runs_thread", "thread_id", "created_at"), Index("ix_runs_status", "status", "instance"))

    id: Mapped[str] = mapped_column(primary_key=True)
    thread_id: Mapped[str | None] = mapped_column(ForeignKey("threads.id", ondelete="CASCADE"))
    kind: Mapped[str]
    question: Mapped[str]
    status: Mapped[str]
    answer: Mapped[str | None]
    instance: Mapped[str]
    last_seq: Mapped[int]
    """Seq of the newest stored event; writers move it by compare-and-set, which keeps the log gapless."""
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class EventRow(Base):
    """One event, or several text tokens merged into one row that covers `first_seq`..`seq`."""

    __tablename__ = "run_events"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 (SQLAlchemy's declaration)

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    first_seq: Mapped[int]
    type: Mapped[str]
    data: Mapped[str]
    cuts: Mapped[str | None]
    """Lengths of the merged tokens, so that a replay can begin between two of them."""
    at: Mapped[datetime]


class ApprovalRow(Base):
    """A person's decision about one effect. No foreign key: it stays when the conversation is deleted."""

    __tablename__ = "approvals"
    __table_args__ = (
        UniqueConstraint("tenant", "key", name="uq_approvals_key"),
        Index("ix_approvals_run", "run_id"),
        Index("ix_approvals_tenant", "tenant", "status", "created_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str]
    tenant: Mapped[str]
    requested_by: Mapped[str]
    tool: Mapped[str]
    args: Mapped[str]
    effect: Mapped[str]
    summary: Mapped[str]
    key: Mapped[str]
    status: Mapped[str]
    reason: Mapped[str]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    created_at: Mapped[datetime]


class FeedbackRow(Base):
    """What one person thinks of one answer."""

    __tablename__ = "feedback"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    principal_id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    rating: Mapped[str]
    comment: Mapped[str]
    updated_at: Mapped[datetime]


def table_of(row: type[Base]) -> Table:
    return cast(Table, cast(Any, row).__table__)
