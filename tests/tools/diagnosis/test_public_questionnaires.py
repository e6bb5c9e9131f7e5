"""Real questionnaires as definitions: graded half steps, a title the mean of its questions, a domain the mean of its titles."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from .scored import scored

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data" / "caict_questionnaires_zh"


def load(name: str) -> Any:
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"{name} is not beside the repository")
    return json.loads(path.read_text(encoding="utf-8"))


def question(ident: str, options: list[dict[str, Any]]) -> dict[str, Any]:
    steps = {f"{row['options_name'][0]}{half}": float(row["realization"][0][half]) for row in options for half in ("A", "B")}
    return {"id": ident, "options": steps}


def test_the_self_assessment_scores_means_of_means() -> None:
    data = load("smart_manufacturing_self_assessment.json")
    groups: list[dict[str, Any]] = []
    expected: list[float] = []
    answers: dict[str, str] = {}
    for at, domain in enumerate(data):
        titles: list[dict[str, Any]] = []
        means: list[float] = []
        for title in domain["list"]:
            parts = questions_of(title)
            picks = [("ABCDE"[(at + n) % len(rows)], "AB"[n % 2]) for n, rows in enumerate(parts)]
            values = [
                float(next(r for r in rows if r["options_name"][0] == g)["realization"][0][h])
                for rows, (g, h) in zip(parts, picks, strict=True)
            ]
            items = [question(f"{title['title_id']}_{n}", rows) for n, rows in enumerate(parts)]
            answers |= {item["id"]: g + h for item, (g, h) in zip(items, picks, strict=True)}
            titles.append({"id": title["title_id"], "title": title["title"], "aggregate": "mean", "children": items})
            means.append(sum(values) / len(values))
        groups.append({"id": domain["classification_id"], "aggregate": "mean", "children": titles})
        expected.append(sum(means) / len(means))
    definition = yaml.safe_dump({"title": "自评估", "aggregate": "mean", "children": groups}, allow_unicode=True, sort_keys=False)
    result = scored(definition, answers, steps=False)
    assert len(answers) == 35
    assert [n.score for n in result.nodes if n.depth == 1] == pytest.approx(expected, abs=1e-11)
    assert all(0 <= (n.score or 0) <= (n.best or 0) <= 5 for n in result.nodes)
    assert not result.missing


def questions_of(title: dict[str, Any]) -> list[list[dict[str, Any]]]:
    if "options_2" not in title:
        return [title["options"]]
    rows = title["options_2"]
    return [row[next(k for k in row if isinstance(row[k], list))] for row in rows]


def test_the_data_questions_add_their_points() -> None:
    items: list[dict[str, Any]] = []
    answers: dict[str, Any] = {}
    total = 0
    for row in load("data_application.json")["question"]:
        points = {f"{o['order']}、{o['contant']}": o["score"] or 0 for o in row["option"]}
        several = row["type"] == 2
        items.append({"id": row["title"], "choices" if several else "options": points})
        answers[row["title"]] = [o["order"] for o in row["option"]] if several else "B"
        total += sum(points.values()) if several else list(points.values())[1]
    definition = yaml.safe_dump({"title": "数据应用", "aggregate": "sum", "children": items}, allow_unicode=True, sort_keys=False)
    assert scored(definition, answers, steps=False).total == total
