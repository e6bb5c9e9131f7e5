"""What stands under an answer, from the answer alone."""

from typing import Any

from domain.answer import Answer, Citation, Sentence, ToolCall
from domain.errors import Problem, ProblemDetail
from ui.answer_view import answer_props, mark_numbers, problem_props
from ui.history import answer_elements
from ui.wording import Wording


def cite(clause_id: str, quote: str = "原文", **changed: Any) -> Citation:
    known: dict[str, Any] = {"standard": "广西指南", "path": ["广西指南", "7 流程", "7.2 匹配"], "source": "official", "verified": True}
    return Citation(clause_id=clause_id, quote=quote, **(known | changed))


def answered(*sentences: Sentence, **changed: Any) -> Answer:
    return Answer(text="\n".join(s.text for s in sentences), sentences=list(sentences), **({"confidence": 0.9} | changed))


def test_cards_carry_the_numbers_of_the_marks(words: Wording) -> None:
    answer = answered(
        Sentence(text="匹配度超过80%自动推送[2]，否则人工筛选[1]。", citations=[cite("G-4"), cite("G-5")]),
        Sentence(text="准确率不低于85%[3]。", citations=[cite("G-3", "准确率"), cite("G-3", "不低于85%")]),
    )
    assert mark_numbers(answer) == {"G-4": 2, "G-5": 1, "G-3": 3}
    props = answer_props(answer, words)
    assert props is not None
    assert [(card["number"], card["clause_id"], card["quotes"]) for card in props["cards"]] == [
        (1, "G-5", ["原文"]),
        (2, "G-4", ["原文"]),
        (3, "G-3", ["准确率", "不低于85%"]),
    ]
    assert (props["kind"], props["quotes"], props["verified"], props["weak"]) == ("answer", 4, True, False)
    assert props["cards"][0]["path"] == "7 流程 › 7.2 匹配"
    assert [name for name, _, _ in answer_elements(answer, words)] == ["ShuzhiAnswer", "[1]", "[2]", "[3]"]


def test_a_sentence_whose_marks_do_not_fit_its_citations_gives_no_numbers(words: Wording) -> None:
    answer = answered(Sentence(text="两处依据[1]。", citations=[cite("A"), cite("B")]))
    assert mark_numbers(answer) == {}
    assert [name for name, _, _ in answer_elements(answer, words)] == ["ShuzhiAnswer"]


def test_same_clause_of_two_documents_is_two_cards(words: Wording) -> None:
    answer = answered(
        Sentence(text="旧版[1]，新版[2]。", citations=[cite("D-1", passage_id="old#1"), cite("D-1", "别的", passage_id="new#1")])
    )
    props = answer_props(answer, words)
    assert props is not None
    assert [card["number"] for card in props["cards"]] == [1, 2]


def test_weak_grounds_and_dropped_quotes_are_said(words: Wording) -> None:
    props = answer_props(answered(Sentence(text="也许[1]。", citations=[cite("A")]), confidence=0.64, dropped_quotes=2), words)
    assert props is not None
    assert (props["weak"], props["dropped"]) == (True, 2)


def test_an_unverified_quote_takes_the_seal_off_all(words: Wording) -> None:
    props = answer_props(answered(Sentence(text="甲[1]。", citations=[cite("A", verified=False)])), words)
    assert props is not None
    assert props["verified"] is False


def test_refusal_with_the_nearest_clause(words: Wording) -> None:
    search = ToolCall(id="call-0", name="search_standards", args={}, result={"hits": 3})
    props = answer_props(
        answered(Sentence(text="无法回答：没有规定。", citations=[cite("A")]), refused=True, reason="没有规定", tool_calls=[search]), words
    )
    assert props is not None
    assert (props["kind"], props["blocked"], props["weak"], len(props["cards"])) == ("refusal", False, False, 1)


def test_blocked_question_looks_different_from_a_refusal(words: Wording) -> None:
    props = answer_props(answered(Sentence(text="问题是空的。"), refused=True, reason="问题是空的。"), words)
    assert props is not None
    assert (props["kind"], props["blocked"], props["cards"]) == ("refusal", True, [])


def test_computed_answer_shows_formula_and_numbers(words: Wording) -> None:
    result = {
        "name": "客户留存率", "value": 85.0, "unit": "%", "display": "85%", "formula": "期末 / 期初", "in_text": True,
        "inputs": {"期末": 204.0, "各期": [1.5, 2000.0], "日期": "2025-03-01"}, "units": {"期末": "户"}, "note": "",
    }  # fmt: skip
    call = ToolCall(id="call-0", name="compute_kpi", args={}, result=result)
    props = answer_props(answered(Sentence(text="= 85%"), tool_calls=[call], values=[85.0]), words)
    assert props is not None
    (shown,) = props["computed"]
    assert (props["kind"], shown["title"], shown["display"], shown["formula"]) == ("computed", "客户留存率", "85%", "期末 / 期初")
    assert [(each["value"], each["unit"]) for each in shown["inputs"]] == [("204", "户"), ("1.5、2,000", ""), ("2025-03-01", "")]


def test_failed_calculation_shows_none(words: Wording) -> None:
    call = ToolCall(id="call-0", name="compute_kpi", args={}, result={"formula": "a"}, error="分母为零")
    assert answer_props(answered(Sentence(text="没有结果"), tool_calls=[call]), words) is None


def test_question_back_and_plain_text(words: Wording) -> None:
    asked = answer_props(answered(Sentence(text="期初有多少客户？"), reason="needs_input"), words)
    assert asked is not None
    assert asked["kind"] == "ask"
    assert answer_props(answered(Sentence(text="你好")), words) is None


def test_problem_keeps_where_and_cure(words: Wording) -> None:
    spots = [ProblemDetail(where="a.pdf", what="文件坏了", cure="重新导出"), ProblemDetail(where="第3页", what="缺字", cure="")]
    props = problem_props(Problem(type="DocumentError", message="文件坏了", detail=spots, run_id="0123456789abcdef"), words)
    assert props["details"] == [
        {"where": "a.pdf", "what": "", "cure": "重新导出"},
        {"where": "第3页", "what": "缺字", "cure": ""},
    ]
    assert props["run"] == "编号 0123456789ab"
