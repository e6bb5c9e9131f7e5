"""Asking the guard model about a text on a run's way; what it stops is in the run's trace."""

from dataclasses import dataclass

from guardrails.attacks import ask_guard_model
from guardrails.policy import Direction

from .deps import AssistantDeps
from .state import RunContext

STAGES: dict[Direction, str] = {"input": "input", "tool": "data", "output": "output"}


@dataclass(frozen=True, slots=True)
class Hearing:
    """Whether a text may go on, and why not."""

    passes: bool
    reason: str = ""


async def let_pass(deps: AssistantDeps, run: RunContext, text: str, direction: Direction) -> Hearing:
    """What the guard model, where there is one, makes of `text`; a text is passed whole or not at all."""
    verdict = await ask_guard_model(deps.guard_model, deps.screens.policy, text, direction)
    if verdict is None:
        return Hearing(True)
    run.emit("guard", {"stage": STAGES[direction], "rule": verdict.rule, "action": verdict.action, "reason": verdict.reason})
    return Hearing(verdict.action not in ("block", "redact"), verdict.reason)
