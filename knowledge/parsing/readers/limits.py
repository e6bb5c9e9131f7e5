"""How much a reader takes in before it refuses, and the refusals' wording."""

from dataclasses import dataclass

from domain.errors import DocumentError, TooLarge


@dataclass(frozen=True)
class ReadLimits:
    """Limits of one file. They bound memory and time, not what a document may reasonably be."""

    max_bytes: int = 50 * 2**20
    max_unpacked: int = 300 * 2**20
    """All members of a DOCX, unpacked."""
    max_ratio: int = 200
    """Unpacked to packed size of a DOCX member beyond 1 MB: real XML stays below 50."""
    max_members: int = 5_000
    max_pages: int = 3_000
    max_chars: int = 30_000_000
    max_cells: int = 500_000
    max_line: int = 2_000_000


DEFAULT_LIMITS = ReadLimits()


def unreadable(what: str, where: str, cure: str) -> DocumentError:
    """The document cannot be read; nothing of it was stored."""
    return DocumentError(what, where=where, cure=cure)


def too_large(what: str, where: str, limit: str) -> TooLarge:
    """Beyond a limit; the cure is to split the file."""
    return TooLarge(what, where=where, cure=f"上限为{limit}，请拆分后再上传")


def megabytes(size: int) -> str:
    """A size for people."""
    return f"{size / 2**20:.4g} MB"
