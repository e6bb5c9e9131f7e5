"""The chain of checks: in order, each on what the one before let through, and closed when in doubt."""

from collections.abc import Callable

import pytest

from domain.principal import LOCAL, Principal
from guardrails.chain import Action, GuardChain, Verdict, blocked


class Check:
    """A check that does to a text what it is told, and remembers what it saw."""

    def __init__(self, name: str, action: Action = "allow", change: Callable[[str], str] = str, reason: str = "") -> None:
        self.name = name
        self.seen: list[tuple[str, Principal]] = []
        self._action: Action = action
        self._change = change
        self._reason = reason

    def check(self, text: str, principal: Principal) -> Verdict:
        self.seen.append((text, principal))
        return Verdict(self._action, self.name, self._change(text), self._reason)


class Broken(Check):
    def __init__(self, error: Exception) -> None:
        super().__init__("broken")
        self._error = error

    def check(self, text: str, principal: Principal) -> Verdict:
        raise self._error


def hide(text: str) -> str:
    return text.replace("13800138000", "[手机号]")


def test_without_checks_everything_passes_as_it_is() -> None:
    assert GuardChain([]).check("电话 13800138000", LOCAL) == ("电话 13800138000", [])


def test_checks_are_asked_in_order_on_behalf_of_the_principal() -> None:
    checks = [Check("a"), Check("b"), Check("c")]
    assert GuardChain(checks).check("甲", LOCAL) == ("甲", [])
    assert [check.seen for check in checks] == [[("甲", LOCAL)]] * 3


def test_what_one_redacts_the_next_does_not_see() -> None:
    after = Check("after")
    text, verdicts = GuardChain([Check("pii", "redact", hide), after]).check("电话 13800138000", LOCAL)
    assert text == "电话 [手机号]"
    assert after.seen == [("电话 [手机号]", LOCAL)]
    assert [(verdict.action, verdict.rule) for verdict in verdicts] == [("redact", "pii")]


def test_redactions_add_up() -> None:
    checks = [Check("one", "redact", lambda t: t + "一"), Check("two", "redact", lambda t: t + "二")]
    text, verdicts = GuardChain(checks).check("甲", LOCAL)
    assert text == "甲一二"
    assert [verdict.rule for verdict in verdicts] == ["one", "two"]


def test_a_block_ends_the_chain_and_lets_nothing_through() -> None:
    before, after = Check("before", "redact", hide), Check("after")
    text, verdicts = GuardChain([before, Check("stop", "block", reason="不行"), after]).check("电话 13800138000", LOCAL)
    assert text == ""
    assert after.seen == []
    assert [verdict.action for verdict in verdicts] == ["redact", "block"]
    assert blocked(verdicts) == verdicts[-1]
    assert verdicts[-1].reason == "不行"


def test_a_blocking_checks_text_is_not_passed_on() -> None:
    text, _ = GuardChain([Check("stop", "block", lambda t: "还是说了")]).check("甲", LOCAL)
    assert text == ""


def test_a_review_is_told_and_goes_on() -> None:
    after = Check("after")
    text, verdicts = GuardChain([Check("look", "review", reason="请人工看一眼"), after]).check("甲", LOCAL)
    assert text == "甲"
    assert [verdict.action for verdict in verdicts] == ["review"]
    assert after.seen
    assert blocked(verdicts) is None


@pytest.mark.parametrize(
    "error", [RuntimeError("模型没有加载"), KeyError("x"), TimeoutError(), UnicodeError("bad"), ValueError("秘密内容")]
)
def test_a_check_that_fails_blocks(error: Exception) -> None:
    after = Check("after")
    text, verdicts = GuardChain([Broken(error), after]).check("甲", LOCAL)
    assert text == ""
    assert after.seen == []
    verdict = blocked(verdicts)
    assert verdict is not None
    assert "broken" in verdict.reason
    assert "秘密内容" not in verdict.reason


def test_a_chain_can_be_used_again() -> None:
    chain = GuardChain([Check("stop", "block")])
    assert chain.check("甲", LOCAL) == chain.check("甲", LOCAL)


def test_nothing_decided_is_nothing_blocked() -> None:
    assert blocked([]) is None
