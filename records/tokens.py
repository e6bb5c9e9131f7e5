"""Secrets that are shown once: random, kept only as SHA-256. They hold 256 random bits, so a fast hash is enough and no salt is needed."""

import hashlib
import secrets

SESSION_MARK = "szs_"
KEY_MARK = "szk_"
RANDOM_BYTES = 32
LONGEST = 128
"""Characters; whatever is longer was never one of ours and is not hashed."""


def new_session_token() -> str:
    return SESSION_MARK + secrets.token_urlsafe(RANDOM_BYTES)


def new_api_key() -> tuple[str, str]:
    """The key and its prefix, which names it in lists."""
    prefix = KEY_MARK + secrets.token_hex(6)
    return f"{prefix}.{secrets.token_urlsafe(RANDOM_BYTES)}", prefix


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def csrf_token(session_token: str) -> str:
    """What a page must repeat with each change; it follows from the session and does not lead back to it."""
    return hashlib.sha256(b"csrf\x00" + session_token.encode("utf-8", "replace")).hexdigest()
