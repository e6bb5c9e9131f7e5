"""Builders of small sample files: PDFs made by hand, DOCX by python-docx."""

import io
from collections.abc import Sequence

import pypdf
from docx import Document
from docx.oxml import OxmlElement
from docx.oxml.ns import qn


def pdf_bytes(pages: Sequence[Sequence[str]]) -> bytes:
    """A PDF with one page for each list of lines, in a Chinese standard font; an empty list makes a page without text."""
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    objects.append(b"<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UTF16-H /DescendantFonts [4 0 R] >>")
    objects.append(
        b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) "
        b"/Supplement 4 >> /DW 1000 >>"
    )
    kids: list[str] = []
    for lines in pages:
        shown = [f"1 0 0 1 50 {800 - 20 * at} Tm <{line.encode('utf-16-be').hex()}> Tj" for at, line in enumerate(lines)]
        stream = ("BT /F1 12 Tf " + "\n".join(shown) + " ET").encode() if lines else b""
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        content = len(objects)
        page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {content} 0 R /Resources << /Font << /F1 3 0 R >> >> >>"
        objects.append(page.encode())
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    offsets: list[int] = []
    for number, body in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    out.write(b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))
    return out.getvalue()


def encrypted_pdf(pages: Sequence[Sequence[str]], password: str) -> bytes:
    """The same, locked."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf_bytes(pages)))
    writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def docx_bytes(build) -> bytes:
    """A DOCX file; `build` receives the empty python-docx document."""
    document = Document()
    build(document)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def number_paragraphs(document, paragraphs, form: str, text: str) -> None:
    """Give paragraphs Word's automatic numbering: `form` as Word calls it (lowerLetter …), `text` like "%1)"."""
    numbering = document.part.numbering_part.element
    abstract = OxmlElement("w:abstractNum")
    abstract.set(qn("w:abstractNumId"), "77")
    level = OxmlElement("w:lvl")
    level.set(qn("w:ilvl"), "0")
    for tag, value in (("start", "1"), ("numFmt", form), ("lvlText", text)):
        element = OxmlElement(f"w:{tag}")
        element.set(qn("w:val"), value)
        level.append(element)
    abstract.append(level)
    numbering.insert(0, abstract)
    number = OxmlElement("w:num")
    number.set(qn("w:numId"), "77")
    reference = OxmlElement("w:abstractNumId")
    reference.set(qn("w:val"), "77")
    number.append(reference)
    numbering.append(number)
    for paragraph in paragraphs:
        properties = paragraph._p.get_or_add_pPr()
        own = OxmlElement("w:numPr")
        for tag, value in (("ilvl", "0"), ("numId", "77")):
            element = OxmlElement(f"w:{tag}")
            element.set(qn("w:val"), value)
            own.append(element)
        properties.append(own)
