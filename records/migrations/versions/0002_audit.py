"""The audit chain, which can only grow, and the wrapped data keys of encryption at rest."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# replacing a row deletes it without firing the delete trigger, hence the one on insert
SQLITE = (
    "CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries "
    "BEGIN SELECT RAISE(ABORT, 'audit entries cannot be changed'); END",
    "CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries "
    "BEGIN SELECT RAISE(ABORT, 'audit entries cannot be deleted'); END",
    "CREATE TRIGGER audit_entries_at_end BEFORE INSERT ON audit_entries WHEN NEW.seq <= (SELECT max(seq) FROM audit_entries) "
    "BEGIN SELECT RAISE(ABORT, 'audit entries are added at the end'); END",
    "CREATE TRIGGER audit_heads_forward BEFORE UPDATE ON audit_heads WHEN NEW.seq < OLD.seq OR NEW.chain <> OLD.chain "
    "BEGIN SELECT RAISE(ABORT, 'the audit head only moves forward'); END",
    "CREATE TRIGGER audit_heads_no_delete BEFORE DELETE ON audit_heads BEGIN SELECT RAISE(ABORT, 'the audit head cannot be deleted'); END",
    "CREATE TRIGGER audit_heads_one BEFORE INSERT ON audit_heads WHEN EXISTS (SELECT 1 FROM audit_heads) "
    "BEGIN SELECT RAISE(ABORT, 'a database has one audit chain'); END",
)
POSTGRES = (
    "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$BEGIN RAISE EXCEPTION 'the audit chain only grows' USING ERRCODE = 'restrict_violation'; END$$",
    "CREATE TRIGGER audit_entries_only_grow BEFORE UPDATE OR DELETE ON audit_entries FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    "CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON audit_entries FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
    "CREATE TRIGGER audit_heads_forward BEFORE UPDATE ON audit_heads FOR EACH ROW "
    "WHEN (NEW.seq < OLD.seq OR NEW.chain <> OLD.chain) EXECUTE FUNCTION audit_refuse()",
    "CREATE TRIGGER audit_heads_no_delete BEFORE DELETE ON audit_heads FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    "CREATE TRIGGER audit_heads_no_truncate BEFORE TRUNCATE ON audit_heads FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
    "CREATE TRIGGER audit_heads_one BEFORE INSERT ON audit_heads FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
)


def upgrade() -> None:
    count = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "audit_entries",
        sa.Column("seq", count, nullable=False, autoincrement=False),
        *(_text(name) for name in ("at", "tenant", "actor", "roles", "action", "object_kind", "object_id", "level")),
        *(_text(name) for name in ("reason", "door", "outcome", "detail", "previous", "hash", "mac")),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_audit_entries_at", "audit_entries", ["tenant", "at"])
    op.create_index("ix_audit_entries_actor", "audit_entries", ["tenant", "actor"])
    op.create_index("ix_audit_entries_object", "audit_entries", ["tenant", "object_kind", "object_id"])
    heads = op.create_table(
        "audit_heads",
        _text("chain"),
        sa.Column("seq", count, nullable=False),
        _text("hash"),
        sa.Column("signed_from", count, nullable=False),
        _text("mac"),
        sa.PrimaryKeyConstraint("chain"),
    )
    op.bulk_insert(heads, [{"chain": secrets.token_hex(16), "seq": 0, "hash": "", "signed_from": 0, "mac": ""}])
    op.create_table(
        "data_keys",
        *(_text(name) for name in ("id", "purpose", "algorithm", "wrapped")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRES:
        op.execute(statement)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)
