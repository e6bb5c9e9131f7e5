"""An interview as it is shown: on the page and by the API as data, in a conversation as sentences."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from records.interviews.state import CONVERSATION, Interview, Question
from tools.diagnosis.library import Assessment
from tools.diagnosis.outcome import AssessmentResult
from tools.diagnosis.summary import said as shown_number
from tools.diagnosis.summary import summarise

from .items import Askable
from .reading import NAME
from .standing import Standing, weakest
from .words import interview_words

MOST_LISTED = 12
STATES = {"proposed": "待确认", "confirmed": "已确认", "corrected": "已更正", "withdrawn": "已撤回"}


@dataclass(frozen=True)
class Line:
    """A sentence of a reply, with the clauses that it stands on."""

    text: str
    clauses: tuple[str, ...] = ()


@dataclass
class Reply:
    """What comes back from a turn."""

    lines: list[Line]
    view: dict[str, Any]
    aside: bool = False
    """It was a question to the assistant; the open question stays."""
    values: list[float] = field(default_factory=list[float])

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)


def view_of(assessment: Assessment, now: Interview, items: Mapping[str, Askable], respondent: str, standing: Standing) -> dict[str, Any]:
    """Everything a page needs to draw the interview for one respondent."""
    question = now.questions.get(respondent)
    known = [item for item in items if now.on(item)]
    return {
        "id": now.id,
        "enterprise": now.enterprise,
        "assessment": now.assessment,
        "title": assessment.definition.title,
        "version": now.version,
        "status": now.status,
        "seq": now.seq,
        "respondent": respondent,
        "participants": now.participants,
        "respondents": now.respondents,
        "question": question_of(question, now, items) if question and now.status == "open" else None,
        "progress": {
            "items": len(items),
            "answered": len(known),
            "confirmed": sum(now.fact(item) is not None for item in items),
            "open": len(items) - len(known),
            "coverage": round(sum(items[item].share for item in known), 4),
        },
        "proposals": [_proposal(each.model_dump(mode="json"), items[each.item]) for each in now.proposals if each.item in items],
        "conflicts": [_conflict(item, now, items) for item in items if now.in_conflict(item)],
        "cells": [_cell(now, item, standing) for item in items.values()],
        "facts": [each.model_dump(mode="json") for each in now.facts],
        "official": standing.official.model_dump(mode="json", exclude={"items"}) if standing.official else None,
        "trial": standing.trial.model_dump(mode="json", exclude={"items"}) if standing.trial else None,
        "result": now.result or None,
    }


def _proposal(shown: dict[str, Any], item: Askable) -> dict[str, Any]:
    label = next((option.label for option in item.options if option.value == shown["value"]), "")
    options = [option.value for option in item.options]
    return shown | {"title": item.title, "group": item.group, "label": label, "options": options, "state_name": STATES[shown["state"]]}


def _cell(now: Interview, item: Askable, standing: Standing) -> dict[str, Any]:
    """An item's place in the matrix, and why it scores as it does."""
    said, fact = now.on(item.id), now.fact(item.id)
    state = (
        "conflict"
        if now.in_conflict(item.id)
        else "confirmed"
        if fact
        else "proposed"
        if said
        else "skipped"
        if item.id in now.skipped
        else "open"
    )
    result = standing.official if fact else standing.trial
    found = next((each for each in result.items if each.id == item.id), None) if result else None
    ratio = found.score / found.best if found and found.score is not None and found.best else None
    worth = f"，为总分贡献 {shown_number(found.contribution)}" if found and found.contribution is not None else ""
    scored = f"{found.value} 记 {shown_number(found.score)}/{shown_number(found.best)}{worth}" if found and found.score is not None else ""
    account = {
        "conflict": "答复人说法不一，没有计分，须由具名人员定夺",
        "confirmed": f"{scored}；由 {fact.decided_by} 确认" if fact else "",
        "proposed": f"{scored}（待确认，不计入正式结果）；{said[-1].why}" if said else "",
        "skipped": "答复人不清楚，未答",
        "open": "还没有依据，未答",
    }[state]
    value = "" if state == "conflict" or not said else (fact or said[-1]).value
    return {
        "item": item.id,
        "title": item.title,
        "group": item.group,
        "state": state,
        "value": value,
        "ratio": ratio,
        "account": account,
    } | {"clauses": list(item.clauses)}


def _conflict(item: str, now: Interview, items: Mapping[str, Askable]) -> dict[str, Any]:
    said = [{"respondent": each.respondent, "value": each.value, "evidence": each.evidence} for each in now.on(item)]
    return {"item": item, "title": items[item].title, "said": said}


def question_of(question: Question, now: Interview, items: Mapping[str, Askable]) -> dict[str, Any]:
    if question.item == NAME:
        text = "先请问企业的全称是什么？"
        return {
            "item": NAME,
            "title": "企业名称",
            "group": "",
            "text": text,
            "why": question.why,
            "options": [],
            "asks": "",
            "clauses": [],
        } | {"about": question.about}
    item = items[question.item]
    return {
        "item": item.id,
        "title": item.title,
        "group": item.group,
        "text": item.question,
        "why": question.why,
        "about": question.about,
        "options": [{"value": each.value, "label": each.label} for each in item.options],
        "asks": item.asks,
        "clauses": list(item.clauses),
        "said": [f"{each.respondent}：{each.value}" for each in now.on(item.id)],
    }


def question_line(question: Question, items: Mapping[str, Askable], *, brief: bool = False) -> Line:
    """`brief`: the page draws the allowed answers as buttons."""
    if question.item == NAME:
        return Line("先请问企业的全称是什么？（用来建立档案，可以说“跳过”）")
    item = items[question.item]
    options = (
        "；".join(each.value if each.label in ("", each.value) else f"{each.value} {each.label}" for each in item.options) or item.asks
    )
    lead = "请再确认" if question.about == "conflict" else "请问"
    where = f"【{item.group}·{item.title}】" if item.group and item.group != item.title else f"【{item.title}】"
    allowed = "" if brief and item.options else f"可答：{options}；不清楚也可以直说。"
    return Line(f"{lead}{where}{item.question}？{allowed}（为什么问：{question.why}）", item.clauses)


def progress_line(now: Interview, items: Mapping[str, Askable]) -> Line:
    known, confirmed = sum(bool(now.on(item)) for item in items), sum(now.fact(item) is not None for item in items)
    return Line(f"进度：{known}/{len(items)} 项有依据，{confirmed} 项已由具名人员确认。")


def noted_lines(kinds: list[tuple[str, dict[str, Any]]], items: Mapping[str, Askable], field_names: Mapping[str, str]) -> list[Line]:
    """What was taken down of a saying."""
    lines: list[Line] = []
    ratings = [given for kind, given in kinds if kind == "rating_proposed"]
    facts = [given for kind, given in kinds if kind == "profile_proposed"]
    if facts:
        said = "；".join(f"{field_names.get(given['field'], given['field'])} {_plain(given['value'])}" for given in facts)
        lines.append(Line(f"记下企业情况：{said}。"))
    if ratings:
        said = "；".join(_rated(given, items) for given in ratings[:MOST_LISTED])
        more = f"等 {len(ratings)} 项" if len(ratings) > MOST_LISTED else ""
        lines.append(Line(f"记下评级建议{more}（待确认）：{said}。"))
    return lines


def _rated(given: dict[str, Any], items: Mapping[str, Askable]) -> str:
    place = "" if given["source"] == CONVERSATION else f"{given['source']}："
    return f"{items[given['item']].title} {given['value']}（{place}“{given['evidence'][:60]}”）"


def _plain(value: Any) -> str:
    return "、".join(map(str, value)) if isinstance(value, list) else str(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def review_lines(now: Interview, items: Mapping[str, Askable]) -> list[Line]:
    """What waits for a person, each with the words that it stands on."""
    waiting = [item for item in items if now.on(item) and now.fact(item) is None]
    if not waiting:
        return [Line("没有待确认的评级。")]
    lines = [Line(f"待确认 {len(waiting)} 项。由有确认权限的人逐项说“确认…”或“全部确认”，也可以在页面上点选或更正：")]
    for item in waiting[:MOST_LISTED]:
        said = now.on(item)
        if now.in_conflict(item):
            who = "；".join(f"{each.respondent} 说 {each.value}（“{each.evidence[:40]}”）" for each in said)
            lines.append(Line(f"- {items[item].title}：说法不一，须定夺：{who}"))
        else:
            lines.append(Line(f"- {items[item].title} {said[-1].value}：“{said[-1].evidence[:60]}”（{said[-1].respondent}）"))
    if len(waiting) > MOST_LISTED:
        lines.append(Line(f"其余 {len(waiting) - MOST_LISTED} 项见列表。"))
    return lines


def score_lines(standing: Standing, now: Interview, items: Mapping[str, Askable]) -> list[Line]:
    """What it comes to now. What no person has confirmed is named as such and stands beside the result, never in it."""
    known = sum(bool(now.on(item)) for item in items)
    least = interview_words().next.fewest_items
    if known < least:
        missing = Counter(each.group for item, each in items.items() if not now.on(item))
        named = "、".join(f"{group} {count} 项" for group, count in list(missing.items())[:MOST_LISTED])
        return [Line(f"只有 {known} 项有依据，少于 {least} 项，不作判断。还缺：{named}。")]
    lines: list[Line] = []
    if standing.official is not None:
        lines.append(Line(f"已确认部分：{summarise(standing.official)}"))
    else:
        lines.append(Line("还没有一项评级由具名人员确认，没有正式结果。"))
    waiting = [item for item in items if now.on(item) and now.fact(item) is None]
    if waiting and standing.trial is not None:
        total, cover = shown_number(standing.trial.total), shown_number(round(standing.trial.coverage * 100, 2))
        answered = shown_number(standing.trial.total_on_answered)
        level = f"，相当于{standing.trial.level}" if standing.trial.level else ""
        lines.append(
            Line(
                f"【未确认】连同 {len(waiting)} 项待确认的建议试算：总分 {total}{level}，只按已答部分计 {answered}，"
                f"覆盖权重 {cover}%。不作为正式结果。"
            )
        )
    return lines


def finish_lines(result: AssessmentResult, clauses: tuple[str, ...]) -> list[Line]:
    """The diagnosis: the engine's own account, the weakest points, the cheapest steps."""
    lines = [Line(f"诊断结果：{summarise(result)}", clauses)]
    weak = weakest(result)
    if weak:
        lines.append(Line(f"最弱的几项：{'；'.join(f'{each.title}（{each.value}）' for each in weak)}。"))
    ahead = result.next_level
    if ahead is not None and ahead.steps:
        steps = "；".join(f"{step.title} 由 {step.current} 到 {step.to}（投入 {shown_number(step.effort)}）" for step in ahead.steps)
        lines.append(Line(f"到{ahead.level}投入最小的 {len(ahead.steps)} 步：{steps}。"))
    return lines
