"""Whole indicator systems, written the way different people would write them, with totals worked out by hand."""

from typing import Any

import pytest

from .scored import scored

PERCENT_TREE = """
title: 中小企业数字化水平评测
version: 2024
dimensions:
  - name: 数字化基础
    weight: 20%
    indicators:
      - name: 网络建设
        weight: 40%
        type: 单选
        score: {A: 100, B: 60, C: 20, D: 0}
      - name: 设备联网率
        weight: 60%
        unit: "%"
        bands:
          - {min: 0, max: 20, score: 20}
          - {min: 20, max: 60, score: 60}
          - {min: 60, max: 100, score: 100}
  - name: 经营
    weight: 50%
    indicators:
      - name: 营收增长
        weight: 50%
        formula: 增长率 = （本年营收－上年营收）÷上年营收×100%
        inputs: [本年营收, 上年营收]
        interpolate: {0: 0, 30: 100}
      - name: 系统
        weight: 50%
        multi: [ERP, MES, PLM, SCM, CRM]
        each: 25
        max: 100
  - name: 管理
    weight: 30%
    indicators:
      - {name: 一把手, type: yes_no, weight: 30%, points: 100}
      - {name: 制度, min: 0, max: 10, points: 100, weight: 70%}
grades:
  - {name: 一级, min: 20, max: 40}
  - {name: 二级, min: 40, max: 60}
  - {name: 三级, min: 60, max: 80, requires: {数字化基础: ">= 50"}}
  - {name: 四级, min: 80, conditions: ["数字化基础 >= 70", "一把手 = 是"]}
decimals: 1
"""
# 基础 0.4×60 + 0.6×100 = 84; 经营 0.5×(20/30×100) + 0.5×75 = 70.8333…; 管理 0.3×100 + 0.7×80 = 86
# 0.2×84 + 0.5×70.8333… + 0.3×86 = 16.8 + 35.41666… + 25.8 = 78.01666… → 78.0
PERCENT_ANSWERS = {
    "网络建设": "B",
    "设备联网率": "60%",
    "营收增长": {"本年营收": 120, "上年营收": 100},
    "系统": ["ERP", "MES", "PLM"],
    "一把手": "是",
    "制度": 8,
}

POINTS = """
title: 积分制
aggregate: sum
cap: 100
children:
  - id: 基本项
    children:
      - {id: 制度, points: 10, options: {完善: 1, 基本: 0.6, 无: 0}}
      - {id: 队伍, points: 20, options: {优: 100, 良: 80, 中: 60, 差: 0}}
      - {id: 覆盖率, points: 30, unit: "%", range: 0-100}
      - {id: 投入强度, formula: 投入/营收*100, inputs: [投入, 营收], bands: {">=5": 40, ">=3": 30, ">=1": 15, "<1": 0}}
  - {id: 专利, bonus: true, each: 2, cap: 6}
  - {id: 事故, deduction: true, each: 5, cap: 10}
  - {id: 重大违法, type: 是否, yes_no: {是: 0, 否: 0}, veto: {when: 是, level: 不合格, total: 0}}
levels: {优秀: ≥85, 良好: 70~85, 合格: 60~70, 不合格: <60}
"""
# 6 + 16 + 27 + 30 = 79; five patents are worth 6 at most; one accident costs 5
POINTS_ANSWERS = {
    "制度": "基本",
    "队伍": "良",
    "覆盖率": 90,
    "投入强度": {"投入": 30, "营收": 1000},
    "专利": 5,
    "事故": 1,
    "重大违法": "否",
}

MATURITY = """
title: 成熟度等级
aggregate: weighted_mean
children:
  - {id: 人员, weight: 3, aggregate: mean, children: [{id: p1, level: 0-5}, {id: p2, level: 0-5}]}
  - {id: 技术, weight: 2, aggregate: min, children: [{id: t1, level: 0-5}, {id: t2, level: 0-5}]}
levels:
  - {name: L1, at: 0}
  - {name: L2, at: 1.8, requires: [{every: dimensions, is: ">= 1"}]}
  - {name: L3, at: 2.8, requires: [{every: dimensions, is: ">= 2"}, "p1 >= 3 且 t1 >= 2"]}
"""
CHECKS = """
title: 检查表
aggregate: share
levels: {通过: ">= 80%", 不通过: "< 80%"}
children:
  - {id: c1, yes_no: true}
  - {id: c2, yes_no: true}
  - {id: c3, threshold: "<= 30", unit: min}
  - {id: c4, threshold: "[60, 80]"}
  - {id: c5, yes_no: true}
"""
COEFFICIENT = """
title: 系数
children:
  - {id: 质量, range: 0-100}
  - {id: 规模系数, options: {大型: 1, 中型: 1.1, 小型: 1.2}}
  - {id: 能力, range: 0-100}
total: min(100, (质量*0.6 + 能力*0.4) * 规模系数)
round: 2
"""
MATRIX = """
title: 矩阵
matrix:
  levels: [L1, L2, L3]
  rows:
    - {id: S1, cells: {L1: 有台账, L2: 有系统, L3: 有模型}}
    - {id: S2, cells: {L1: /, L2: 联网, L3: 预测}}
"""
THIRDS = "title: 三分\nchildren:\n  - {id: a, weight: 1/3}\n  - {id: b, weight: 2/3}\n"


@pytest.mark.parametrize(
    ("definition", "answers", "total", "level"),
    [
        (PERCENT_TREE, PERCENT_ANSWERS, 78.0, "三级"),
        (PERCENT_TREE, PERCENT_ANSWERS | {"系统": "ERP、MES、PLM、SCM、CRM"}, 84.3, "四级"),  # 经营 83.333… → 84.2666…
        (POINTS, POINTS_ANSWERS, 80, "良好"),
        (POINTS, POINTS_ANSWERS | {"重大违法": "是"}, 0, "不合格"),
        (POINTS, POINTS_ANSWERS | {"事故": 9}, 75, "良好"),
        (MATURITY, {"p1": 4, "p2": 3, "t1": 3, "t2": 2}, 2.9, "L3"),  # (3×3.5 + 2×2) / 5
        (MATURITY, {"p1": 5, "p2": 5, "t1": 3, "t2": 0}, 3, "L1"),
        (CHECKS, {"c1": "是", "c2": "否", "c3": "0.4小时", "c4": 80, "c5": "不适用"}, 75, "不通过"),
        (CHECKS, {"c1": "是", "c2": "是", "c3": "30分钟", "c4": 80.1}, 60, "不通过"),  # c5 is unanswered and never counts
        (COEFFICIENT, {"质量": 77.7, "规模系数": "中型", "能力": 66}, 80.32, None),  # (46.62 + 26.4) × 1.1 = 80.322
        (MATRIX, {"S1": "L2", "S2": {"L2": "是", "L3": "部分"}}, 60, "L2"),  # 3 of 5 cells
        (THIRDS, {"a": 30, "b": 60}, 50, None),
    ],
)
def test_a_strangers_system(definition: str, answers: dict[str, Any], total: float, level: str | None) -> None:
    result = scored(definition, answers)
    assert (result.total, result.level) == (total, level)
