"""Tables of the enterprise file (migration 0006): the events are the truth, everything else is projected from them.

The full-text side table `enterprise_search` has one row for each file and is no class of ours: see `search`.
"""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from ..tables import Base, table_of

NUMBER = BigInteger().with_variant(Integer(), "sqlite")


class EnterpriseEventRow(Base):
    """Something that was said about an enterprise. Never changed, never deleted."""

    __tablename__ = "enterprise_events"
    __table_args__ = (Index("ix_enterprise_events_file", "enterprise", "seq"),)

    seq: Mapped[int] = mapped_column(NUMBER, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True)
    enterprise: Mapped[str]
    tenant: Mapped[str]
    kind: Mapped[str]
    payload: Mapped[str]
    """JSON; sealed where there is a key, because it holds what contacts can be reached under."""
    by: Mapped[str]
    at: Mapped[datetime]
    why: Mapped[str]
    source: Mapped[str]
    supersedes: Mapped[str | None]


class EnterpriseRow(Base):
    """The present state of one file."""

    __tablename__ = "enterprises"
    __table_args__ = (
        Index("ix_enterprises_uscc", "label_tenant", "uscc"),
        Index("ix_enterprises_name", "label_tenant", "name_key"),
        Index("ix_enterprises_state", "label_tenant", "state", "seq"),
    )

    seq: Mapped[int] = mapped_column(NUMBER, primary_key=True, autoincrement=True)
    """The order in which files were begun, and the side table's row; shown to nobody, because it counts other tenants' files too."""
    id: Mapped[str] = mapped_column(unique=True)
    collection: Mapped[str]
    label_level: Mapped[str]
    label_tenant: Mapped[str]
    label_attributes: Mapped[str]
    label_parties: Mapped[str]
    name: Mapped[str]
    name_key: Mapped[str]
    uscc: Mapped[str]
    region: Mapped[str]
    industry: Mapped[str]
    chain: Mapped[str]
    size: Mapped[str]
    maturity: Mapped[str]
    demand: Mapped[str]
    """A JSON list: one enterprise wants several things."""
    owner: Mapped[str]
    state: Mapped[str]
    merged_into: Mapped[str | None]
    version: Mapped[int]
    profile: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str]


class EnterpriseItemRow(Base):
    """What belongs to a file beside its fields: a rating, an assessment, a service, a need, an opportunity, a touch."""

    __tablename__ = "enterprise_items"
    __table_args__ = (
        Index("ix_enterprise_items_file", "enterprise", "kind", "id"),
        Index("ix_enterprise_items_due", "tenant", "kind", "state", "due"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    enterprise: Mapped[str] = mapped_column(ForeignKey("enterprises.id"))
    tenant: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    due: Mapped[str]
    """ISO date; "" for none."""
    body: Mapped[str]
    version: Mapped[int]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str]


class EnterpriseContactRow(Base):
    """A person at an enterprise. How that person is reached is sealed where there is a key."""

    __tablename__ = "enterprise_contacts"
    __table_args__ = (Index("ix_enterprise_contacts_file", "enterprise", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    enterprise: Mapped[str] = mapped_column(ForeignKey("enterprises.id"))
    tenant: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    preferences: Mapped[str]
    phone: Mapped[str]
    email: Mapped[str]
    version: Mapped[int]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str]


EVENTS, FILES = table_of(EnterpriseEventRow), table_of(EnterpriseRow)
ITEMS, CONTACTS = table_of(EnterpriseItemRow), table_of(EnterpriseContactRow)
