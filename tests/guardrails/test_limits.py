"""The shape of an input: neither empty nor endless, and nothing in it that cannot be seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.principal import LOCAL
from guardrails.limits import TextLimits

LIMITS = TextLimits(100)


@pytest.mark.parametrize("text", ["甲", "先进级的在线检测要做到什么程度？", "a\nb\tc", "甲" * 100, "🙂 表情", "ｆｕｌｌ　ｗｉｄｔｈ"])
def test_an_ordinary_text_passes_as_it_is(text: str) -> None:
    verdict = LIMITS.check(text, LOCAL)
    assert (verdict.action, verdict.text) == ("allow", text)


@pytest.mark.parametrize("text", ["", "  \n\t ", "\u200b\u200b", "\x00\x01", "\ufeff"])
def test_an_empty_text_is_blocked_with_an_example(text: str) -> None:
    verdict = LIMITS.check(text, LOCAL)
    assert verdict.action == "block"
    assert "例如" in verdict.reason


def test_a_text_that_is_too_long_is_blocked_with_the_limit() -> None:
    verdict = LIMITS.check("甲" * 101, LOCAL)
    assert verdict.action == "block"
    assert "101" in verdict.reason
    assert "100" in verdict.reason


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("甲\u200b乙", "甲乙"),
        ("\u202e甲乙", "甲乙"),
        ("甲\x00乙", "甲乙"),
        ("甲\ue000乙", "甲乙"),
        ("\ufeff甲", "甲"),
        ("甲\r\n乙", "甲\n乙"),
    ],
)
def test_what_cannot_be_seen_is_dropped(text: str, clean: str) -> None:
    verdict = LIMITS.check(text, LOCAL)
    assert (verdict.action, verdict.text) == ("redact", clean)


def test_a_lone_surrogate_does_no_harm() -> None:
    assert LIMITS.check("甲\ud800乙", LOCAL).text == "甲乙"


@given(st.text(st.characters(), max_size=120))
def test_what_passes_once_passes_again(text: str) -> None:
    verdict = LIMITS.check(text, LOCAL)
    if verdict.action != "block":
        assert LIMITS.check(verdict.text, LOCAL).action == "allow"
        assert verdict.text.strip()
