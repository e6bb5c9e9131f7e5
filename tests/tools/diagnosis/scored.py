"""Scoring a definition that stands in a test."""

from datetime import date
from functools import cache
from typing import Any

import pytest

from domain.errors import UserInputError
from knowledge.catalogue import load_catalogue
from tools.diagnosis.definition import read_definition
from tools.diagnosis.library import Library
from tools.diagnosis.outcome import AssessmentResult
from tools.diagnosis.tool import ScoreInput, assess, chosen
from tools.diagnosis.tree import compile_definition

TODAY = date(2026, 1, 1)


@cache
def library() -> Library:
    return Library(load_catalogue())


def scored(definition: str, answers: Any, **more: Any) -> AssessmentResult:
    """The result of a YAML definition."""
    given = ScoreInput(definition=definition, answers=answers, **more)
    return assess(chosen(library(), given), given, TODAY, library().catalogue)


def shipped(key: str, answers: Any, **more: Any) -> AssessmentResult:
    """The result of an assessment that ships."""
    given = ScoreInput(assessment=key, answers=answers, **more)
    return assess(chosen(library(), given), given, TODAY, library().catalogue)


def faults(definition: str) -> list[tuple[str, str]]:
    """Where and what is wrong with a definition."""
    with pytest.raises(UserInputError) as raised:
        compile_definition(read_definition(definition), library().catalogue.clauses)
    return [(d.where, d.what) for d in raised.value.detail]


def answer_faults(definition: str, answers: Any) -> list[str]:
    """Which answers are refused."""
    with pytest.raises(UserInputError) as raised:
        scored(definition, answers)
    assert all(d.cure for d in raised.value.detail)
    return [d.where for d in raised.value.detail]
