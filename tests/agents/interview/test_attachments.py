"""Filled-in forms as text: a table's cells side by side, in the order of the page."""

import io

import docx
import pytest
from openpyxl import Workbook

from agents.interview.attachments import text_of
from domain.errors import DocumentError, TooLarge


def test_a_document_with_a_table() -> None:
    document = docx.Document()
    document.add_paragraph("员工380人。")
    table = document.add_table(rows=0, cols=2)
    for row in (("题目", "自评"), ("网络安全", "三级")):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    stream = io.BytesIO()
    document.save(stream)
    assert text_of(stream.getvalue(), "自评.docx").split("\n") == ["员工380人。", "题目 | 自评", "网络安全 | 三级"]


def test_a_workbook() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(("网络安全", 3, None, "有防火墙"))
    stream = io.BytesIO()
    book.save(stream)
    assert text_of(stream.getvalue(), "自评.xlsx") == "网络安全 | 3 | 有防火墙"


def test_what_is_no_form() -> None:
    for data, name in ((b"PK\x03\x04", "自评.xlsx"), (b"", "自评.md"), (b"\x89PNG", "照片.png")):
        with pytest.raises(DocumentError):
            text_of(data, name)
    with pytest.raises((DocumentError, TooLarge), match="太多"):
        text_of("自评表\n".encode() * 60_000, "自评.txt")
