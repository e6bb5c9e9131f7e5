"""Identifiers: found however they are written and whatever stands beside them; numbers that are nobody's are left alone."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.check_digits import is_credit_code, is_date, luhn_digit, luhn_ok
from guardrails.normalise import View
from guardrails.pii.detector import ALL_RULES, IDENTIFIER_RULES, PiiDetector

from .pii_samples import KINDS, near_misses, samples

SHARED = Path(__file__).resolve().parents[3] / "shared"
IDENTIFIERS = PiiDetector(IDENTIFIER_RULES)
RECOGNIZERS = {
    "CNPhoneRecognizer": {"pii.mobile", "pii.landline"},
    "CNIDCardRecognizer": {"pii.resident_id"},
    "CNBankCardRecognizer": {"pii.bank_card"},
    "CNPassportRecognizer": {"pii.passport", "pii.travel_permit"},
    "CNEmailRecognizer": {"pii.email"},
}


def found(text: str) -> list[tuple[str, str]]:
    return [(one.rule.removeprefix("pii."), text[one.start : one.end]) for one in IDENTIFIERS.find(View.of(text))]


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"public set {name} is not beside this checkout")
    return path


@pytest.mark.parametrize("seed", [11, 12])
def test_valid_values_are_found_in_every_writing(seed: int) -> None:
    wanted = right = others = 0
    for sample in samples(seed):
        findings = IDENTIFIERS.find(View.of(sample.text))
        exact = sum((one.rule, one.start, one.end) == (sample.rule, sample.start, sample.end) for one in findings)
        wanted, right, others = wanted + 1, right + exact, others + len(findings) - exact
    reported = sum(bool(IDENTIFIERS.find(View.of(text))) for text in near_misses(seed))
    assert wanted > 2000
    assert right / wanted >= 0.99
    assert right / (right + others + reported) >= 0.99


def test_the_public_format_cases_come_out_as_they_say() -> None:
    path = shared("data/cn_pii_formats/cases.jsonl")
    hits = missed = extra = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        text = case["text"] if case["kind"] == "text" else case["value"]
        expected = case["expected_count"] if case["kind"] == "text" else int(case["valid"])
        count = sum(one.rule in RECOGNIZERS[case["recognizer"]] for one in IDENTIFIERS.find(View.of(text)))
        hits, missed, extra = hits + min(count, expected), missed + max(0, expected - count), extra + max(0, count - expected)
    assert hits / (hits + missed) >= 0.99
    assert hits / (hits + extra) >= 0.99


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("手机13800138000，身份证110101199001011237", [("mobile", "13800138000"), ("resident_id", "110101199001011237")]),
        ("tel13800138000", [("mobile", "13800138000")]),
        ("13800138000/13900139000", [("mobile", "13800138000"), ("mobile", "13900139000")]),
        ("统一13800138000", [("mobile", "13800138000")]),
        ("电话是一三八零零一三八零零零一共两个", [("mobile", "一三八零零一三八零零零")]),
        ("打1380013\n8000找我", [("mobile", "1380013\n8000")]),
        ("1\u20e33\u20e38\u20e300138000", [("mobile", "1\u20e33\u20e38\u20e300138000")]),
        ("旧证号身份证110101900101123的人", [("resident_id", "110101900101123")]),
        ("税号 9131 0000 5529 3687 8J", [("uscc", "9131 0000 5529 3687 8J")]),
        ("拨010-88889999转801", [("landline", "010-88889999")]),
        ("电话：88889999", [("landline", "88889999")]),
        ("+86(10)88889999", [("landline", "+86(10)88889999")]),
        ("京A12345和粤B·D12345", [("vehicle_plate", "京A12345"), ("vehicle_plate", "粤B·D12345")]),
        ("发到zhang.wei@exam\nple.com。", [("email", "zhang.wei@exam\nple.com")]),
        ("连2001:db8::8a2e:370:7334失败", [("ip", "2001:db8::8a2e:370:7334")]),
        ("网关1.1.1.1不通", [("ip", "1.1.1.1")]),
    ],
)
def test_what_is_found(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "订单号13800138000",
        "流水号：110101199013011234",
        "投资13800138000元",
        "13800138000.50",
        "#13800138000",
        "part_13800138000",
        "编号A4111111111111111",
        "15000\n200000",
        "条款6.1.1.1和7.2.1",
        "版本10.0.190.1",
        "GB/T 22239-2019、T/GXDSL 142-2025",
        "云GPU123和新AP1000",
        "许可证粤B2-20090059",
        "std::vector 在 12:30:45",
        "物料号E12345678",
        "国发〔2025〕12号",
        "2025-11-18至2026-01-20",
        "@某人 test@ test@.com test@example..com",
    ],
)
def test_what_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_a_wrong_check_digit_counts_only_beside_a_label_and_less() -> None:
    assert found("110101199001011234") == []
    [one] = IDENTIFIERS.find(View.of("身份证号110101199001011234"))
    assert (one.rule, one.score < 0.7) == ("pii.resident_id", True)
    [right] = IDENTIFIERS.find(View.of("身份证号110101199001011237"))
    assert right.score == 1.0


def test_no_reason_repeats_the_value() -> None:
    for sample in samples(5):
        for one in IDENTIFIERS.find(View.of(sample.text)):
            assert sample.text[one.start : one.end] not in one.reason


def test_the_standards_and_the_catalogue_hold_no_identifier() -> None:
    from knowledge.catalogue import load_catalogue

    for path in sorted(shared("standards").glob("*.txt")):
        assert found(path.read_text(encoding="utf-8")) == [], path.name
    clauses = [json.dumps(clause.model_dump(mode="json"), ensure_ascii=False) for clause in load_catalogue().clauses.values()]
    assert [hit for text in clauses for hit in found(text)] == []


@pytest.mark.parametrize(
    ("name", "fields"),
    [("evals/dev.jsonl", ("question",)), ("data/ccf_bdci_tech_matching/requirements.jsonl", ("title", "content"))],
)
def test_ordinary_questions_hold_hardly_any(name: str, fields: tuple[str, ...]) -> None:
    rows = [json.loads(line) for line in shared(name).read_text(encoding="utf-8").splitlines()]
    hit = sum(bool(found("\n".join(row[field] for field in fields))) for row in rows)
    assert hit <= len(rows) * 0.01


TEXTS = st.text(st.sampled_from("0123456789一二三零幺ABEGXx京A·.-–:@ \n手机身份证号订单电话，。（）+＋１８\u200b元张伟省市路"), max_size=60)


@given(TEXTS)
def test_findings_are_in_order_apart_and_inside_the_text(text: str) -> None:
    findings = PiiDetector(ALL_RULES, 0.0).find(View.of(text))
    at = 0
    for one in findings:
        assert at <= one.start < one.end <= len(text)
        assert 0 < one.score <= 1
        assert one.rule in ALL_RULES
        at = one.end


@given(st.sampled_from(sorted(KINDS)), st.integers(0, 10_000))
def test_generated_values_pass_their_own_checks(rule: str, seed: int) -> None:
    import random

    value = KINDS[rule](random.Random(seed))
    assert luhn_ok(value) if rule == "pii.bank_card" else is_credit_code(value) if rule == "pii.uscc" else value


@given(st.text("0123456789", min_size=1, max_size=18), st.integers(0, 8))
def test_luhn_notices_one_wrong_digit(first: str, shift: int) -> None:
    digit = luhn_digit(first)
    assert luhn_ok(first + digit)
    assert not luhn_ok(first + str((int(digit) + 1 + shift) % 10))


def test_dates_are_real() -> None:
    assert is_date("1996", "02", "29")
    assert not is_date("1997", "02", "29")
    assert not is_date("1990", "13", "01")
    assert not is_date("1002", "01", "01")
