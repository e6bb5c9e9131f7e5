"""Interviews outside a conversation: the guards that stand at every door, around one turn."""

import asyncio
from collections.abc import Sequence
from typing import Any

from agents.interview.attachments import text_of
from agents.interview.flow import Teller
from agents.interview.view import Line, Reply
from domain.answer import Citation
from domain.errors import NotAllowed
from domain.principal import Principal
from records.audit_entries import Door
from tools.diagnosis.summary import citations

from .assembly import Platform
from .direct import admitted


async def say(platform: Platform, interview_id: str, text: str, speaker: Principal, *, door: Door, respondent: str = "") -> dict[str, Any]:
    """Answer. A question to the assistant is answered by it, and the interview's own question said again.

    Raises NotAllowed for what the guardrails do not let in, and what `Interviewer.turn` raises.
    """
    teller = Teller(speaker, door, admitted(platform.screens, respondent, speaker))
    words = admitted(platform.screens, text, speaker)
    reply = await platform.interviewer.turn(interview_id, words, teller)
    shown = await told(platform, reply, speaker, door)
    if reply.aside:
        answer = await platform.runs.ask(speaker, words, door=door)
        shown |= {"answer": answer.model_dump(mode="json"), "reply": f"{answer.text}\n{shown['reply']}"}
    return shown


async def attach(
    platform: Platform, interview_id: str, data: bytes, name: str, speaker: Principal, *, door: Door, respondent: str = ""
) -> dict[str, Any]:
    """Read a form into the interview. What is planted in it is taken out, and it is followed in nothing."""
    name = admitted(platform.screens, name, speaker)
    teller = Teller(speaker, door, admitted(platform.screens, respondent, speaker))
    text = await asyncio.to_thread(text_of, data, name)
    decision = platform.screens.data.check(text, speaker)
    if decision.blocked:
        raise NotAllowed(decision.reason, where=name, cure="删去与评估无关的内容后再上传")
    reply = await platform.interviewer.turn(interview_id, decision.text, teller, source=name)
    return await told(platform, reply, speaker, door)


async def told(platform: Platform, reply: Reply, speaker: Principal, door: Door) -> dict[str, Any]:
    """A reply as it leaves: past the output screen, with the clauses that it stands on, their reading on record."""
    cited = await asyncio.to_thread(_cited, platform, reply.lines, speaker)
    known = "\n".join([*(citation.quote for citation in cited), *(each["evidence"] for each in reply.view["proposals"])])
    decision = platform.screens.output.check(reply.text, speaker, known=known)
    if decision.blocked:
        raise NotAllowed(decision.reason, where="reply", cure="换一种说法再答")
    await platform.people.passages(speaker, (each.passage_id for each in cited if each.source != "catalogue"), door)
    return {
        "reply": decision.text,
        "citations": [each.model_dump(mode="json") for each in cited],
        "values": reply.values,
        "aside": reply.aside,
        "interview": reply.view,
    }


def _cited(platform: Platform, lines: Sequence[Line], speaker: Principal) -> list[Citation]:
    deps = platform.interviewer.deps
    clauses = dict.fromkeys(clause for line in lines for clause in line.clauses)
    return citations(deps.catalogue, clauses, speaker, deps.cite)
