"""An optional guard model behind an OpenAI-compatible endpoint. The floor above brings the client; here is what it is asked and believed.

A configured guard model that does not answer blocks: leaving it out is a choice of whoever configures, not of a failing network.
"""

import asyncio
import re
from dataclasses import dataclass
from typing import Protocol

from guardrails.screen import Verdict

NAME = "guard_model"
UNSAFE = re.compile(r"\b(?:unsafe|controversial|jailbreak|injection)\b", re.IGNORECASE)
SAFE = re.compile(r"\bsafe\b", re.IGNORECASE)
"""The words by which the common guard models (Llama Guard, Qwen3Guard, Prompt Guard) answer."""


@dataclass(frozen=True)
class Opinion:
    """What a guard model said of a text."""

    safe: bool
    category: str = ""
    """As the model names it; for the record."""

    @classmethod
    def read(cls, answer: str) -> "Opinion":
        """An opinion from a model's words. What is neither "safe" nor "unsafe" counts as unsafe: an answer off the form permits nothing."""
        first, _, rest = answer.strip().partition("\n")
        safe = bool(SAFE.search(first)) and not UNSAFE.search(first)
        return cls(safe, "" if safe else (rest.strip() or first.strip())[:80])


class GuardModel(Protocol):
    """Implemented by the floor that owns model clients."""

    async def verdict(self, text: str) -> Opinion:
        """What the model says of `text`; whatever goes wrong is raised."""
        ...


async def ask_guard_model(guard: GuardModel | None, text: str, seconds: float = 5.0) -> Verdict | None:
    """None without a guard model or when it says safe; a block when it says unsafe, fails, or takes longer than `seconds`."""
    if guard is None:
        return None
    try:
        opinion = await asyncio.wait_for(guard.verdict(text), seconds)
    except TimeoutError:
        return _block(text, f"安全模型在 {seconds:g} 秒内没有答复，已拦截。请稍后再试，或联系管理员检查安全模型")
    except Exception as error:  # noqa: BLE001 - a foreign client: whatever it raises means that there is no verdict
        return _block(text, f"安全模型不可用（{type(error).__name__}），已拦截。请联系管理员检查安全模型")
    return None if opinion.safe else _block(text, "安全模型认为这段内容不宜处理。可以换一种说法，直接写出想查的标准、条款或指标")


def _block(text: str, reason: str) -> Verdict:
    return Verdict(NAME, "block", reason, 0, len(text))
