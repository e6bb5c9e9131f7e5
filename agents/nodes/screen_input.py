"""First node: may this question pass? The whole conversation is looked at, not its newest turn alone (DESIGN §6, trap 2)."""

from langgraph.runtime import Runtime

from guardrails.attacks import ask_guard_model
from guardrails.pseudonyms import Pseudonyms
from guardrails.screens import pseudonymous

from ..deps import AssistantDeps
from ..state import AssistantState, RunContext, Turn, Update


def screen_input(deps: AssistantDeps):
    async def node(state: AssistantState, runtime: Runtime[RunContext]) -> Update:
        run = runtime.context
        pseudonyms = Pseudonyms()
        screen = deps.screens.input
        decisions = [screen.check(state["question"], run.principal, rewrite=pseudonymous(pseudonyms))]
        turns: list[Turn] = []
        for turn in state.get("turns", []):
            decision = deps.screens.data.check(turn["content"], run.principal, rewrite=pseudonymous(pseudonyms))
            decisions.append(decision)
            if not decision.blocked:
                turns.append(Turn(role=turn["role"], content=decision.text))
        for decision in decisions:
            for event in decision.events():
                run.emit("guard", {"stage": "input", **event})
        stop = decisions[0].reason
        if not stop and (verdict := await ask_guard_model(deps.guard_model, decisions[0].text)):
            run.emit("guard", {"stage": "input", "rule": verdict.rule, "action": verdict.action, "reason": verdict.reason})
            stop = verdict.reason
        if stop:
            return {"blocked": stop, "calls": []}
        return {
            "question": decisions[0].text.strip(),
            "turns": turns,
            "pseudonyms": pseudonyms.state(),
            "blocked": "",
            "rounds": 0,
            "steered": False,
            "calls": [],
            "results": [],
            "ask": "",
        }

    return node
