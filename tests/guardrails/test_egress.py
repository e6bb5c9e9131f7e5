"""The gate in front of a stream: the same text leaves however it arrives, and nothing of a value leaves before the value is known."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.principal import LOCAL
from guardrails.egress import EgressGate
from guardrails.findings import Finding
from guardrails.normalise import View
from guardrails.policy import load_policy
from guardrails.screen import Screen
from guardrails.secrets import PromptLeakDetector, SecretDetector

SECRET = "sk-abcdEFGH1234567890abcd"
TEXT = f"设备联网率不低于50%。密钥是{SECRET}，不要外传。管理员密码：Admin@2024!，地址postgresql://app:Pa55word@db。共3条。"


def screen(*more: object) -> Screen:
    return Screen("output", [SecretDetector(), *more], load_policy(), lambda finding, value: "〔密钥〕")  # pyright: ignore[reportArgumentType]


def through(pieces: Sequence[str], gate: EgressGate | None = None) -> str:
    gate = gate or EgressGate(screen(), LOCAL)
    return "".join([*(gate.feed(piece) for piece in pieces), gate.close()])


WHOLE = through([TEXT])


def test_what_leaves_has_no_secret_and_all_the_rest() -> None:
    assert SECRET not in WHOLE
    assert "Admin" not in WHOLE
    assert "Pa55" not in WHOLE
    assert WHOLE.count("〔密钥〕") == 3
    assert WHOLE.startswith("设备联网率不低于50%。密钥是〔密钥〕，不要外传。")
    assert WHOLE.endswith("共3条。")


@pytest.mark.parametrize("offset", range(1, len(TEXT)))
def test_a_split_at_any_offset_changes_nothing(offset: int) -> None:
    assert through([TEXT[:offset], TEXT[offset:]]) == WHOLE


@pytest.mark.parametrize("size", range(1, 9))
def test_pieces_of_any_size_change_nothing(size: int) -> None:
    assert through([TEXT[at : at + size] for at in range(0, len(TEXT), size)]) == WHOLE


@given(st.lists(st.integers(0, len(TEXT)), max_size=12))
def test_any_cutting_changes_nothing(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(TEXT)]
    assert through([TEXT[a:b] for a, b in pairwise(edges)]) == WHOLE


def test_nothing_of_a_secret_has_left_at_any_moment() -> None:
    gate, left = EgressGate(screen(), LOCAL), ""
    for char in TEXT:
        left += gate.feed(char)
        assert "sk-a" not in left
        assert "Admi" not in left
        assert "Pa5" not in left


def test_ordinary_text_waits_for_twenty_characters_or_the_end_of_a_sentence() -> None:
    gate, fed, left = EgressGate(screen(), LOCAL), "", ""
    for char in "先进级的在线检测要做到什么程度，关键工序质量在线检测的比例又是怎样计算的。好":
        fed += char
        left += gate.feed(char)
        assert len(fed) - len(left) < 20
        assert char != "。" or left == fed


def test_a_number_at_the_end_waits_until_it_is_known_to_be_one() -> None:
    gate = EgressGate(screen(), LOCAL)
    assert gate.feed("关键工序的质量在线检测比例要求不低于50") == "关键工序的质量在线检测比例要求不低于"
    assert gate.feed("%") == ""
    assert gate.feed("，其余工序的质量检测按规程执行。") == "50%，其余工序的质量检测按规程执行。"


def test_after_a_block_nothing_more_leaves() -> None:
    instructions = "你是企业数智化服务平台的助手，只依据给出的证据回答，先说结论。"
    gate = EgressGate(screen(PromptLeakDetector([instructions])), LOCAL)
    assert gate.feed("好的，我来说明这个问题。") == "好的，我来说明这个问题。"
    assert gate.feed(instructions) == ""
    assert gate.blocked
    assert gate.feed("还有。") + gate.close() == ""
    assert gate.decisions[-1].blocked


class Fails:
    name = "fails"

    def find(self, view: View) -> Sequence[Finding]:
        raise RuntimeError


def test_a_gate_whose_detector_fails_is_shut() -> None:
    gate = EgressGate(screen(Fails()), LOCAL)
    assert gate.feed("甲乙") + gate.close() == ""
    assert gate.blocked
