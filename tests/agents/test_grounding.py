"""What a sentence needs before it may be said (DESIGN §1: nothing unsupported)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.grounding import QUESTION, Origin, check_sentence, single_marks
from domain.answer import Citation


def cited(quote: str, *, clause_id: str = "TISC-7.3.1-b", verified: bool = True) -> Citation:
    return Citation(clause_id=clause_id, standard="团标", path=["团标", "设备管理"], quote=quote, source="catalogue", verified=verified)


UPTIME = cited("设备联网率不低于50%，云服务可用性不低于99.9%，专家不少于1,200人，响应不超过1.5小时。")


def fault(text: str, *numbered: Citation | None, origins: tuple[Origin, ...] = (), overlap: float = 0.0) -> str:
    return check_sentence(text, numbered or (UPTIME,), origins, overlap=overlap).fault


@pytest.mark.parametrize("text", ["设备联网率不低于50%。[2]", "设备联网率不低于50%。[0]", "联网率[1]不低于50%[7]。"])
def test_a_mark_that_leads_nowhere(text: str) -> None:
    assert fault(text) == "引用无法核实"


def test_a_quote_that_could_not_be_verified() -> None:
    assert fault("设备联网率不低于50%。[1]", None) == "引用无法核实"
    assert fault("设备联网率不低于50%。[1]", cited(UPTIME.quote, verified=False)) == "没有依据"


@pytest.mark.parametrize("text", ["[1]", " [1][1] ", "［１］"])
def test_marks_alone_are_no_sentence(text: str) -> None:
    assert fault(text) == "空句"


def test_a_sentence_that_stands_on_nothing() -> None:
    assert fault("设备联网率不低于一半。") == "没有依据"


@pytest.mark.parametrize(
    "text",
    [
        "设备联网率不低于50%。[1]",
        "设备联网率不低于50.0%。[1]",
        "可用性不低于99.9%。[1]",
        "专家不少于1200人。[1]",
        "专家不少于1,200人。[1]",
        "专家不少于１２００人。【1】",
        "响应不超过1.5小时。［1］",
        "1. 设备联网率不低于50%。[1]",
        "2、设备联网率不低于50%。[1]",
        "12）可用性不低于99.9%。[1]",
        "- 设备联网率不低于50%。[1]",
        "1.5小时内响应。[1]",
        "应支持IPv6。[1]",
    ],
)
def test_numbers_of_the_quote_in_any_spelling(text: str) -> None:
    assert fault(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "设备联网率不低于5%。[1]",
        "设备联网率不低于0.5%。[1]",
        "设备联网率不低于500%。[1]",
        "可用性不低于99%。[1]",
        "可用性不低于9.9%。[1]",
        "专家不少于200人。[1]",
        "专家不少于12人。[1]",
        "响应不超过5小时。[1]",
        "3.50%的设备应联网。[1]",
        "1. 设备联网率不低于80%。[1]",
        "1.2小时内响应。[1]",
    ],
)
def test_a_number_without_an_origin(text: str) -> None:
    assert fault(text) == "数字没有出处"


def test_each_number_says_where_it_comes_from() -> None:
    checked = check_sentence("算得16%，标准要求50%。[1]", [UPTIME], [Origin("采购成本下降率 = 16%", "tool:call-0")], overlap=0)
    assert checked.sentence is not None
    assert [(figure.text, figure.value, figure.origin) for figure in checked.sentence.figures] == [
        ("16", 16.0, "tool:call-0"),
        ("50", 50.0, "cite:TISC-7.3.1-b"),
    ]


def test_a_number_of_the_question_is_repeated_only_beside_one_of_the_evidence() -> None:
    asked = (Origin("我们80%的设备联网了，是不是要求80%？", QUESTION),)
    assert fault("联网率80%，达到了不低于50%的要求。[1]", origins=asked) == ""
    assert fault("要求设备联网率不低于80%。[1]", origins=asked) == "数字没有出处"


def test_too_little_of_the_sentence_stands_in_the_quote() -> None:
    assert fault("供应商应当每季度提交碳足迹报告。[1]", overlap=0.35) == "内容超出引文"
    assert fault("设备联网率不低于50%。[1]", overlap=0.35) == ""


def test_what_only_the_question_says_is_no_content() -> None:
    asked = (Origin("供应商是不是应当每季度提交碳足迹报告", QUESTION),)
    assert fault("供应商应当每季度提交碳足迹报告。[1]", origins=asked, overlap=0.35) == "内容超出引文"


@given(st.decimals(min_value=0, max_value=10**9, places=3), st.decimals(min_value=0, max_value=10**9, places=3))
def test_a_number_passes_exactly_when_the_quote_has_its_value(said: object, quoted: object) -> None:
    passes = check_sentence(f"门槛是 {said} 万元。[1]", [cited(f"门槛不低于{quoted}万元。")], [], overlap=0).sentence is not None
    assert passes == (said == quoted)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_either_said_with_its_citation_or_has_a_fault(text: str, quote: str) -> None:
    checked = check_sentence(text, [cited(quote)], [], overlap=0.35)
    assert (checked.sentence is None) == bool(checked.fault)
    assert checked.sentence is None or checked.sentence.citations


@pytest.mark.parametrize(
    "text", ["设备联网率不低于百分之五十。[1]", "设备联网率不低于五成。[1]", "专家不少于一千二百人。[1]", "一个专家组，两类响应。[1]"]
)
def test_a_number_in_characters_has_an_origin_too(text: str) -> None:
    assert fault(text) == ""


@pytest.mark.parametrize(
    "text", ["设备联网率不低于百分之九十。[1]", "设备联网率不低于八成。[1]", "专家不少于两千人。[1]", "专家不少于3万人。[1]"]
)
def test_a_number_in_characters_without_an_origin(text: str) -> None:
    assert fault(text) == "数字没有出处"


def test_marks_that_share_their_brackets_are_taken_apart() -> None:
    assert single_marks("甲。[1,2]乙［1、3］丙[1]丁[1,x]") == "甲。[1][2]乙[1][3]丙[1]丁[1,x]"
