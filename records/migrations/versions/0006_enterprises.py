"""The enterprise file: its events, what is projected from them, and the side table that finds any part of a name."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
SQLITE = (
    "CREATE VIRTUAL TABLE enterprise_search USING fts5(tokens, tokenize = 'ascii')",
    "CREATE TRIGGER enterprise_events_no_delete BEFORE DELETE ON enterprise_events "
    "BEGIN SELECT RAISE(ABORT, 'enterprise events cannot be deleted'); END",
)
POSTGRES = (
    "CREATE TABLE enterprise_search (rowid BIGINT PRIMARY KEY, tokens TSVECTOR NOT NULL)",
    # without the pending list every search takes the same time
    "CREATE INDEX ix_enterprise_search_tokens ON enterprise_search USING gin (tokens) WITH (fastupdate = off)",
    "CREATE FUNCTION enterprise_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$BEGIN RAISE EXCEPTION 'enterprise events cannot be deleted' USING ERRCODE = 'restrict_violation'; END$$",
    "CREATE TRIGGER enterprise_events_no_delete BEFORE DELETE ON enterprise_events FOR EACH ROW EXECUTE FUNCTION enterprise_refuse()",
)


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "enterprise_events",
        sa.Column("seq", number, nullable=False, autoincrement=True),
        *(_text(name) for name in ("id", "enterprise", "tenant", "kind", "payload", "by")),
        sa.Column("at", INSTANT, nullable=False),
        *(_text(name) for name in ("why", "source")),
        _text("supersedes", null=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_enterprise_events_file", "enterprise_events", ["enterprise", "seq"])
    op.create_table(
        "enterprises",
        sa.Column("seq", number, nullable=False, autoincrement=True),
        *(_text(name) for name in ("id", "collection", "label_level", "label_tenant", "label_attributes", "label_parties")),
        *(_text(name) for name in ("name", "name_key", "uscc", "region", "industry", "chain", "size", "maturity", "demand")),
        *(_text(name) for name in ("owner", "state")),
        _text("merged_into", null=True),
        sa.Column("version", sa.Integer(), nullable=False),
        _text("profile"),
        *_stamps(),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_enterprises_uscc", "enterprises", ["label_tenant", "uscc"])
    op.create_index("ix_enterprises_name", "enterprises", ["label_tenant", "name_key"])
    op.create_index("ix_enterprises_state", "enterprises", ["label_tenant", "state", "seq"])
    for table, columns in (
        ("enterprise_items", ("kind", "state", "due", "body")),
        ("enterprise_contacts", ("name", "role", "preferences", "phone", "email")),
    ):
        op.create_table(
            table,
            *(_text(name) for name in ("id", "enterprise", "tenant", *columns)),
            sa.Column("version", sa.Integer(), nullable=False),
            *_stamps(),
            sa.PrimaryKeyConstraint("id"),
            sa.ForeignKeyConstraint(["enterprise"], ["enterprises.id"]),
        )
    op.create_index("ix_enterprise_items_file", "enterprise_items", ["enterprise", "kind", "id"])
    op.create_index("ix_enterprise_items_due", "enterprise_items", ["tenant", "kind", "state", "due"])
    op.create_index("ix_enterprise_contacts_file", "enterprise_contacts", ["enterprise", "id"])
    for statement in POSTGRES if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)


def _stamps() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("created_at", INSTANT, nullable=False),
        _text("created_by"),
        sa.Column("updated_at", INSTANT, nullable=False),
        _text("updated_by"),
    )
