"""The next question: the item whose answer tells most, with the reason in one clause. Deterministic."""

from collections.abc import Mapping
from dataclasses import dataclass

from records.interviews.state import Interview
from tools.diagnosis.library import Assessment
from tools.diagnosis.outcome import AssessmentResult

from .items import DONE, Askable
from .words import NextMeasures


@dataclass(frozen=True)
class Chosen:
    """An item to ask about, and why."""

    item: str
    why: str
    about: str = "item"


def choose(
    assessment: Assessment, now: Interview, items: Mapping[str, Askable], respondent: str, trial: AssessmentResult | None, by: NextMeasures
) -> Chosen | None:
    """None when nothing that this respondent can tell is worth asking.

    The gain of a question is the item's share of the total times the uncertainty of its answer, raised where it alone can open the next
    level and where its dimension is still empty.
    """
    known = {each.group for item, each in items.items() if now.on(item)}
    best: tuple[float, Chosen] | None = None
    for item, each in items.items():
        if now.in_conflict(item) and item not in now.faced.get(respondent, []):
            said = "、".join(f"{other.respondent}说 {other.value}" for other in now.on(item))
            return Chosen(item, f"几位答复人说法不同（{said}）", "conflict")
        doubt = _doubt(now, each, respondent)
        if doubt < by.settled:
            continue
        gain, why = each.share * doubt, _plain_reason(now, each, doubt)
        if each.group not in known:
            gain, why = gain * by.unopened, f"“{each.group}”还没有一项有依据"
        if (level := _opens(assessment, each, trial)) != "":
            gain, why = gain * by.decides, f"{why}，且这一项就可能够到{level}"
        if best is None or gain > best[0]:
            best = gain, Chosen(item, why)
    return best[1] if best else None


def _doubt(now: Interview, item: Askable, respondent: str) -> float:
    """How uncertain the answer is, 0 to 1; 0 also for what this respondent has answered or does not know."""
    said = now.on(item.id)
    if now.fact(item.id) or respondent in now.skipped.get(item.id, []) or any(each.direct for each in said):
        return 0.0
    if item.needs and not all(any(each.value == DONE for each in now.on(below)) for below in item.needs):
        return 0.0
    return 1.0 - max((each.confidence for each in said), default=0.0)


def _plain_reason(now: Interview, item: Askable, doubt: float) -> str:
    said = now.on(item.id)
    if said:
        return f"从“{said[-1].evidence[:24]}”推断为 {said[-1].value}，把握不足，请核实"
    return f"占总分 {item.share * 100:.3g}%，还没有依据"


def _opens(assessment: Assessment, item: Askable, trial: AssessmentResult | None) -> str:
    """The next level, where this item alone can reach it or its conditions name the item."""
    ladder, model = assessment.model.ladder, assessment.model
    if ladder is None or trial is None or trial.total is None:
        return ""
    total = trial.total
    above = sorted(
        (float(rung.bounds.low), rung) for rung in ladder.rungs if rung.bounds.low is not None and float(rung.bounds.low) > total
    )
    if not above:
        return ""
    low, rung = above[0]
    if rung.requires is not None and (item.id in rung.requires.text or item.title in rung.requires.text):
        return rung.name
    return rung.name if item.share * float(model.nodes[0].high) >= low - total else ""
