"""Conversations, runs, approvals, feedback, and the library's documents and passages."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _conversations()
    _decisions()
    _library()


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _instant(name: str, *, null: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _conversations() -> None:
    op.create_table(
        "threads",
        *(_text(name) for name in ("id", "tenant", "owner", "title")),
        _instant("created_at"),
        _instant("updated_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_threads_owner", "threads", ["tenant", "owner", "updated_at", "id"])
    op.create_table(
        "runs",
        _text("id"),
        _text("thread_id", null=True),
        *(_text(name) for name in ("tenant", "owner", "kind", "question", "status")),
        _text("answer", null=True),
        _text("instance"),
        _count("last_seq"),
        _instant("created_at"),
        _instant("finished_at", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], ondelete="CASCADE"),
    )
    op.create_index("ix_runs_thread", "runs", ["thread_id", "created_at"])
    op.create_index("ix_runs_status", "runs", ["status", "instance"])
    op.create_table(
        "run_events",
        _text("run_id"),
        _count("seq"),
        _count("first_seq"),
        _text("type"),
        _text("data"),
        _text("cuts", null=True),
        _instant("at"),
        sa.PrimaryKeyConstraint("run_id", "seq"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )


def _decisions() -> None:
    op.create_table(
        "approvals",
        *(
            _text(name)
            for name in ("id", "run_id", "tenant", "requested_by", "tool", "args", "effect", "summary", "key", "status", "reason")
        ),
        _text("decided_by", null=True),
        _instant("decided_at", null=True),
        _instant("claimed_at", null=True),
        _text("outcome", null=True),
        _instant("created_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant", "key", name="uq_approvals_key"),
    )
    op.create_index("ix_approvals_run", "approvals", ["run_id"])
    op.create_index("ix_approvals_tenant", "approvals", ["tenant", "status", "created_at"])
    op.create_table(
        "feedback",
        *(_text(name) for name in ("run_id", "principal_id", "tenant", "rating", "comment")),
        _instant("updated_at"),
        sa.PrimaryKeyConstraint("run_id", "principal_id"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    )


def _library() -> None:
    op.create_table(
        "documents",
        *(_text(name) for name in ("id", "key", "title", "collection", "name", "content_hash")),
        *(_text(name) for name in ("version", "status", "standard", "source", "state")),
        *(_text(name) for name in ("label_level", "label_tenant", "label_attributes", "label_parties")),
        _count("clause_count"),
        _count("lost_count"),
        _instant("created_at"),
        _text("created_by"),
        _text("superseded_by", null=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_documents_content", "documents", ["content_hash", "label_tenant"])
    op.create_index("ix_documents_key", "documents", ["key"])
    op.create_table(
        "passages",
        _text("id"),
        _text("document_id"),
        _count("ord"),
        *(_text(name) for name in ("clause_id", "title", "path", "text")),
        sa.Column("focus_start", sa.Integer()),
        sa.Column("focus_end", sa.Integer()),
        _text("kind"),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
    )
    op.create_index("ix_passages_document", "passages", ["document_id", "ord"])
    op.create_index("ix_passages_clause", "passages", ["clause_id"])
