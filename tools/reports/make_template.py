"""`python -m tools.reports.make_template`: write data/report.docx, the Word template of every report.

The template is an ordinary Word document with docxtpl's marks in it: styles can be changed in Word, or here. Two runs write the same bytes.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from docx import Document
from docx.oxml import parse_xml
from docx.oxml.ns import qn
from docx.shared import Mm

from .archive import repacked
from .template_styles import FONT, NS, PALE, style_tables, style_texts
from .words import TEMPLATE

VML = 'xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"'
EPOCH = datetime(2000, 1, 1)


def paragraph(words: str, style: str = "Normal", *, align: str = "", properties: str = "", runs: str = "") -> str:
    """One paragraph as XML."""
    jc = f'<w:jc w:val="{align}"/>' if align else ""
    name = style.replace(" ", "")
    body = runs or run(words)
    return f'<w:p {NS}><w:pPr><w:pStyle w:val="{name}"/>{properties}{jc}</w:pPr>{body}</w:p>'


def run(words: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{escape(words)}</w:t></w:r>'


def control(mark: str) -> str:
    """A paragraph that only steers and leaves nothing behind."""
    return paragraph("{%p " + mark + " %}")


def field(instruction: str, shown: str) -> str:
    """A field with what it shows until Word works it out again."""
    return (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r>'
        f'<w:r><w:instrText xml:space="preserve"> {instruction} </w:instrText></w:r>'
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r>'
        f'{run(shown)}<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )


def caption(word: str) -> str:
    number = field(f"SEQ {word} \\* ARABIC", "{{ block.number }}")
    runs = run(f"{word} ") + number + run("\u3000{{ block.caption }}")
    keep = "<w:keepNext/>" if word == "表" else ""
    return paragraph("", "Caption", align="center", properties=keep, runs=runs)


def cell(paragraphs: Iterable[str], width: int, *, fill: str = "", borders: str = "") -> str:
    shade = f'<w:shd w:val="clear" w:color="auto" w:fill="{fill}"/>' if fill else ""
    return f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{borders}{shade}</w:tcPr>{"".join(paragraphs)}</w:tc>'


def mark_cell(mark: str) -> str:
    return cell([paragraph("{%tc " + mark + " %}")], 100)


def row(cells: Iterable[str], properties: str = "") -> str:
    return f"<w:tr><w:trPr>{properties}</w:trPr>{''.join(cells)}</w:tr>"


def mark_row(mark: str) -> str:
    return row([cell([paragraph("{%tr " + mark + " %}")], 100)])


def table(kind: str, rows: Iterable[str], columns: int) -> str:
    """A table of one of the styles below; its columns get their widths when it is filled."""
    grid = "".join(f'<w:gridCol w:w="{9500 // columns}"/>' for _ in range(columns))
    return (
        f'<w:tbl {NS}><w:tblPr><w:tblStyle w:val="{kind}"/><w:tblW w:w="5000" w:type="pct"/><w:tblLayout w:type="fixed"/></w:tblPr>'
        f"<w:tblGrid>{grid}</w:tblGrid>{''.join(rows)}</w:tbl>"
    )


def body() -> list[str]:
    """The whole document, top to bottom."""
    plain, small = "Normal", "TableText"
    heads = [
        mark_cell("for column in block.columns"),
        cell([paragraph("{{ column.title }}", "TableHead")], 100, fill=PALE),
        mark_cell("endfor"),
    ]
    cells = [mark_cell("for words in line"), cell([paragraph("{{ words }}", small)], 100), mark_cell("endfor")]
    pair = row([cell([paragraph("{{ pair[0] }}", "TableLabel")], 2600), cell([paragraph("{{ pair[1] }}", small)], 6900)])
    card = cell([paragraph("{{ pair[0] }}", "TableLabel"), paragraph("{{ pair[1] }}", "CardFigure")], 100, fill=PALE)
    signer = cell(
        [
            paragraph("{{ pair[0] }}{% if pair[1] %}：{{ pair[1] }}{% endif %}", small),
            paragraph("", small),
            paragraph("签字\u3000\u3000\u3000\u3000\u3000日期", "TableLabel"),
        ],
        100,
    )
    around = (mark_cell("for pair in block.pairs"), mark_cell("endfor"))
    return [
        *[paragraph("") for _ in range(6)],
        paragraph("{{ title }}", "Title"),
        paragraph("{{ subject }}", "Subtitle"),
        *[paragraph("") for _ in range(8)],
        table("ReportFacts", [mark_row("for pair in facts"), pair, mark_row("endfor")], 2),
        paragraph("", runs='<w:r><w:br w:type="page"/></w:r>'),
        control("if draft"),
        paragraph("草稿：尚缺的内容", "Heading 1"),
        paragraph("本报告缺少必备内容，只供内部讨论，不得作为正式诊断结论使用。", "Warning"),
        table(
            "ReportTable",
            [
                row(
                    [
                        cell([paragraph("缺什么", "TableHead")], 3600, fill=PALE),
                        cell([paragraph("怎样补齐", "TableHead")], 5900, fill=PALE),
                    ],
                    "<w:tblHeader/>",
                ),
                mark_row("for pair in faults"),
                row([cell([paragraph("{{ pair[0] }}", small)], 3600), cell([paragraph("{{ pair[1] }}", small)], 5900)]),
                mark_row("endfor"),
            ],
            2,
        ),
        paragraph("", runs='<w:r><w:br w:type="page"/></w:r>'),
        control("endif"),
        control("for section in sections"),
        paragraph("{{ section.title }}", "Heading 1"),
        control("for block in section.blocks"),
        control("if block.kind == 'heading'"),
        paragraph("{{ block.text }}", "Heading 2"),
        control("elif block.kind == 'text' and block.tone == 'warning'"),
        paragraph("{{ block.text }}", "Warning"),
        control("elif block.kind == 'text' and block.tone == 'note'"),
        paragraph("{{ block.text }}", "Note"),
        control("elif block.kind == 'text'"),
        paragraph("{{ block.text }}", plain),
        control("elif block.kind == 'facts'"),
        table("ReportFacts", [mark_row("for pair in block.pairs"), pair, mark_row("endfor")], 2),
        control("elif block.kind == 'cards'"),
        table("ReportCards", [row([around[0], card, around[1]])], 3),
        control("elif block.kind == 'signatures'"),
        table("ReportSigns", [row([around[0], signer, around[1]])], 3),
        control("elif block.kind == 'chart'"),
        paragraph("{{ block.picture }}", align="center", properties="<w:keepNext/>"),
        caption("图"),
        control("else"),
        caption("表"),
        table("ReportTable", [row(heads, "<w:tblHeader/>"), mark_row("for line in block.rows"), row(cells), mark_row("endfor")], 3),
        control("endif"),
        control("endfor"),
        control("endfor"),
        paragraph(""),
        table("ReportFacts", [mark_row("for pair in closing"), pair, mark_row("endfor")], 2),
        paragraph(""),
    ]


def watermark() -> list[str]:
    """草稿 across every page, as Word itself draws watermarks."""
    shape = (
        f'<w:r><w:pict {VML}><v:shape id="Draft" type="#_x0000_t136" '
        'style="position:absolute;margin-left:0;margin-top:0;width:380pt;height:190pt;rotation:315;z-index:-251658752;'
        "mso-position-horizontal:center;mso-position-horizontal-relative:margin;"
        'mso-position-vertical:center;mso-position-vertical-relative:margin" fillcolor="#d0d4d8" stroked="f">'
        f'<v:fill opacity=".5"/><v:textpath on="t" fitshape="t" style="font-family:&quot;{FONT}&quot;;font-size:1pt" string="草稿"/>'
        "</v:shape></w:pict></w:r>"
    )
    kind = (
        f'<w:r><w:pict {VML}><v:shapetype id="_x0000_t136" coordsize="21600,21600" o:spt="136" adj="10800" '
        'path="m@7,l@8,m@5,21600l@6,21600e"><v:formulas><v:f eqn="sum #0 0 10800"/><v:f eqn="prod #0 2 1"/><v:f eqn="sum 21600 0 @1"/>'
        '<v:f eqn="sum 0 0 @2"/><v:f eqn="sum 21600 0 @3"/><v:f eqn="if @0 @3 0"/><v:f eqn="if @0 21600 @1"/><v:f eqn="if @0 0 @2"/>'
        '<v:f eqn="if @0 @4 21600"/></v:formulas><v:path textpathok="t" o:connecttype="rect"/><v:textpath on="t" fitshape="t"/>'
        "</v:shapetype></w:pict></w:r>"
    )
    return [control("if draft"), paragraph("", "Header", runs=kind + shape), control("endif")]


def build() -> bytes:
    """The template's bytes."""
    document: Any = Document()
    style_texts(document)
    style_tables(document)
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(21)
    section.top_margin, section.bottom_margin = Mm(26), Mm(24)
    section.different_first_page_header_footer = True
    first = section.first_page_header._element  # python-docx has no call for raw header content
    every, foot = section.header._element, section.footer._element
    for part in (first, every, foot):
        for old in list(part):
            part.remove(old)
    _fill(first, [*watermark(), paragraph("", "Header")])
    _fill(every, [*watermark(), paragraph("{{ subject }}　{{ title }}", "Header")])
    pages = run("{{ running }}\u3000第 ") + field("PAGE", "") + run(" 页 / 共 ") + field("NUMPAGES", "") + run(" 页")
    _fill(foot, [paragraph("", "Footer", runs=pages)])
    for old in document.element.body.findall(qn("w:p")):
        document.element.body.remove(old)
    for part in body():
        document.element.body.insert_element_before(parse_xml(part), "w:sectPr")
    properties = document.core_properties
    properties.created = properties.modified = EPOCH
    properties.author = properties.last_modified_by = properties.comments = properties.title = ""
    properties.language, properties.revision = "zh-CN", 1
    defaults = document.styles.element.find(qn("w:docDefaults"))
    for language in defaults.iter(qn("w:lang")):
        language.set(qn("w:val"), "zh-CN")
        language.set(qn("w:eastAsia"), "zh-CN")
    return repacked(document)


def _fill(part: Any, parts: Iterable[str]) -> None:
    for each in parts:
        part.append(parse_xml(each))


def main(target: Path = TEMPLATE) -> None:
    target.write_bytes(build())


if __name__ == "__main__":
    main()
