"""Address markers: which heads of lines are numbers, and what they are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.numerals import to_numeral
from knowledge.parsing.numbering import markers, narrow


def first(text: str) -> tuple[str, str, str]:
    """(scheme, label, rest of the line) of the best reading."""
    marker = markers(text)[0]
    return marker.scheme, marker.label, text[marker.end :]


@pytest.mark.parametrize(
    ("line", "scheme", "label", "rest"),
    [
        ("6.1.2.1 资源服务", "6.1", "6.1.2.1", "资源服务"),
        ("６．１　范围", "6.1", "6.1", "范围"),
        ("6. 1. 2 范围", "6.1", "6.1.2", "范围"),
        ("6 平台", "6.1", "6", "平台"),
        ("A.1 总则", "A.1", "A.1", "总则"),
        ("A. 1 总则", "A.1", "A.1", "总则"),
        ("b.2 质量", "a.1", "b.2", "质量"),
        ("附录 A（资料性）", "附", "A", "（资料性）"),
        ("附 录 B", "附", "B", ""),
        ("附录 1：维度", "附", "附录1", "：维度"),
        ("附件二", "附", "附件2", ""),
        ("第三章　监督", "章", "第三章", "监督"),
        ("第12章 监督", "章", "第十二章", "监督"),
        ("第一分编 通则", "分编", "第一分编", "通则"),
        ("第十条 内容", "条", "第十条", "内容"),
        ("第一百零三条之一　内容", "条", "第一百零三条之一", "内容"),
        ("第 二十 条 内容", "条", "第二十条", "内容"),
        ("一、总则", "一、", "一", "总则"),
        ("（一）申请", "(一)", "一", "申请"),
        ("(十七)申请", "(一)", "十七", "申请"),
        ("( 十 七 ) 申请", "(一)", "十七", "申请"),
        ("㈢申请", "(一)", "三", "申请"),
        ("1、申请", "1、", "1", "申请"),
        ("2. 申请", "1.", "2", "申请"),
        ("3）申请", "1)", "3", "申请"),
        ("(4) 申请", "(1)", "4", "申请"),
        ("⑤申请", "①", "⑤", "申请"),
        ("c) 申请", "a)", "c", "申请"),
        ("- d) 申请", "a)", "d", "申请"),
        ("——申请", "dash", "", "申请"),
        ("• 申请", "dash", "", "申请"),
    ],
)
def test_markers_are_read_in_every_form(line: str, scheme: str, label: str, rest: str) -> None:
    assert first(line) == (scheme, label, rest)


@pytest.mark.parametrize(
    "line",
    ["2023 年发布", "3.5% 的企业", "5G 网络", "2025.11.18", "(2026 年版)", "二〇二五年", "附则", "AI: 人工智能", "", "*", "（试行）"],
)
def test_ordinary_words_are_no_markers(line: str) -> None:
    assert markers(line) == ()


@pytest.mark.parametrize("line", ["10 个以上", "3.5 亿元", "第三条规定的情形", "第一章规定的情形", "1. 申请"])
def test_what_could_also_be_a_sentence_is_not_sure(line: str) -> None:
    assert not markers(line)[0].sure


def test_a_line_may_be_read_in_two_ways() -> None:
    assert [m.scheme for m in markers("6. 1 范围")] == ["6.1", "1."]


@given(st.integers(1, 3000))
def test_every_article_number_is_read_back(number: int) -> None:
    label = f"第{to_numeral(number)}条"
    assert first(f"{label}　内容") == ("条", label, "内容")


@given(st.text(max_size=60))
def test_any_text_is_read_without_error_and_offsets_stay_inside(text: str) -> None:
    assert len(narrow(text)) == len(text)
    assert all(0 < marker.end <= len(text) for marker in markers(text))
