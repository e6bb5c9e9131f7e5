"""Facts in an enterprise's own words."""

from typing import Any

import pytest

from agents.interview.facts import facts_in


def found(text: str) -> dict[str, Any]:
    return {fact.field: fact.value for fact in facts_in(text)}


@pytest.mark.parametrize(
    ("text", "employees"),
    [
        ("120人", 120), ("员工三百多人", 300), ("一百二十来号人", 120), ("公司共有 1,250 名员工", 1250), ("大概两千人的厂子", 2000),
        ("员工人数：86", 86), ("我们3人搞信息化", None), ("质检员12人", None), ("研发人员30人，员工总数420人", 420),
        ("投了120万", None), ("客户有300个", None),
    ],
)  # fmt: skip
def test_headcount(text: str, employees: int | None) -> None:
    assert found(text).get("employees") == employees


@pytest.mark.parametrize(
    ("text", "revenue"),
    [
        ("去年营收八千万左右", "8000万元"),
        ("年产值1.2亿", "1.2亿元"),
        ("销售收入3.5亿元", "3.5亿元"),
        ("投入50万元做MES", None),
        ("营业额5000", None),
    ],
)
def test_revenue(text: str, revenue: str | None) -> None:
    assert found(text).get("revenue") == revenue


def test_an_introduction() -> None:
    text = "宁州恒达五金有限公司，位于浙江省宁波市，做冲压的，有60台冲床和2台机器人，用了金蝶和钉钉，准备上MES。交期老是延误，库存对不上。"
    assert found(text) == {
        "name": "宁州恒达五金有限公司",
        "region": "浙江省宁波市",
        "industry_code": "C33",
        "industry_text": "冲压",
        "systems": ["金蝶", "钉钉"],
        "equipment": ["冲床 60 台", "机器人 2 台"],
        "pain_points": ["交期老是延误", "库存对不上"],
    }


def test_evidence_is_a_sentence_of_the_text() -> None:
    text = "老厂了。员工三百多人，年产值1.2亿；用友用了五年。"
    for fact in facts_in(text):
        assert text[fact.start : fact.end] in ("员工三百多人，年产值1.2亿", "用友用了五年")


def test_what_is_not_there_or_not_ours_is_no_fact() -> None:
    assert "systems" not in found("还没上MES，也没有ERP")
    assert "systems" not in found("听说隔壁厂上了SAP")
    assert found("今天先这样") == {}
    assert found("我们公司不大") == {}
