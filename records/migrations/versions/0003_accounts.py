"""Accounts, sessions, keys, sign-ins; grants, use of data, alerts."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _accounts()
    _credentials()
    _grants()
    _usage()


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _maybe(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=True) for name in names]


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _instants(*names: str, null: bool = False) -> list[sa.Column[datetime]]:
    return [sa.Column(name, sa.DateTime(timezone=True), nullable=null) for name in names]


def _of_account() -> Any:
    return sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE")


def _accounts() -> None:
    op.create_table(
        "accounts",
        *_texts("id", "tenant", "name", "folded", "display_name", "roles", "attributes", "state"),
        *_maybe("password_hash"),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        *_maybe("issuer", "subject"),
        *_instants("created_at", "changed_at"),
        *_texts("created_by", "changed_by"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant", "folded", name="uq_accounts_name"),
        sa.UniqueConstraint("issuer", "subject", name="uq_accounts_identity"),
    )
    op.create_table(
        "administrator_proposals",
        *_texts("id", "tenant", "account_id", "change", "role", "reason", "status", "proposed_by"),
        *_instants("created_at"),
        *_maybe("decided_by"),
        *_instants("decided_at", null=True),
        sa.PrimaryKeyConstraint("id"),
        _of_account(),
    )
    op.create_index("ix_proposals_tenant", "administrator_proposals", ["tenant", "status", "created_at"])


def _credentials() -> None:
    op.create_table(
        "sessions",
        *_texts("id", "token_hash", "tenant", "account_id", "door"),
        *_instants("created_at", "seen_at", "expires_at"),
        *_instants("ended_at", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
        _of_account(),
    )
    op.create_index("ix_sessions_account", "sessions", ["account_id"])
    op.create_index("ix_sessions_expiry", "sessions", ["expires_at"])
    op.create_table(
        "api_keys",
        *_texts("id", "prefix", "secret_hash", "tenant", "account_id", "name", "scopes"),
        *_instants("created_at", "expires_at"),
        *_instants("used_at", "revoked_at", null=True),
        *_maybe("revoked_by"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("prefix"),
        _of_account(),
    )
    op.create_index("ix_api_keys_account", "api_keys", ["account_id"])
    op.create_table(
        "login_attempts",
        *_texts("key"),
        _count("failures"),
        *_instants("last_at"),
        *_instants("blocked_until", null=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_login_attempts_last", "login_attempts", ["last_at"])
    op.create_table(
        "sign_ins",
        *_texts("state_hash", "browser_hash", "nonce", "verifier", "return_to"),
        *_instants("expires_at"),
        sa.PrimaryKeyConstraint("state_hash"),
    )


def _grants() -> None:
    op.create_table(
        "grant_requests",
        *_texts("id", "tenant", "requested_by", "kind", "target", "level", "owner", "purpose"),
        _count("days"),
        *_texts("status", "reason"),
        *_instants("created_at"),
        *_maybe("decided_by"),
        *_instants("decided_at", null=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_grant_requests_requester", "grant_requests", ["tenant", "requested_by", "created_at"])
    op.create_index("ix_grant_requests_owner", "grant_requests", ["tenant", "status", "owner"])
    op.create_table(
        "grants",
        *_texts("id", "tenant", "principal_id"),
        *_maybe("role"),
        *_texts("kind", "target", "owner", "purpose"),
        *_maybe("request_id"),
        *_texts("granted_by", "reason"),
        *_instants("granted_at", "until"),
        *_instants("revoked_at", null=True),
        *_maybe("revoked_by"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_grants_principal", "grants", ["tenant", "principal_id"])
    op.create_index("ix_grants_role", "grants", ["tenant", "role"])
    op.create_index("ix_grants_target", "grants", ["tenant", "kind", "target"])


def _usage() -> None:
    op.create_table(
        "access_usage",
        *_texts("id", "tenant", "principal_id", "target", "level", "door", "outcome"),
        *_instants("at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_access_usage_at", "access_usage", ["at"])
    op.create_index("ix_access_usage_principal", "access_usage", ["tenant", "principal_id", "at"])
    op.create_index("ix_access_usage_target", "access_usage", ["tenant", "target", "at"])
    op.create_table(
        "access_alerts",
        *_texts("id", "tenant", "key", "rule", "principal_id"),
        _count("count"),
        *_instants("first_at", "last_at", "raised_at"),
        *_texts("status", "note"),
        *_maybe("handled_by"),
        *_instants("handled_at", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant", "key", name="uq_access_alerts_key"),
    )
    op.create_index("ix_access_alerts_tenant", "access_alerts", ["tenant", "status", "raised_at"])
