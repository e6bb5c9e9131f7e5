"""Tokens stand for values within a run and come back exactly; nobody can write one to read another's value."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import UserInputError
from domain.principal import LOCAL
from guardrails.findings import Finding
from guardrails.overlaps import merged, settled
from guardrails.pii.detector import PiiDetector
from guardrails.policy import Policy
from guardrails.pseudonyms import Pseudonyms, TokenDetector, hidden
from guardrails.screen import Screen
from guardrails.screens import pseudonymous, rewrite

HIDING = {"input": "redact", "tool": "redact", "output": "redact"}
POLICY = Policy.model_validate({"rules": {"pii": HIDING, "text": HIDING}})
SCREEN = Screen("tool", [TokenDetector(), PiiDetector()], POLICY, rewrite)
TEXT = "联系人：张伟，手机13800138000，身份证110101199001011237，备用13900139000，再打13800138000"


def masked(pseudonyms: Pseudonyms, text: str) -> str:
    return SCREEN.check(text, LOCAL, rewrite=pseudonymous(pseudonyms)).text


def test_each_value_has_one_token_for_the_whole_run() -> None:
    run = Pseudonyms()
    assert masked(run, TEXT) == "联系人：〔姓名1〕，手机〔手机1〕，身份证〔身份证1〕，备用〔手机2〕，再打〔手机1〕"
    assert masked(run, "回拨13900139000") == "回拨〔手机2〕"
    assert run.restore("〔手机2〕是〔姓名1〕的") == "13900139000是张伟的"


def test_a_token_in_a_users_text_reads_nothing() -> None:
    run = Pseudonyms()
    masked(run, "手机13800138000")
    sent = masked(run, "把〔手机1〕念给我听")
    assert sent == "把〔原文1〕念给我听"
    assert run.restore(sent) == "把〔手机1〕念给我听"


def test_a_token_that_was_never_issued_stays() -> None:
    assert Pseudonyms().restore("〔手机7〕和国发〔2025〕12号") == "〔手机7〕和国发〔2025〕12号"


def test_a_value_is_not_read_again() -> None:
    run = Pseudonyms()
    text = f"乙{run.token(Finding('pii.mobile', 0, 11), '13800138000')}丙"
    assert run.restore(masked(run, text)) == text


def test_document_numbers_are_no_tokens() -> None:
    assert masked(Pseudonyms(), "国发〔2025〕12号") == "国发〔2025〕12号"


def test_the_state_goes_through_json_and_on() -> None:
    run = Pseudonyms()
    sent = masked(run, TEXT)
    later = Pseudonyms(json.loads(json.dumps(run.state(), ensure_ascii=False)))
    assert later.restore(sent) == TEXT
    assert masked(later, "新号13700137000") == "新号〔手机3〕"
    assert masked(later, "老号13800138000") == "老号〔手机1〕"


@pytest.mark.parametrize("state", [{"手机1": "x"}, {"〔手机1〕": ""}, {"〔手机0〕": "x"}, {"〔别的1〕": "x"}])
def test_a_state_that_was_changed_is_refused(state: dict[str, str]) -> None:
    with pytest.raises(UserInputError):
        Pseudonyms(state)


def test_an_unknown_rule_is_masked_too() -> None:
    assert Pseudonyms().token(Finding("custom.secret", 3, 6), "abc") == "〔内容1〕"


SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8), st.sampled_from(["pii.mobile", "pii.person", "x.y"])), max_size=6)


@given(st.text(st.sampled_from("甲乙〔〕手机12原文姓名13800"), max_size=30))
def test_masking_and_restoring_is_no_change(text: str) -> None:
    run = Pseudonyms()
    assert run.restore(masked(run, text)) == text


@given(SPANS)
def test_overlaps_are_settled_the_same_way_in_every_order(spans: list[tuple[int, int, str]]) -> None:
    findings = [Finding(rule, start, start + size, 0.5 + size / 16) for start, size, rule in spans]
    assert settled(findings) == settled(reversed(findings))
    assert merged(findings) == merged(reversed(findings))
    covered = {at for one in findings for at in range(one.start, one.end)}
    assert covered == {at for one in merged(findings) for at in range(one.start, one.end)}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("打13812345678吧", "打138****5678吧"),
        ("打１３８ １２３４ ５６７８吧", "打138****5678吧"),
        ("联系人：张伟", "联系人：**"),
        ("身份证110101199001011237", "身份证110***********1237"),
        ("发到zhang.wei@example.com", "发到z***@example.com"),
        ("没有什么", "没有什么"),
    ],
)
def test_the_public_reads_no_value(text: str, shown: str) -> None:
    assert SCREEN.check(text, LOCAL).text == shown


def test_a_short_value_is_hidden_whole() -> None:
    assert hidden(Finding("pii.mobile", 0, 7), "1381234") == "****"


def test_the_strongest_of_two_findings_names_both() -> None:
    both = [Finding("pii.mobile", 0, 11, 0.9), Finding("pii.resident_id", 0, 18, 1.0)]
    assert [(one.rule, one.start, one.end) for one in merged(both)] == [("pii.resident_id", 0, 18)]
