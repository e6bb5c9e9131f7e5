"""The audit chain as mathematics: what an entry's hash covers, and what a broken chain says about what was done to it.

An entry is hashed over its canonical form: one JSON object with sorted keys, no spaces, UTF-8 (RFC 8785), that holds the chain's id,
the entry's seq, the previous entry's hash and the stored text of every field. Nothing here touches a database, so whoever holds an
export can check it with this module alone.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from pydantic import BaseModel, ConfigDict

from domain.errors import ConfigurationError, known_names

from .keys import Keys

HashName = Literal["sha256", "sm3"]
HASHES: tuple[HashName, ...] = ("sha256", "sm3")
_KNOWN: dict[str, HashName] = {name: name for name in HASHES}
FIELDS = (
    "at",
    "tenant",
    "actor",
    "roles",
    "action",
    "object_kind",
    "object_id",
    "level",
    "reason",
    "door",
    "outcome",
    "detail",
)
"""Columns of an entry that carry what happened; all of them text, hashed as stored."""


@dataclass(frozen=True, slots=True)
class Link:
    """One entry as it is stored. `fields` is None where the content was withheld from an export, or cannot be read any more."""

    seq: int
    previous: str
    hash: str
    mac: str
    fields: Mapping[str, str] | None
    withheld: bool = False


class Anchor(BaseModel):
    """The end of a chain at one moment. Kept elsewhere, it proves later that nothing before it was changed or cut off."""

    model_config = ConfigDict(frozen=True)

    chain: str
    seq: int
    hash: str
    signed_from: int = 0
    """Seq of the first signed entry; 0: the chain is not signed."""
    mac: str = ""


def hash_name(given: str) -> HashName:
    """The algorithm that a setting names: `sha256`, or `sm3` (国密, TISC-6.1.3-d).

    Raises ConfigurationError for another name, and for SM3 where the installed OpenSSL was built without it.
    """
    wanted = given.lower().replace("-", "")
    name = _KNOWN.get(wanted)
    if name is None:
        raise ConfigurationError(
            f"不认识的哈希算法 {given[:40]!r}", where="审计设置", cure=f"写成 sha256 或 sm3；{known_names(wanted, list(HASHES))}"
        )
    try:
        digest(name, b"")
    except UnsupportedAlgorithm as error:
        raise ConfigurationError(
            "本机的 OpenSSL 不支持 SM3", where="审计设置", cure="改用 sha256，或安装带国密算法的 cryptography"
        ) from error
    return name


def digest(name: HashName, data: bytes) -> str:
    """`sha256:<hex>` or `sm3:<hex>`: each hash says how it was made, so the setting may change in the middle of a chain."""
    if name == "sha256":
        return f"sha256:{hashlib.sha256(data).hexdigest()}"
    made = hashes.Hash(hashes.SM3())
    made.update(data)
    return f"sm3:{made.finalize().hex()}"


def matches(data: bytes, expected: str) -> bool:
    """Whether `expected` is the hash of `data`."""
    name = _name_of(expected)
    return name is not None and digest(name, data) == expected


def canonical(chain: str, seq: int, previous: str, fields: Mapping[str, str]) -> bytes:
    """The bytes that an entry's hash covers."""
    return orjson.dumps({**fields, "chain": chain, "seq": seq, "previous": previous}, option=orjson.OPT_SORT_KEYS)


def sign(keys: Keys, data: str) -> str:
    """`<key id>:<hex>`: HMAC under the newest key, with the hash that `data` names, SHA-256 where it names none."""
    key_id, key = keys.newest
    return f"{key_id}:{_mac(key, data)}"


def is_signed(keys: Keys, data: str, mac: str) -> bool:
    """Whether `mac` was made for `data` with one of `keys`."""
    key_id, _, given = mac.partition(":")
    key = keys.find(key_id)
    return key is not None and hmac.compare_digest(_mac(key, data).encode(), given.encode("utf-8", "replace"))


def head_text(head: Anchor) -> str:
    """What the signature of a chain's head covers; begins with the hash, whose algorithm the signature follows."""
    return f"{head.hash}|head|{head.chain}|{head.seq}|{head.signed_from}"


def _mac(key: bytes, data: str) -> str:
    if _name_of(data) == "sm3":
        made = HMAC(key, hashes.SM3())
        made.update(data.encode("utf-8", "replace"))
        return made.finalize().hex()
    return hmac.digest(key, data.encode("utf-8", "replace"), "sha256").hex()


def _name_of(text: str) -> HashName | None:
    prefix = text.partition(":")[0]
    return _KNOWN.get(prefix)
