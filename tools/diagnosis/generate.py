"""`python -m tools.diagnosis.generate`: the assessments whose weights, thresholds and cells stand in the catalogue, written from it."""

import sys
from collections.abc import Iterable
from pathlib import Path

import yaml

from domain.clause import FACTORY_LEVELS, Clause, Fact
from knowledge.catalogue import Catalogue, load_catalogue

from .library import DATA

HEAD = "# Written from the catalogue by `python -m tools.diagnosis.generate`; change it there.\n"
STATUS = {"未开展": 0, "规划": 1, "试点": 2, "推广": 3, "优化": 4}
CONFORMS = {"符合": 1, "部分符合": 0.5, "不符合": 0, "不适用": "不适用"}
OUR_BOUNDS = {"秒级": ("< 60", "秒级按不足 60 秒读（本平台约定）")}
HOURS = {"7x24": {"7x24": 1, "5x8": 0, "其他": 0}, "5x8": {"7x24": 1, "5x8": 1, "不足5x8": 0}}
Body = dict[str, object]


def generated(catalogue: Catalogue) -> dict[str, str]:
    """File name → text."""
    made: dict[str, Body] = {
        "industrial-brain": industrial_brain(catalogue),
        "smart-factory": smart_factory(catalogue),
        "ai-application": ai_application(catalogue),
        "platform-conformance-tisc": conformance(catalogue, "TISC", "数智化服务平台符合性自评估"),
        "platform-conformance-gxdsl": conformance(catalogue, "GXDSL", "资源对接平台符合性自评估"),
        "platform-metrics-gxdsl": metrics(catalogue),
    }
    return {f"{name}.yaml": HEAD + yaml.safe_dump(body, allow_unicode=True, sort_keys=False, width=140) for name, body in made.items()}


def _head(catalogue: Catalogue, key: str, title: str, clauses: list[str]) -> Body:
    standard = catalogue.standards[key]
    version = standard.code if standard.version in standard.code else f"{standard.code} {standard.version}"
    return {"title": title, "version": version, "status": standard.status, "clauses": clauses}


def industrial_brain(catalogue: Catalogue) -> Body:
    """SDIB annex A: weights of both levels; the scale of an indicator is not in the standard."""
    weighted = [c for c in catalogue.clauses.values() if c.id.startswith("SDIB-A-") and c.weight is not None]
    first = [c for c in weighted if c.parent == "SDIB-A"]

    def short(clause: Clause) -> str:
        return clause.id.removeprefix("SDIB-A-").removeprefix("L1-")

    children = [
        {
            "id": short(top),
            "weight": _number(top.weight),
            "clauses": [top.id],
            "children": [{"id": short(c), "weight": _number(c.weight), "clauses": [c.id, *c.see]} for c in weighted if c.parent == top.id],
        }
        for top in first
    ]
    return {
        **_head(catalogue, "SDIB", "产业大脑建设指标评分", ["SDIB-A"]),
        "summary": "四个一级、二十二个二级指标，按附录 A 权重加权",
        "note": "附录 A 为资料性；各指标 0-100 的评分尺度标准没有规定，由使用者约定",
        "missing": "zero",
        "default_scale": {"range": "0-100"},
        "children": children,
    }


def smart_factory(catalogue: Catalogue) -> Body:
    """JSSF: forty scenes by five levels, gates by the digital-level score."""
    gates = {level: catalogue.clause(f"JSSF-T{n}") for n, level in enumerate(FACTORY_LEVELS, 1)}
    rows: list[Body] = []
    for section in catalogue.sections.values():
        if section.parent == "JSSF-2":
            cells = {level: catalogue.cell(section.id, level) for level in FACTORY_LEVELS}
            rows.append(
                {
                    "id": section.id,
                    "title": section.title,
                    "cells": {level: cell.id if cell.available else "/" for level, cell in cells.items()},
                }
            )
    return {
        **_head(catalogue, "JSSF", "江苏智能工厂典型场景自评价", [c.id for c in gates.values()]),
        "summary": "40 个场景 × 5 级，按数字化水平得分定可申报的级，逐场景看达到哪一级、还缺什么",
        "label": "参考",
        "note": "场景等级须本级和以下各级有要求的单元格都满足（本平台约定）；“/”没有要求，从不计入；正式等级由省级系统评定",
        "matrix": {
            "levels": list(FACTORY_LEVELS),
            "score": "数字化水平得分",
            "score_range": "0-100",
            "gates": {level: f"{clause.facts[0].op} {_number(clause.facts[0].value)}" for level, clause in gates.items()},
            "gate_clauses": {level: clause.id for level, clause in gates.items()},
            "cumulative": True,
            "rows": rows,
        },
    }


def ai_application(catalogue: Catalogue) -> Body:
    """MIIT guide: 29 items in nine chapters, and the metrics of five scene classes, which are noted only."""
    chapters: list[Body] = []
    for section in catalogue.sections.values():
        if section.id.startswith("MIIT-H"):
            clauses = [catalogue.clause(c) for c in catalogue.children(section.id)]
            items = [{"id": c.id, "title": c.title, "clauses": [c.id]} for c in clauses]
            chapters.append({"id": section.id, "title": section.title, "weight": len(items), "aggregate": "mean", "children": items})
    return {
        **_head(catalogue, "MIIT", "制造业企业人工智能应用自评", ["MIIT-01", "MIIT-13", "MIIT-20"]),
        "summary": "29 项按 未开展/规划/试点/推广/优化 记 0-4，按章看应用画像",
        "label": "画像",
        "note": "指南没有分数和等级：各项按状态/4 折成 0-100 是本平台约定，结果是画像，不是等级；场景指标只记录、不计分",
        "aggregate": "weighted_mean",
        "scales": {"status": {"options": STATUS}},
        "default_scale": "status",
        "points": 100,
        "children": [*chapters, *_scene_metrics(catalogue)],
    }


def _scene_metrics(catalogue: Catalogue) -> Iterable[Body]:
    for entry in catalogue.clause("MIIT-13").items:
        scene, _, metrics_ = entry.partition("：")
        yield _noted(f"场景指标·{scene}", "MIIT-13", [f"{scene}·{metric}" for metric in metrics_.split("、")])
    yield _noted("应用能力", "MIIT-20", [f"应用能力·{metric}" for metric in catalogue.clause("MIIT-20").items])


def _noted(title: str, clause: str, names: list[str]) -> Body:
    return {"id": title, "record": True, "children": [{"id": name, "record": True, "clauses": [clause]} for name in names]}


def conformance(catalogue: Catalogue, key: str, title: str) -> Body:
    """One item a clause; a chapter passes when all its 应 clauses are met, 宜 clauses are reported as a share."""
    groups: dict[str, list[Clause]] = {}
    for clause in catalogue.clauses.values():
        if clause.id.startswith(f"{key}-") and clause.parent and clause.modality in ("应", "宜", "指标"):
            groups.setdefault(clause.parent, []).append(clause)
    children = [
        {
            "id": parent,
            "title": catalogue.heading(parent),
            "weight": sum(c.modality != "宜" for c in clauses),
            "aggregate": "conformance",
            "children": [
                {"id": c.id, "title": c.title, "modality": "宜" if c.modality == "宜" else "应", "clauses": [c.id]} for c in clauses
            ],
        }
        for parent, clauses in groups.items()
    ]
    return {
        **_head(catalogue, key, title, []),
        "summary": "逐条记状态、负责人、证据、有效期、复核人；一章的“应”全部符合才算通过，“宜”报比例，证据过期为待复核",
        "note": "总分是适用的“应”条款中符合的比例；未评、待复核都不算符合；数值指标按“应”计（本平台约定）",
        "aggregate": "weighted_mean",
        "missing": "zero",
        "not_applicable": "redistribute",
        "expired": "review",
        "round": 2,
        "scales": {"status": {"options": CONFORMS}},
        "default_scale": "status",
        "levels": [{"name": "未全部符合", "at": ">= 0"}, {"name": "全部符合", "at": ">= 100"}],
        "children": children,
    }


def metrics(catalogue: Catalogue) -> Body:
    """Every number that GXDSL sets, as a threshold."""
    groups: dict[str, list[Body]] = {}
    for clause in catalogue.clauses.values():
        if clause.id.startswith("GXDSL-") and clause.parent:
            groups.setdefault(clause.parent, []).extend(_metric(clause, fact) for fact in clause.facts)
    groups = {parent: items for parent, items in groups.items() if items}
    children = [
        {
            "id": parent,
            "title": catalogue.heading(parent),
            "weight": sum("record" not in item for item in items),
            "aggregate": "share",
            "children": items,
        }
        for parent, items in groups.items()
    ]
    return {
        **_head(catalogue, "GXDSL", "资源对接平台量化指标达标监测", []),
        "summary": "98 个量化指标逐项比较，默认按月；没有数据为未知，从不算达标",
        "note": "总分是达标指标的比例；未知不算达标",
        "aggregate": "weighted_mean",
        "missing": "zero",
        "round": 2,
        "children": children,
    }


def _metric(clause: Clause, fact: Fact) -> Body:
    unit, _, per = fact.unit.partition("/")
    made: Body = {"id": clause.id, "title": fact.metric, "clauses": [clause.id], "unit": unit, "period": per or "月"}
    if not isinstance(fact.value, str):
        return made | {"threshold": f"{fact.op} {_number(fact.value)}"}
    value = fact.value
    if fact.op == "range":
        low, _, high = value.partition("-")
        return made | {"threshold": f"[{low}, {high}]"}
    if value in OUR_BOUNDS:
        return made | {"threshold": OUR_BOUNDS[value][0], "note": OUR_BOUNDS[value][1]}
    if value in HOURS:
        return made | {"options": HOURS[value]}
    top, _, bottom = value.partition("/")
    bottom = bottom.removesuffix("×100%")
    return made | {"record": True, "formula": f"{top} / {bottom} * 100", "inputs": [top, bottom], "note": "计算公式，本身没有门槛"}


def _number(value: float | str | None) -> int | float | str:
    return int(value) if isinstance(value, float) and value.is_integer() else value if value is not None else 0


def main(folder: Path = DATA) -> None:
    for name, text in generated(load_catalogue()).items():
        (folder / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
