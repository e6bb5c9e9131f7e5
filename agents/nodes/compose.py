"""The answer: refused with its reason, computed, asked back, or written sentence by sentence from verified quotes.

The evidence is chosen and judged the same way with and without a model, so both stand on the same clauses and the same numbers;
a model only phrases. When it fails, at any token, the offline draft takes over.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.runtime import Runtime

from domain.answer import Answer, Citation, Sentence, ToolCall
from domain.principal import Principal
from guardrails.pseudonyms import Pseudonyms
from knowledge.question import Question
from knowledge.recent import Recent
from knowledge.retrieve import Hit

from ..answerable import Assessment
from ..deps import AssistantDeps
from ..draft import draft
from ..evidence import Support, choose
from ..grounding import QUESTION, Origin, grounded
from ..phrase import Phrasing, phrase
from ..speech import Speaker, joined
from ..state import AssistantState, CallResult, RunContext, Update
from .act import effects_of
from .plan import SEARCH

REMEMBERED = 512
"""Questions whose basis is kept; what it quotes is shared."""


def compose(deps: AssistantDeps):
    known: Recent[Basis] = Recent(REMEMBERED)

    async def node(state: AssistantState, runtime: Runtime[RunContext]) -> Update:
        if state.get("blocked"):
            return {}
        run = runtime.context
        run.cancellation.raise_if_cancelled()
        question = deps.reader.read(state["question"], [t["content"] for t in state.get("turns", []) if t["role"] == "user"][-3:])
        results = state.get("results", [])
        hits = await found_hits(deps, results, run.principal)
        pseudonyms = Pseudonyms(state.get("pseudonyms"))
        speaker = Speaker(deps, run, pseudonyms, state["question"])
        calls, retrieved = _calls(results, pseudonyms, speaker), [hit.clause_id for hit in hits]
        common: dict[str, Any] = {"tool_calls": calls, "retrieved": retrieved, "run_id": run.run_id}
        ask = state.get("ask", "")
        if ask:
            return await _said(speaker, Answer(text=ask, sentences=[Sentence(text=ask)], confidence=1.0, reason="needs_input", **common))
        effects = effects_of(deps.tools.known(run.principal).values())
        told = [r for r in results if r["name"] != SEARCH and (not r["error"] or r["name"] in effects)]
        if told:
            return await _said(speaker, _computed(told, common))
        found = tuple((hit.passage.id, hit.score, hit.via) for hit in hits)
        basis = known.recall((question, found), True, lambda: basis_of(deps, question, hits))
        if basis.assessment.reason:
            return await _said(speaker, _refusal(basis, common))
        answer = await _written(deps, question, basis, state, run, speaker, common)
        return {"answer": answer.model_dump(mode="json")}

    return node


@dataclass(frozen=True)
class Basis:
    """What a question and its hits alone decide, whoever phrases the answer."""

    supports: list[Support]
    assessment: Assessment
    sentences: list[Sentence]
    """The offline model's, checked like anybody's; none where the evidence does not answer."""


def basis_of(deps: AssistantDeps, question: Question, hits: Sequence[Hit]) -> Basis:
    supports = choose(question, hits, deps.catalogue, deps.choice)
    assessment = deps.judge.assess(question, hits, supports)
    if assessment.reason:
        return Basis(supports, assessment, [])
    own = [Origin(question.text, QUESTION), *(Origin(s.heading, f"cite:{s.hit.clause_id}") for s in supports)]
    drafted = draft(question, supports, deps.catalogue, deps.judge.asking)
    return Basis(supports, assessment, [checked for sentence in drafted if (checked := grounded(sentence, own)) is not None])


async def found_hits(deps: AssistantDeps, results: Sequence[CallResult], principal: Principal) -> list[Hit]:
    """The searches' hits with their stored passages, read again for this principal: a result is only a list of ids to trust."""
    rows: list[dict[str, Any]] = [row for r in results if r["name"] == SEARCH and not r["error"] for row in r["data"].get("hits", [])]
    wanted = [row["passage_id"] for row in rows]
    known = deps.retriever.remembered_passages(wanted, principal)
    passages = await asyncio.to_thread(deps.retriever.passages, wanted, principal) if known is None else known
    hits: dict[str, Hit] = {}
    for row in rows:
        passage = passages.get(row["passage_id"])
        if passage is not None:
            hits.setdefault(row["clause_id"], Hit(row["clause_id"], passage, row["score"], row["parts"], row["via"]))
    return list(hits.values())


async def _written(
    deps: AssistantDeps,
    question: Question,
    basis: Basis,
    state: AssistantState,
    run: RunContext,
    speaker: Speaker,
    common: dict[str, Any],
) -> Answer:
    supports, assessment, offline = basis.supports, basis.assessment, basis.sentences
    run.emit("evidence", {"clauses": [s.hit.clause_id for s in supports], "confidence": round(assessment.confidence, 3)})
    if deps.model is None:
        return await _offline_answer(offline, assessment, speaker, common)
    phrasing = await phrase(deps.model, question, supports, state.get("turns", []), run, deps.overlap, speaker)
    if not phrasing.sentences:
        run.emit("fallback", {"where": "compose", "reason": phrasing.fault or "模型没有给出有依据的句子"})
        return await _offline_answer(offline, assessment, speaker, common, phrasing)
    sentences = phrasing.sentences
    if phrasing.fault:
        run.emit("fallback", {"where": "compose", "reason": phrasing.fault})
        said = {c.clause_id for s in sentences for c in s.citations}
        rest = [s for s in offline if not {c.clause_id for c in s.citations} <= said]
        sentences = [*sentences, *await speaker.say_all(rest)]
    return _answer(sentences, assessment, common, model=deps.model.name, dropped=phrasing.dropped)


async def _offline_answer(
    sentences: list[Sentence], assessment: Assessment, speaker: Speaker, common: dict[str, Any], phrasing: Phrasing | None = None
) -> Answer:
    said = await speaker.say_all(sentences)
    return _answer(said, assessment, common, model="offline", dropped=phrasing.dropped if phrasing else 0)


def _answer(sentences: list[Sentence], assessment: Assessment, common: dict[str, Any], model: str, dropped: int) -> Answer:
    return Answer(
        text=joined(sentences),
        sentences=sentences,
        confidence=round(assessment.confidence, 3),
        model=model,
        dropped_quotes=dropped,
        **common,
    )


def _computed(results: list[CallResult], common: dict[str, Any]) -> Answer:
    """Tool results speak for themselves: summaries, values, the clauses they stand on; and of an effect that was not to be, why."""
    sentences = [
        Sentence(
            text=r["summary"] or f"没有执行：{r['error']}。",
            citations=[Citation.model_validate(c) for c in r["citations"]],
            tool_call_ids=[r["id"]],
        )
        for r in results
    ]
    values = [value for r in results for value in r["values"]]
    return Answer(text=joined(sentences), sentences=sentences, confidence=1.0, values=values, **common)


def _refusal(basis: Basis, common: dict[str, Any]) -> Answer:
    """Why there is no answer, and the nearest clause so that the user can look for himself."""
    assessment, supports = basis.assessment, basis.supports
    text = f"无法回答：{assessment.reason}。"
    near = list(supports[0].citations[:1]) if supports and not assessment.signals.get("off_topic") else []
    sentences = [Sentence(text=text, citations=near)]
    return Answer(
        text=text, sentences=sentences, refused=True, reason=assessment.reason, confidence=round(1 - assessment.confidence, 3), **common
    )


def _calls(results: Sequence[CallResult], pseudonyms: Pseudonyms, speaker: Speaker) -> list[ToolCall]:
    """The calls as whoever asked may see them."""
    calls: list[ToolCall] = []
    for r in results:
        arguments: dict[str, Any] = pseudonyms.restore_all(r["arguments"])
        told = speaker.handed({"result": _short(r), "error": r["error"]}, arguments)
        calls.append(ToolCall(id=r["id"], name=r["name"], args=arguments, result=told["result"], error=told["error"]))
    return calls


def _short(result: CallResult) -> dict[str, Any]:
    """A search's hits are in `retrieved` already; the trace keeps their number."""
    return {"hits": len(result["data"].get("hits", []))} if result["name"] == SEARCH else result["data"]


async def _said(speaker: Speaker, answer: Answer) -> Update:
    said = await speaker.say_all(answer.sentences)
    return {"answer": answer.model_copy(update={"text": joined(said), "sentences": said}).model_dump(mode="json")}
