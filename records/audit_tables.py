"""Tables of the audit chain. Triggers made by migration 0002 refuse every change but an append; the chain proves it where they were
taken away, because a database file can be edited by hand."""

from sqlalchemy import BigInteger, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from .tables import Base, table_of

COUNT = BigInteger().with_variant(Integer(), "sqlite")
"""A busy chain outgrows 32 bits; SQLite's INTEGER has 64, and only that name makes it the row's own number."""


class AuditRow(Base):
    """One thing that somebody did. Everything hashed is text, so that the stored bytes are the hashed bytes on every database."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_at", "tenant", "at"),
        Index("ix_audit_entries_actor", "tenant", "actor"),
        Index("ix_audit_entries_object", "tenant", "object_kind", "object_id"),
    )

    seq: Mapped[int] = mapped_column(COUNT, primary_key=True, autoincrement=False)
    at: Mapped[str]
    """UTC with microseconds, all of one length, so that text order is time order."""
    tenant: Mapped[str]
    actor: Mapped[str]
    roles: Mapped[str]
    action: Mapped[str]
    object_kind: Mapped[str]
    object_id: Mapped[str]
    level: Mapped[str]
    reason: Mapped[str]
    door: Mapped[str]
    outcome: Mapped[str]
    detail: Mapped[str]
    previous: Mapped[str]
    hash: Mapped[str]
    mac: Mapped[str]


class AuditHeadRow(Base):
    """The end of the chain: the row that writers lock, and the proof that nothing was cut off."""

    __tablename__ = "audit_heads"

    chain: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(COUNT)
    hash: Mapped[str]
    signed_from: Mapped[int] = mapped_column(COUNT)
    mac: Mapped[str]


ENTRIES, HEADS = table_of(AuditRow), table_of(AuditHeadRow)
