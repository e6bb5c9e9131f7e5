"""First node: may this question pass? The whole conversation is looked at, not its newest turn alone (DESIGN §6, trap 2)."""

import asyncio

from langgraph.runtime import Runtime

from guardrails.pseudonyms import Pseudonyms
from guardrails.screens import pseudonymous

from ..deps import AssistantDeps
from ..hearing import let_pass
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
        if not stop:
            question, *kept = await asyncio.gather(
                let_pass(deps, run, decisions[0].text, "input"), *(let_pass(deps, run, turn["content"], "tool") for turn in turns)
            )
            stop = "" if question.passes else question.reason
            turns = [turn for turn, hearing in zip(turns, kept, strict=True) if hearing.passes]
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
