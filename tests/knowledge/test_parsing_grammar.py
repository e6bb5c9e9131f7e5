"""The grammar: which clauses a document has, where they stand, and what they are called."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import DocumentError
from knowledge.parsing.blocks import Block
from knowledge.parsing.grammar import ParsedClause, ParsedDocument, document_key, parse_document
from knowledge.parsing.readers import read_blocks


def parse(text: str, name: str = "文件.txt") -> ParsedDocument:
    return parse_document(read_blocks(text.encode(), name), name)


def addresses(text: str) -> list[str]:
    return [clause.address for clause in parse(text).clauses]


def clause(document: ParsedDocument, address: str) -> ParsedClause:
    return next(clause for clause in document.clauses if clause.address == address)


STANDARD = """设备管理规范
T/ABC 12—2024
2024-03-05 发布
2024-05-01 实施
目 次
1 范围 ..... 1
2 要求 ..... 2
附录 A（资料性）权重 ..... 5
前 言
本文件由协会提出。
1 范围

本文件规定了设备管理的要求。

2 要求

2.1 登记

企业应做到：

a) 建立台账；

b) 指定专人；
   1) 专人应培训；
   2) 专人应考核。

登记后应复核。

2.2 检查

2.2.1 企业应每月检查设备，并记录结果。

附 录 A
（资料性）
权重

表A.1 指标权重

一级指标\t二级指标\t权重
能力\t登记\t60%
\t检查\t40%
"""


class TestStandards:
    def test_every_unit_has_its_address(self) -> None:
        assert [c.address for c in parse(STANDARD).clauses if c.kind != "cell"] == [
            "前言", "前言-0", "1", "1-0", "2", "2.1", "2.1-0", "2.1-a", "2.1-b", "2.1-b-1", "2.1-b-2", "2.1-1", "2.2", "2.2.1", "A",
            "表A.1", "表A.1/登记", "表A.1/检查",
        ]  # fmt: skip

    def test_kinds_and_paths(self) -> None:
        document = parse(STANDARD)
        assert clause(document, "2.1").kind == "heading"
        assert clause(document, "2.1-0").kind == "lead"
        assert clause(document, "2.1-b-1").kind == "item"
        assert clause(document, "2.1-b-1").path == ["2 要求", "2.1 登记", "b 指定专人；"]
        assert clause(document, "2.2.1").kind == "clause"
        assert clause(document, "2.2.1").text == "2.2.1 企业应每月检查设备，并记录结果。"

    def test_the_title_page(self) -> None:
        document = parse(STANDARD)
        assert (document.title, document.code, document.version, document.status) == ("设备管理规范", "T/ABC 12—2024", "2024-03-05", "发布")
        assert "附录 A（资料性）权重 ..... 5" in document.contents

    def test_cells_are_addressed_by_row_and_column(self) -> None:
        document = parse(STANDARD)
        cell = clause(document, "表A.1/检查/权重")
        assert (cell.text, cell.kind, cell.path[-3:]) == ("40%", "cell", ["表A.1 指标权重", "检查", "权重"])
        assert clause(document, "表A.1/检查").text == "能力\t检查\t40%"

    def test_nothing_is_lost(self) -> None:
        assert parse(STANDARD).lines_lost == 0

    def test_a_draft_says_so(self) -> None:
        assert parse("规范\n（征求意见稿）\n\n1 范围\n\n内容。").status == "征求意见稿"

    def test_an_edition_is_a_version(self) -> None:
        assert parse("设备自评参考\n（2026 年版）\n\n一、总则\n\n内容。").version == "2026年版"


class TestLaws:
    LAW = (
        "# 设备条例\n\n2020年1月2日 某会通过\n\n## 第一章　总则\n\n第一条　为了管理设备，制定本条例。\n\n"
        "第二条　企业应当：\n\n（一）登记；\n\n（二）检查。\n\n前款规定适用于个人。\n\n"
        "## 第二章　责任\n\n### 第一节　处罚\n\n第三条　违反第二条规定的，责令改正。\n\n第三条之一　拒不改正的，处罚款。\n"
    )

    def test_articles_are_whole_with_their_paragraphs_and_items(self) -> None:
        document = parse(self.LAW, "设备条例.md")
        assert [c.address for c in document.clauses] == ["第一章", "第一条", "第二条", "第二章", "第二章第一节", "第三条", "第三条之一"]
        assert clause(document, "第二条").text == "第二条　企业应当：\n（一）登记；\n（二）检查。\n前款规定适用于个人。"
        assert clause(document, "第三条之一").path == ["第二章 责任", "第一节 处罚"]

    def test_the_date_of_issue(self) -> None:
        assert (parse(self.LAW).version, parse(self.LAW).status, parse(self.LAW).title) == ("2020-01-02", "发布", "设备条例")

    def test_a_reference_at_the_head_of_a_line_is_no_article(self) -> None:
        assert addresses("第一条　甲。\n\n第九条规定的情形除外。\n\n第二条　乙。") == ["第一条", "第二条"]

    def test_contents_without_page_numbers_are_skipped(self) -> None:
        text = "设备条例\n\n目录\n\n第一章 总则\n\n第二章 责任\n\n第一章 总则\n\n第一条 甲。\n\n第二章 责任\n\n第二条 乙。"
        assert addresses(text) == ["第一章", "第一条", "第二章", "第二条"]

    def test_a_very_long_article_is_given_in_parts(self) -> None:
        items = "\n\n".join(f"（{'一二三四五'[at]}）{'甲' * 1000}；" for at in range(5))
        assert addresses(f"第一条 如下：\n\n{items}") == ["第一条", *(f"第一条（{n}）" for n in "一二三四五")]


class TestNesting:
    def test_nesting_is_discovered(self) -> None:
        lines = ["一、总体要求", "（一）目标。做好登记。", "1. 甲步。", "2. 乙步。", "（二）原则。要检查。", "二、任务", "（三）登记。"]
        assert addresses("\n\n".join(lines)) == ["一", "一（一）", "一（一）-1", "一（一）-2", "一（二）", "二", "二（三）"]

    def test_the_same_schemes_the_other_way_round(self) -> None:
        assert addresses("1 总则\n\n1.1 目标\n\n一、登记。\n\n（1）甲；\n\n（2）乙。\n\n二、检查。") == [
            "1", "1.1", "1.1-一", "1.1-一-1", "1.1-一-2", "1.1-二",
        ]  # fmt: skip

    def test_ocr_spaces_and_an_annex_inside_a_chapter(self) -> None:
        assert addresses("九、保障\n\n内容甲。\n\n十、附录 A(资料性附录) 指南\n\nA. 1 制造\n\n内容乙。\n\nA. 2 农业\n\n内容丙。") == [
            "九", "九-0", "十", "A.1", "A.1-0", "A.2", "A.2-0",
        ]  # fmt: skip

    def test_numbers_in_sentences_are_no_headings(self) -> None:
        text = "1 范围\n\n10 个以上的企业适用。\n\n3.5 亿元以上的投入适用。\n\n2 要求\n\n内容。"
        assert addresses(text) == ["1", "1-0", "1-1", "2", "2-0"]

    def test_letters_with_numbers_stand_under_their_annex(self) -> None:
        text = "附录 2：指标\n\na 成本\n\na.1 运营\n\n说明。\n\nb 质量\n\nb.1 生产"
        assert addresses(text) == ["附录2", "附录2-a", "附录2-a.1", "附录2-a.1-0", "附录2-b", "附录2-b.1"]

    def test_bullets_keep_the_paragraph_that_follows_them(self) -> None:
        document = parse("1 指标\n\n例如：\n\n- 采购：比价。\n\n指标：下降率\n\n- 能耗：调控。\n\n指标：能耗率\n")
        assert [c.address for c in document.clauses] == ["1", "1-0", "1-1", "1-1-0", "1-2", "1-2-0"]

    def test_repeated_numbers_stay_apart(self) -> None:
        assert addresses("附录 1：调研\n\n说明甲。\n\n1、政府。\n\n2、行业。\n\n说明乙。\n\n1、企业。") == [
            "附录1", "附录1-0", "附录1-1", "附录1-2", "附录1-0.1", "附录1-1@2",
        ]  # fmt: skip

    def test_headings_without_numbers(self) -> None:
        text = "# 手册\n\n## 准备\n\n先登记。\n\n### 工具\n\n带上表格。\n\n## 执行\n\n再检查。"
        assert addresses(text) == ["§1", "§1-0", "§1.1", "§1.1-0", "§2", "§2-0"]

    def test_a_sentence_that_a_page_end_broke_is_whole(self) -> None:
        document = parse("1 范围\n\n企业应登记全部在用设备，并由专人按季度核对台账，鼓励优先\n\n选择自动采集的方式。\n")
        assert clause(document, "1-0").text == "企业应登记全部在用设备，并由专人按季度核对台账，鼓励优先选择自动采集的方式。"
        assert document.lines_lost == 0

    def test_page_numbers_are_no_clauses(self) -> None:
        assert addresses("1 范围\n\n内容甲。\n\n2\n\n内容乙。\n\n— 3 —\n\n2 要求\n\n内容丙。") == ["1", "1-0", "1-1", "2", "2-0"]


class TestPlainProse:
    def test_paragraphs_are_numbered(self) -> None:
        assert addresses("今天检查了三台设备。\n\n其中一台需要维修。") == ["¶1", "¶2"]

    def test_a_document_without_clauses_is_refused(self) -> None:
        with pytest.raises(DocumentError, match="没有可以引用的条款"):
            parse_document([], "空.txt")


class TestKeys:
    def test_a_new_edition_keeps_its_key(self) -> None:
        assert document_key("设备条例(2019-01-02).md", "设备条例") == document_key("设备条例(2023-05-06).md", "设备条例")

    def test_different_documents_have_different_keys(self) -> None:
        assert len({document_key(n, t) for n, t in [("a.md", "修正案（七）"), ("a.md", "修正案（八）"), ("b.md", "修正案（八）")]}) == 3

    @given(st.text(max_size=40), st.text(max_size=40))
    def test_a_key_can_stand_before_an_address(self, name: str, title: str) -> None:
        key = document_key(name, title)
        assert key
        assert not set(key) & set("-#/ \n")


MARKED = "1 范围|1.1 目标|第一章 总则|第二条 甲。|一、总则|（一）乙；|a) 丙；|1) 丁。|- 戊|附录 A|①己|A.1 庚|1、壬。|附件 1|第三条规定"
OTHER = "目 次|1 范围 ... 1|甲\t乙\t丙|1\t2\t3|# 标题|8||企业应登记设备，并按季度|核对台账。|表1 数量|前 言|10 个以上|2|— 3 —|[1] 辛|\u200b"
PIECES = st.sampled_from([*MARKED.split("|"), *OTHER.split("|")])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=30)), min_size=1, max_size=40))
def test_no_document_loses_a_character_or_repeats_an_address(pieces: list[str]) -> None:
    text = "\n\n".join(pieces)
    blocks = [block for block in _blocks(text) if block.text.strip()]
    if not blocks:
        return
    try:
        document = parse_document(blocks, "x.txt")
    except DocumentError:
        return
    assert document.lines_lost == 0
    found = [clause.address for clause in document.clauses]
    assert len(set(found)) == len(found)
    assert [clause.order for clause in document.clauses] == list(range(len(found)))


def _blocks(text: str) -> list[Block]:
    try:
        return read_blocks(text.encode("utf-8", "replace"), "x.txt")
    except DocumentError:
        return []


def test_a_hundred_thousand_clauses_take_linear_time() -> None:
    def seconds(count: int) -> float:
        text = "\n\n".join(f"第{number}条 企业应登记第 {number} 台设备。" for number in range(1, count // 2 + 1))
        blocks = read_blocks((text + "\n\n1 清单\n\n" + "\n\n".join(["- 设备。"] * (count // 2))).encode(), "x.txt")
        started = time.process_time()
        assert len(parse_document(blocks, "x.txt").clauses) >= count // 2
        return time.process_time() - started

    small = max(seconds(10_000), 0.05)
    assert seconds(100_000) < 30 * small
