"""Files that are written whole or not at all."""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from domain.errors import StorageError


@contextmanager
def replacing(path: Path, failure: str, cure: str = "检查磁盘空间和目录权限后重试") -> Generator[IO[bytes]]:
    """A file that takes the place of `path`, on the disk and readable by its owner only, when the block ends without an error.

    Until then, and otherwise, `path` stays as it was. Raises StorageError with `failure` for what the disk refuses.
    """
    # through a link, what it points to is replaced, not the link
    target = path.resolve()
    temporary: str | None = None
    try:
        # mkstemp makes it readable by its owner only
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        temporary = None
        _sync_folder(target.parent)
    except OSError as error:
        raise StorageError(failure, where=str(path), cure=cure) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)


def _sync_folder(folder: Path) -> None:
    # some file systems cannot sync a folder; the file itself is on the disk by now
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
