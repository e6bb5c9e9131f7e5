"""A conversation's guided interview: what is said while it is open belongs to it, save questions to the assistant."""

import asyncio

from langgraph.runtime import Runtime

from domain.answer import Answer, Sentence, ToolCall
from guardrails.pseudonyms import Pseudonyms
from tools.diagnosis.summary import citations

from ..deps import AssistantDeps
from ..interview.answers import command_of, starts_interview
from ..interview.flow import Interviewer, Teller
from ..interview.view import Reply
from ..speech import Speaker, joined
from ..state import AssistantState, RunContext, Update

GUIDED = "guided_interview"
"""The name under which an interview's state stands among an answer's calls."""


def talk(deps: AssistantDeps):
    async def node(state: AssistantState, runtime: Runtime[RunContext]) -> Update:
        run, interviewer = runtime.context, deps.interviewer
        if state.get("blocked") or interviewer is None or not run.thread_id:
            return {}
        pseudonyms = Pseudonyms(state.get("pseudonyms"))
        text = pseudonyms.restore(state["question"])
        teller = Teller(run.principal, run.door, "", run.run_id)
        reply = await _reply(interviewer, text, run.thread_id, teller)
        if reply is None:
            return {}
        if reply.aside:
            return {"reminder": reply.lines[-1].text if reply.lines else ""}
        speaker = Speaker(deps, run, pseudonyms, state["question"])
        answer = interview_answer(interviewer, reply, run, state["question"])
        said = await speaker.say_all(answer.sentences)
        return {"answer": answer.model_copy(update={"text": joined(said), "sentences": said}).model_dump(mode="json")}

    return node


async def _reply(interviewer: Interviewer, text: str, thread_id: str, teller: Teller) -> Reply | None:
    """None for what is no part of an interview: there is none, or it pauses and nobody goes on with it."""
    interview_id, status = await asyncio.to_thread(interviewer.deps.store.of_thread, thread_id, teller.principal)
    key = starts_interview(text)
    if interview_id and (status == "open" or key is not None or command_of(text) in ("resume", "score", "review", "confirm_all", "finish")):
        return await interviewer.turn(interview_id, "继续" if key is not None else text, teller)
    return await interviewer.start(key, teller, thread=thread_id) if key is not None and not interview_id else None


def interview_answer(interviewer: Interviewer, reply: Reply, run: RunContext, question: str) -> Answer:
    """A reply as an answer: its sentences with the clauses that they stand on, its state for whoever draws it."""
    deps, sentences = interviewer.deps, list[Sentence]()
    for line in reply.lines:
        cited = citations(deps.catalogue, line.clauses, run.principal, deps.cite)
        sentences.append(Sentence(text=line.text, citations=cited, tool_call_ids=[GUIDED]))
    call = ToolCall(id=GUIDED, name=GUIDED, args={"text": question}, result=reply.view)
    return Answer(
        text=joined(sentences),
        sentences=sentences,
        tool_calls=[call],
        values=reply.values,
        confidence=1.0,
        reason=GUIDED,
        run_id=run.run_id,
    )


def remind(deps: AssistantDeps):
    """Behind the answer to a question of its own, the interview's open question again."""

    async def node(state: AssistantState, runtime: Runtime[RunContext]) -> Update:
        reminder, given = state.get("reminder", ""), state.get("answer")
        if not reminder or not given or state.get("blocked"):
            return {}
        speaker = Speaker(deps, runtime.context, Pseudonyms(state.get("pseudonyms")), state["question"])
        answer = Answer.model_validate(given)
        said = await speaker.say_all([Sentence(text=f"回到访谈：{reminder}")])
        sentences = [*answer.sentences, *said]
        return {"answer": answer.model_copy(update={"text": joined(sentences), "sentences": sentences}).model_dump(mode="json")}

    return node
