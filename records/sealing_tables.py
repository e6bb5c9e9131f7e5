"""The table of wrapped data keys; the master keys that open them are never in the database."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from .tables import Base, table_of


class DataKeyRow(Base):
    """A key that seals values, itself sealed under a master key."""

    __tablename__ = "data_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    """`data` or `index`."""
    algorithm: Mapped[str]
    wrapped: Mapped[str]
    created_at: Mapped[datetime]


DATA_KEYS = table_of(DataKeyRow)
