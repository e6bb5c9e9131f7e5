"""An optional guard model. The floor above brings the client; here is when it is asked and what becomes of its opinion.

A configured guard model that gives no opinion blocks: leaving it out is a choice of whoever configures, not of a failing network.
"""

import asyncio
from typing import Protocol

from domain.errors import PlatformError
from guardrails.policy import Direction, Policy
from guardrails.screen import Verdict

from .verdicts import Opinion

RULE = "guard_model"
"""What the policy says of a text that the model calls unsafe; `allow` means that it is not asked in that direction."""
NO_OPINION = "guard_model.unavailable"
"""Always a block: the policy does not decide it."""


class GuardModel(Protocol):
    """Implemented by the floor that owns model clients."""

    @property
    def seconds(self) -> float:
        """How long an opinion may take, waiting for a turn included."""
        ...

    async def verdict(self, text: str, direction: Direction) -> Opinion:
        """What the model says of `text`; whatever goes wrong is raised."""
        ...


async def ask_guard_model(guard: GuardModel | None, policy: Policy, text: str, direction: Direction) -> Verdict | None:
    """None where nobody is asked or the model says safe; else what the policy makes of it, and a block when there is no opinion."""
    rule = policy.rule(RULE)
    action = rule.action(direction)
    if guard is None or action == "allow" or not text.strip():
        return None
    try:
        async with asyncio.timeout(guard.seconds):
            opinion = await guard.verdict(text, direction)
    except TimeoutError:
        return _unheard(text, f"安全模型在 {guard.seconds:g} 秒内没有答复")
    except PlatformError as error:
        return _unheard(text, error.message)
    except Exception as error:  # noqa: BLE001 - a foreign client: whatever it raises means that there is no opinion
        return _unheard(text, f"安全模型不可用（{type(error).__name__}）")
    return None if opinion.safe else Verdict(RULE, action, rule.line or "安全模型认为这段内容不宜处理", 0, len(text))


def _unheard(text: str, what: str) -> Verdict:
    return Verdict(NO_OPINION, "block", f"{what}，已拦截。请稍后再试，或联系管理员检查安全模型", 0, len(text))
