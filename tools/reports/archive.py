"""Word files whose bytes depend on nothing but their content: parts in one order, at one time."""

import io
import zipfile
from typing import Protocol

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest a zip archive can say."""
FIRST = "[Content_Types].xml"


class Saves(Protocol):
    def save(self, path_or_stream: io.BytesIO, /) -> None: ...


def repacked(document: Saves) -> bytes:
    """The document as python-docx writes it, its archive made anew."""
    written = io.BytesIO()
    document.save(written)
    packed = io.BytesIO()
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as target:
        for name in sorted(source.namelist(), key=lambda name: (name != FIRST, name)):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o600 << 16, 3
            target.writestr(entry, source.read(name))
    return packed.getvalue()
