"""The engine: every formula of TISC annex 2, units, checks, and properties."""

import math
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.clause import Formula
from domain.errors import UserInputError
from knowledge.catalogue import load_catalogue
from tools.kpi.engine import Amount, compute, show
from tools.kpi.names import find, indicators

BOOK = indicators(load_catalogue())
REDUCTIONS = [i for i in BOOK.values() if i.formula.expression == "(v1-v2)/v1*100"]
SHARES = [i for i in BOOK.values() if i.formula.expression == "v1/v2*100"]
RATIOS = [i for i in BOOK.values() if i.formula.unit == "%" and all(v.unit != "日期" for v in i.formula.variables)]
POSITIVE = st.floats(min_value=0.01, max_value=1e9)


def formula(key: str) -> Formula:
    return BOOK[f"TISC-A2-{key}"].formula


def test_all_38_indicators_reproduce_their_test_case() -> None:
    assert len(BOOK) == 38
    for indicator in BOOK.values():
        symbols = [v.symbol for v in indicator.formula.variables]
        names = [v.name for v in indicator.formula.variables]
        for keys in (symbols, names):
            result = compute(indicator.formula, dict(zip(keys, indicator.formula.test.inputs, strict=True)), signed=indicator.spec.signed)
            assert result.value == pytest.approx(indicator.formula.test.expected)
            assert result.unit == indicator.formula.unit


def test_units_are_brought_to_one_scale() -> None:
    assert compute(formula("c.1-1"), {"v1": "2天", "v2": "6小时"}).value == 87.5
    assert compute(formula("a.1-1"), {"v1": "1.36亿", "v2": "9520万元"}).value == 30
    assert compute(formula("c.1-3"), {"v1": "两周", "v2": "4天"}).value == 10
    kept = compute(formula("e.1-6"), {"v1": Amount([3.0, 5.0], "天"), "v2": 2})
    assert (kept.value, kept.unit, kept.also) == (4, "天", ((96.0, "小时"),))
    electric = compute(formula("f.1-1"), {"v1": Amount(500000, "度"), "v2": Amount(20000, "件")})
    assert (electric.value, electric.unit) == (25, "度/件")
    lifetime = compute(formula("d.2-1"), {"v1": 100, "v2": Amount(1, "次/季度"), "v3": Amount(30, "月")})
    assert lifetime.value == 1000


@pytest.mark.parametrize(
    ("activity", "factor", "tonnes"),
    [
        ("1000MWh", "0.57kgCO2/kWh", 570),
        ("100万度", "0.57公斤每度", 570),
        ("5万立方米", "2.16千克/立方米", 108),
        ("20吨", "3.1tCO2/t", 62),
        (10, 2, 20),
    ],
)
def test_emission_factors_meet_their_activity(activity: str | float, factor: str | float, tonnes: float) -> None:
    result = compute(formula("f.1-2"), {"v1": activity, "v2": factor})
    assert (result.value, result.unit) == (tonnes, "tCO2e")


def test_mixed_dimensions_are_refused() -> None:
    with pytest.raises(UserInputError, match="单位不一致"):
        compute(formula("a.1-2"), {"v1": "500度", "v2": "0.3tce"})


def test_days_against_hours_are_remarked() -> None:
    assert compute(formula("c.1-1"), {"v1": "2天", "v2": "6小时"}).remarks == ("1天按24小时折算",)
    assert compute(formula("c.1-1"), {"v1": "48小时", "v2": "6小时"}).remarks == ()


@pytest.mark.parametrize(
    ("key", "inputs", "message"),
    [
        ("a.1-1", {"v1": 100}, "数字化采购成本"),
        ("a.1-1", {"v1": 0, "v2": 5}, "分母为 0"),
        ("a.1-1", {"v1": -100, "v2": 5}, "不能为负"),
        ("a.1-1", {"v1": math.nan, "v2": 5}, "有限"),
        ("a.1-1", {"v1": True, "v2": 5}, "有限"),
        ("a.1-1", {"v1": [1, 2], "v2": 5}, "一个数"),
        ("a.1-1", {"单价": 1, "v2": 5}, "没有名为"),
        ("a.1-1", {"v1": 1, "传统采购成本": 1, "v2": 5}, "给了两次"),
        ("a.1-1", {"v1": "很多", "v2": 5}, "不是一个数"),
        ("d.3-2", {"v1": "2025-01-01", "v2": "2025-07-01"}, "早于"),
        ("d.3-2", {"v1": "去年", "v2": "2025-07-01"}, "不是日期"),
        ("d.3-2", {"v1": 5, "v2": "2025-07-01"}, "应为日期"),
        ("f.1-2", {"v1": [1, 2], "v2": [1]}, "个数不一致"),
        ("e.1-6", {"v1": [], "v2": 1}, "是空的"),
    ],
)
def test_faults_are_named(key: str, inputs: dict[str, object], message: str) -> None:
    with pytest.raises(UserInputError, match=message):
        compute(formula(key), inputs)  # pyright: ignore[reportArgumentType]


def test_a_loss_is_a_negative_return() -> None:
    assert compute(formula("d.2-2"), {"v1": -20, "v2": 100}, signed={"v1"}).value == -20


def test_dates() -> None:
    days = compute(formula("d.3-2"), {"新品量产日期": date(2025, 7, 1), "概念设计启动日期": "2025-01"})
    assert days.value == 181
    assert "按当月 1 日计" in days.remarks[0]


def test_a_part_beyond_its_whole_is_remarked() -> None:
    assert "大于" in compute(formula("c.3-3"), {"v1": 120, "v2": 100}, shares=True).remarks[0]


def test_ten_significant_digits_and_a_separate_display() -> None:
    result = compute(formula("a.1-1"), {"v1": 3, "v2": 2})
    assert result.value == 33.33333333
    assert result.display == "33.33%"
    assert compute(formula("d.1-2"), {"v1": 3800000, "v2": 2500000}).display == "130 万元"
    assert [show(x) for x in (0.002344, 25.304, 0.0, 1200.0, -0.05)] == ["0.00234", "25.3", "0", "1200", "-0.05"]


@given(POSITIVE, POSITIVE, st.floats(min_value=0.001, max_value=1000))
@settings(max_examples=30, deadline=None)
def test_ratios_do_not_depend_on_the_scale(a: float, b: float, k: float) -> None:
    for indicator in RATIOS:
        symbols = [v.symbol for v in indicator.formula.variables]
        base = dict(zip(symbols, [a, b, b, a], strict=False))
        scaled = {s: v * k for s, v in base.items()}
        same = compute(indicator.formula, base).value
        assert compute(indicator.formula, scaled).value == pytest.approx(same, rel=1e-6, abs=1e-4)


@given(POSITIVE, POSITIVE, POSITIVE)
@settings(max_examples=30, deadline=None)
def test_better_inputs_are_never_rated_worse(base: float, one: float, other: float) -> None:
    """Cutting more is better where higher is better; a larger bad part is worse where lower is better."""
    less, more = sorted((one, other))
    for indicator in REDUCTIONS:
        assert indicator.formula.better == "higher"
        assert compute(indicator.formula, {"v1": base, "v2": less}).value >= compute(indicator.formula, {"v1": base, "v2": more}).value
    for indicator in SHARES:
        low, high = (compute(indicator.formula, {"v1": part, "v2": base}).value for part in (less, more))
        assert low <= high


@pytest.mark.parametrize(
    ("given_name", "key"),
    [
        ("TISC-A2-a.1-1", "a.1-1"),
        ("tisc-a2-a.1-1", "a.1-1"),
        ("A2-a.1-1", "a.1-1"),
        ("采购成本下降率", "a.1-1"),
        ("NPS", "e.1-2"),
        ("不良率", "b.1-1"),
        ("碳排放量", "f.1-2"),
        ("新品上市周期", "d.3-2"),
        ("质量成本占比", "b.1-2"),
        ("库存周转下降率", "a.1-3"),
        ("客户投诉处理时长", "e.1-6"),
    ],
)
def test_indicators_are_found_by_id_and_name(given_name: str, key: str) -> None:
    assert find(BOOK, given_name).id == f"TISC-A2-{key}"


def test_ambiguous_and_unknown_names_list_what_exists() -> None:
    with pytest.raises(UserInputError) as ambiguous:
        find(BOOK, "投资回报率")
    assert "营销投资回报率" in ambiguous.value.message
    assert "数字化投资回报率" in ambiguous.value.message
    with pytest.raises(UserInputError, match="没有名为"):
        find(BOOK, "员工幸福指数")
