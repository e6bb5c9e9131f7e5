"""Assessments: CPU time of one enterprise's result and of a batch, shipped ones and a public questionnaire."""

import json
import random
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from knowledge.catalogue import load_catalogue
from tools.diagnosis.batch import score_many
from tools.diagnosis.library import Assessment, Library
from tools.diagnosis.notation import show
from tools.diagnosis.tool import ScoreInput, assess

from .options import Options, run_script
from .report import Figure, percentile

TODAY = date(2026, 1, 1)
ENTERPRISES = 100_000
SAMPLE = 2_000
CORES = 2
SELF_ASSESSMENT = "smart_manufacturing_self_assessment.json"


def measure(options: Options) -> Iterator[Figure]:
    library = Library(load_catalogue())
    pick = random.Random(7)
    sample = 50 if options.quick else SAMPLE
    for key in library.keys():  # noqa: SIM118 - a method of ours
        assessment = library.get(key)
        batch = [answers_for(assessment, pick) for _ in range(sample)]
        yield from timed(library, key, assessment, batch)
    yield from questionnaire(options, library, sample)


def timed(library: Library, key: str, assessment: Assessment, batch: list[dict[str, Any]]) -> Iterator[Figure]:
    """One explained result, and a batch carried over to a hundred thousand enterprises on two cores."""
    note = f"{len(batch)} enterprises, CPU time"
    times: list[float] = []
    for answers in batch[: max(20, len(batch) // 20)]:
        started = time.process_time()
        assess(assessment, ScoreInput(assessment=key, answers=answers, steps=False), TODAY, library.catalogue)
        times.append(time.process_time() - started)
    yield Figure("diagnosis", f"{key}.one", percentile(times, 0.5) * 1000, "ms", 5, note=f"explained; median of {len(times)}")
    started = time.process_time()
    for _ in score_many(assessment.model, batch, TODAY):
        pass
    per_one = (time.process_time() - started) / len(batch)
    yield Figure("diagnosis", f"{key}.batch", per_one * ENTERPRISES / CORES, "s", 60, note=f"100,000 on {CORES} cores, from {note}")


def answers_for(assessment: Assessment, pick: random.Random) -> dict[str, Any]:
    model = assessment.model
    if model.grid is not None:
        levels: dict[str, Any] = {row.id: pick.choice(model.grid.levels) for row in model.grid.rows}
        return levels | {model.grid.spec.score: pick.randint(0, 100)}
    out: dict[str, Any] = {}
    for node in (model.nodes[i] for i in model.items):
        if node.scale is not None and not node.recorded:
            raw = pick.choice(node.scale.ladder)[0] if node.scale.ladder else Decimal(50)
            out[node.id] = show(raw) if isinstance(raw, Decimal) else raw
    return out


def questionnaire(options: Options, library: Library, sample: int) -> Iterator[Figure]:
    """A public questionnaire of 35 graded questions as a definition that came with the call."""
    folder = options.folder("caict_questionnaires_zh", SELF_ASSESSMENT)
    if folder is None:
        yield Figure("diagnosis", "questionnaire.one", None, "ms", note=f"caict_questionnaires_zh/{SELF_ASSESSMENT} is not in --data")
        return
    text = questionnaire_definition(folder / SELF_ASSESSMENT)
    started = time.process_time()
    assessment = library.read(text)
    yield Figure("diagnosis", "questionnaire.compile", (time.process_time() - started) * 1000, "ms", note="from YAML, once")
    pick = random.Random(7)
    batch = [answers_for(assessment, pick) for _ in range(sample)]
    yield from timed(library, "questionnaire", assessment, batch)


def questionnaire_definition(path: Path) -> str:
    """Half steps per statement; a title is the mean of its questions, a domain the mean of its titles."""
    groups: list[dict[str, Any]] = []
    for domain in json.loads(path.read_text(encoding="utf-8")):
        titles = [
            {
                "id": title["title_id"],
                "aggregate": "mean",
                "children": [
                    {"id": f"{title['title_id']}_{n}", "options": graded(rows)}
                    for n, rows in enumerate([q["options"] for q in title.get("options_2") or [title]], 1)
                ],
            }
            for title in domain["list"]
        ]
        groups.append({"id": domain["classification_id"], "aggregate": "mean", "children": titles})
    return yaml.safe_dump({"title": "questionnaire", "aggregate": "mean", "children": groups}, allow_unicode=True, sort_keys=False)


def graded(rows: list[dict[str, Any]]) -> dict[str, float]:
    return {f"{row['options_name'][0]}{half}": float(row["realization"][0][half]) for row in rows for half in ("A", "B")}


if __name__ == "__main__":
    run_script("diagnosis", __doc__ or "", measure)
