"""Runs the planned calls. Reads and computations at once; a write or an outside effect waits for its approval row.

A resumed node runs from its start, so an effect is a step of its own: nothing stands before its interrupt that could happen twice,
and an approved effect is claimed once.
"""

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any, cast

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from domain.errors import Cancelled, NotAllowed, PlatformError
from guardrails.outgoing import outgoing
from guardrails.pseudonyms import Pseudonyms
from tools.contract import AnyTool, ToolContext, ToolResult

from ..deps import AssistantDeps
from ..state import AssistantState, CallResult, PlannedCall, RunContext, Update
from .plan import SEARCH

RANKED = {"clause_id", "passage_id", "score", "parts", "via"}
"""What is kept of a search's hits."""


def act(deps: AssistantDeps):
    async def node(state: AssistantState, runtime: Runtime[RunContext]) -> Update:
        calls, results = state.get("calls", []), list(state.get("results", []))
        pseudonyms = Pseudonyms(state.get("pseudonyms"))
        step = one_step(calls, effects_of(deps.tools.known(runtime.context.principal).values()))
        for call in step:
            runtime.context.cancellation.raise_if_cancelled()
            results.append(await run_call(deps, call, runtime.context, pseudonyms))
        return {"results": results, "calls": calls[len(step) :]}

    return node


def effects_of(tools: Iterable[AnyTool]) -> set[str]:
    """Names of the tools that wait for a person, now: some come and go while the platform runs."""
    return {tool.name for tool in tools if tool.effect in ("write", "external")}


def one_step(calls: Sequence[PlannedCall], effects: set[str]) -> Sequence[PlannedCall]:
    """The reads and computations that come next, or else the one effect that does."""
    return list(takewhile(lambda call: call["name"] not in effects, calls)) or calls[:1]


async def run_call(deps: AssistantDeps, call: PlannedCall, run: RunContext, pseudonyms: Pseudonyms) -> CallResult:
    """One call's result; an error a user can read becomes part of the result and does not end the run.

    Our own tools work for whoever asked and get the values; another server's get pseudonyms.
    """
    context = ToolContext(
        principal=run.principal,
        now=deps.now,
        progress=lambda done, note: run.emit("progress", {"id": call["id"], "done": done, "note": note}),
        cancellation=run.cancellation,
        run_id=run.run_id,
        door=run.door,
    )
    result = CallResult(
        id=call["id"], name=call["name"], arguments=call["arguments"], summary="", data={}, citations=[], values=[], error=""
    )
    try:
        if not deps.tools.get(call["name"], run.principal).foreign:
            call = PlannedCall(id=call["id"], name=call["name"], arguments=pseudonyms.restore_all(call["arguments"]))
        prepared = deps.tools.prepare(call["name"], call["arguments"], run.principal)
        tool = prepared.tool
        approval_id = _approved(deps, tool, call, run)
        done = deps.approvals.outcome(approval_id) if approval_id else None
        if done is None:

            def begin() -> None:
                _claim(deps, tool, approval_id)
                run.emit("tool_call", {"id": call["id"], "name": call["name"], "arguments": call["arguments"]})

            done = _kept(tool, await deps.tools.execute(prepared, context, begin))
            if approval_id:
                deps.approvals.record(approval_id, done)
        result.update(cast("CallResult", done))
    except Cancelled:
        raise
    except PlatformError as error:
        result["error"] = error.message
    told = outgoing(deps.screens.stream, {"summary": result["summary"], "error": result["error"]}, run.principal, call["arguments"])
    run.emit("tool_result", {"id": call["id"], "name": call["name"], **told})
    return result


def _kept(tool: AnyTool, outcome: ToolResult[Any]) -> dict[str, Any]:
    """What the state holds of a tool's result. Passages that a search found are read again, for this principal, before they are quoted."""
    kept: dict[str, Any] = {"summary": outcome.summary, "values": list(outcome.values)}
    if tool.name == SEARCH:
        return kept | {"data": {"hits": [hit.model_dump(include=RANKED) for hit in outcome.data.hits]}}
    citations = [citation.model_dump(mode="json") for citation in outcome.citations]
    return kept | {"data": outcome.data.model_dump(mode="json"), "citations": citations}


def _approved(deps: AssistantDeps, tool: AnyTool, call: PlannedCall, run: RunContext) -> str:
    """The approval that allows an effect, once a named person has decided; "" for reads and computations, which need none.

    Raises:
        NotAllowed: the request was rejected.
    """
    if tool.effect in ("read", "compute"):
        return ""
    arguments: dict[str, Any] = call["arguments"]
    approval_id = deps.approvals.request(run.run_id, tool.name, arguments, tool.effect, run.principal)
    if deps.approvals.is_approved(approval_id) is None:
        run.emit("approval", {"id": approval_id, "tool": tool.name, "arguments": arguments, "effect": tool.effect})
        interrupt({"approval_id": approval_id})
    if not deps.approvals.is_approved(approval_id):
        raise NotAllowed(f"{tool.name} 没有获得批准，未执行", where=approval_id)
    return approval_id


def _claim(deps: AssistantDeps, tool: AnyTool, approval_id: str) -> None:
    """Raises NotAllowed when the effect was begun before and what came of it is not known."""
    if approval_id and not deps.approvals.claim(approval_id):
        raise NotAllowed(f"{tool.name} 已经执行过，不再重复；结果没有记录，请人工核对", where=approval_id)
