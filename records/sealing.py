"""Encryption at rest: values that only this program reads (TISC-8.2.7-a, GXDSL-8.1-6, 国密 TISC-6.1.3-d; algorithms: `ciphers`).

Master keys, kept outside the database, wrap data keys, kept in it; data keys seal values. A sealed value is text,

    sz1.<algorithm>.<data key id>.<base64 of nonce, ciphertext, tag>

bound to its table, column and row: moved anywhere else it does not open. A blind index is an HMAC of a value that stands beside it in
a column of its own, so that equal values are found without being opened.
"""

import base64
import binascii
import re
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from sqlalchemy import insert, select, update

from domain.errors import ConfigurationError, StorageError

from .ciphers import ALGORITHMS, CODES, NONCE_BYTES, Algorithm, Box, WrongCiphertext, derived
from .database import Database
from .encoding import utc_now
from .keys import KEY_BYTES, Keys
from .sealing_tables import DATA_KEYS

Purpose = Literal["data", "index"]
VALUE, INDEX = "sz1", "sx1"
REFRESH_S = 30.0
"""How old a process's knowledge of the key ring may be when it seals; the same in all processes of a deployment."""
_TOKEN = re.compile(rf"{VALUE}\.([a-z0-9]+)\.([a-z0-9-]{{1,32}})\.([A-Za-z0-9_-]+)")
_BY_CODE = {code: name for name, code in CODES.items()}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands; a ciphertext opens nowhere else."""

    table: str
    column: str
    row: str
    """The row's primary key as text, see `row_of`."""

    def __str__(self) -> str:
        return f"{self.table}.{self.column} {self.row}"


@dataclass(frozen=True)
class DataKey:
    """A wrapped data key of the ring."""

    id: str
    purpose: Purpose
    algorithm: Algorithm
    wrapped: str
    created_at: datetime

    @property
    def master(self) -> str:
        """Id of the master key that opens it."""
        return key_of(self.wrapped) or ""


class Sealer:
    """Seals and opens values with the newest data key of `algorithm`; makes the first one when there is none.

    Raises ConfigurationError, here and wherever a key is needed, when `masters` lacks the master key of a data key or holds another one
    under its id. Safe to use from several threads; a key that another process has made is used after `refresh_s` seconds at the latest.
    """

    def __init__(
        self,
        database: Database,
        masters: Keys,
        *,
        algorithm: Algorithm = "aes-256-gcm",
        refresh_s: float = REFRESH_S,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database, self._masters, self._now = database, masters, now
        self.algorithm: Algorithm = algorithm
        self.refresh_s = refresh_s
        self._lock = threading.Lock()
        self._boxes: dict[str, Box] = {}
        self._index_keys: dict[str, bytes] = {}
        self._ring: dict[str, DataKey] = {}
        self.refresh()
        for purpose in ("data", "index"):
            if self._newest(purpose) is None:
                self._make(purpose)
        self._check_ring()

    @property
    def masters(self) -> Keys:
        """For what is sealed under a master key itself: files."""
        return self._masters

    def seal(self, text: str, place: Place) -> str:
        """The sealed form of `text` for one place; another one each time."""
        if time.monotonic() - self._refreshed > self.refresh_s:
            self.refresh()
        key = self._current("data")
        return sealed_token(self._box(key), key.id, text.encode("utf-8", "surrogatepass"), place)

    def open(self, token: str, place: Place) -> str:
        """The text that was sealed for this place.

        Raises StorageError for what was changed, cut off or moved here from elsewhere, ConfigurationError for an unknown key.
        """
        key_id = key_of(token)
        if key_id is None:
            raise StorageError("这里应有加密的内容，但读到的不是密文", where=str(place), cure="检查这一行是否被改动，从备份恢复")
        return opened_token(self._box(self._key(key_id, place)), token, place).decode("utf-8", "surrogatepass")

    def index(self, text: str, table: str, column: str) -> str:
        """The blind index of a value, the same each time. Bring values to one form before (case, spaces): only equal ones are equal."""
        return self._index(self._current("index"), text, table, column)

    def indexes(self, text: str, table: str, column: str) -> list[str]:
        """The blind index under every index key, for `column IN (…)` while a rotation is under way."""
        return [self._index(key, text, table, column) for key in self.ring() if key.purpose == "index"]

    def ring(self) -> list[DataKey]:
        """The ring, oldest first."""
        with self._lock:
            return list(self._ring.values())

    def is_newest(self, key: DataKey) -> bool:
        newest = self._newest(key.purpose)
        return newest is not None and newest.id == key.id

    def prefix(self, purpose: Purpose) -> str:
        """How every value begins that was made with the newest key."""
        return token_prefix(self._current(purpose))

    def rotate(self, purpose: Purpose = "data") -> str:
        """Make a new data key and use it from now on; its id. What is sealed stays readable. `reseal` brings old values along."""
        return self._make(purpose)

    def rewrap(self) -> int:
        """Wrap every data key under the newest master key, which needs no change to any value; how many were changed."""
        newest = self._masters.newest[0]
        self.refresh()
        stale = [key for key in self.ring() if key.master != newest]
        with self._database.transaction(write=True) as connection:
            for key in stale:
                wrapped = self._wrapped(key.id, key.purpose, key.algorithm, self._unwrapped(key))
                mine = update(DATA_KEYS).where(DATA_KEYS.c.id == key.id, DATA_KEYS.c.wrapped == key.wrapped)
                connection.execute(mine.values(wrapped=wrapped))
        self.refresh()
        return len(stale)

    def refresh(self) -> None:
        """Read the key ring again. Raises what `Database.transaction` raises."""
        query = select(DATA_KEYS).order_by(DATA_KEYS.c.created_at, DATA_KEYS.c.id)
        with self._database.transaction() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            if row.algorithm not in ALGORITHMS or row.purpose not in ("data", "index"):
                raise ConfigurationError(f"数据密钥 {row.id} 的算法或用途不认识", where="data_keys", cure="升级程序，或从备份恢复这张表")
        with self._lock:
            self._ring = {row.id: DataKey(row.id, row.purpose, row.algorithm, row.wrapped, row.created_at) for row in rows}
            self._refreshed = time.monotonic()

    def _make(self, purpose: Purpose) -> str:
        key_id = f"d{secrets.token_hex(4)}"
        wrapped = self._wrapped(key_id, purpose, self.algorithm, secrets.token_bytes(KEY_BYTES))
        # the newest key must be the newest whatever the clock says
        at = max([self._now(), *(key.created_at + timedelta(microseconds=1) for key in self.ring())])
        values = {"id": key_id, "purpose": purpose, "algorithm": self.algorithm, "wrapped": wrapped, "created_at": at}
        with self._database.transaction(write=True) as connection:
            connection.execute(insert(DATA_KEYS), values)
        self.refresh()
        return key_id

    def _check_ring(self) -> None:
        for purpose in ("data", "index"):
            self._unwrapped(self._current(purpose))

    def _newest(self, purpose: Purpose) -> DataKey | None:
        # an index stays comparable when the algorithm for values changes
        fitting = [key for key in self.ring() if key.purpose == purpose and (purpose == "index" or key.algorithm == self.algorithm)]
        return fitting[-1] if fitting else None

    def _current(self, purpose: Purpose) -> DataKey:
        key = self._newest(purpose)
        if key is None:
            raise ConfigurationError("数据库里没有可用的数据密钥", where="data_keys", cure="从备份恢复这张表，或重启服务生成新的数据密钥")
        return key

    def _key(self, key_id: str, place: Place) -> DataKey:
        if key_id not in self._ring:
            # another process may have made it a moment ago
            self.refresh()
        key = self._ring.get(key_id)
        if key is None:
            raise ConfigurationError(f"没有数据密钥 {key_id}", where=str(place), cure="从备份恢复 data_keys 表；没有这把密钥，内容无法恢复")
        return key

    def _box(self, key: DataKey) -> Box:
        box = self._boxes.get(key.id)
        if box is None:
            box = self._boxes[key.id] = Box(key.algorithm, self._unwrapped(key))
        return box

    def _index(self, key: DataKey, text: str, table: str, column: str) -> str:
        secret = self._index_keys.get(key.id)
        if secret is None:
            secret = self._index_keys[key.id] = derived(self._unwrapped(key), "blind index", KEY_BYTES)
        made = HMAC(secret, hashes.SHA256() if key.algorithm == "aes-256-gcm" else hashes.SM3())
        made.update(orjson.dumps([table, column]) + text.encode("utf-8", "surrogatepass"))
        return token_prefix(key) + _encoded(made.finalize())

    def _wrapped(self, key_id: str, purpose: str, algorithm: Algorithm, key: bytes) -> str:
        master_id, master = self._masters.newest
        return sealed_token(Box(algorithm, master), master_id, key, Place("data_keys", f"{purpose} {algorithm}", key_id))

    def _unwrapped(self, key: DataKey) -> bytes:
        place = Place("data_keys", f"{key.purpose} {key.algorithm}", key.id)
        master = master_for(self._masters, key.wrapped, place)
        try:
            return opened_token(Box(key.algorithm, master), key.wrapped, place)
        except StorageError as error:
            raise ConfigurationError(
                f"主密钥 {key.master} 打不开数据密钥：密钥不对，或数据密钥被改动", where=str(place), cure="换回原来的主密钥，或从备份恢复"
            ) from error


@dataclass(frozen=True, slots=True)
class SealedText:
    """One column of sealed text, and its blind index. `accept_plain`: while old rows still wait for `reseal`."""

    sealer: Sealer
    table: str
    column: str
    accept_plain: bool = False

    def seal(self, row: str, text: str) -> str:
        return self.sealer.seal(text, Place(self.table, self.column, row))

    def open(self, row: str, stored: str) -> str:
        """Raises like `Sealer.open`."""
        if self.accept_plain and key_of(stored) is None:
            return stored
        return self.sealer.open(stored, Place(self.table, self.column, row))

    def index(self, text: str) -> str:
        return self.sealer.index(text, self.table, self.column)

    def indexes(self, text: str) -> list[str]:
        return self.sealer.indexes(text, self.table, self.column)


def row_of(values: Sequence[object]) -> str:
    """A primary key as text: the value itself, or all of them as a JSON list."""
    return str(values[0]) if len(values) == 1 else orjson.dumps([str(value) for value in values]).decode()


def token_prefix(key: DataKey) -> str:
    return f"{VALUE}.{CODES[key.algorithm]}.{key.id}." if key.purpose == "data" else f"{INDEX}.{key.id}."


def key_of(token: str) -> str | None:
    """Id of the key that a sealed value needs; None for text that is no sealed value."""
    match = _TOKEN.fullmatch(token)
    return match[2] if match and match[1] in _BY_CODE else None


def sealed_token(box: Box, key_id: str, data: bytes, place: Place) -> str:
    prefix = f"{VALUE}.{CODES[box.algorithm]}.{key_id}."
    nonce = secrets.token_bytes(NONCE_BYTES)
    return prefix + _encoded(nonce + box.seal(nonce, data, _bound(prefix, place)))


def opened_token(box: Box, token: str, place: Place) -> bytes:
    """Raises StorageError."""
    prefix, _, body = token.rpartition(".")
    try:
        # the algorithm is the key's; what the token claims must be the same
        data = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        if _encoded(data) != body or prefix.split(".")[1] != CODES[box.algorithm]:
            raise WrongCiphertext
        return box.open(data[:NONCE_BYTES], data[NONCE_BYTES:], _bound(prefix + ".", place))
    except (WrongCiphertext, binascii.Error, ValueError):
        raise StorageError(
            "密文打不开：被改动、不完整，或是从别处移来的", where=str(place), cure="检查这一行是否被改动，从备份恢复"
        ) from None


def master_for(masters: Keys, wrapped: str, place: Place) -> bytes:
    """The master key that a wrapped key needs. Raises ConfigurationError when it is not there."""
    master_id = key_of(wrapped)
    master = masters.find(master_id) if master_id else None
    if master is None:
        named = master_id or "（密文已损坏）"
        raise ConfigurationError(f"没有主密钥 {named}", where=str(place), cure=f"把这把主密钥加回来；现有：{'、'.join(masters.ids)}")
    return master


def _bound(prefix: str, place: Place) -> bytes:
    return orjson.dumps([prefix, place.table, place.column, place.row])


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
