"""A run as it appears on the page: tool steps while it works, text as it is said, cards when it is done."""

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import chainlit as cl
import structlog

from domain.answer import Answer
from domain.errors import PlatformError, Problem
from domain.principal import Principal
from records.events import RunEvent
from serving.assembly import Platform

from .answer_view import CARDS, SEARCH, problem_props
from .history import APPROVAL, AUTHOR, answer_elements, approval_props, failure, stamp, unfinished_text
from .prose import markdown
from .wording import Wording

log = structlog.get_logger()
REDRAWN_EVERY_S = 0.04
"""Least time between two drawings of growing text."""


@dataclass
class RunView:
    """Draws one run under the step `parent_id`."""

    platform: Platform
    principal: Principal
    words: Wording
    run_id: str
    parent_id: str | None
    _said: list[str] = field(default_factory=list[str])
    _ended: list[RunEvent] = field(default_factory=list[RunEvent])
    _steps: dict[str, tuple[cl.Step, datetime]] = field(default_factory=dict[str, tuple[cl.Step, datetime]])
    _message: cl.Message | None = None
    _drawn_at: float = 0.0

    async def follow(self, after: int = 0) -> None:
        """Until the run's end, or until it waits for an approval: deciding goes on from there."""
        events: Any = self.platform.runs.events(self.run_id, self.principal, after)
        async with aclosing(events):
            async for event in events:
                if await self._show(cast(RunEvent, event)):
                    return
        await self._finish()

    async def _show(self, event: RunEvent) -> bool:
        """Draw one event; True when the page has to wait for a person."""
        kind, data = event.type, event.data
        if kind == "text":
            await self._write(str(data.get("text", "")))
        elif kind == "tool_call":
            await self._begin_step(event)
        elif kind == "tool_result":
            await self._end_step(event)
        elif kind == "progress":
            await self._progress(data)
        elif kind in ("fallback", "guard"):
            await self._notice(kind, data)
        elif kind == "approval":
            return await self._ask_approval(str(data["id"]), event.seq)
        elif event.ends_run:
            self._ended.append(event)
        return False

    async def _write(self, text: str) -> None:
        self._said.append(text)
        if self._message is None:
            self._message = self._new_message()
        if time.monotonic() - self._drawn_at >= REDRAWN_EVERY_S:
            await self._message.stream_token(markdown("".join(self._said)), is_sequence=True)
            self._drawn_at = time.monotonic()

    def _new_message(self) -> cl.Message:
        message = cl.Message(content="", author=AUTHOR)
        message.parent_id = self.parent_id
        return message

    async def _begin_step(self, event: RunEvent) -> None:
        shown = self.words.step(str(event.data["name"]))
        step = cl.Step(name=shown.name, type="tool", icon=shown.icon, parent_id=self.parent_id, show_input=False)
        step.start = stamp(event.at)
        self._steps[str(event.data["id"])] = (step, event.at)
        await step.send()

    async def _end_step(self, event: RunEvent) -> None:
        data = event.data
        if str(data["id"]) not in self._steps:
            await self._begin_step(event)  # refused before it began
        step, began = self._steps.pop(str(data["id"]))
        shown = self.words.step(str(data["name"])).name
        error, summary = str(data.get("error") or ""), str(data.get("summary") or "")
        seconds = self.words("step.seconds", seconds=f"{(event.at - began).total_seconds():.2f}")
        outcome = self.words("step.failed") if error else summary if data["name"] == SEARCH else ""
        step.name = " · ".join(filter(None, (shown, outcome, seconds)))
        step.output = markdown(error or summary)
        step.is_error = bool(error)
        step.end = stamp(event.at)
        await step.update()

    async def _progress(self, data: dict[str, Any]) -> None:
        step = self._steps.get(str(data["id"]), (None, None))[0]
        if step is not None:
            step.output = markdown(f"{float(data.get('done', 0)):.0%} {data.get('note', '')}")
            await step.update()

    async def _notice(self, kind: str, data: dict[str, Any]) -> None:
        """What the platform did on its own. A blocked question needs none: its answer says so."""
        if data.get("action") == "block":
            return
        key = f"guard_{data.get('action')}" if kind == "guard" else "fallback_plan" if data.get("where") == "plan" else "fallback"
        icon = "shield" if kind == "guard" else "info"
        step = cl.Step(name=self.words(f"notice.{key}"), type="tool", icon=icon, parent_id=self.parent_id, show_input=False)
        step.start = step.end = step.created_at
        await step.send()

    async def _ask_approval(self, approval_id: str, seen: int) -> bool:
        approval = await asyncio.to_thread(self.platform.approvals.show, approval_id, self.principal)
        if approval.status != "pending":
            return False
        props = approval_props(approval, self.parent_id or "", seen, self.words)
        message = self._new_message()
        message.content = f"*{self.words('notice.waiting')}*"
        message.elements = [element(APPROVAL, "inline", props)]
        await message.send()
        return True

    async def _finish(self) -> None:
        """The last word is the recorded answer's, whatever was streamed on the way."""
        run = await asyncio.to_thread(self.platform.run_store.get, self.run_id, self.principal)
        message = self._message or self._new_message()
        if run.answer is not None:
            answer = Answer.model_validate(run.answer)
            message.content = markdown(answer.text)
            message.elements = [element(*shown) for shown in answer_elements(answer, self.words)]
        else:
            text = RunEvent(run_id=run.id, seq=1, first_seq=1, type="text", data={"text": "".join(self._said)}, at=run.created_at)
            message.content = unfinished_text(run, [text], self.words)
            problem = failure(self._ended)
            message.elements = [element(CARDS, "inline", problem_props(problem, self.words))] if problem else []
        await message.send()


def element(name: str, display: str, props: dict[str, Any]) -> Any:
    """A custom element; `Any`, because Chainlit types a message's list of them by a free type variable."""
    shown: Any = display
    return cl.CustomElement(name=name, display=shown, props=props)


async def show_problem(problem: Problem, words: Wording) -> None:
    """An error as a message of its own."""
    props = problem_props(problem, words)
    await cl.Message(content=f"*{words('problem.title')}*", author=AUTHOR, elements=[element(CARDS, "inline", props)]).send()


def problem_of(error: Exception, words: Wording) -> Problem:
    """Ours as it is; anything else is logged and named as what it is to a user."""
    if isinstance(error, PlatformError):
        return error.problem()
    log.exception("chat failed", kind=type(error).__name__)
    return PlatformError(words("problem.internal"), where="-", cure=words("problem.internal_cure")).problem()
