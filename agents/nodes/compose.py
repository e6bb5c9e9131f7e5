"""The answer: refused with its reason, computed, asked back, or written sentence by sentence from verified quotes.

The evidence is chosen and judged the same way with and without a model, so both stand on the same clauses and the same numbers;
a model only phrases. When it fails, at any token, the offline draft takes over.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from langgraph.runtime import Runtime

from domain.answer import Answer, Citation, Sentence, ToolCall
from domain.principal import Principal
from knowledge.question import Question
from knowledge.retrieve import Hit

from ..answerable import Assessment
from ..deps import AssistantDeps
from ..draft import draft
from ..evidence import Support, choose
from ..grounding import Origin, grounded
from ..phrase import Phrasing, phrase
from ..state import AssistantState, CallResult, RunContext, Update
from .plan import SEARCH


def compose(deps: AssistantDeps):
    async def node(state: AssistantState, runtime: Runtime[RunContext]) -> Update:
        run = runtime.context
        run.cancellation.raise_if_cancelled()
        question = deps.reader.read(state["question"], [t["content"] for t in state.get("turns", []) if t["role"] == "user"][-3:])
        results = state.get("results", [])
        hits = await found_hits(deps, results, run.principal)
        common: dict[str, Any] = {"tool_calls": _calls(results), "retrieved": [h.clause_id for h in hits], "run_id": run.run_id}
        ask = state.get("ask", "")
        if ask:
            return _said(run, Answer(text=ask, sentences=[Sentence(text=ask)], confidence=1.0, reason="needs_input", **common))
        computed = [r for r in results if r["name"] != SEARCH and not r["error"]]
        if computed:
            return _said(run, _computed(computed, common))
        supports = choose(question, hits, deps.catalogue, deps.choice)
        assessment = deps.judge.assess(question, hits, supports)
        if assessment.reason:
            return _said(run, _refusal(assessment, supports, common))
        answer = await _written(deps, question, supports, assessment, state, run, common)
        return {"answer": answer.model_dump(mode="json")}

    return node


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
    supports: list[Support],
    assessment: Assessment,
    state: AssistantState,
    run: RunContext,
    common: dict[str, Any],
) -> Answer:
    drafted = draft(question, supports, deps.catalogue, deps.judge.asking)
    own = [Origin(question.text, "question"), *(Origin(s.heading, f"cite:{s.hit.clause_id}") for s in supports)]
    offline = [checked for sentence in drafted if (checked := grounded(sentence, own)) is not None]
    run.emit("evidence", {"clauses": [s.hit.clause_id for s in supports], "confidence": round(assessment.confidence, 3)})
    if deps.model is None:
        return _offline_answer(offline, assessment, run, common)
    phrasing = await phrase(deps.model, question, supports, state.get("turns", []), run, deps.overlap)
    if not phrasing.sentences:
        run.emit("fallback", {"where": "compose", "reason": phrasing.fault or "模型没有给出有依据的句子"})
        return _offline_answer(offline, assessment, run, common, phrasing)
    sentences = phrasing.sentences
    if phrasing.fault:
        run.emit("fallback", {"where": "compose", "reason": phrasing.fault})
        said = {c.clause_id for s in sentences for c in s.citations}
        rest = [s for s in offline if not {c.clause_id for c in s.citations} <= said]
        for sentence in rest:
            run.emit("sentence", sentence.model_dump(mode="json"))
        sentences = [*sentences, *rest]
    return _answer(sentences, assessment, common, model=deps.model.name, dropped=phrasing.dropped)


def _offline_answer(
    sentences: list[Sentence], assessment: Assessment, run: RunContext, common: dict[str, Any], phrasing: Phrasing | None = None
) -> Answer:
    for sentence in sentences:
        run.emit("sentence", sentence.model_dump(mode="json"))
    return _answer(sentences, assessment, common, model="offline", dropped=phrasing.dropped if phrasing else 0)


def _answer(sentences: list[Sentence], assessment: Assessment, common: dict[str, Any], model: str, dropped: int) -> Answer:
    text = "\n".join(s.text for s in sentences)
    return Answer(text=text, sentences=sentences, confidence=round(assessment.confidence, 3), model=model, dropped_quotes=dropped, **common)


def _computed(results: list[CallResult], common: dict[str, Any]) -> Answer:
    """Tool results speak for themselves: their summaries, their values, the clauses they stand on."""
    sentences = [
        Sentence(text=r["summary"], citations=[Citation.model_validate(c) for c in r["citations"]], tool_call_ids=[r["id"]])
        for r in results
    ]
    values = [value for r in results for value in r["values"]]
    return Answer(text="\n".join(s.text for s in sentences), sentences=sentences, confidence=1.0, values=values, **common)


def _refusal(assessment: Assessment, supports: Sequence[Support], common: dict[str, Any]) -> Answer:
    """Why there is no answer, and the nearest clause so that the user can look for himself."""
    text = f"无法回答：{assessment.reason}。"
    near = list(supports[0].citations[:1]) if supports and not assessment.signals.get("off_topic") else []
    sentences = [Sentence(text=text, citations=near)]
    return Answer(
        text=text, sentences=sentences, refused=True, reason=assessment.reason, confidence=round(1 - assessment.confidence, 3), **common
    )


def _calls(results: Sequence[CallResult]) -> list[ToolCall]:
    return [ToolCall(id=r["id"], name=r["name"], args=r["arguments"], result=_short(r), error=r["error"]) for r in results]


def _short(result: CallResult) -> dict[str, Any]:
    """A search's hits are in `retrieved` already; the trace keeps their number."""
    return {"hits": len(result["data"].get("hits", []))} if result["name"] == SEARCH else result["data"]


def _said(run: RunContext, answer: Answer) -> Update:
    for sentence in answer.sentences:
        run.emit("sentence", sentence.model_dump(mode="json"))
    return {"answer": answer.model_dump(mode="json")}
