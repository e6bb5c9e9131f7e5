"""Verdicts and the chain that asks for them in order. A check that fails to run blocks: there is no fail-open."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from domain.principal import Principal

Action = Literal["allow", "redact", "block", "review"]


@dataclass(frozen=True)
class Verdict:
    """What a check decided, by which rule, and the text that may go on."""

    action: Action
    rule: str
    text: str
    reason: str = ""
    """Chinese, for the user."""


class Guard(Protocol):
    """One check. Must not raise for bad text; what it raises is a fault and blocks."""

    name: str

    def check(self, text: str, principal: Principal) -> Verdict: ...


class GuardChain:
    """Checks in order; each sees what the one before let through, and a block ends it."""

    def __init__(self, guards: Sequence[Guard]) -> None:
        self._guards = list(guards)

    def check(self, text: str, principal: Principal) -> tuple[str, list[Verdict]]:
        """The text that may go on and every verdict other than a plain allow; the last one blocks if anything does."""
        verdicts: list[Verdict] = []
        for guard in self._guards:
            try:
                verdict = guard.check(text, principal)
            except Exception as error:  # noqa: BLE001 - whatever goes wrong in a check blocks
                verdict = Verdict("block", guard.name, "", f"安全检查 {guard.name} 没有完成（{type(error).__name__}），已拦截")
            if verdict.action != "allow":
                verdicts.append(verdict)
            if verdict.action == "block":
                return "", verdicts
            text = verdict.text
        return text, verdicts


def blocked(verdicts: Sequence[Verdict]) -> Verdict | None:
    """The verdict that blocked, if one did."""
    return verdicts[-1] if verdicts and verdicts[-1].action == "block" else None
