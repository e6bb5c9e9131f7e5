"""Readers: every kind of file becomes blocks, every bad file becomes an error that says where and what to do."""

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import DocumentError, PlatformError, TooLarge
from knowledge.parsing.readers import ReadLimits, read_blocks
from tests.knowledge.samples import docx_bytes, encrypted_pdf, number_paragraphs, pdf_bytes


def texts(data: bytes, name: str) -> list[str]:
    return [block.text for block in read_blocks(data, name)]


def problem_of(data: bytes, name: str) -> PlatformError | None:
    """The error that reading ends with; any other exception than ours goes through."""
    try:
        read_blocks(data, name)
    except PlatformError as error:
        return error
    return None


class TestEncodings:
    SENTENCE = "第一条 为了规范设备管理，制定本办法。"

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk"])
    def test_text_is_read_in_every_encoding(self, encoding: str) -> None:
        assert texts((self.SENTENCE * 3).encode(encoding), "办法.txt") == [self.SENTENCE * 3]

    def test_binary_junk_is_refused(self) -> None:
        with pytest.raises(DocumentError, match="不是文本"):
            read_blocks(bytes(range(256)) * 20, "办法.txt")


class TestText:
    def test_blank_lines_part_paragraphs_and_headings_are_known(self) -> None:
        blocks = read_blocks("# 办法\n\n第一段。\n\n第二段。\n".encode(), "办法.txt")
        assert [(b.kind, b.text, b.line, b.level) for b in blocks] == [
            ("heading", "办法", 1, 1),
            ("paragraph", "第一段。", 3, 0),
            ("paragraph", "第二段。", 5, 0),
        ]

    def test_hard_wrapped_lines_are_joined(self) -> None:
        sentence = "企业应建立设备台账并按季度更新，台账包括设备名称、型号、数量、存放地点和责任人，更新后由主管部门复核并留存记录，"
        paragraphs = [sentence + "保存期限不少于三年。", sentence + "保存期限不少于五年。"]
        wrapped = "\n".join(text[at : at + 25] for text in paragraphs for at in range(0, len(text), 25))
        assert texts(wrapped.encode(), "台账.txt") == paragraphs

    def test_a_table_of_tabs_joins_rows_that_a_page_end_broke(self) -> None:
        rows = [
            "序号\t环节\t名称\t甲级要求",
            "1\t准备\t设备登记\t企业应登记全部在用设备，并由专人",
            "",
            "\t\t\t每季度核对一次。",
            "2\t\t人员培训\t/",
            "3\t执行\t现场检查\t每月检查现场。",
        ]
        table = read_blocks("\n".join(rows).encode(), "表.txt")[0].table
        assert table is not None
        assert table.rows == (
            ("1", "准备", "设备登记", "企业应登记全部在用设备，并由专人每季度核对一次。"),
            ("2", "准备", "人员培训", "/"),
            ("3", "执行", "现场检查", "每月检查现场。"),
        )
        assert table.lines == (2, 5, 6)

    def test_ragged_rows_lose_no_cell(self) -> None:
        table = read_blocks("甲\t乙\t丙\n1\t2\t3\t4\n5\t6\t7\n".encode(), "表.txt")[0].table
        assert table is not None
        assert table.header == (("甲", "乙", "丙", ""),)
        assert table.rows == (("1", "2", "3", "4"), ("5", "6", "7", ""))
        assert table.columns == ["甲", "乙", "丙", "第4列"]


class TestMarkdown:
    def test_headings_lists_and_tables(self) -> None:
        source = "# 规程\n\n**重点**见[说明](http://x.cn/a)。\n\n1. 准备\n2. 执行\n   - 检查\n\n| 项 | 值 |\n|---|---|\n| 甲 | 1 |\n"
        blocks = read_blocks(source.encode(), "规程.md")
        assert [(b.kind, b.text) for b in blocks] == [
            ("heading", "规程"),
            ("paragraph", "重点见说明。"),
            ("item", "1. 准备"),
            ("item", "2. 执行"),
            ("item", "- 检查"),
            ("table", "项\t值\n甲\t1"),
        ]

    def test_indented_paragraphs_are_not_code(self) -> None:
        assert texts("    第一段。\n\n<!-- 注释 -->\n\n　　第二段。\n".encode(), "规程.md") == ["第一段。", "第二段。"]

    def test_tables_of_tabs_are_tables_here_too(self) -> None:
        source = "# 表\n\n序号\t名称\t要求\n1\t登记\t/\n\n\t\t\n2\t检查\t每月。\n"
        blocks = read_blocks(source.encode(), "表.md")
        assert [b.kind for b in blocks] == ["heading", "table"]


class TestHtml:
    def test_structure_survives(self) -> None:
        page = (
            "<html><head><title>x</title><script>bad()</script></head><body><nav>菜单</nav><h2>一、总则</h2><p>第一<b>段</b>。</p>"
            "<ol><li>甲</li><li>乙</li></ol><ul><li>丙</li></ul></body></html>"
        )
        assert texts(page.encode(), "页.html") == ["一、总则", "第一段。", "1. 甲", "2. 乙", "- 丙"]

    def test_merged_cells_are_repeated(self) -> None:
        page = (
            "<table><tr><th rowspan=2>类</th><th colspan=2>数量</th></tr><tr><th>上年</th><th>本年</th></tr>"
            "<tr><td rowspan=2>甲</td><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></table>"
        )
        table = read_blocks(page.encode(), "页.htm")[0].table
        assert table is not None
        assert table.columns == ["类", "数量 上年", "数量 本年"]
        assert table.rows == (("甲", "1", "2"), ("甲", "3", "4"))

    def test_deep_nesting_does_not_exhaust_the_stack(self) -> None:
        assert texts(("<html>" + "<div>" * 3000 + "内容。").encode(), "页.html") == ["内容。"]


class TestDocx:
    def test_headings_numbering_and_tables(self) -> None:
        def build(document) -> None:
            document.add_heading("设备规程", 1)
            document.add_paragraph("总体说明。")
            items = [document.add_paragraph("应登记设备；"), document.add_paragraph("应检查设备。")]
            number_paragraphs(document, items, "lowerLetter", "%1)")
            table = document.add_table(rows=3, cols=3)
            for at, text in enumerate(["一级", "二级", "权重"]):
                table.cell(0, at).text = text
            table.cell(1, 0).merge(table.cell(2, 0)).text = "能力"
            for row, cells in ((1, ["登记", "60%"]), (2, ["检查", "40%"])):
                for at, text in enumerate(cells, 1):
                    table.cell(row, at).text = text

        blocks = read_blocks(docx_bytes(build), "规程.docx")
        assert [(b.kind, b.text) for b in blocks[:4]] == [
            ("heading", "设备规程"),
            ("paragraph", "总体说明。"),
            ("item", "a) 应登记设备；"),
            ("item", "b) 应检查设备。"),
        ]
        assert blocks[0].level == 1
        assert blocks[4].table is not None
        assert blocks[4].table.rows == (("能力", "登记", "60%"), ("能力", "检查", "40%"))

    def test_chinese_numbering_is_printed_as_word_prints_it(self) -> None:
        def build(document) -> None:
            number_paragraphs(document, [document.add_paragraph("总则"), document.add_paragraph("职责")], "chineseCounting", "%1、")

        assert texts(docx_bytes(build), "规程.docx") == ["一、 总则", "二、 职责"]

    def test_numbered_paragraphs_without_a_style_may_still_be_headings(self) -> None:
        blocks = read_blocks(docx_bytes(lambda d: [d.add_paragraph("2.1 登记"), d.add_paragraph("a) 建立台账。")]), "规程.docx")
        assert [b.kind for b in blocks] == ["paragraph", "item"]

    def test_a_docx_that_is_no_zip(self) -> None:
        with pytest.raises(DocumentError, match="不是 DOCX") as caught:
            read_blocks("只是文字".encode(), "规程.docx")
        assert caught.value.detail[0].cure

    def test_a_truncated_docx(self) -> None:
        with pytest.raises(DocumentError, match="损坏"):
            read_blocks(docx_bytes(lambda d: d.add_paragraph("甲"))[:900], "规程.docx")

    def test_a_zip_bomb(self) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("word/document.xml", b" " * 30_000_000)
        with pytest.raises(TooLarge, match="压缩"):
            read_blocks(out.getvalue(), "规程.docx")

    def test_another_office_file(self) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("xl/workbook.xml", "<x/>")
        with pytest.raises(DocumentError, match="不是 DOCX"):
            read_blocks(out.getvalue(), "规程.docx")


class TestPdf:
    def test_running_heads_and_page_numbers_are_dropped_and_lines_joined(self) -> None:
        body = ["第%d章 管理", "企业应建立设备台账并按季度更新台账包括设备的", "名称型号和数量由主管部门复核留存各项记录备查"]
        pages = [["设备管理规程", *(line.replace("%d", "一二三四"[at]) for line in body), "保存三年。", f"— {at + 1} —"] for at in range(4)]
        assert texts(pdf_bytes(pages), "规程.pdf") == [
            text for at in range(4) for text in (f"第{'一二三四'[at]}章 管理", body[1] + body[2] + "保存三年。")
        ]

    def test_the_page_is_the_line(self) -> None:
        assert [b.line for b in read_blocks(pdf_bytes([["甲。"], ["乙。"]]), "规程.pdf")] == [1, 2]

    def test_a_scan_asks_for_text_recognition(self) -> None:
        with pytest.raises(DocumentError, match="扫描件") as caught:
            read_blocks(pdf_bytes([[], [], []]), "规程.pdf")
        assert "请先做文字识别(OCR)" in caught.value.detail[0].cure
        assert "第 1 页" in caught.value.detail[0].where

    def test_an_encrypted_file(self) -> None:
        with pytest.raises(DocumentError, match="加密"):
            read_blocks(encrypted_pdf([["甲。"]], "secret"), "规程.pdf")

    def test_a_truncated_file(self) -> None:
        whole = pdf_bytes([["甲。"]])
        with pytest.raises(DocumentError, match="PDF"):
            read_blocks(whole[: len(whole) // 2], "规程.pdf")

    def test_too_many_pages(self) -> None:
        with pytest.raises(TooLarge, match="3 页"):
            read_blocks(pdf_bytes([["甲。"]] * 3), "规程.pdf", ReadLimits(max_pages=2))


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "name", "message"),
        [
            (b"", "a.txt", "空的"),
            (b" \n\n ", "a.md", "空的"),
            (b"\xd0\xcf\x11\xe0" + b"x" * 100, "a.doc", "旧版 Office"),
            (b"\x89PNG\r\n", "a.png", "图片"),
            (b"x,y", "a.csv", "不支持 .csv"),
            ("文字".encode(), "a.pdf", "不是 PDF"),
            (b"<html><script>1</script></html>", "a.html", "没有文字"),
        ],
    )
    def test_bad_files_say_what_is_wrong_and_how_to_mend_it(self, data: bytes, name: str, message: str) -> None:
        with pytest.raises(DocumentError, match=message) as caught:
            read_blocks(data, name)
        assert caught.value.detail[0].cure
        assert name in caught.value.detail[0].where

    def test_the_supported_suffixes_are_listed(self) -> None:
        with pytest.raises(DocumentError) as caught:
            read_blocks(b"x,y", "a.csv")
        assert ".docx" in caught.value.detail[0].cure

    def test_the_content_outranks_the_suffix(self) -> None:
        assert texts(pdf_bytes([["甲。"]]), "a.txt") == ["甲。"]
        assert texts(docx_bytes(lambda d: d.add_paragraph("乙。")), "a.bin") == ["乙。"]
        assert texts(b"<!DOCTYPE html><p>\xe4\xb8\x99</p>", "a.txt") == ["丙"]

    def test_a_dot_in_a_name_is_no_suffix(self) -> None:
        assert texts("甲。".encode(), "标准 1.2") == ["甲。"]

    def test_large_files_are_refused_before_they_are_read(self) -> None:
        with pytest.raises(TooLarge, match="文件有"):
            read_blocks(b"x" * 1000, "a.txt", ReadLimits(max_bytes=999))


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(st.binary(max_size=400), st.text(max_size=200).map(str.encode), st.sampled_from([b"%PDF-1.4\n", b"PK\x03\x04"])),
    st.binary(max_size=200),
    st.sampled_from(["a.txt", "a.md", "a.html", "a.docx", "a.pdf", "a", "a.xyz"]),
)
def test_any_bytes_give_blocks_or_our_own_error(head: bytes, tail: bytes, name: str) -> None:
    problem = problem_of(head + tail, name)
    assert problem is None or problem.detail[0].cure


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=8), st.booleans())
def test_a_damaged_file_gives_blocks_or_our_own_error(at: int, junk: bytes, as_pdf: bool) -> None:
    whole = bytearray(pdf_bytes([["第一条 甲。"], ["第二条 乙。"]]) if as_pdf else docx_bytes(lambda d: d.add_paragraph("甲。")))
    at %= len(whole)
    whole[at : at + len(junk)] = junk
    problem_of(bytes(whole), "a.pdf" if as_pdf else "a.docx")
