"""Tables of authorisations, of the use of what they open, and of alerts about it (GXDSL-8.1-3, -7, -8; migration 0003)."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .tables import Base


class GrantRequestRow(Base):
    """Somebody asks to read a thing or a collection."""

    __tablename__ = "grant_requests"
    __table_args__ = (
        Index("ix_grant_requests_requester", "tenant", "requested_by", "created_at"),
        Index("ix_grant_requests_owner", "tenant", "status", "owner"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    requested_by: Mapped[str]
    kind: Mapped[str]
    target: Mapped[str]
    level: Mapped[str]
    owner: Mapped[str]
    """Who decides besides the data stewards; for a private thing, who alone decides."""
    purpose: Mapped[str]
    days: Mapped[int]
    status: Mapped[str]
    created_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    reason: Mapped[str]


class GrantRow(Base):
    """An authorisation. It stays after its end: what was open when is part of the record."""

    __tablename__ = "grants"
    __table_args__ = (
        Index("ix_grants_principal", "tenant", "principal_id"),
        Index("ix_grants_role", "tenant", "role"),
        Index("ix_grants_target", "tenant", "kind", "target"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    principal_id: Mapped[str]
    role: Mapped[str | None]
    kind: Mapped[str]
    target: Mapped[str]
    owner: Mapped[str]
    purpose: Mapped[str]
    request_id: Mapped[str | None]
    granted_by: Mapped[str]
    granted_at: Mapped[datetime]
    until: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None]
    reason: Mapped[str]


class UsageRow(Base):
    """One look at a thing that is not public, or one that was refused."""

    __tablename__ = "access_usage"
    __table_args__ = (
        Index("ix_access_usage_at", "at"),
        Index("ix_access_usage_principal", "tenant", "principal_id", "at"),
        Index("ix_access_usage_target", "tenant", "target", "at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    principal_id: Mapped[str]
    target: Mapped[str]
    level: Mapped[str]
    door: Mapped[str]
    outcome: Mapped[str]
    at: Mapped[datetime]


class AlertRow(Base):
    """Unusual use of data; a rule raises one alert for a person and a stretch of time."""

    __tablename__ = "access_alerts"
    __table_args__ = (
        UniqueConstraint("tenant", "key", name="uq_access_alerts_key"),
        Index("ix_access_alerts_tenant", "tenant", "status", "raised_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    key: Mapped[str]
    rule: Mapped[str]
    principal_id: Mapped[str]
    count: Mapped[int]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    raised_at: Mapped[datetime]
    status: Mapped[str]
    handled_by: Mapped[str | None]
    handled_at: Mapped[datetime | None]
    note: Mapped[str]
