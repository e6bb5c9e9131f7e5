"""The optional guard model: believed when it answers, and closed when it does not."""

import asyncio

import pytest

from guardrails.attacks import Opinion, ask_guard_model


class Answers:
    """A guard model that says one thing."""

    def __init__(self, answer: str) -> None:
        self._answer = answer

    async def verdict(self, text: str) -> Opinion:
        return Opinion.read(self._answer)


class Down:
    async def verdict(self, text: str) -> Opinion:
        raise ConnectionError("secret-host refused")


class Slow:
    async def verdict(self, text: str) -> Opinion:
        await asyncio.sleep(60)
        return Opinion(True)


async def test_without_a_guard_model_nothing_is_asked() -> None:
    assert await ask_guard_model(None, "甲") is None


@pytest.mark.parametrize("answer", ["safe", "Safety: Safe\nCategories: None", " SAFE\n"])
async def test_what_it_calls_safe_passes(answer: str) -> None:
    assert await ask_guard_model(Answers(answer), "甲") is None


@pytest.mark.parametrize("answer", ["unsafe\nS1", "Safety: Unsafe", "Safety: Controversial\nCategories: PII", "jailbreak", "", "我不确定"])
async def test_everything_else_is_blocked(answer: str) -> None:
    verdict = await ask_guard_model(Answers(answer), "甲")
    assert verdict is not None
    assert verdict.action == "block"
    assert verdict.reason


async def test_a_guard_model_that_is_down_blocks_and_says_so() -> None:
    verdict = await ask_guard_model(Down(), "甲")
    assert verdict is not None
    assert verdict.action == "block"
    assert "不可用" in verdict.reason
    assert "secret-host" not in verdict.reason


async def test_a_guard_model_that_is_slow_blocks_and_says_so() -> None:
    verdict = await ask_guard_model(Slow(), "甲", seconds=0.01)
    assert verdict is not None
    assert verdict.action == "block"
    assert "没有答复" in verdict.reason
