"""PDF: the text layer, page by page; running heads, feet and page numbers dropped, hard-wrapped lines joined."""

import io
import re
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from logging import CRITICAL, getLogger

from pypdf import PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError, WrongPasswordError

from domain.errors import PlatformError

from ..blocks import Block
from .limits import ReadLimits, too_large, unreadable
from .lines import blocks_of_lines

EDGE = 2
"""Running heads and feet are looked for in this many lines at each end of a page."""
SCANNED_SHARE = 0.5
"""Beyond this share of pages without text the file is a scan."""
_PAGE_NUMBER = re.compile(r"[\s—\-–·~第共/]*(?:\d{1,4}|[IVXivxⅠ-Ⅻⅰ-ⅻ]{1,6})\s*(?:页|/\s*\d{1,4}|of\s+\d{1,4})?[\s—\-–·~共0-9页]*$")
_CURE = "重新导出或下载完整的 PDF"


def read_pdf(data: bytes, name: str, limits: ReadLimits) -> list[Block]:
    """Blocks of a PDF file; `line` is the page."""
    with _quiet():
        pages = _pages(data, name, limits)
    empty = [number for number, lines in enumerate(pages, 1) if not lines]
    if len(empty) > SCANNED_SHARE * len(pages):
        where = f"{name} 第 {empty[0]} 页"
        raise unreadable("PDF 没有文字层，是扫描件", where, "请先做文字识别(OCR)，再上传识别后的文件")
    running = _running(pages)
    lines = [(number, text) for number, page in enumerate(pages, 1) for text in _body(page, running)]
    return blocks_of_lines(lines)


@contextmanager
def _quiet() -> Generator[None]:
    """pypdf logs every oddity of a broken file; what matters to the user is in our error."""
    logger = getLogger("pypdf")
    before = logger.level
    logger.setLevel(CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


def _pages(data: bytes, name: str, limits: ReadLimits) -> list[list[str]]:
    """The text lines of each page."""
    if b"startxref" not in data[-4096:] and b"%%EOF" not in data[-4096:]:
        raise unreadable("PDF 不完整：缺少文件尾，可能被截断", name, _CURE)
    where = name
    try:
        reader = PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise unreadable("PDF 被加密", name, "去掉打开密码后再上传")
        count = len(reader.pages)
        if count > limits.max_pages:
            raise too_large(f"PDF 有 {count} 页", name, f" {limits.max_pages} 页")
        pages: list[list[str]] = []
        size = 0
        for number in range(count):
            where = f"{name} 第 {number + 1} 页"
            lines = [line.rstrip() for line in reader.pages[number].extract_text().replace("\0", "").split("\n") if line.strip()]
            size += sum(map(len, lines))
            if size > limits.max_chars:
                raise too_large("PDF 的文字太多", where, f" {limits.max_chars} 个字符")
            pages.append(lines)
    except (FileNotDecryptedError, WrongPasswordError, DependencyError) as error:
        raise unreadable("PDF 被加密", name, "去掉打开密码后再上传") from error
    except PlatformError:
        raise
    except Exception as error:  # pypdf answers broken files with any built-in exception
        raise unreadable("PDF 已损坏，读不下去", where, _CURE) from error
    if not pages:
        raise unreadable("PDF 里一页也没有", name, _CURE)
    return pages


def _shape(line: str) -> str:
    """A running line without what changes from page to page."""
    return re.sub(r"\d+", "#", "".join(line.split()))


def _running(pages: list[list[str]]) -> frozenset[str]:
    """Shapes of lines that stand at the edge of at least half the pages (of three and more)."""
    counts = Counter(shape for page in pages for shape in {_shape(line) for line in (*page[:EDGE], *page[-EDGE:]) if line[-1] != "。"})
    return frozenset(shape for shape, count in counts.items() if len(pages) >= 3 and count >= max(3, len(pages) // 2))


def _body(page: list[str], running: frozenset[str]) -> list[str]:
    """A page's lines without running heads, feet and page numbers at its edges."""
    first, last = 0, len(page)
    while first < last and first < EDGE and (_shape(page[first]) in running or _PAGE_NUMBER.match(page[first])):
        first += 1
    while last > first and len(page) - last < EDGE and (_shape(page[last - 1]) in running or _PAGE_NUMBER.match(page[last - 1])):
        last -= 1
    return page[first:last]
