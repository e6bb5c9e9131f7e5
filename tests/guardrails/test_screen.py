"""Screens: every detector is asked, the policy decides, and what goes wrong blocks."""

from collections.abc import Sequence

from domain.principal import LOCAL, Principal
from guardrails.findings import Finding
from guardrails.limits import TextLimits
from guardrails.normalise import View
from guardrails.policy import Direction, Policy
from guardrails.screen import Screen

NOBODY = Principal(id="n", tenant="t")
POLICY = Policy.model_validate(
    {
        "rules": {
            "text.empty": {"input": "block", "tool": "allow", "output": "allow"},
            "text.too_long": {"input": "block", "tool": "allow", "output": "allow"},
            "text.invisible": {"input": "redact", "tool": "redact", "output": "redact"},
            "pii": {"input": "redact", "tool": "allow", "output": "redact"},
            "pii.person": {"input": "allow", "tool": "allow", "output": "redact", "audience": ["operator"]},
            "bad": {"input": "block", "tool": "redact", "output": "review", "line": "请换个问法"},
        }
    }
)


class Words:
    """Reports every place of the words it is given."""

    def __init__(self, **rules: str) -> None:
        self.name = "words"
        self._rules = {rule.replace("_", "."): word for rule, word in rules.items()}

    def find(self, view: View) -> Sequence[Finding]:
        found: list[Finding] = []
        for rule, word in self._rules.items():
            at = view.raw.find(word)
            while at >= 0:
                found.append(Finding(rule, at, at + len(word), reason=f"含有{rule}"))
                at = view.raw.find(word, at + 1)
        return found


class Broken:
    name = "broken"

    def find(self, view: View) -> Sequence[Finding]:
        raise RuntimeError("秘密内容")


def screen(direction: Direction, *detectors: object) -> Screen:
    return Screen(direction, detectors, POLICY, lambda finding, value: "*" * len(value))  # pyright: ignore[reportArgumentType]


def test_a_text_in_which_nothing_is_found_passes_as_it_is() -> None:
    decision = screen("input", Words(pii="138")).check("先进级要做到什么程度", LOCAL)
    assert (decision.action, decision.text, decision.verdicts, decision.reason) == ("allow", "先进级要做到什么程度", (), "")


def test_a_redaction_rewrites_its_spot_and_nothing_else() -> None:
    decision = screen("input", Words(pii="138")).check("甲138乙138丙", LOCAL)
    assert (decision.action, decision.text) == ("redact", "甲***乙***丙")
    assert [(v.rule, v.start, v.end) for v in decision.verdicts] == [("pii", 1, 4), ("pii", 5, 8)]
    assert decision.events() == [{"rule": "pii", "action": "redact", "reason": "含有pii"}]


def test_the_strictest_finding_decides_and_a_block_lets_nothing_through() -> None:
    decision = screen("input", Words(pii="138", bad="坏")).check("138坏", LOCAL)
    assert decision.blocked
    assert decision.text == ""
    assert decision.reason == "请换个问法"


def test_the_same_rule_means_another_thing_in_another_direction() -> None:
    words = Words(bad="坏")
    assert [screen(direction, words).check("坏", LOCAL).action for direction in ("input", "tool", "output")] == [
        "block",
        "redact",
        "review",
    ]


def test_a_longer_name_is_its_own_rule_and_what_stands_nowhere_blocks() -> None:
    assert screen("input", Words(pii_person="张三")).check("张三", LOCAL).action == "allow"
    assert screen("input", Words(pii_card="62")).check("62", LOCAL).action == "redact"
    assert screen("input", Words(novel_thing="新")).check("新", LOCAL).blocked


def test_an_allowed_finding_is_still_told_but_no_event() -> None:
    decision = screen("input", Words(pii_person="张三")).check("张三", LOCAL)
    assert [(v.rule, v.action) for v in decision.verdicts] == [("pii.person", "allow")]
    assert decision.events() == []


def test_a_rules_audience_reads_the_value() -> None:
    out = screen("output", Words(pii_person="张三"))
    assert out.check("张三", LOCAL).text == "张三"
    assert out.check("张三", NOBODY).text == "**"


def test_what_the_reader_has_anyway_is_not_hidden_from_him() -> None:
    out = screen("output", Words(pii="138"))
    assert out.check("号码138", NOBODY, known="我的号码138对吗").text == "号码138"
    assert out.check("号码138", NOBODY, known="别的").text == "号码***"


def test_findings_that_overlap_are_written_once() -> None:
    assert screen("input", Words(pii="1380", pii_card="380013")).check("号1380013尾", LOCAL).text == "号****尾"


def test_of_a_value_that_has_begun_to_pass_the_rest_does_not() -> None:
    assert screen("output", Words(pii="13800")).check("号13800尾", NOBODY, start=3).text == "尾"


def test_a_detector_that_fails_blocks_and_says_which_but_not_what() -> None:
    decision = screen("tool", Broken(), Words(pii="138")).check("138", LOCAL)
    assert decision.blocked
    assert "broken" in decision.reason
    assert "秘密内容" not in decision.reason


def test_shape_is_a_finding_like_any_other() -> None:
    limits = screen("input", TextLimits(5))
    assert "例如" in limits.check(" \u200b", LOCAL).reason
    assert "6" in limits.check("长" * 6, LOCAL).reason
    assert limits.check("甲\u200b乙\x00", LOCAL).text == "**".join(("甲", "乙", "")).replace("**", "*")
    assert screen("tool", TextLimits(5)).check("", LOCAL).action == "allow"
