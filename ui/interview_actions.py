"""What the page's interview element asks for, and forms that come with a message while an interview is open."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import chainlit as cl

from agents.interview.flow import Teller
from agents.nodes.talk import GUIDED
from domain.answer import Answer, ToolCall
from domain.errors import PlatformError
from domain.principal import Principal
from records.runs import NewRun
from serving.assembly import Platform
from serving.direct import admitted
from serving.interviews import attach

from .answer_view import problem_props
from .history import UPLOAD_RUN
from .interview_view import shown_view
from .wording import Wording

Act = Callable[[cl.Action], Awaitable[dict[str, Any]]]


class InterviewActions:
    """Reading an interview again, and deciding on its ratings in the name of whoever is on the page."""

    def __init__(self, platform: Callable[[], Platform], who: Callable[[], Awaitable[Principal]], words: Wording) -> None:
        self._platform, self._who, self._words = platform, who, words

    def callbacks(self) -> Iterator[tuple[str, Act]]:
        yield "interview_state", self.state
        yield "rate_interview", self.rate

    async def state(self, action: cl.Action) -> dict[str, Any]:
        return await self._answered(action, None)

    async def rate(self, action: cl.Action) -> dict[str, Any]:
        """Confirm or correct one rating, or confirm all that nobody disputes."""
        return await self._answered(action, self._decide)

    async def _answered(self, action: cl.Action, act: Callable[[Principal, str, dict[str, Any]], Awaitable[None]] | None) -> dict[str, Any]:
        given = cast("dict[str, Any]", action.payload)
        interview_id = str(given.get("interview_id", ""))
        try:
            principal = await self._who()
            if act is not None:
                await act(principal, interview_id, given)
            view = await self._platform().interviewer.show(interview_id, Teller(principal, "chat"))
        except PlatformError as error:
            return {"problem": problem_props(error.problem(), self._words)}
        return {"view": shown_view(view, self._words)}

    async def _decide(self, principal: Principal, interview_id: str, given: dict[str, Any]) -> None:
        platform = self._platform()
        decide = platform.enterprises.interviews.decide
        if given.get("decision") == "confirm_all":
            now = await asyncio.to_thread(platform.enterprises.interviews.get, interview_id, principal)
            items = dict.fromkeys(each.item for each in now.proposals if now.fact(each.item) is None and not now.in_conflict(each.item))
            for item in items:
                await asyncio.to_thread(decide, interview_id, item, {"decision": "confirm"}, principal, door="chat")
            return
        kind = "correct" if given.get("decision") == "correct" else "confirm"
        decision = {"decision": kind, "value": str(given.get("value", "")), "reason": str(given.get("reason", ""))}
        decision = admitted(platform.screens, decision, principal)
        item, respondent = str(given.get("item", "")), str(given.get("respondent", ""))
        await asyncio.to_thread(decide, interview_id, item, decision, principal, door="chat", respondent=respondent)


async def read_form(platform: Platform, principal: Principal, thread_id: str, name: str, path: Path, words: Wording) -> Answer | None:
    """A file that comes while the conversation's interview is open is read into it too; None where none is open."""
    interview_id, status = await asyncio.to_thread(platform.enterprises.interviews.of_thread, thread_id, principal)
    if not interview_id or status != "open":
        return None
    store = platform.run_store
    new = NewRun(thread_id=thread_id, kind=UPLOAD_RUN, question=words("interview.upload", name=name))
    run = await asyncio.to_thread(store.start, new, principal)
    try:
        data = await asyncio.to_thread(path.read_bytes)
        told = await attach(platform, interview_id, data, name, principal, door="chat")
    except PlatformError as error:
        await asyncio.to_thread(store.finish, run.id, "failed", None, {"error": error.problem(run.id).model_dump(mode="json")})
        raise
    call = ToolCall(id=GUIDED, name=GUIDED, args={"name": name}, result=told["interview"])
    answer = Answer(text=told["reply"], tool_calls=[call], values=told["values"], confidence=1.0, reason=GUIDED, run_id=run.id)
    await asyncio.to_thread(store.finish, run.id, "done", answer.model_dump(mode="json"))
    return answer
