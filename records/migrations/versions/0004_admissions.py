"""Admissions: which tools of other servers may be used, as what, and who said so."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

IN_FORCE = sa.text("revoked_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "admissions",
        *(_text(name) for name in ("id", "tool", "server", "sha256", "declaration", "effect", "tenant", "admitted_by")),
        sa.Column("admitted_at", sa.DateTime(timezone=True), nullable=False),
        _text("reason"),
        _text("revoked_by", null=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        _text("revoked_why", null=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("uq_admissions_in_force", "admissions", ["tool"], unique=True, sqlite_where=IN_FORCE, postgresql_where=IN_FORCE)
    op.create_index("ix_admissions_tool", "admissions", ["tool", "admitted_at"])


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)
