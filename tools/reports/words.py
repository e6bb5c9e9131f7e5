"""A layout as a Word file, through the template that `make_template` writes. Charts are the PDF's own, as pictures."""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from domain.errors import ToolFailed

from .archive import repacked
from .layout import Block, Column, Layout

TEMPLATE = Path(__file__).parent / "data" / "report.docx"
TEXT_WIDTH = 9524
"""Between the margins, in twentieths of a point."""
PICTURE_MM = {"radar": 150, "bars": 160, "heat": 165}
Draw = Callable[[Layout, str], bytes]


def docx(report: Layout, draw: Draw) -> bytes:
    """`draw` makes a chart's picture. Raises ToolFailed when the template cannot be filled."""
    from docxtpl import DocxTemplate  # noqa: PLC0415 - only reports need it, and it brings python-docx
    from jinja2 import TemplateError  # noqa: PLC0415

    template: Any = DocxTemplate(TEMPLATE)
    try:
        # data is put in by name and escaped; nothing in it is looked at for marks again
        template.render(_context(template, report, draw), autoescape=True)
    except (TemplateError, ValueError) as error:
        raise ToolFailed("Word 报告生成失败", where="write_report", cure="检查模板 report.docx，或联系开发人员") from error
    document = template.docx
    _fit(document, report)
    document.core_properties.title = report.title
    document.core_properties.subject = report.subject[:255]
    return repacked(document)


def _context(template: Any, report: Layout, draw: Draw) -> Mapping[str, Any]:
    from docx.shared import Mm  # noqa: PLC0415
    from docxtpl import InlineImage  # noqa: PLC0415

    def block(of: Block) -> dict[str, Any]:
        made: dict[str, Any] = of.model_dump() | {"number": of.label.rpartition(" ")[2]}
        if of.kind == "chart":
            width = Mm(PICTURE_MM[report.charts[of.chart].kind])
            made["picture"] = InlineImage(template, io.BytesIO(draw(report, of.chart)), width=width)
        return made

    sections = [{"title": section.title, "blocks": [block(part) for part in section.blocks]} for section in report.sections]
    return report.model_dump(exclude={"sections", "charts"}) | {"draft": report.draft, "sections": sections}


def _fit(document: Any, report: Layout) -> None:
    """Widths and alignment of the tables' columns, and what the pictures show for those who cannot see them."""
    blocks = [block for section in report.sections for block in section.blocks]
    tables = [table for table in document.tables if table._tbl.tblPr.find(_w("tblStyle")).get(_w("val")) == "ReportTable"]
    faults = [Column(title="", width=3.6), Column(title="", width=5.9)]
    columns = [block.columns for block in blocks if block.kind == "table"]
    wanted_of: list[Sequence[Column]] = [*([faults] if report.draft else []), *columns]
    for table, wanted in zip(tables, wanted_of, strict=True):
        _set_columns(table._tbl, wanted)
    for table in document.tables:
        if table._tbl.tblPr.find(_w("tblStyle")).get(_w("val")) in ("ReportCards", "ReportSigns"):
            _set_columns(table._tbl, [Column(title="")] * len(table._tbl.tr_lst[0].tc_lst))
    captions = [block.caption for block in blocks if block.kind == "chart"]
    for picture, words in zip(document.inline_shapes, captions, strict=True):
        picture._inline.docPr.set("descr", words)


def _set_columns(table: Any, columns: Sequence[Column]) -> None:
    whole = sum(column.width for column in columns)
    widths = [str(round(TEXT_WIDTH * column.width / whole)) for column in columns]
    grid = table.tblGrid
    for old in list(grid):
        grid.remove(old)
    for width in widths:
        grid.append(grid.makeelement(_w("gridCol"), {_w("w"): width}))
    for row in table.tr_lst:
        for cell, width, column in zip(row.tc_lst, widths, columns, strict=True):
            properties = cell.get_or_add_tcPr()
            properties.find(_w("tcW")).set(_w("w"), width)
            if column.align != "left":
                for paragraph in cell.p_lst:
                    paragraph.get_or_add_pPr().get_or_add_jc().set(_w("val"), column.align)


def _w(name: str) -> str:
    return f"{{http://schemas.openxmlformats.org/wordprocessingml/2006/main}}{name}"
