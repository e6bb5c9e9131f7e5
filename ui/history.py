"""A conversation read back from its runs, in the shape in which Chainlit resumes one. Nothing else is stored for the page.

A run's id is the id of its step on the page, so a thumb given after a restart finds its run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.answer import Answer
from domain.errors import Problem
from domain.principal import Principal
from records.approvals import Approval
from records.events import RunEvent
from records.feedback import Feedback
from records.runs import Run
from records.threads import Thread

from .answer_view import CARDS, SEARCH, UPLOAD, answer_props, problem_props
from .interview_view import INTERVIEW, interview_call, interview_props
from .prose import markdown
from .wording import Wording

AUTHOR = "ShuZhi"
"""ASCII, because Chainlit's avatar addresses are."""
RUN_STEP = "on_message"
"""The name by which Chainlit's page knows the step that thumbs belong to."""
UPLOAD_RUN = "upload"
"""Kind of the runs that read a file."""

APPROVAL = "ShuzhiApproval"


@dataclass(frozen=True)
class Entry:
    """A run with what its row does not hold; `events` only where there is no answer."""

    run: Run
    feedback: Feedback | None = None
    events: Sequence[RunEvent] = ()
    waiting: Sequence[Approval] = ()


@dataclass
class Conversation:
    """The steps and elements of a resumed page."""

    steps: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    elements: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def read_back(thread: Thread, entries: Sequence[Entry], owner: Principal, words: Wording) -> dict[str, Any]:
    """Chainlit's ThreadDict of a conversation."""
    conversation = Conversation()
    for entry in entries:
        _add(conversation, thread.id, entry, words)
    return thread_head(thread, owner) | {"steps": conversation.steps, "elements": conversation.elements}


def thread_head(thread: Thread, owner: Principal) -> dict[str, Any]:
    """A conversation as the list shows it: under the day it was last spoken in."""
    return {
        "id": thread.id,
        "createdAt": stamp(thread.updated_at),
        "name": thread.title,
        "userId": owner.id,
        "userIdentifier": owner.id,
        "tags": [],
        "metadata": {},
        "steps": [],
        "elements": [],
    }


def stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _add(conversation: Conversation, thread_id: str, entry: Entry, words: Wording) -> None:
    run = entry.run
    asked, over = stamp(run.created_at), stamp(run.finished_at or run.created_at)
    common: dict[str, Any] = {"threadId": thread_id, "metadata": {}, "input": "", "output": "", "streaming": False, "isError": False}
    question = {"id": f"{run.id}.q", "name": run.owner, "type": "user_message", "output": run.question, "createdAt": asked}
    step: dict[str, Any] = {
        "id": run.id,
        "parentId": f"{run.id}.q",
        "name": RUN_STEP,
        "type": "run",
        "createdAt": asked,
        "start": asked,
        "end": over,
    }
    if entry.feedback is not None:
        step["feedback"] = thumb(entry.feedback)
    conversation.steps += [common | question, common | step]
    if run.status == "running":
        return  # the page follows it live
    answer = Answer.model_validate(run.answer) if run.answer is not None else None
    for call in answer.tool_calls if answer else ():
        if call.name != UPLOAD:
            shown = words.step(call.name)
            count = words("step.hits", count=call.result.get("hits", 0)) if call.name == SEARCH else ""
            tool = {"id": f"{run.id}.{call.id}", "parentId": run.id, "type": "tool", "name": " · ".join(filter(None, (shown.name, count)))}
            tool |= {"createdAt": asked, "start": asked, "end": over, "metadata": {"icon": shown.icon}, "isError": bool(call.error)}
            conversation.steps.append(common | tool)
    said = markdown(answer.text) if answer else unfinished_text(run, entry.events, words)
    message_id = f"{run.id}.a"
    message = {"id": message_id, "parentId": run.id, "name": AUTHOR, "type": "assistant_message", "output": said, "createdAt": over}
    conversation.steps.append(common | message)
    for name, display, props in _shown(entry, answer, words):
        conversation.elements.append(element_dict(thread_id, message_id, name, display, props, len(conversation.elements)))


def _shown(entry: Entry, answer: Answer | None, words: Wording) -> list[tuple[str, str, dict[str, Any]]]:
    if answer is not None:
        return answer_elements(answer, words, stored=True)
    problem = failure(entry.events)
    found = [(CARDS, "inline", problem_props(problem, words))] if problem else []
    return found + [(APPROVAL, "inline", approval_props(each, entry.run.id, entry.run.last_seq, words)) for each in entry.waiting]


def answer_elements(answer: Answer, words: Wording, *, stored: bool = False) -> list[tuple[str, str, dict[str, Any]]]:
    """(name, display, properties) of an answer's elements: the cards below it, and one for each mark in its text.

    A mark's element only makes Chainlit draw the mark as a link; `public/page.js` leads its click to the card of that number.
    """
    guided = interview_call(answer)
    if guided is not None:
        return [(INTERVIEW, "inline", interview_props(guided.result, words, stored=stored))]
    props = answer_props(answer, words)
    if props is None:
        return []
    marks: list[tuple[str, str, dict[str, Any]]] = [
        (f"[{card['number']}]", "page", {}) for card in props.get("cards", ()) if card["number"]
    ]
    return [(CARDS, "inline", props), *marks]


def element_dict(thread_id: str, message_id: str, name: str, display: str, props: dict[str, Any], number: int) -> dict[str, Any]:
    return {
        "id": f"{message_id}.{number}",
        "threadId": thread_id,
        "forId": message_id,
        "type": "custom",
        "name": name,
        "display": display,
        "props": props,
        "mime": "application/json",
    }


def unfinished_text(run: Run, events: Sequence[RunEvent], words: Wording) -> str:
    """What a run without an answer said, and why it says no more."""
    said = markdown("".join(str(event.data.get("text", "")) for event in events if event.type == "text"))
    reason = {
        "cancelled": words("notice.stopped" if said else "notice.stopped_empty"),
        "interrupted": words("notice.interrupted"),
        "waiting": words("notice.waiting"),
        "failed": words("problem.title"),
    }.get(run.status, "")
    return "\n\n".join(filter(None, (said, f"*{reason}*" if reason else "")))


def failure(events: Sequence[RunEvent]) -> Problem | None:
    """The error a failed run ended with."""
    last = next((event for event in reversed(events) if event.type == "failed"), None)
    error = last.data.get("error") if last else None
    return Problem.model_validate(error) if error else None


def approval_props(approval: Approval, parent_id: str, seen: int, words: Wording) -> dict[str, Any]:
    """What a person has to know to decide: the tool, its effect, exactly what will be done."""
    return {
        "approval_id": approval.id,
        "run_id": approval.run_id,
        "parent_id": parent_id,
        "seen": seen,
        "tool": words.step(approval.tool).name,
        "effect": words(f"approval.{approval.effect}"),
        "arguments": [{"name": name, "value": str(value)} for name, value in approval.args.items()],
        "words": words.table("approval"),
    }


def thumb(feedback: Feedback) -> dict[str, Any]:
    return {"id": feedback.run_id, "forId": feedback.run_id, "value": 1 if feedback.rating == "up" else 0, "comment": feedback.comment}
