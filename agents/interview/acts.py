"""What people's words ask for beside answering: a score, a list to confirm, a confirmation, the conclusion."""

import asyncio
from collections.abc import Callable
from typing import Any

from domain.errors import PlatformError
from records.interviews.store import Note
from tools.diagnosis.summary import cited, figures

from .deps import Case, Casebook, InterviewDeps, Teller
from .reading import NAME, Heard
from .view import Line, finish_lines, review_lines, score_lines

Outcome = tuple[list[Line], list[float]]
"""What is said, and the computed numbers in it."""


class Acts:
    """Every act is the speaker's own, in the speaker's name."""

    def __init__(self, deps: InterviewDeps, cases: Casebook) -> None:
        self._deps, self._cases = deps, cases

    async def obey(self, heard: Heard, teller: Teller, interview_id: str) -> Outcome:
        """Do what the words ask for beside answering. Deciding is the speaker's own act, in the speaker's name."""
        case = await self._cases.case(interview_id, teller)
        if heard.named:
            await self._try(self._deps.store.confirm_profile, interview_id, [NAME], teller)
        if heard.command == "score":
            found = await self._cases.standing(case)
            shown = [result for result in (found.official, found.trial) if result is not None and case.is_enough]
            return score_lines(found, case.now, case.items), [value for result in shown for value in figures(result)]
        if heard.command == "review":
            return review_lines(case.now, case.items), []
        if heard.command == "finish":
            return await self.finish(case, teller)
        if heard.command == "confirm_all" or heard.confirms:
            return await self._confirm(case, teller, heard.confirms), []
        if heard.command == "why":
            question = case.now.questions.get(teller.name)
            return [Line(f"问这一项是因为：{question.why}。")] if question else [], []
        return [], []

    async def _confirm(self, case: Case, teller: Teller, item: str) -> list[Line]:
        """The words of a person who may: what is undisputed of what was shown."""
        now = case.now
        wanted = [item] if item else [each for each in case.items if now.on(each) and now.fact(each) is None and not now.in_conflict(each)]
        done: list[str] = []
        problem = ""
        for each in wanted:
            problem = await self._try(self._deps.store.decide, now.id, each, {"decision": "confirm"}, teller)
            if problem:
                break
            done.append(case.items[each].title)
        lines = [Line(f"{teller.principal.id} 确认了 {len(done)} 项：{'、'.join(done)}。")] if done else []
        if not item and now.facts:
            await self._try(self._deps.store.confirm_profile, now.id, [], teller)
        left = [case.items[each].title for each in case.items if now.in_conflict(each)]
        if not item and left:
            lines.append(Line(f"说法不一、要逐项定夺的：{'、'.join(left)}。"))
        return [*lines, *([Line(f"没有确认：{problem}。")] if problem else [])] or [Line("没有待确认的评级。")]

    async def _try(self, act: Callable[..., Any], interview_id: str, *given: Any) -> str:
        """Why it was refused; "" when it was done."""
        *arguments, teller = given
        try:
            await asyncio.to_thread(act, interview_id, *arguments, teller.principal, door=teller.door)
        except PlatformError as error:
            return error.message
        return ""

    async def finish(self, case: Case, teller: Teller) -> Outcome:
        found = await self._cases.standing(case)
        if found.official is None or not case.is_enough:
            return [*score_lines(found, case.now, case.items), *review_lines(case.now, case.items)], []
        result = found.official
        waiting = sorted(item for item in case.items if case.now.on(item) and case.now.fact(item) is None)
        on = self._deps.now().date()
        stored = {
            "assessment": case.now.assessment,
            "version": case.now.version,
            "on": on,
            "scale": case.assessment.definition.title,
            "level": result.level or "",
            "score": result.total,
            "results": {node.id: node.score for node in result.nodes if node.depth == 1},
            "run_id": teller.run_id,
        }
        add = self._deps.relations.add
        kept = await asyncio.to_thread(add, case.now.enterprise, "assessment", stored, teller.principal, door=teller.door)
        payload = {
            "total": result.total,
            "level": result.level,
            "coverage": result.coverage,
            "on": on.isoformat(),
            "assessment_id": kept.id,
        }
        await self._cases.write(case.now.id, teller, [Note(kind="finished", payload=payload | {"unconfirmed": waiting})])
        clauses = tuple(list(cited(case.assessment.definition, result))[:4])
        lines = finish_lines(result, clauses)
        if waiting:
            names = "、".join(case.items[item].title for item in waiting)
            lines.append(Line(f"还有 {len(waiting)} 项没有确认，没有计入：{names}。"))
        return lines, figures(result)
