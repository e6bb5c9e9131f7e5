"""Interviews and their events."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
SQLITE = (
    "CREATE TRIGGER interview_events_no_delete BEFORE DELETE ON interview_events "
    "BEGIN SELECT RAISE(ABORT, 'interview events cannot be deleted'); END",
)
POSTGRES = (
    "CREATE FUNCTION interview_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$BEGIN RAISE EXCEPTION 'interview events cannot be deleted' USING ERRCODE = 'restrict_violation'; END$$",
    "CREATE TRIGGER interview_events_no_delete BEFORE DELETE ON interview_events FOR EACH ROW EXECUTE FUNCTION interview_refuse()",
)


def upgrade() -> None:
    op.create_table(
        "interviews",
        *(_text(name) for name in ("id", "enterprise", "tenant", "owner", "assessment", "version", "thread", "state")),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["enterprise"], ["enterprises.id"], deferrable=True, initially="DEFERRED"),
    )
    op.create_index("ix_interviews_file", "interviews", ["enterprise", "id"])
    op.create_index("ix_interviews_thread", "interviews", ["tenant", "thread"])
    op.create_table(
        "interview_events",
        _text("interview"),
        sa.Column("seq", sa.Integer(), nullable=False),
        *(_text(name) for name in ("kind", "payload", "respondent", "by", "door")),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("interview", "seq"),
        sa.ForeignKeyConstraint(["interview"], ["interviews.id"]),
    )
    for statement in POSTGRES if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)
