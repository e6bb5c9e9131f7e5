"""The styles of the Word template: typefaces, headings, tables. Colours are those of the pages that typst sets."""

from typing import Any

from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Pt, RGBColor

INK, ACCENT, FAINT, PALE, GREY = "16324F", "1F5F99", "C9D2DC", "EEF2F6", "5B6773"
FONT = "微软雅黑"
"""A name that Word finds on Chinese systems; its Latin letters and figures are used too, so that columns line up."""
NS = nsdecls("w")
AFTER_SHADE = ("w:tabs", "w:spacing", "w:ind", "w:contextualSpacing", "w:jc", "w:outlineLvl")
"""Word wants a paragraph's properties in one order."""


def style_texts(document: Any) -> None:
    styles = document.styles
    _face(styles["Normal"], 10.5, spacing=4)
    _face(styles["Title"], 30, bold=True, color=INK)
    _border(styles["Title"], "bottom", ACCENT, 16)
    _face(styles["Subtitle"], 17, spacing=6)
    _face(styles["Heading 1"], 15, bold=True, color=INK, spacing=8)
    _border(styles["Heading 1"], "bottom", ACCENT, 8)
    _face(styles["Heading 2"], 11.5, bold=True, color=INK, spacing=5)
    _face(styles["Caption"], 9, bold=True, color=INK, spacing=3)
    _face(styles["Header"], 8, color=GREY)
    _face(styles["Footer"], 8, color=GREY)
    for name, size, color, bold in (
        ("TableText", 8.5, "000000", False),
        ("TableHead", 8.5, "000000", True),
        ("TableLabel", 8.5, GREY, False),
        ("CardFigure", 16, INK, True),
        ("Note", 9, GREY, False),
        ("Warning", 10.5, "000000", False),
    ):
        style = styles.add_style(name, 1)
        style.base_style = styles["Normal"]
        _face(style, size, bold=bold, color=color, spacing=2)
    _border(styles["Warning"], "left", "B7791F", 24)
    shade = parse_xml(f'<w:shd {NS} w:val="clear" w:color="auto" w:fill="FBF3DF"/>')
    styles["Warning"].element.get_or_add_pPr().insert_element_before(shade, *AFTER_SHADE)


def _face(style: Any, size: float, *, bold: bool = False, color: str = "000000", spacing: float = 0) -> None:
    style.font.size, style.font.bold, style.font.italic = Pt(size), bold, False
    style.font.name, style.font.color.rgb = FONT, RGBColor.from_string(color)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)
    for script in ("ascii", "hAnsi", "eastAsia", "cs"):
        fonts.set(qn(f"w:{script}"), FONT)
    style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(spacing), Pt(spacing)


def _border(style: Any, side: str, color: str, size: int) -> None:
    properties = style.element.get_or_add_pPr()
    for old in properties.findall(qn("w:pBdr")):
        properties.remove(old)
    border = parse_xml(f'<w:pBdr {NS}><w:{side} w:val="single" w:sz="{size}" w:space="4" w:color="{color}"/></w:pBdr>')
    properties.insert_element_before(border, "w:shd", *AFTER_SHADE)


def style_tables(document: Any) -> None:
    line = f'w:val="single" w:sz="4" w:space="0" w:color="{FAINT}"'
    strong = f'w:val="single" w:sz="12" w:space="0" w:color="{INK}"'
    blue = f'w:val="single" w:sz="18" w:space="0" w:color="{ACCENT}"'
    below = 'w:val="single" w:sz="6" w:space="0" w:color="000000"'
    borders = {
        "ReportTable": f"<w:top {strong}/><w:bottom {line}/><w:insideH {line}/>",
        "ReportFacts": f"<w:top {line}/><w:bottom {line}/><w:insideH {line}/>",
        "ReportCards": f'<w:top {blue}/><w:insideV w:val="single" w:sz="48" w:space="0" w:color="FFFFFF"/>',
        "ReportSigns": f"<w:bottom {below}/>",
    }
    margins = "".join(
        f'<w:{side} w:w="{width}" w:type="dxa"/>' for side, width in (("top", 50), ("left", 90), ("bottom", 50), ("right", 90))
    )
    for name, lines in borders.items():
        style = f"""<w:style {NS} w:type="table" w:customStyle="1" w:styleId="{name}">
            <w:name w:val="{name}"/><w:basedOn w:val="TableNormal"/>
            <w:tblPr><w:tblBorders>{lines}</w:tblBorders><w:tblCellMar>{margins}</w:tblCellMar></w:tblPr></w:style>"""
        document.styles.element.append(parse_xml(style))
