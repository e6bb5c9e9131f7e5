"""Reading a table that people filled in: its header wherever it stands, its cells as text, and nothing that a file can do to us."""

import io
import re
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from domain.errors import DocumentError, TooLarge

from .vocabulary import SheetColumn, SheetLimits, sheet_rules, vocabulary

DOCTYPES = tuple("<!DOCTYPE".encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be"))
"""How entities would come in; tables that a spreadsheet program wrote have none."""
PIECE = 1 << 20
BRACKETS = re.compile(r"[（(【\[].*?[)）】\]]")
UNIT = re.compile(r"亿元|万元|元")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is computed, or understood as a command, by some spreadsheet program."""


@dataclass(frozen=True)
class Cell:
    """A cell that is not empty."""

    text: str
    column: str
    """Letter and header, for people: C（营业收入）."""
    wrong: str = ""
    """Why it cannot be read."""
    cure: str = ""


@dataclass(frozen=True)
class Row:
    """A line of the table, by field."""

    sheet: str
    number: int
    cells: dict[str, Cell]

    def place(self, cell: Cell | None = None) -> str:
        return f"{self.sheet} 第 {self.number} 行" + (f" {cell.column} 列" if cell else "")


@dataclass(frozen=True)
class Header:
    """Which column holds which field."""

    number: int
    fields: dict[int, SheetColumn]
    titles: dict[int, str]
    units: dict[int, str]
    ignored: list[str]


@dataclass
class Table:
    """Every line under every header that was found."""

    rows: list[Row] = field(default_factory=list[Row])
    ignored: list[str] = field(default_factory=list[str])
    """Columns that nobody knows: named, so that a wrong header is noticed."""


def title_of(column: SheetColumn) -> str:
    return column.title or vocabulary().name_of(column.field)


def folded_header(text: str) -> str:
    """A header without remarks in brackets, white space, punctuation and capitals."""
    plain = BRACKETS.sub("", unicodedata.normalize("NFKC", text)).casefold()
    return "".join(char for char in plain if char.isalnum())


def read_table(data: bytes, name: str) -> Table:
    """The table in an XLSX file. Raises DocumentError, TooLarge."""
    limits = sheet_rules().limits
    check_archive(data, name, limits)
    from openpyxl import load_workbook  # noqa: PLC0415 - takes 0.3 s, and only this needs it

    table = Table()
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
        try:
            for sheet in book.worksheets:
                # what the file says of its own extent need not be true
                sheet.reset_dimensions()
                _read_sheet(sheet, name, limits, table)
        finally:
            book.close()
    except (DocumentError, TooLarge):
        raise
    except Exception as error:
        raise _unreadable(name) from error
    if not table.rows and not table.ignored:
        raise DocumentError("没有找到表头", where=name, cure="第一行写列名，至少有“企业名称”；可以先下载模板")
    return table


def check_archive(data: bytes, name: str, limits: SheetLimits) -> None:
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise _unreadable(name)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            total = sum(member.file_size for member in members)
            if len(members) > limits.files or total > limits.unzipped_mb << 20 or total > limits.ratio * len(data):
                raise TooLarge("表格解压后太大", where=name, cure=f"拆成几份，每份不超过 {limits.rows} 行")
            names = {member.filename for member in members}
            if "xl/workbook.xml" not in names:
                raise _unreadable(name)
            if any(each.lower().endswith("vbaproject.bin") for each in names):
                raise DocumentError("表格里有宏", where=name, cure="另存为不带宏的 .xlsx 文件")
            for member in members:
                if member.filename.endswith((".xml", ".rels")):
                    _check_part(archive, member, name)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise _unreadable(name) from error


def _check_part(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> None:
    tail = b""
    with archive.open(member) as part:
        while piece := part.read(PIECE):
            if any(mark in tail + piece for mark in DOCTYPES):
                raise DocumentError("表格里有不允许的声明", where=name, cure="用表格软件另存为 .xlsx 文件")
            tail = piece[-32:]


def _read_sheet(sheet: Any, name: str, limits: SheetLimits, table: Table) -> None:
    rows: Iterator[tuple[Any, ...]] = sheet.iter_rows(max_col=limits.columns)
    head: list[tuple[int, tuple[Any, ...]]] = []
    found: Header | None = None
    for number, row in enumerate(rows, 1):
        if number > limits.rows + limits.header_rows:
            raise TooLarge("行数太多", where=f"{name} {sheet.title}", cure=f"拆成几份，每份不超过 {limits.rows} 行")
        if number <= limits.header_rows:
            head.append((number, row))
            continue
        if number == limits.header_rows + 1:
            found = _take_head(head, sheet.title, limits, table)
        if found is None:
            return
        _take(row, number, sheet.title, found, limits, table)
    if len(head) < limits.header_rows or found is None:
        _take_head(head, sheet.title, limits, table)


def _take_head(head: list[tuple[int, tuple[Any, ...]]], title: str, limits: SheetLimits, table: Table) -> Header | None:
    """The best header among the first rows; the rows under it are taken at once."""
    headers = [made for number, row in head if (made := _header(number, row)) is not None]
    best = max(headers, key=lambda made: len(made.fields), default=None)
    if best is not None:
        table.ignored += [f"{title} {each}" for each in best.ignored]
        for number, row in head:
            if number > best.number:
                _take(row, number, title, best, limits, table)
    return best


def _header(number: int, row: Sequence[Any]) -> Header | None:
    known = _known_headers()
    made = Header(number, {}, {}, {}, [])
    for cell in row:
        text = str(cell.value).strip() if isinstance(cell.value, str) else ""
        if not text:
            continue
        column = known.get(folded_header(text))
        place = cell.column - 1
        if column is None or column in made.fields.values():
            made.ignored.append(f"{cell.column_letter} 列“{text[:40]}”")
            continue
        made.fields[place], made.titles[place] = column, f"{cell.column_letter}（{text[:40]}）"
        if column.money:
            unit = UNIT.search(text)
            made.units[place] = unit[0] if unit else column.money
    # a known word among others may stand in any text
    is_header = len(made.fields) > 1 or not made.ignored
    return made if is_header and any(column.required for column in made.fields.values()) else None


def _known_headers() -> dict[str, SheetColumn]:
    rules = sheet_rules()
    found: dict[str, SheetColumn] = {}
    for column in (*rules.columns, *rules.contacts):
        for text in (title_of(column), column.field, *column.also):
            found.setdefault(folded_header(text), column)
    return found


def _take(row: Sequence[Any], number: int, title: str, header: Header, limits: SheetLimits, table: Table) -> None:
    cells: dict[str, Cell] = {}
    for place, column in header.fields.items():
        cell = row[place] if place < len(row) else None
        made = _cell(cell, header.titles[place], header.units.get(place, ""), limits) if cell is not None else None
        if made is not None:
            cells[column.field] = made
    if cells:
        if len(table.rows) >= limits.rows:
            raise TooLarge("行数太多", where=title, cure=f"拆成几份，每份不超过 {limits.rows} 行")
        table.rows.append(Row(title, number, cells))


def _cell(cell: Any, column: str, unit: str, limits: SheetLimits) -> Cell | None:
    value = cell.value
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if cell.data_type == "f" or not isinstance(value, str | int | float | date):
        return Cell("", column, "单元格是公式", "复制后选择性粘贴为数值")
    if cell.data_type == "e":
        return Cell("", column, f"单元格是错误值 {str(value)[:20]}", "改正公式或直接填写内容")
    text = plain_text(value)
    if len(text) > limits.cell:
        return Cell("", column, f"超过 {limits.cell} 字", "缩短内容")
    if (unit and isinstance(value, int | float)) or (unit and text.replace(",", "").replace(".", "", 1).isdigit()):
        text += unit
    return Cell(text, column)


def plain_text(value: str | float | date) -> str:
    """A cell's value as somebody would have typed it; what an export put before a dangerous beginning is taken off again."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    text = str(value).strip()
    return text[1:] if text[:1] == "'" and text[1:2] in FORMULA_STARTS else text


def safe_text(text: str) -> str:
    """Text that no spreadsheet program computes."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _unreadable(name: str) -> DocumentError:
    return DocumentError("不是可以读取的 XLSX 表格", where=name, cure="用表格软件另存为 .xlsx 文件，不加密")
