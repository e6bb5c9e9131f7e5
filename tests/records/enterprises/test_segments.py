"""Size and segments follow rules over known facts; what is not known is 未知 and never guessed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.enterprises.profile import Profile, name_key
from records.enterprises.segments import facts_of, portrait_of, segments_of, size_of
from records.enterprises.vocabulary import industries, segment_rules, sheet_rules, size_rules, vocabulary

TIERS = ["大型", "中型", "小型", "微型"]


def profile(**fields: Any) -> Profile:
    return Profile.model_validate({"name": "昆山精密", **fields})


@pytest.mark.parametrize(
    ("industry", "employees", "revenue", "size"),
    [
        ("C34", 1000, "40000万元", "大型"),
        ("C34", 999, "5亿元", "中型"),
        ("C34", 1000, "39999万元", "中型"),
        ("C34", 300, "2000万元", "中型"),
        ("C34", 299, "2000万元", "小型"),
        ("C34", 20, "300万元", "小型"),
        ("C34", 19, "9亿元", "微型"),
        ("C34", 5000, "299万元", "微型"),
        ("C", 1000, "40000万元", "大型"),
        ("F51", 200, "40000万元", "大型"),
        ("F52", 200, "40000万元", "中型"),
        ("I65", 100, "1000万元", "中型"),
        ("A01", None, "500万元", "中型"),
        ("M73", 300, None, "大型"),
        ("C34", 1000, None, "未知"),
        ("C34", None, "9亿元", "未知"),
        ("C34", 19, None, "微型"),
        ("C34", None, None, "未知"),
        ("F", 500, "9亿元", "未知"),
        ("P83", 500, "9亿元", "未知"),
        (None, 500, "9亿元", "未知"),
    ],
)
def test_size_by_the_national_classification(industry: str | None, employees: int | None, revenue: str | None, size: str) -> None:
    found = size_of(profile(industry_code=industry, employees=employees, revenue=revenue))
    assert found.value == size
    assert size_rules().source in found.rule


def test_a_size_shows_its_rule_and_its_facts() -> None:
    found = size_of(profile(industry_code="C34", employees=320, revenue="1.2亿元"))
    assert found.facts == {"从业人员": "320人", "营业收入": "12000万元"}
    assert "中型：从业人员≥300人且营业收入≥2000万元" in found.rule
    assert size_of(profile(industry_code="C34", employees=320)).missing == ["revenue"]


@given(st.integers(0, 3000), st.integers(0, 3000), st.integers(0, 90_000), st.integers(0, 90_000))
def test_more_never_makes_smaller(employees: int, more: int, revenue: int, extra: int) -> None:
    def rank(people: int, money: int) -> int:
        return TIERS.index(size_of(profile(industry_code="C34", employees=people, revenue=f"{money}万元")).value)

    assert rank(employees + more, revenue + extra) <= rank(employees, revenue)


def test_segments_show_the_rule_and_the_facts_that_made_them() -> None:
    known = profile(chain_position="链主", pain_points=["设备停机多", "客户投诉质量"], digital_scale="GB/T 39116", digital_level="二级")
    found = segments_of(facts_of(known, needs=["降低库存"]))
    assert (found["chain"].values, found["maturity"].values) == (["链主"], ["发展"])
    assert found["demand"].values == ["生产制造", "质量控制", "供应链协同", "营销与客户服务"]
    [first, *_] = found["demand"].basis
    assert first.facts == {"核心痛点": ["设备停机多"]}
    assert "停机" in first.rule
    supply = next(each for each in found["demand"].basis if each.segment == "供应链协同")
    assert supply.facts == {"企业需求": ["降低库存"]}


def test_unknown_facts_are_unknown_segments() -> None:
    for segment in segments_of(facts_of(profile())).values():
        assert segment.values == ["未知"]
        assert segment.missing
        assert segment.basis == []


def test_a_level_of_an_unlisted_scale_is_not_converted() -> None:
    found = segments_of(facts_of(profile(digital_scale="某地指数", digital_level="二级")))["maturity"]
    assert found.values == ["未知"]
    assert segments_of(facts_of(profile(digital_level="二级")))["maturity"].values == ["未知"]


def test_a_pain_that_fits_no_rule_is_other_and_not_unknown() -> None:
    assert segments_of(facts_of(profile(pain_points=["门口的路不好走"])))["demand"].values == ["其他"]


def test_an_assessment_counts_more_than_what_was_said() -> None:
    said = profile(digital_scale="JSSF", digital_level="基础")
    assert segments_of(facts_of(said, assessed="JSSF/卓越"))["maturity"].values == ["领先"]


def test_the_portrait_has_five_groups_and_names_what_is_missing() -> None:
    groups = portrait_of(profile(industry_code="C34", employees=10, investment_intention="今年 80 万元"))
    assert [len(groups), groups[0].known["企业规模"]] == [5, "微型"]
    assert groups[4].known == {"数字化投入意愿": "今年 80 万元"}
    assert groups[4].missing == ["决策机制"]
    everything = [*(name for group in groups for name in [*group.known, *group.missing])]
    assert len(everything) == len(set(everything))


@pytest.mark.parametrize(
    ("one", "other"),
    [("昆山精密机械有限公司", "昆山精密机械"), ("昆山精密（机械）有限责任公司", "昆山精密(机械)股份有限公司"), ("ＡＢＣ 厂", "abc")],
)
def test_names_that_are_likely_the_same(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


def test_the_data_fit_together() -> None:
    assert len(industries().sections) == 20
    assert {division for division in range(1, 98) if industries().section_of(division)} == set(range(1, 98))
    assert set(Profile.model_fields) == set(vocabulary().fields) == {column.field for column in sheet_rules().columns}
    facts = {fact for axis in segment_rules().axes.values() for rule in axis.rules for fact in rule.facts}
    assert facts == {"chain_position", "size", "maturity", "pain_points", "needs"}
    assert {name for fields in vocabulary().portrait.values() for name in fields} <= set(vocabulary().fields) | {"size"}
