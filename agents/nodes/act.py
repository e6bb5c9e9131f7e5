"""Runs the planned calls. Reads and computations at once; a write or an outside effect waits for its approval row.

A resumed node runs from its start, so an effect is a step of its own: nothing stands before its interrupt that could happen twice,
and an approved effect is claimed once.
"""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from domain.errors import Cancelled, NotAllowed, PlatformError
from tools.contract import AnyTool, ToolContext

from ..deps import AssistantDeps
from ..state import AssistantState, CallResult, PlannedCall, RunContext, Update
from .plan import SEARCH


def act(deps: AssistantDeps):
    effects = {tool.name for tool in deps.tools if tool.effect in ("write", "external")}

    async def node(state: AssistantState, runtime: Runtime[RunContext]) -> Update:
        calls, results = state.get("calls", []), list(state.get("results", []))
        step = one_step(calls, effects)
        for call in step:
            runtime.context.cancellation.raise_if_cancelled()
            results.append(await run_call(deps, call, runtime.context))
        return {"results": results, "calls": calls[len(step) :]}

    return node


def one_step(calls: Sequence[PlannedCall], effects: set[str]) -> Sequence[PlannedCall]:
    """The reads and computations that come next, or else the one effect that does."""
    return list(takewhile(lambda call: call["name"] not in effects, calls)) or calls[:1]


async def run_call(deps: AssistantDeps, call: PlannedCall, run: RunContext) -> CallResult:
    """One call's result; an error a user can read becomes part of the result and does not end the run."""
    context = ToolContext(
        principal=run.principal,
        now=deps.now,
        progress=lambda done, note: run.emit("progress", {"id": call["id"], "done": done, "note": note}),
        cancellation=run.cancellation,
    )
    result = CallResult(
        id=call["id"], name=call["name"], arguments=call["arguments"], summary="", data={}, citations=[], values=[], error=""
    )
    try:
        tool = deps.tools.get(call["name"])
        tool.parse(call["arguments"])
        _await_approval(deps, tool, call, run)
        run.emit("tool_call", {"id": call["id"], "name": call["name"], "arguments": call["arguments"]})
        outcome = await deps.tools.run(call["name"], call["arguments"], context)
        result["summary"] = outcome.summary
        result["data"] = outcome.data.model_dump(mode="json")
        if tool.name != SEARCH:  # what a search found is read again, for this principal, before it is quoted
            result["citations"] = [citation.model_dump(mode="json") for citation in outcome.citations]
        result["values"] = list(outcome.values)
    except Cancelled:
        raise
    except PlatformError as error:
        result["error"] = error.message
    run.emit("tool_result", {"id": call["id"], "name": call["name"], "summary": result["summary"], "error": result["error"]})
    return result


def _await_approval(deps: AssistantDeps, tool: AnyTool, call: PlannedCall, run: RunContext) -> None:
    """Pass for reads and computations; otherwise stop the run until a named person has decided.

    Raises:
        NotAllowed: the request was rejected, or its effect was already done.
    """
    if tool.effect in ("read", "compute"):
        return
    arguments: dict[str, Any] = call["arguments"]
    approval_id = deps.approvals.request(run.run_id, tool.name, arguments, tool.effect, run.principal)
    if deps.approvals.is_approved(approval_id) is None:
        run.emit("approval", {"id": approval_id, "tool": tool.name, "arguments": arguments, "effect": tool.effect})
        interrupt({"approval_id": approval_id})
    if not deps.approvals.is_approved(approval_id):
        raise NotAllowed(f"{tool.name} 没有获得批准，未执行", where=approval_id)
    if not deps.approvals.claim(approval_id):
        raise NotAllowed(f"{tool.name} 已经执行过，不再重复", where=approval_id)
