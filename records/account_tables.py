"""Tables of accounts and of what proves that somebody is one (migration 0003)."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .tables import Base


class AccountRow(Base):
    """A person or service of one tenant."""

    __tablename__ = "accounts"
    __table_args__ = (
        UniqueConstraint("tenant", "folded", name="uq_accounts_name"),
        UniqueConstraint("issuer", "subject", name="uq_accounts_identity"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    name: Mapped[str]
    folded: Mapped[str]
    """The name as it is compared: NFKC, case folded."""
    display_name: Mapped[str]
    roles: Mapped[str]
    attributes: Mapped[str]
    state: Mapped[str]
    password_hash: Mapped[str | None]
    must_change: Mapped[bool]
    issuer: Mapped[str | None]
    subject: Mapped[str | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str]


class ProposalRow(Base):
    """Somebody is to become or to stop being an administrator; another administrator confirms it."""

    __tablename__ = "administrator_proposals"
    __table_args__ = (Index("ix_proposals_tenant", "tenant", "status", "created_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    change: Mapped[str]
    role: Mapped[str]
    reason: Mapped[str]
    status: Mapped[str]
    proposed_by: Mapped[str]
    created_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]


class SessionRow(Base):
    """Somebody who has logged in. The token itself is nowhere."""

    __tablename__ = "sessions"
    __table_args__ = (Index("ix_sessions_account", "account_id"), Index("ix_sessions_expiry", "expires_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    tenant: Mapped[str]
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    door: Mapped[str]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ApiKeyRow(Base):
    """A key for programs. The secret itself is nowhere."""

    __tablename__ = "api_keys"
    __table_args__ = (Index("ix_api_keys_account", "account_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    prefix: Mapped[str] = mapped_column(unique=True)
    secret_hash: Mapped[str]
    tenant: Mapped[str]
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    name: Mapped[str]
    scopes: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None]


class AttemptRow(Base):
    """Failed logins under one name, whether or not there is such an account: the two must not differ."""

    __tablename__ = "login_attempts"
    __table_args__ = (Index("ix_login_attempts_last", "last_at"),)

    key: Mapped[str] = mapped_column(primary_key=True)
    """Hash of tenant and name: people type passwords into the wrong field."""
    failures: Mapped[int]
    last_at: Mapped[datetime]
    blocked_until: Mapped[datetime | None]


class SignInRow(Base):
    """A sign-in that is under way at an identity provider; taken out once."""

    __tablename__ = "sign_ins"

    state_hash: Mapped[str] = mapped_column(primary_key=True)
    browser_hash: Mapped[str]
    nonce: Mapped[str]
    verifier: Mapped[str]
    return_to: Mapped[str]
    expires_at: Mapped[datetime]
