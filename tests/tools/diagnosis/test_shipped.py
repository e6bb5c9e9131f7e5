"""The assessments that ship: their numbers are the catalogue's, and their results those worked out by hand."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from domain.clause import Clause
from domain.yaml_data import parse_yaml
from tools.diagnosis.generate import generated
from tools.diagnosis.library import DATA

from .scored import library, shipped

GOLDEN = Path(__file__).parent / "golden"
RULES = Path(__file__).resolve().parents[4] / "shared" / "standards" / "rules.json"
CATALOGUE = library().catalogue


def golden(name: str) -> dict[str, Any]:
    return parse_yaml((GOLDEN / f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("key", "name"),
    [("digital-maturity", "maturity"), ("industrial-brain", "brain"), ("ai-application", "ai"), ("platform-metrics-gxdsl", "metrics")],
)
def test_a_result_worked_out_by_hand(key: str, name: str) -> None:
    case = golden(name)
    result = shipped(key, case["answers"])
    assert result.total == case["total"]
    assert result.level == case.get("level")
    assert result.missing == case.get("missing", result.missing)
    assert {n.id: n.score for n in result.nodes if n.id in case["nodes"]} == case["nodes"]
    if "on_answered" in case:
        assert result.total_on_answered == case["on_answered"]
    verdicts = {i.id: i.verdict for i in result.items}
    assert {i: verdicts[i] for i in case.get("verdicts", {})} == case.get("verdicts", {})


def test_the_files_are_what_the_catalogue_says() -> None:
    for name, text in generated(CATALOGUE).items():
        assert (DATA / name).read_text(encoding="utf-8") == text, f"{name}: run python -m tools.diagnosis.generate"


def test_every_clause_that_is_cited_exists_and_every_title_is_somebodys() -> None:
    for key in library().keys():  # noqa: SIM118 - a method of ours
        assessment = library().get(key)
        cited = {c for n in assessment.model.nodes for c in n.spec.clauses} | set(assessment.definition.clauses)
        assert all(CATALOGUE.knows(clause) for clause in cited)
        assert len({assessment.definition.title, key}) == 2


def test_the_numbers_of_items() -> None:
    counts = {key: len(library().get(key).model.items) for key in ("industrial-brain", "platform-metrics-gxdsl")}
    assert counts == {"industrial-brain": 22, "platform-metrics-gxdsl": 98}
    scored = [n for n in library().get("ai-application").model.nodes if n.is_item and not n.recorded]
    assert len(scored) == 29
    grid = library().get("smart-factory").model.grid
    assert grid
    assert (len(grid.rows), sum(len(r.cells) for r in grid.rows)) == (40, 155)


@pytest.fixture
def rules() -> dict[str, Any]:
    if not RULES.is_file():
        pytest.skip(f"{RULES.name} is not beside the repository")
    return json.loads(RULES.read_text(encoding="utf-8"))


def test_weights_thresholds_and_cells_are_the_reference_ones(rules: dict[str, Any]) -> None:
    brain = {n.spec.clauses[0]: n.spec.weight for n in library().get("industrial-brain").model.nodes[1:]}
    assert {c: float(w.value) for c, w in brain.items() if w} == rules["sdib_weights"]
    metrics = {n.id: n.spec for n in library().get("platform-metrics-gxdsl").model.nodes if n.is_item}
    assert [t["id"] for t in rules["gxdsl_thresholds"]] == list(metrics)
    for wanted in rules["gxdsl_thresholds"]:
        spec = metrics[wanted["id"]]
        assert spec.title == wanted["metric"]
        if isinstance(wanted["value"], int | float):
            assert spec.threshold
            assert (
                spec.threshold.text == f"{wanted['op']} {wanted['value']:g}"
                if wanted["value"] < 1e6
                else spec.threshold.low == wanted["value"]
            )
    grid = library().get("smart-factory").model.grid
    assert grid
    asked = {r.id.removeprefix("JSSF-"): [any(c.level == n for c in r.cells) for n in range(5)] for r in grid.rows}
    assert asked == rules["jssf_available"]
    assert [float(g.low) for g in grid.gates if g and g.low is not None] == [t["value"] for t in rules["jssf_thresholds"]]


@pytest.mark.parametrize(
    ("score", "level"),
    [(49.9, None), (50, "车间"), (59.99, "车间"), (60, "基础"), (70, "先进"), (79, "先进"), (80, "卓越"), (90, "领航"), (100, "领航")],
)
def test_the_score_opens_a_level_of_the_smart_factory(score: float, level: str | None) -> None:
    result = shipped("smart-factory", {"数字化水平得分": score})
    assert (result.total, result.level, result.label) == (score, level, "参考")


def test_a_scene_has_a_level_with_all_lower_ones_that_ask_something() -> None:
    result = shipped(
        "smart-factory",
        {
            "数字化水平得分": 75,
            "JSSF-09": "先进",
            "车间智能排产-卓越": "部分",
            "JSSF-04": {"基础": "是", "先进": "否", "卓越": "是"},
            "JSSF-01-先进": "是",
            "JSSF-01-车间": "是",  # asks nothing
        },
    )
    scenes = {n.id: n for n in result.nodes}
    assert (scenes["JSSF-09"].level, scenes["JSSF-09"].next_level) == ("先进", "卓越")
    assert (scenes["JSSF-04"].level, scenes["JSSF-04"].next_level) == ("基础", "先进")
    assert [ask.partition("：")[0] for ask in scenes["JSSF-04"].asks] == ["JSSF-04-先进"]
    assert scenes["JSSF-01"].level == "先进"
    assert "JSSF-01-车间" not in {i.id for i in result.items}


def test_a_slash_never_counts_whatever_is_answered() -> None:
    base = {"数字化水平得分": 75, "JSSF-01": {"先进": "是"}}
    other = {"数字化水平得分": 75, "JSSF-01": {"先进": "是", "车间": "否", "基础": "是"}}
    assert shipped("smart-factory", base) == shipped("smart-factory", other)


def test_conformance_chapter_by_chapter() -> None:
    section = "TISC-7.3.1"
    clauses = [c for c in CATALOGUE.clauses.values() if c.parent == section and c.modality in ("应", "宜")]
    answers: dict[str, Any] = {c.id: {"status": "符合", "evidence": "记录", "owner": "李", "reviewer": "王"} for c in clauses}
    result = shipped("platform-conformance-tisc", answers)
    assert next(n for n in result.nodes if n.id == section).verdict == "通过"
    shall = next(c.id for c in clauses if c.modality == "应")
    answers[shall] |= {"expires": "2025-06-30"}
    late = shipped("platform-conformance-tisc", answers)
    assert next(n for n in late.nodes if n.id == section).verdict == "待定"
    item = next(i for i in late.items if i.id == shall)
    assert (item.state, item.verdict, item.owner, item.reviewer) == ("待复核", "待复核", "李", "王")
    answers[shall] = "部分符合"
    assert next(n for n in shipped("platform-conformance-tisc", answers).nodes if n.id == section).verdict == "不通过"


def test_a_should_is_told_as_a_share_and_fails_no_chapter() -> None:
    by_section: dict[str, list[Clause]] = {}
    for clause in CATALOGUE.clauses.values():
        if clause.id.startswith("TISC") and clause.parent and clause.modality in ("应", "宜"):
            by_section.setdefault(clause.parent, []).append(clause)
    section, clauses = next((p, cs) for p, cs in by_section.items() if len({c.modality for c in cs}) == 2)
    answers = {c.id: "符合" if c.modality == "应" else "不符合" for c in clauses}
    node = next(n for n in shipped("platform-conformance-tisc", answers).nodes if n.id == section)
    assert (node.verdict, node.score, node.should_share) == ("通过", 100, 0)


def test_weights_and_grades_may_be_the_callers() -> None:
    rows = "维度,得分,权重\n数字意识,62,10\n数字基础设施,55,25\n业务数字化水平,48,30\n数据治理能力,40,20\n创新应用能力,35,15\n"
    table = list(csv.DictReader(io.StringIO(rows)))
    answers = {row["维度"]: row["得分"] for row in table}
    weights = {row["维度"]: row["权重"] for row in table}
    # 6.2 + 13.75 + 14.4 + 8 + 5.25 = 47.6
    result = shipped("digital-maturity", answers, weights=weights, levels={"初始": 0, "成长": ">= 45"})
    assert (result.total, result.level) == (47.6, "成长")
