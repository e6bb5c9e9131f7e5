"""Tokens stand for values within a run and come back exactly; nobody can write one to read another's value."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import UserInputError
from guardrails.findings import Finding
from guardrails.normalise import View
from guardrails.overlaps import merged, settled
from guardrails.pii.detector import PiiDetector
from guardrails.pseudonyms import Pseudonyms, StreamRestorer, hide

DETECTOR = PiiDetector()
TEXT = "联系人：张伟，手机13800138000，身份证110101199001011237，备用13900139000，再打13800138000"


def masked(pseudonyms: Pseudonyms, text: str) -> str:
    return pseudonyms.mask(text, DETECTOR.find(View.of(text)))


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
    secret = run.mask("甲13800138000", [Finding("pii.mobile", 1, 12)])
    text = f"乙{secret[1:]}丙"
    assert run.restore(run.mask(text, [])) == text


def test_document_numbers_are_no_tokens() -> None:
    assert Pseudonyms().mask("国发〔2025〕12号", []) == "国发〔2025〕12号"


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
    assert Pseudonyms().mask("口令是abc", [Finding("custom.secret", 3, 6)]) == "口令是〔内容1〕"


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_stream_restores_wherever_it_is_split(first: int, second: int) -> None:
    run = Pseudonyms()
    text = TEXT + "，见国发〔2025〕12号和〔手机9〕〔〔"
    sent = masked(run, text)
    cuts = sorted({min(first, len(sent)), min(second, len(sent))})
    pieces = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    stream = StreamRestorer(run)
    assert "".join([*map(stream.feed, pieces), stream.finish()]) == run.restore(sent) == text


def test_a_stream_one_character_at_a_time() -> None:
    run = Pseudonyms()
    sent = masked(run, TEXT)
    stream = StreamRestorer(run)
    assert "".join([*map(stream.feed, sent), stream.finish()]) == TEXT


def test_a_stream_holds_back_nothing_but_a_token() -> None:
    run = Pseudonyms()
    masked(run, TEXT)
    stream = StreamRestorer(run)
    assert stream.feed("见〔2025") == "见〔2025"
    assert stream.feed("〕和〔手") == "〕和"
    assert stream.feed("机1〕。") == "13800138000。"


SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8), st.sampled_from(["pii.mobile", "pii.person", "x.y"])), max_size=6)


@given(st.text(st.sampled_from("甲乙〔〕手机12原文姓名13800"), max_size=30), SPANS)
def test_masking_and_restoring_is_no_change(text: str, spans: list[tuple[int, int, str]]) -> None:
    findings = [Finding(rule, start, min(start + size, len(text))) for start, size, rule in spans if start < len(text)]
    run = Pseudonyms()
    assert run.restore(run.mask(text, findings)) == text
    assert run.mask(text, findings) == run.mask(text, reversed(findings))


@given(SPANS)
def test_overlaps_are_settled_the_same_way_in_every_order(spans: list[tuple[int, int, str]]) -> None:
    findings = [Finding(rule, start, start + size, 0.5 + size / 16) for start, size, rule in spans]
    assert settled(findings) == settled(reversed(findings))
    assert merged(findings) == merged(reversed(findings))
    covered = {at for one in findings for at in range(one.start, one.end)}
    assert covered == {at for one in merged(findings) for at in range(one.start, one.end)}


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("打13812345678吧", "打138****5678吧"),
        ("打１３８ １２３４ ５６７８吧", "打138****5678吧"),
        ("联系人：张伟", "联系人：**"),
        ("身份证110101199001011237", "身份证110***********1237"),
        ("发到zhang.wei@example.com", "发到z***@example.com"),
        ("没有什么", "没有什么"),
    ],
)
def test_the_public_reads_no_value(text: str, hidden: str) -> None:
    assert hide(text, DETECTOR.find(View.of(text))) == hidden


def test_a_short_value_is_hidden_whole() -> None:
    assert hide("1381234", [Finding("pii.mobile", 0, 7)]) == "****"


def test_the_strongest_of_two_findings_names_the_token() -> None:
    both = [Finding("pii.mobile", 0, 11, 0.9), Finding("pii.resident_id", 0, 18, 1.0)]
    assert Pseudonyms().mask("110101199001011237", both) == "〔身份证1〕"
