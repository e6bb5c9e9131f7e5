"""First node: may this question pass?"""

from langgraph.runtime import Runtime

from guardrails.chain import blocked

from ..deps import AssistantDeps
from ..state import AssistantState, RunContext, Update


def screen_input(deps: AssistantDeps):
    async def node(state: AssistantState, runtime: Runtime[RunContext]) -> Update:
        text, verdicts = deps.input_guard.check(state["question"], runtime.context.principal)
        for verdict in verdicts:
            runtime.context.emit("guard", {"stage": "input", "rule": verdict.rule, "action": verdict.action, "reason": verdict.reason})
        stop = blocked(verdicts)
        if stop:
            return {"blocked": stop.reason}
        return {"question": text, "blocked": "", "rounds": 0, "calls": [], "results": [], "ask": ""}

    return node
