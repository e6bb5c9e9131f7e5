"""The definition language: one meaning, many notations; and what is wrong is named by line and key."""

import pytest

from .scored import faults, scored

TWO = """
title: 两项
children:
  - {{id: A, weight: {a}}}
  - {{id: B, weight: {b}}}
"""


@pytest.mark.parametrize(("a", "b"), [(30, 70), ('"30%"', '"70%"'), (0.3, 0.7), ("30%", "70%"), ('"30％"', 70)])
def test_weights_may_be_written_as_points_as_shares_or_in_per_cent(a: object, b: object) -> None:
    assert scored(TWO.format(a=a, b=b), {"A": 80, "B": 60}).total == 66


def test_weights_of_a_group_may_be_parts_of_its_own() -> None:
    definition = """
    title: 附录
    children:
      - {id: 甲, weight: 30, children: [{id: 甲1, weight: 12}, {id: 甲2, weight: 18}]}
      - {id: 乙, weight: 70, children: [{id: 乙1, weight: 0.5}, {id: 乙2, weight: 0.5}]}
    """
    # 甲 = 12/30×100 + 18/30×50 = 70; 乙 = 0.5×80 + 0.5×60 = 70
    assert scored(definition, {"甲1": 100, "甲2": 50, "乙1": 80, "乙2": 60}).total == 70


def test_keys_may_be_chinese() -> None:
    definition = """
    名称: 中文写法
    保留小数: 1
    一级指标:
      - 名称: 基础
        权重: 40%
        汇总: 平均
        二级指标:
          - {名称: 网络, 选项: {有: 100, 无: 0}}
          - {名称: 设备, 等级范围: 0-5, 满分: 100}
      - {名称: 应用, 权重: 60%}
    等级: {合格: ">= 60", 不合格: "< 60"}
    """
    result = scored(definition, {"网络": "有", "设备": 3, "应用": 55.5})
    assert (result.total, result.level) == (65.3, "合格")  # 0.4×(100+60)/2 + 0.6×55.5 = 32 + 33.3


SCALES = """
title: 量表
aggregate: sum
children:
  - {id: 数, range: 0-10}
  - {id: 级, level: 0-5, points: 20}
  - {id: 选, options: {A、没有: 0, B、部分: 3, C、全部: 5}}
  - {id: 判, yes_no: {是: 4, 部分: 2, 否: 0}}
  - {id: 多, choices: {MES: 2, ERP: 3, WMS: 2}, cap: 5}
  - {id: 段, bands: {">= 90": 10, 60-90: 6, "< 60": 0}}
  - {id: 插, interpolate: [[0, 0], [50, 60], [100, 100]]}
  - {id: 式, inputs: [收入, 人数], formula: 收入 / 人数, bands: {">= 50": 8, "< 50": 2}}
  - {id: 增, growth: true, interpolate: [[0, 0], [20, 10]]}
  - {id: 阈, threshold: ">= 95", points: 3, unit: "%"}
"""


@pytest.mark.parametrize(
    ("item", "answer", "score"),
    [
        ("数", 7.5, 7.5),
        ("数", "7.5分", 7.5),
        ("级", 3, 12),
        ("选", "B", 3),
        ("选", "C、全部", 5),
        ("判", True, 4),
        ("判", "部分符合", 2),
        ("判", "没有", 0),
        ("多", ["MES", "ERP", "WMS"], 5),
        ("多", "mes、wms", 4),
        ("多", [], 0),
        ("段", 90, 10),
        ("段", "89.99", 6),
        ("段", 60, 6),
        ("段", 59, 0),
        ("插", 25, 30),
        ("插", 75, 80),
        ("插", 120, 100),
        ("式", {"收入": 1000, "人数": 20}, 8),
        ("式", [999, 20], 2),
        ("增", {"本期": 110, "上期": 100}, 5),
        ("增", {"本期": 90, "上期": 100}, 0),
        ("阈", "95%", 3),
        ("阈", 94.9, 0),
    ],
)
def test_an_answer_scores(item: str, answer: object, score: float) -> None:
    result = scored(SCALES, {item: answer})
    assert next(i for i in result.items if i.id == item).score == score
    assert result.total == score


def test_a_zero_divisor_cannot_be_computed_and_says_so() -> None:
    result = scored(SCALES, {"增": {"本期": 5, "上期": 0}, "式": {"收入": 1, "人数": 0}})
    found = {i.id: i for i in result.items if i.state == "不可计算"}
    assert set(found) == {"增", "式"} <= set(result.missing)
    assert all("不可计算" in i.why for i in found.values())


@pytest.mark.parametrize("written", ['">= 60"', ">= 60", "≥60", "60", "不低于60", "60以上", '"[60, 100]"', "60-100"])
def test_a_bound_may_be_written(written: str) -> None:
    definition = f"title: 界\nchildren: [{{id: A}}]\nlevels:\n  - {{name: 过, at: {written}}}\n"
    assert [scored(definition, {"A": n}).level for n in (59.99, 60, 100)] == [None, "过", "过"]


def test_an_open_bound() -> None:
    definition = 'title: 界\nchildren: [{id: A}]\nlevels: {低: "<= 60", 高: "> 60"}\n'
    assert [scored(definition, {"A": n}).level for n in (60, 60.01)] == ["低", "高"]


@pytest.mark.parametrize(
    ("aggregate", "total"),
    [("sum", 60), ("mean", 20), ("min", 10), ("max", 30), ("product", 6000), ("median", 20), ("share", 0), ("取最低", 10), ("平均", 20)],
)
def test_a_group_is_made_of_its_items(aggregate: str, total: float) -> None:
    definition = f"title: 汇总\naggregate: {aggregate}\nchildren: [A, B, C]\n".replace("[A, B, C]", "[{id: A}, {id: B}, {id: C}]")
    assert scored(definition, {"A": 10, "B": 20, "C": 30}).total == total


def test_a_weighted_mean_needs_no_sum() -> None:
    assert scored(TWO.format(a=1, b=2) + "aggregate: weighted_mean\n", {"A": 30, "B": 60}).total == 50


def test_a_third_is_exact() -> None:
    definition = 'title: 三分\naggregate: sum\nchildren:\n  - {id: G, aggregate: mean, points: 3, children: [{id: A, level: 0-1}, {id: B, level: 0-1}, {id: C, level: 0-1}]}\nlevels: {满: ">= 2", 缺: "< 2"}\n'  # noqa: E501
    assert (result := scored(definition, {"A": 1, "B": 1, "C": 0})).total == 2
    assert result.level == "满"


@pytest.mark.parametrize(("mode", "total"), [("half_up", 2.13), ("half_even", 2.12), ("down", 2.12), ("up", 2.13)])
def test_rounding_is_as_stated(mode: str, total: float) -> None:
    definition = f"title: 舍入\nround: {{decimals: 2, mode: {mode}}}\nchildren: [{{id: A}}]\n"
    assert scored(definition, {"A": 2.125}).total == total


def test_a_formula_over_other_nodes_and_shared_inputs() -> None:
    definition = """
    title: 引用
    inputs: [营收, 投入]
    total: 0.6*{A.1} + 0.4*强度
    children:
      - {id: A.1, range: 0-100}
      - {id: 强度, formula: 投入/营收*100, interpolate: [[0, 0], [5, 100]]}
    """
    # 强度 = 3/100×100 = 3 → 60; 0.6×50 + 0.4×60
    assert scored(definition, {"A.1": 50, "营收": 100, "投入": 3}).total == 54


@pytest.mark.parametrize(
    ("definition", "line", "what"),
    [
        (TWO.format(a=30, b=60), "第 4 行", "权重之和为 90"),
        ("title: t\nchildren:\n  - {id: A}\n  - {id: A}\n", "第 4 行", "重复"),
        ("title: t\nchildren:\n  - id: A\n    clauses: [TISC-9.9.9-z]\n", "第 3 行", "TISC-9.9.9-z"),
        ("title: t\nchildren:\n  - id: A\n    formula: x / 0\n", "第 3 行", "除以 0"),
        ("title: t\nchildren:\n  - id: A\n    formula: B + 1\n  - id: B\n    formula: A + 1\n", "第 3 行", "循环引用"),
        ("title: t\nchildren:\n  - id: A\n    wieght: 3\n", "第 4 行：wieght", "没有这个键"),
        ("title: t\nchildren:\n  - id: A\n    range: 很多\n", "第 4 行：range", "不是分数范围"),
        ("title: t\nchildren:\n  - id: A\n    title: x\n    id: B\n", "第 5 行：id", "重复"),
        ("title: t\nchildren:\n  - {id: A, weight: 50}\n  - {id: B}\n", "第 4 行：weight", "没有权重"),
        ("title: t\nchildren: [{id: A}]\nlevels:\n  - {name: 高, at: 1, requires: C >= 3}\n", "第 4 行", "C"),
        ("title: t\nchildren: [\n", "第 3 行", "YAML"),
        ("children: [{id: A}]\n", "第 1 行：title", "缺少"),
        ("title: t\nchildren:\n  - id: A\n    formula: __import__('os')\n", "第 3 行", "没有的函数"),
        ("title: t\nchildren:\n  - id: A\n    options: {x: 好}\n", "第 4 行：options", "不是数"),
    ],
)
def test_a_fault_is_named_by_line(definition: str, line: str, what: str) -> None:
    found = faults(definition)
    assert any(where.startswith(line) and what in said for where, said in found), found


def test_a_bomb_of_aliases_is_refused() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "过多" in faults("title: t\n" + "\n".join(rows))[0][1]
