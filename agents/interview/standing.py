"""What the answers come to: officially, by confirmed ratings alone, and on trial, by everything that was proposed. The engine counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from knowledge.catalogue import Catalogue
from records.interviews.state import Interview
from tools.diagnosis.library import Assessment
from tools.diagnosis.outcome import AssessmentResult, ItemResult
from tools.diagnosis.tool import ScoreInput, assess

from .items import Askable

WEAKEST = 3


@dataclass(frozen=True)
class Standing:
    """Both results. `official` is None while nothing is confirmed."""

    official: AssessmentResult | None
    trial: AssessmentResult | None


def answers_of(now: Interview, items: Mapping[str, Askable], *, confirmed: bool) -> dict[str, Any]:
    """What the engine is given: of a confirmed item the person's decision, else with `confirmed` nothing, else every respondent's word."""
    found: dict[str, Any] = {}
    for item in items:
        fact = now.fact(item)
        if fact is not None:
            found[item] = {
                "value": fact.value, "confirmed_by": fact.decided_by, "evidence": fact.evidence, "respondent": fact.respondent
            }  # fmt: skip
        elif not confirmed and (said := now.on(item)):
            rows = [{"value": each.value, "respondent": each.respondent, "evidence": each.evidence} for each in said]
            found[item] = rows if len(rows) > 1 else rows[0]
    return found


def standing(assessment: Assessment, now: Interview, items: Mapping[str, Askable], today: date, catalogue: Catalogue) -> Standing:
    """Steps to the next level belong to the official result: that of what is known for sure."""

    def result(*, confirmed: bool) -> AssessmentResult | None:
        answers = answers_of(now, items, confirmed=confirmed)
        if not answers:
            return None
        return assess(assessment, ScoreInput(assessment=now.assessment, answers=answers, steps=confirmed), today, catalogue)

    return Standing(official=result(confirmed=True), trial=result(confirmed=False))


def weakest(result: AssessmentResult) -> list[ItemResult]:
    """Answered items farthest from their best, the farthest first."""
    known = [each for each in result.items if each.score is not None and each.best and each.score < each.best]
    return sorted(known, key=lambda each: (each.score or 0.0) / (each.best or 1.0))[:WEAKEST]
