"""How values become columns: JSON as text that is the same on every database, ids, instants, and text that every database accepts."""

import json
import secrets
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator

BY_THE_STANDARD_LIBRARY = " "


def encode(value: Any) -> str:
    """JSON text. What orjson refuses (lone surrogates, integers above 64 bits) the standard library writes, escaped to ASCII.

    That begins with a blank: orjson would read such an integer as the nearest fraction.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:
        return BY_THE_STANDARD_LIBRARY + json.dumps(value)


def decode(text: str) -> Any:
    """The value that `encode` was given, as JSON sees it."""
    if text.startswith(BY_THE_STANDARD_LIBRARY):
        return json.loads(text)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def storable(text: str) -> str:
    """Text that PostgreSQL and SQLite both store: no NUL, no lone surrogate."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


StoredText = Annotated[str, AfterValidator(storable)]


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    """32 hexadecimal digits that begin with the time, so that new rows of an index lie side by side, and end in 80 random bits."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
