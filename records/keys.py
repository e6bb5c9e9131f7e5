"""Secret keys as the operator keeps them: one `<id> <base64 of 32 bytes>` a line, the newest last.

The same text comes from a file of mode 0600, from a value that the floor above hands in, or from a command that asks a key management
service. Keys are never part of a message, a log line or a `repr`.
"""

import base64
import binascii
import os
import re
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from domain.errors import ConfigurationError, Conflict, NotFound, StorageError

from .replacing import replacing

KEY_BYTES = 32
"""256 bits (GXDSL-8.1-6)."""
LARGEST_TEXT = 64 * 1024
UNWRITABLE, UNCHANGED = "密钥文件写不进去", "检查磁盘空间和目录权限；原来的文件没有改动"
_ID = re.compile(r"[a-z0-9-]{1,32}")
_FORM = "每行写成“编号 32 字节密钥的 base64”，最新的在最后一行；用 shuzhi keys new 生成"


@dataclass(frozen=True)
class Keys:
    """Keys by id, oldest first. Made by `parse_keys`, never empty."""

    _keys: dict[str, bytes] = field(repr=False)

    @property
    def newest(self) -> tuple[str, bytes]:
        """What new work is done with."""
        return next(reversed(self._keys.items()))

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._keys)

    def find(self, key_id: str) -> bytes | None:
        return self._keys.get(key_id)


def parse_keys(text: str, where: str) -> Keys:
    """Keys from their text form; empty lines and lines with `#` are passed over.

    `where` names the source in messages. Raises ConfigurationError, naming the line and never its content.
    """
    found: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        spot = f"{where} 第 {number} 行"
        key_id, key = _parsed(line.split(), spot)
        if key_id in found or key in found.values():
            raise ConfigurationError("密钥或密钥编号重复", where=spot, cure="每把密钥只写一次，编号各不相同")
        found[key_id] = key
    if not found:
        raise ConfigurationError("没有密钥", where=where, cure=_FORM)
    return Keys(found)


def _parsed(words: list[str], spot: str) -> tuple[str, bytes]:
    if len(words) != 2 or not _ID.fullmatch(words[0]):
        raise ConfigurationError("密钥的写法不对", where=spot, cure=_FORM)
    try:
        key = base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError):
        # the cause would quote the key
        raise ConfigurationError("密钥不是 base64", where=spot, cure=_FORM) from None
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"密钥应为 {KEY_BYTES} 字节，实际 {len(key)} 字节", where=spot, cure=_FORM)
    if len(set(key)) < KEY_BYTES // 4:
        raise ConfigurationError("密钥不是随机的", where=spot, cure="用 shuzhi keys new 生成，不要手写")
    return words[0], key


def keys_from_file(path: Path) -> Keys:
    """Keys from a file that only its owner can read (mode 0600 or 0400).

    Raises ConfigurationError when it is missing, readable by others, no regular file, or not in the form of `parse_keys`.
    """
    return parse_keys(_private_text(path), str(path))


def _private_text(path: Path) -> str:
    try:
        # non-blocking, or a named pipe would wait for its writer
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        reason = "密钥文件不存在" if isinstance(error, FileNotFoundError) else "密钥文件打不开"
        raise ConfigurationError(reason, where=str(path), cure="检查路径和权限；没有密钥时用 shuzhi keys new 生成") from error
    try:
        # of the opened file, not of the path, which may point elsewhere by now
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise ConfigurationError("密钥文件不是普通文件", where=str(path), cure="指向一个文件")
        if state.st_mode & 0o077:
            mode = f"{stat.S_IMODE(state.st_mode):04o}"
            raise ConfigurationError(f"密钥文件别人也能读写（权限 {mode}）", where=str(path), cure=f"运行 chmod 600 {path}")
        if state.st_size > LARGEST_TEXT:
            raise ConfigurationError("密钥文件太大，不像密钥", where=str(path), cure=_FORM)
        return key_text(os.read(descriptor, LARGEST_TEXT), str(path))
    finally:
        os.close(descriptor)


def key_text(data: bytes, where: str) -> str:
    """Text that may hold keys. Raises ConfigurationError for what is no text."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        # the cause would quote it
        raise ConfigurationError("密钥的来源不是 UTF-8 文本", where=where, cure=_FORM) from None


def new_key_line(now_ids: Iterable[str] = ()) -> tuple[str, str]:
    """A fresh key: its id, and its line in the text form."""
    taken = set(now_ids)
    while (key_id := f"k{secrets.token_hex(4)}") in taken:
        pass
    key = secrets.token_bytes(KEY_BYTES)
    while len(set(key)) < KEY_BYTES // 4:
        key = secrets.token_bytes(KEY_BYTES)
    return key_id, f"{key_id} {base64.b64encode(key).decode()}\n"


def new_key_file(path: Path) -> str:
    """Make a key file of mode 0600 with one key; its id (`shuzhi keys new`).

    Raises Conflict when there is a file already, which is left alone; StorageError when it cannot be written.
    """
    key_id, line = new_key_line()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path) from error
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise Conflict("密钥文件已经存在，没有改动", where=str(path), cure="换一个路径；要换密钥用 shuzhi keys rotate") from None
    except OSError as error:
        raise _unwritable(path) from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _unwritable(path) from error
    return key_id


def rotate_key_file(path: Path) -> str:
    """Add a newest key to a key file, all or nothing; its id (`shuzhi keys rotate`). The old ones stay for what they have sealed.

    Raises ConfigurationError for a file that `keys_from_file` refuses, StorageError when it cannot be written.
    """
    keys = keys_from_file(path)
    key_id, line = new_key_line(keys.ids)
    _replace(path, _private_text(path).rstrip("\n") + "\n" + line)
    return key_id


def drop_from_key_file(path: Path, key_id: str, *, needed_by: int) -> None:
    """Take a key out of a key file. `needed_by`: how many values still need it, as the floor above has counted them.

    Raises Conflict when it is needed or the newest, NotFound when it is not there, and what `rotate_key_file` raises.
    """
    keys = keys_from_file(path)
    if keys.find(key_id) is None:
        raise NotFound(f"没有密钥 {key_id[:40]!r}", where=str(path), cure=f"现有：{'、'.join(keys.ids)}")
    if needed_by:
        raise Conflict(f"还有 {needed_by} 项数据需要密钥 {key_id}，不能删除", where=str(path), cure="先用新密钥重新加密，再删除旧密钥")
    if keys.newest[0] == key_id:
        raise Conflict(f"密钥 {key_id} 是最新的一把，不能删除", where=str(path), cure="先运行 shuzhi keys rotate")
    kept = [line for line in _private_text(path).splitlines(keepends=True) if line.split()[:1] != [key_id]]
    _replace(path, "".join(kept))


def _replace(path: Path, text: str) -> None:
    with replacing(path, UNWRITABLE, UNCHANGED) as file:
        file.write(text.encode())


def _unwritable(path: Path) -> StorageError:
    return StorageError(UNWRITABLE, where=str(path), cure=UNCHANGED)
