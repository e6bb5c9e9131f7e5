"""A clause in the side panel."""

from typing import Any

from tools.search.tool import ClauseOutput, Neighbour
from ui.clause_view import clause_props
from ui.wording import Wording

PARAGRAPH = "智能推荐准确率不低于 85%。复杂需求的人工介入响应时间不超过 4 小时,问题解决率不低于 80%。"


def clause(**changed: Any) -> ClauseOutput:
    known: dict[str, Any] = {
        "clause_id": "GXDSL-7.2-6", "standard": "广西指南", "status": "征求意见稿", "version": "2025", "path": ["广西指南", "7 流程"],
        "title": "人工介入≤4小时", "text": PARAGRAPH, "own_text": "复杂需求的人工介入响应时间不超过 4 小时,", "source": "official",
        "modality": "指标", "note": "读作小时", "parent": Neighbour(clause_id="GXDSL-7.2", title="资源匹配流程"),
        "neighbours": [Neighbour(clause_id="GXDSL-7.2-5", title="二次筛选")], "see": [],
    }  # fmt: skip
    return ClauseOutput(**(known | changed))


def marks(props: dict[str, Any]) -> list[str]:
    return [piece["text"] for piece in props["pieces"] if piece["marked"]]


def test_quoted_words_are_marked_in_the_whole_text(words: Wording) -> None:
    props = clause_props(clause(), ["问题解决率不低于80%"], words, frozenset({"GXDSL-7.2-5"}))
    assert "".join(piece["text"] for piece in props["pieces"]) == PARAGRAPH
    assert marks(props) == ["问题解决率不低于 80%"]
    assert props["is_quoted"]
    assert props["path"] == ["7 流程"]
    assert (props["note"], props["label"]) == ("读作小时", "GXDSL-7.2-6")


def test_without_a_quote_the_clause_s_own_part_is_marked(words: Wording) -> None:
    props = clause_props(clause(), [], words, frozenset())
    assert marks(props) == ["复杂需求的人工介入响应时间不超过 4 小时,"]
    assert not props["is_quoted"]
    assert marks(clause_props(clause(own_text=PARAGRAPH), [], words, frozenset())) == []


def test_only_what_can_be_opened_is_a_button(words: Wording) -> None:
    props = clause_props(clause(), [], words, frozenset({"GXDSL-7.2-5"}))
    assert props["parent"]["opens"] is False
    assert props["neighbours"] == [{"clause_id": "GXDSL-7.2-5", "title": "二次筛选", "opens": True}]


def test_a_document_goes_by_its_title(words: Wording) -> None:
    props = clause_props(clause(source="document", standard="点检办法", modality=""), [], words, frozenset())
    assert (props["label"], props["source_label"], props["modality"]) == ("点检办法", "我的文档", "")
