"""Levels and gates, vetoes, bonus, what does not apply, what is missing, evidence, respondents."""

import pytest

from .scored import answer_faults, scored

TREE = """
title: 规则
round: 2
{rules}
children:
  - {{id: A, weight: 50, children: [{{id: A1, weight: 60}}, {{id: A2, weight: 40}}]}}
  - {{id: B, weight: 50}}
"""


def tree(rules: str = "") -> str:
    return TREE.format(rules=rules)


def test_every_number_says_what_it_adds() -> None:
    result = scored(tree(), {"A1": 80, "A2": 60, "B": 90})
    # A = 0.6×80 + 0.4×60 = 72; 0.5×72 + 0.5×90 = 81
    assert result.total == 81
    assert {i.id: i.contribution for i in result.items} == {"A1": 24, "A2": 12, "B": 45}
    assert [(n.id, n.score, n.weight, n.contribution) for n in result.nodes] == [("A", 72, 50, 36)]


def test_what_does_not_apply_hands_its_weight_on() -> None:
    assert scored(tree(), {"A1": 80, "A2": "不适用", "B": 90}).total == 85
    assert scored(tree("not_applicable: zero"), {"A1": 80, "A2": "/", "B": 90}).total == 69
    assert scored(tree("not_applicable: full"), {"A1": 80, "A2": "N/A", "B": 90}).total == 89
    assert answer_faults(tree("not_applicable: forbidden"), {"A1": 80, "A2": "不适用", "B": 90}) == ["A2"]


def test_what_is_missing_is_zero_or_left_out_and_both_are_told() -> None:
    result = scored(tree(), {"A1": 80, "B": 90})
    assert (result.total, result.total_on_answered, result.missing, result.coverage) == (69, 85, ["A2"], 0.8)
    result = scored(tree("missing: exclude"), {"A1": 80, "B": 90})
    assert (result.total, result.total_on_all) == (85, 69)


def test_below_the_coverage_there_is_no_level() -> None:
    rules = 'coverage: 80%\nlevels: {合格: ">= 30", 差: "< 30"}'
    assert scored(tree(rules), {"A1": 80, "B": 90}).level == "合格"
    result = scored(tree(rules), {"B": 90})
    assert result.level is None
    assert any("50%" in note and "80%" in note for note in result.notes)


LEVELS = """levels:
  - {name: 一, at: ">= 0"}
  - {name: 二, at: ">= 60", requires: "A >= 60"}
  - {name: 三, at: ">= 80", requires: ["A1 >= 70", {every: dimensions, is: ">= 75"}]}"""


@pytest.mark.parametrize(
    ("answers", "level"),
    [
        ({"A1": 100, "A2": 100, "B": 100}, "三"),
        ({"A1": 100, "A2": 100, "B": 70}, "二"),  # 85, but B < 75
        ({"A1": 50, "A2": 50, "B": 100}, "一"),  # 75, but A < 60
        ({"A1": 60, "A2": 100, "B": 100}, "二"),  # 88, A = 76, but A1 < 70
    ],
)
def test_a_level_also_asks_for_its_conditions(answers: dict[str, int], level: str) -> None:
    result = scored(tree(LEVELS), answers)
    assert result.level == level
    gates = [g for g in result.gates if g.level == level]
    assert gates
    assert all(g.passed for g in gates)


def test_levels_that_build_on_each_other() -> None:
    rules = 'levels: [{name: 一, at: 0, requires: "B >= 50"}, {name: 二, at: 60}]\n'
    assert scored(tree(rules), {"A1": 100, "A2": 100, "B": 40}).level == "二"
    assert scored(tree(rules + "cumulative: true"), {"A1": 100, "A2": 100, "B": 40}).level is None


VETO = """
title: 否决
levels: {不合格: "< 60", 合格: 60-80, 优秀: ">= 80"}
children:
  - {id: A, weight: 100}
  - {id: 事故, weight: 0, yes_no: {是: 0, 否: 100}, veto: %s}
"""


@pytest.mark.parametrize(
    ("veto", "total", "level"),
    [
        ("是", 0, "不合格"),
        ("{when: 是, cap: 59}", 59, "不合格"),
        ("{when: 是, level: 不合格}", 90, "不合格"),
        ("{when: 是, level_cap: 合格}", 90, "合格"),
        ("{when: 是, total: 10, why: 发生重大事故}", 10, "不合格"),
    ],
)
def test_one_item_may_decide_alone(veto: str, total: float, level: str) -> None:
    result = scored(VETO % veto, {"A": 90, "事故": "是"})
    assert (result.total, result.level, len(result.vetoes)) == (total, level, 1)
    calm = scored(VETO % veto, {"A": 90, "事故": "否"})
    assert (calm.total, calm.level, calm.vetoes) == (90, "优秀", [])


def test_a_veto_of_the_whole() -> None:
    rules = 'vetoes: [{when: "B < 20", level: 不达标}, {if: {any: ["A1 <= 5", "A2 <= 5"]}, cap: 40}]\nlevels: {不达标: 0, 达标: 60}'
    assert scored(tree(rules), {"A1": 100, "A2": 100, "B": 10}).level == "不达标"
    assert scored(tree(rules), {"A1": 100, "A2": 5, "B": 100}).total == 40


def test_bonus_and_deductions_stand_beside_the_weights() -> None:
    definition = """
    title: 加减
    bonus_cap: 8
    cap: 100
    children:
      - {id: A, weight: 100}
      - {id: 奖, bonus: true, range: 0-5}
      - {id: 标, bonus: true, choices: {国标: 5, 行标: 3}}
      - {id: 罚, deduction: true, options: {无: 0, 轻: 2, 重: -10}}
    """
    assert scored(definition, {"A": 70, "奖": 4, "标": ["行标"], "罚": "轻"}).total == 75
    assert scored(definition, {"A": 70, "奖": 5, "标": ["国标"], "罚": "重"}).total == 68
    assert scored(definition, {"A": 98, "奖": 5}).total == 100
    assert scored(definition, {"A": 98}).missing == []


def test_evidence_that_has_expired_is_to_be_checked_again() -> None:
    answers = {"A1": 80, "A2": 60, "B": {"value": 90, "evidence": "证书.pdf", "expires": "2025-12-31"}}
    result = scored(tree(), answers)
    assert (result.total, result.missing) == (36, ["B"])
    assert next(i for i in result.items if i.id == "B").state == "待复核"
    assert scored(tree("expired: count"), answers).total == 81
    answers["B"] = {"value": 90, "expires": "2026-01-01"}
    assert scored(tree(), answers).total == 81


def test_respondents_who_contradict_each_other_are_reported_unless_one_is_confirmed() -> None:
    rows = [{"item": "B", "value": 90, "respondent": "甲"}, {"item": "B", "value": 50, "respondent": "乙"}, {"item": "A", "value": 72}]
    result = scored(tree(), rows)
    assert (result.total, [c.id for c in result.conflicts], result.missing) == (36, ["B"], ["B"])
    assert "甲：90" in result.conflicts[0].said
    rows[1]["confirmed_by"] = "王工"
    assert scored(tree(), rows).total == 61
    del rows[1]["confirmed_by"]
    assert scored(tree("respondents: mean"), rows).total == 71
    assert scored(tree("respondents: min"), rows).total == 61


def test_a_group_may_be_scored_as_a_whole() -> None:
    assert scored(tree(), {"A": {"value": 4, "out_of": 5}, "B": 90}).total == 85
    assert answer_faults(tree(), {"A": 80, "A1": 80, "B": 90}) == ["A"]


def test_every_bad_answer_is_named() -> None:
    assert answer_faults(tree(), {"A1": 101, "A2": "很多", "C": 1, "B": {"value": 1, "expires": "明年"}}) == ["A1", "A2", "B", "C"]
    assert answer_faults(tree(), [{"value": 1}]) == ["answers 第 1 行"]


def test_a_previous_result_is_compared() -> None:
    before = scored(tree('version: "1"'), {"A1": 80, "A2": 60, "B": 90})
    now = scored(tree('version: "1"'), {"A1": 80, "A2": 85, "B": 80}, previous=before.model_dump())
    assert now.comparison
    assert (now.comparison.total_before, now.comparison.total_delta, now.comparison.note) == (81, 0, "")
    assert {c.id: c.delta for c in now.comparison.items} == {"A2": 25, "B": -10}
    other = scored(tree('version: "2"'), {"A1": 80, "A2": 85, "B": 80}, previous=before.model_dump())
    assert other.comparison
    assert "版本" in other.comparison.note


def test_the_cheapest_way_up_is_found_where_the_greedy_one_is_dearer() -> None:
    definition = """
    title: 投入
    aggregate: sum
    levels: {低: "< 12", 高: ">= 12"}
    children:
      - {id: 大, options: {无: 0, 有: 11}, effort: {有: 5}}
      - {id: 中, options: {无: 0, 有: 6}, effort: {有: 3.5}}
      - {id: 小, options: {无: 0, 有: 6}, effort: {有: 3.4}}
    """
    # 大 has the best gain per effort (2.2) but needs another: 5 + 3.4 = 8.4; 中 + 小 reach 12 for 6.9
    result = scored(definition, {"大": "无", "中": "无", "小": "无"})
    assert result.next_level
    assert (result.next_level.level, result.next_level.effort) == ("高", 6.9)
    assert {step.id for step in result.next_level.steps} == {"中", "小"}


def test_the_way_up_minds_the_conditions_of_the_level() -> None:
    result = scored(tree('levels: [{name: 一, at: 0}, {name: 二, at: 40, requires: "A2 >= 50"}]'), {"A1": 100, "A2": 0, "B": 100})
    assert result.level == "一"
    assert result.next_level
    assert [(s.id, s.to) for s in result.next_level.steps] == [("A2", "50")]


def test_a_definition_beyond_measure_is_scored_without_a_search() -> None:
    rows = "\n".join(f"  - {{id: i{n}, level: 0-5}}" for n in range(700))
    result = scored(f'title: 大\naggregate: mean\nlevels: {{低: 0, 高: ">= 4"}}\nchildren:\n{rows}\n', {"i1": 5})
    assert result.level == "低"
    assert result.next_level
    assert "题目过多" in result.next_level.note
