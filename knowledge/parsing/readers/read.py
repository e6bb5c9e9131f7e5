"""The one entrance: bytes and a name into blocks."""

from collections.abc import Callable

from domain.errors import PlatformError

from ..blocks import Block
from .limits import DEFAULT_LIMITS, ReadLimits, megabytes, too_large, unreadable
from .sniff import SUPPORTED, Kind, sniff
from .text import read_text

__all__ = ["SUPPORTED", "read_blocks"]


def _reader(kind: Kind) -> Callable[[bytes, str, ReadLimits], list[Block]]:
    """The reader of a kind; the heavy libraries load when they are needed."""
    if kind == "markdown":
        from .markdown import read_markdown as reader  # noqa: PLC0415
    elif kind == "html":
        from .html import read_html as reader  # noqa: PLC0415
    elif kind == "docx":
        from .docx import read_docx as reader  # noqa: PLC0415
    elif kind == "pdf":
        from .pdf import read_pdf as reader  # noqa: PLC0415
    else:
        reader = read_text
    return reader


def read_blocks(data: bytes, name: str, limits: ReadLimits = DEFAULT_LIMITS) -> list[Block]:
    """The blocks of a document, in reading order, at least one.

    Raises:
        DocumentError: empty, broken, encrypted, scanned or of an unsupported kind.
        TooLarge: beyond `limits`.
    """
    if len(data) > limits.max_bytes:
        raise too_large(f"文件有 {megabytes(len(data))}", name, f" {megabytes(limits.max_bytes)}")
    kind = sniff(data, name, limits)
    try:
        blocks = [block for block in _reader(kind)(data, name, limits) if block.text.strip()]
    except PlatformError:
        raise
    except (RecursionError, MemoryError) as error:
        raise unreadable("文件结构嵌套过深，无法读取", name, "重新导出文件，或另存为纯文本") from error
    if not blocks:
        raise unreadable("文件里没有文字", name, "检查文件内容；扫描件请先做文字识别(OCR)")
    if sum(len(block.text) for block in blocks) > limits.max_chars:
        raise too_large("文件的文字太多", name, f" {limits.max_chars} 个字符")
    return blocks
