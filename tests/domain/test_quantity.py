"""Numbers with units in Chinese text, and what only looks like one."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.quantity import measure, quantities


def read(text: str) -> list[tuple[float, str]]:
    return [(q.value, q.unit) for q in quantities(text) if q.kind == "number"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.42吨标煤", [(0.42, "吨标煤")]),
        ("86.4万", [(864000, "")]),
        ("1.36亿元", [(136000000, "元")]),
        ("一万块", [(10000, "块")]),
        ("38个人天", [(38, "人天")]),
        ("12.5%", [(12.5, "%")]),
        ("三成", [(30, "%")]),
        ("两成五", [(25, "%")]),
        ("百分之十五", [(15, "%")]),
        ("1,234.5", [(1234.5, "")]),
        ("５００万元", [(5000000, "元")]),
        ("两百三十", [(230, "")]),
        ("两百三", [(230, "")]),
        ("一万五", [(15000, "")]),
        ("3万5", [(35000, "")]),
        ("1亿3600万", [(136000000, "")]),
        ("一个亿", [(100000000, "")]),
        ("半小时", [(0.5, "小时")]),
        ("一年半", [(1.5, "年")]),
        ("两个半小时", [(2.5, "小时")]),
        ("一个半月", [(1.5, "月")]),
        ("俩钟头", [(2, "钟头")]),
        ("2小时30分", [(2.5, "小时")]),
        ("三块五", [(3.5, "块")]),
        ("50w", [(500000, "")]),
        ("一万二千三百件", [(12300, "件")]),
        ("120万千瓦时", [(1200000, "千瓦时")]),
        ("0.57公斤每度", [(0.57, "公斤/度")]),
        ("0.5703kgCO2/kWh", [(0.5703, "kgCO2/kWh")]),
        ("3.5万元/吨", [(35000, "元/吨")]),
        ("总数两百四十", [(240, "")]),
        ("-3.2万", [(-32000, "")]),
        ("1900.00元", [(1900, "元")]),
        ("2025.3万", [(20253000, "")]),
        ("一百来号人", [(100, "人")]),
    ],
)
def test_number(text: str, expected: list[tuple[float, str]]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    "text",
    ["GB/T22239-2019", "7.2.1", "6S管理", "5G改造", "条款a.1-2", "TISC-A2-a.1-1", "ISO9001", "7×24小时在线", "统一管理", "万一坏了",
     "一般情况", "一起看", "四五个人", "几十个", "十几天", "千万别", "第三方机构", "一次性投入", "4s店", "x86服务器"],
)  # fmt: skip
def test_no_number(text: str) -> None:
    assert read(text) == []


@pytest.mark.parametrize(
    ("text", "kind", "iso"),
    [
        ("2026年3月", "date", "2026-03"),
        ("2025年度", "date", "2025"),
        ("2025-01-01", "date", "2025-01-01"),
        ("2025/7/1", "date", "2025-07-01"),
        ("2025.3.5", "date", "2025-03-05"),
        ("3月1日", "date", "--03-01"),
        ("二〇二五年三月", "date", "2025-03"),
        ("三季度", "date", ""),
        ("第3条", "ordinal", ""),
        ("第三步", "ordinal", ""),
    ],
)
def test_dates_and_ordinals_are_flagged(text: str, kind: str, iso: str) -> None:
    (found,) = quantities(text)
    assert (found.kind, found.iso) == (kind, iso)


def test_enumerations_share_unit_and_scale() -> None:
    assert read("各用了2、5、6.5、3小时") == [(2, "小时"), (5, "小时"), (6.5, "小时"), (3, "小时")]
    assert read("返工、报废、客诉分别是12、8、5万元") == [(120000, "元"), (80000, "元"), (50000, "元")]
    assert read("三单各花两、四、六个钟头") == [(3, "单"), (2, "钟头"), (4, "钟头"), (6, "钟头")]


def test_a_range_is_two_numbers() -> None:
    assert read("3-5天") == [(3, "天"), (5, "天")]
    assert read("30~50万元") == [(300000, "元"), (500000, "元")]


def test_years_are_no_durations() -> None:
    assert [(q.value, q.unit, q.kind) for q in quantities("2025年用了3年")] == [(2025, "", "date"), (3, "年", "number")]


@given(st.text(alphabet="一二三十百千万亿两半0123456789.,年月日小时个人元万吨%成第-/ 去降到，", max_size=30))
def test_offsets_are_the_texts_own(text: str) -> None:
    last = 0
    for found in quantities(text):
        assert text[found.start : found.end] == found.text
        assert found.start >= last
        last = found.end


@given(st.decimals(min_value=0, max_value=10**6, places=2))
def test_plain_decimals_read_exactly(number: Decimal) -> None:
    assert read(f"花了{number}元") == [(pytest.approx(float(number)), "元")]


def test_compound_units_are_measured_part_by_part() -> None:
    found = measure("tce/万元")
    assert found
    assert found.dimension == "coal/money"
    assert measure("箩筐") is None
