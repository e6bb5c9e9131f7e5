"""The table of admissions, made by migrations 0004 and 0005."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from .tables import Base

IN_FORCE = text("revoked_at IS NULL")


class AdmissionRow(Base):
    """A named person's word that another server's tool may be used, as it declared itself then. Kept when it is over."""

    __tablename__ = "admissions"
    __table_args__ = (
        Index("uq_admissions_in_force", "tenant", "tool", unique=True, sqlite_where=IN_FORCE, postgresql_where=IN_FORCE),
        Index("ix_admissions_tool", "tenant", "tool", "admitted_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tool: Mapped[str]
    server: Mapped[str]
    sha256: Mapped[str]
    declaration: Mapped[str]
    effect: Mapped[str]
    tenant: Mapped[str]
    """Whose it is; "" is everybody's."""
    admitted_by: Mapped[str]
    admitted_at: Mapped[datetime]
    reason: Mapped[str]
    revoked_by: Mapped[str | None]
    revoked_at: Mapped[datetime | None]
    revoked_why: Mapped[str | None]
