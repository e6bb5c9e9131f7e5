"""Private files at rest: sealed in chunks, so that a large one is never in memory, and taken back whole or not at all.

A sealed file is a first line of JSON (the file's own key, wrapped under a master key), then chunks, each with its tag. A chunk is bound
to the file, its number and whether it is the last: what is cut off, swapped, doubled or taken from another file is found.
"""

import io
import secrets
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import NotFound, StorageError

from .ciphers import NONCE_BYTES, Algorithm, Box, WrongCiphertext
from .keys import KEY_BYTES, Keys
from .replacing import replacing
from .sealing import Place, key_of, master_for, opened_token, sealed_token

CHUNK = 64 * 1024
FAILURE = "文件读写不成，没有写出结果"
LONGEST_HEADER = 4096


class Header(BaseModel):
    """The first line of a sealed file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = Field(default="shuzhi-sealed/1", pattern=r"^shuzhi-sealed/1$")
    algorithm: Algorithm
    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    chunk: int = Field(ge=1, le=2**24)
    key: str

    def place(self, name: str) -> Place:
        return Place("files", f"{self.algorithm} {self.chunk}", f"{self.id} {name}")


def seal_file(source: Path, target: Path, masters: Keys, *, name: str, algorithm: Algorithm = "aes-256-gcm") -> None:
    """Write `source` sealed to `target`, all or nothing, readable by its owner only.

    `name` says whose content it is (an artifact's id, not its path); under another name it does not open. `source` stays: deleting
    it, and whether the disk forgets it, is the caller's business. Raises NotFound without a source, StorageError when something cannot
    be read or written.
    """
    with _source(source) as plain:
        _seal(plain, target, masters, name, algorithm)


def seal_bytes(data: bytes, target: Path, masters: Keys, *, name: str, algorithm: Algorithm = "aes-256-gcm") -> None:
    """`seal_file` for what is in memory and shall touch the disk sealed only."""
    _seal(io.BytesIO(data), target, masters, name, algorithm)


def _seal(plain: IO[bytes], target: Path, masters: Keys, name: str, algorithm: Algorithm) -> None:
    master_id, master = masters.newest
    key = secrets.token_bytes(KEY_BYTES)
    header = Header(algorithm=algorithm, id=secrets.token_hex(16), chunk=CHUNK, key="")
    header = header.model_copy(update={"key": sealed_token(Box(algorithm, master), master_id, key, header.place(name))})
    box = Box(algorithm, key)
    with replacing(target, FAILURE) as sealed:
        sealed.write(orjson.dumps(header.model_dump()) + b"\n")
        for number, chunk, last in _chunks(plain, CHUNK):
            sealed.write(box.seal(_nonce(number), chunk, _bound(header, number, last)))


def open_file(source: Path, target: Path, masters: Keys, *, name: str) -> None:
    """Write what was sealed to `target`, which appears only once everything was found whole.

    Raises NotFound without a source; StorageError, and no target, when something in it was changed, cut off, added or moved, or it was
    sealed under another name or another master key; ConfigurationError for a missing one.
    """
    with _source(source) as sealed, replacing(target, FAILURE) as plain:
        for chunk in _opened(sealed, source, masters, name):
            plain.write(chunk)


def open_bytes(source: Path, masters: Keys, *, name: str) -> bytes:
    """What was sealed, in memory, whole or not at all. Raises like `open_file`."""
    with _source(source) as sealed:
        return b"".join(_opened(sealed, source, masters, name))


def _opened(sealed: IO[bytes], source: Path, masters: Keys, name: str) -> Iterator[bytes]:
    header = _header(sealed, source)
    box = Box(header.algorithm, _file_key(header, masters, name, source))
    for number, chunk, last in _chunks(sealed, header.chunk + box.overhead):
        try:
            yield box.open(_nonce(number), chunk, _bound(header, number, last))
        except WrongCiphertext:
            raise _damaged(source, f"第 {number + 1} 块") from None


def master_of(path: Path) -> str:
    """Id of the master key that a sealed file needs. Raises NotFound, or StorageError for what is no sealed file."""
    with _source(path) as sealed:
        return key_of(_header(sealed, path).key) or ""


def rewrap_file(path: Path, masters: Keys, *, name: str) -> bool:
    """Wrap a file's key under the newest master key, in place, all or nothing; False when it was already. Raises like `open_file`."""
    with _source(path) as sealed:
        header = _header(sealed, path)
        master_id, master = masters.newest
        if key_of(header.key) == master_id:
            return False
        key = _file_key(header, masters, name, path)
        wrapped = sealed_token(Box(header.algorithm, master), master_id, key, header.place(name))
        with replacing(path, FAILURE) as target:
            target.write(orjson.dumps(header.model_copy(update={"key": wrapped}).model_dump()) + b"\n")
            while part := sealed.read(CHUNK):
                target.write(part)
    return True


def _header(file: IO[bytes], path: Path) -> Header:
    line = file.readline(LONGEST_HEADER)
    try:
        if not line.endswith(b"\n"):
            raise ValueError
        header = Header.model_validate_json(line)
    except ValueError as error:
        # pydantic's message would quote the file
        raise _damaged(path, "文件头") from (None if isinstance(error, ValidationError) else error)
    if key_of(header.key) is None:
        raise _damaged(path, "文件头")
    return header


def _file_key(header: Header, masters: Keys, name: str, path: Path) -> bytes:
    master = master_for(masters, header.key, header.place(path.name))
    try:
        return opened_token(Box(header.algorithm, master), header.key, header.place(name))
    except StorageError:
        raise _damaged(path, "文件头") from None


def _chunks(file: IO[bytes], size: int) -> Iterator[tuple[int, bytes, bool]]:
    """Number, bytes and whether it is the last; an empty file is one empty chunk."""
    number, held = 0, file.read(size)
    while following := file.read(size):
        yield number, held, False
        number, held = number + 1, following
    yield number, held, True


def _nonce(number: int) -> bytes:
    # the key is this file's alone, so its number is enough
    return number.to_bytes(NONCE_BYTES, "big")


def _bound(header: Header, number: int, last: bool) -> bytes:
    return orjson.dumps([header.format, header.id, header.chunk, number, last])


@contextmanager
def _source(path: Path) -> Generator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            yield file
    except FileNotFoundError as error:
        raise NotFound("文件不存在", where=str(path), cure="检查路径") from error
    except OSError as error:
        raise StorageError("文件读不出来", where=str(path), cure="检查磁盘和权限") from error


def _damaged(path: Path, where: str) -> StorageError:
    message = "加密文件打不开：被改动、不完整，不是这个名字的文件，或主密钥不是当时的那把"
    return StorageError(message, where=f"{path} {where}", cure="核对文件名和来源，从备份恢复")
