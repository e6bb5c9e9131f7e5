"""A filled-in form as text: one line a paragraph or a table's row, cells apart, so that the words keep their place."""

import io
from collections.abc import Iterator

from domain.errors import DocumentError, PlatformError
from knowledge.parsing.readers.read import read_blocks
from records.enterprises.sheet import check_archive
from records.enterprises.vocabulary import sheet_rules

from .reading import CELL, MOST_TEXT

XLSX = ".xlsx"


def text_of(data: bytes, name: str) -> str:
    """All the words of an XLSX, DOCX, PDF or text file. Raises DocumentError, TooLarge."""
    lines = _sheet_lines(data, name) if name.lower().endswith(XLSX) else _block_lines(data, name)
    text = "\n".join(line for line in lines if line.strip())
    if not text:
        raise DocumentError("文件里没有文字", where=name, cure="检查文件内容；扫描件请先做文字识别(OCR)")
    if len(text) > MOST_TEXT:
        raise DocumentError(f"文件的文字太多（{len(text)} 个字）", where=name, cure=f"不超过 {MOST_TEXT} 个字，只留与评估有关的部分")
    return text


def _block_lines(data: bytes, name: str) -> Iterator[str]:
    for block in read_blocks(data, name):
        if block.table is None:
            yield " ".join(block.text.split())
            continue
        for row in (*block.table.header, *block.table.rows):
            yield _joined(row)


def _joined(row: tuple[str, ...]) -> str:
    # a merged cell's text is repeated by the reader
    return CELL.join(dict.fromkeys(" ".join(cell.split()) for cell in row if cell.strip()))


def _sheet_lines(data: bytes, name: str) -> Iterator[str]:
    limits = sheet_rules().limits
    check_archive(data, name, limits)
    from openpyxl import load_workbook  # noqa: PLC0415 - takes 0.3 s, and only this needs it

    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        try:
            for sheet in book.worksheets:
                # what the file says of its own extent need not be true
                sheet.reset_dimensions()
                for row in sheet.iter_rows(values_only=True):
                    yield CELL.join(" ".join(str(cell).split()) for cell in row if cell is not None and str(cell).strip())
        finally:
            book.close()
    except PlatformError:
        raise
    except Exception as error:
        raise DocumentError("这个 XLSX 读不出来", where=name, cure="用 Excel 或 WPS 另存为 .xlsx 再上传") from error
