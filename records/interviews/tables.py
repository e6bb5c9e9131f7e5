"""Tables of interviews (migration 0008): the events are the truth; `interviews` says which there are and where their numbering stands."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from ..tables import Base, table_of


class InterviewRow(Base):
    """One interview about one enterprise's file. It is as visible as that file: it has no label of its own."""

    __tablename__ = "interviews"
    __table_args__ = (Index("ix_interviews_file", "enterprise", "id"), Index("ix_interviews_thread", "tenant", "thread"))

    id: Mapped[str] = mapped_column(primary_key=True)
    enterprise: Mapped[str] = mapped_column(ForeignKey("enterprises.id", deferrable=True, initially="DEFERRED"))
    """A file that is begun with the interview is written at the transaction's end."""
    tenant: Mapped[str]
    owner: Mapped[str]
    assessment: Mapped[str]
    version: Mapped[str]
    thread: Mapped[str]
    """The conversation it was begun in; "" elsewhere."""
    state: Mapped[str]
    last_seq: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class InterviewEventRow(Base):
    """Something that happened in an interview. Never changed, never deleted."""

    __tablename__ = "interview_events"

    interview: Mapped[str] = mapped_column(ForeignKey("interviews.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    payload: Mapped[str]
    """JSON; sealed where there is a key, because it holds what people said."""
    respondent: Mapped[str]
    by: Mapped[str]
    door: Mapped[str]
    at: Mapped[datetime]


INTERVIEWS, INTERVIEW_EVENTS = table_of(InterviewRow), table_of(InterviewEventRow)
