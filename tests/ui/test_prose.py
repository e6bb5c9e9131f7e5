"""Text stays text: nothing that was quoted becomes markup, and a reader who copies it gets it back nearly as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.prose import markdown, marked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("设备联网率不低于 95%[1]；台账完整[2][3]。", "设备联网率不低于 95%[1]；台账完整[2][3]。"),
        ("全角标记【1】与［2］", "全角标记[1]与[2]"),
        ("第一句[1]。\n第二句[2]。", "第一句[1]。\n\n第二句[2]。"),
        ("匹配度 60%-80%，<5% 的除外", "匹配度 60%-80%，<5% 的除外"),
        ("10~20，30~40", "10\\~20，30\\~40"),
        ("10~20", "10~20"),
        ("**重点** `代码`", "\\*\\*重点\\*\\* \\`代码\\`"),
        ("- 条目\n1. 编号\n# 标题\n> 引用", "\\- 条目\n\n1\\. 编号\n\n\\# 标题\n\n\\> 引用"),
        ("18.5 万元", "18.5 万元"),
        ("比例:高，时间 12:30", "比例\\:高，时间 12:30"),
        ("<script>alert(1)</script>", "\\<script>alert(1)\\</script>"),
        ("![图](http://a.b/c.png) [看](http://a.b)", "![图]\\(http\\://a.b/c.png) [看]\\(http\\://a.b)"),
        ("见 www.a.b", "见 www\\.a.b"),
        ("[1](见附录)", "[1]\\(见附录)"),
        ("[2]: http://a.b", "[2]\\: http\\://a.b"),
        ("tool_call 与 _斜体_", "tool_call 与 \\_斜体\\_"),
        ("A&amp;B", "A\\&amp;B"),
        ("　　首行缩进", "首行缩进"),
    ],
)
def test_only_what_would_be_markup_is_escaped(text: str, expected: str) -> None:
    assert markdown(text) == expected


@given(st.text(alphabet="ab中，。 \n\t*_~`<>#|:[]()!&\\-+=.1234567890", max_size=60))
def test_nothing_becomes_a_link_an_image_or_a_block(text: str) -> None:
    shown = markdown(text)
    assert "](" not in shown
    for line in shown.split("\n"):
        assert not line.startswith(("#", ">", "- ", "+ ", "    ", "\t", "|", "="))


def test_quotes_are_found_across_line_breaks_and_widths() -> None:
    text = "一、总则\n推荐准确率不低于 ８５％，\n响应及时。另见附录。"
    pieces = marked(text, ["推荐准确率不低于85%,响应及时。"])
    assert "".join(piece for piece, _ in pieces) == text
    assert [piece for piece, flag in pieces if flag] == ["推荐准确率不低于 ８５％，\n响应及时。"]


def test_every_occurrence_is_marked_and_an_unknown_quote_marks_nothing() -> None:
    assert [piece for piece, flag in marked("应备案。检查后应备案。", ["应备案"]) if flag] == ["应备案", "应备案"]
    assert marked("应备案。", ["须审批", ""]) == [("应备案。", False)]
