"""Artifacts: what the files under `artifacts/` are, and who may read them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "artifacts",
        *(_text(name) for name in ("id", "kind", "name", "media_type")),
        sa.Column("size", sa.BigInteger(), nullable=False),
        _text("sha256"),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        *(_text(name) for name in ("label_level", "label_tenant", "label_attributes", "label_parties", "tenant", "owner", "run_id")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_artifacts_created", "artifacts", ["label_tenant", "created_at", "id"])
    op.create_index("ix_artifacts_run", "artifacts", ["run_id"])


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)
