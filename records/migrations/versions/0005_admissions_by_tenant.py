"""Admissions belong to a tenant, or with tenant "" to everybody; those that there are hold for the tenant of whoever gave them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

IN_FORCE = sa.text("revoked_at IS NULL")


def upgrade() -> None:
    op.drop_index("uq_admissions_in_force", table_name="admissions")
    op.drop_index("ix_admissions_tool", table_name="admissions")
    op.create_index(
        "uq_admissions_in_force", "admissions", ["tenant", "tool"], unique=True, sqlite_where=IN_FORCE, postgresql_where=IN_FORCE
    )
    op.create_index("ix_admissions_tool", "admissions", ["tenant", "tool", "admitted_at"])
