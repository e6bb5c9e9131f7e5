"""The shape of an input: neither empty nor endless, and nothing in it that cannot be seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.principal import LOCAL
from guardrails.limits import TextLimits
from guardrails.policy import load_policy
from guardrails.screen import Screen

LIMITS = Screen("input", [TextLimits(100)], load_policy(), lambda finding, value: "")


@pytest.mark.parametrize("text", ["甲", "先进级的在线检测要做到什么程度？", "a\nb\tc", "甲" * 100, "🙂 表情", "ｆｕｌｌ　ｗｉｄｔｈ"])
def test_an_ordinary_text_passes_as_it_is(text: str) -> None:
    decision = LIMITS.check(text, LOCAL)
    assert (decision.action, decision.text) == ("allow", text)


@pytest.mark.parametrize("text", ["", "  \n\t ", "\u200b\u200b", "\x00\x01", "\ufeff"])
def test_an_empty_text_is_blocked_with_an_example(text: str) -> None:
    decision = LIMITS.check(text, LOCAL)
    assert decision.blocked
    assert "例如" in decision.reason


def test_a_text_that_is_too_long_is_blocked_with_the_limit() -> None:
    decision = LIMITS.check("甲" * 101, LOCAL)
    assert decision.blocked
    assert "101" in decision.reason
    assert "100" in decision.reason


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("甲\u200b乙", "甲乙"),
        ("\u202e甲乙", "甲乙"),
        ("甲\x00乙", "甲乙"),
        ("甲\ue000乙", "甲乙"),
        ("\ufeff甲", "甲"),
        ("甲\r\n乙", "甲\n乙"),
        ("甲\ud800乙", "甲乙"),
    ],
)
def test_what_cannot_be_seen_is_dropped(text: str, clean: str) -> None:
    decision = LIMITS.check(text, LOCAL)
    assert (decision.action, decision.text) == ("redact", clean)


@given(st.text(st.characters(), max_size=120))
def test_what_passes_once_passes_again(text: str) -> None:
    decision = LIMITS.check(text, LOCAL)
    if not decision.blocked:
        assert LIMITS.check(decision.text, LOCAL).action == "allow"
        assert decision.text.strip()
