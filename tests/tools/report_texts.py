"""What a reader finds in a rendered report: its words and its figures."""

import io
import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import docx
import pypdf

NUMBER = re.compile(r"\d+(?:\.\d+)*")
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
STRUCTURE = re.compile(r"第 \d+ 页 / 共 \d+ 页|[表图] \d+|SHA-256")
"""Page numbers, captions and the name of the hash: figures that are the report's own."""


def word_text(data: bytes) -> str:
    """Paragraphs and cells in the order of the document, headers and footers."""
    document: Any = docx.Document(io.BytesIO(data))
    section = document.sections[0]
    parts = (document.element.body, section.header._element, section.footer._element, section.first_page_header._element)
    return "\n".join("".join(part.text or "" for part in p.iter(f"{W}t")) for body in parts for p in body.iter(f"{W}p"))


def pdf_text(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages).replace("\u200b", "")


def squeezed(text: str) -> str:
    """Without white space: where lines break says nothing."""
    return re.sub(r"\s+", "", text)


def numbers(text: str, *hashes: str) -> set[str]:
    """Figures as a reader sees them, without those of the report's own structure."""
    for found in hashes:
        text = text.replace(found, "")
    return {plain(token) for token in NUMBER.findall(STRUCTURE.sub("", text))}


def plain(token: str) -> str:
    """One spelling: 43.50 is 43.5; a clause number stays what it is."""
    return token if token.count(".") > 1 else f"{Decimal(token).normalize():f}"


def numbers_of(value: Any) -> Iterator[str]:
    """Every figure that a record holds: as it is, to two decimals, as a share in per cent; and those in its words and dates."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        exact = Decimal(repr(value))
        for each in (exact, exact.quantize(Decimal("0.01"), ROUND_HALF_UP), exact * 100):
            yield plain(f"{abs(each):f}")
    elif isinstance(value, datetime):
        yield from map(plain, NUMBER.findall(value.astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d %H:%M")))
    elif isinstance(value, date):
        yield from map(str, (value.year, value.month, value.day))
    elif isinstance(value, dict):
        for each in value.values():
            yield from numbers_of(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from numbers_of(each)
    else:
        yield from map(plain, NUMBER.findall(str(value)))
