"""The table of artifacts, made by migration 0007. Their bytes are files; a row says what they are and who may read them."""

from datetime import datetime

from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from .tables import Base


class ArtifactRow(Base):
    """One file that the platform made for somebody."""

    __tablename__ = "artifacts"
    __table_args__ = (Index("ix_artifacts_created", "label_tenant", "created_at", "id"), Index("ix_artifacts_run", "run_id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    """Of the bytes as they were given, before any sealing."""
    sealed: Mapped[bool]
    label_level: Mapped[str]
    label_tenant: Mapped[str]
    label_attributes: Mapped[str]
    label_parties: Mapped[str]
    """Attributes and parties are JSON lists."""
    tenant: Mapped[str]
    owner: Mapped[str]
    run_id: Mapped[str]
    created_at: Mapped[datetime]
