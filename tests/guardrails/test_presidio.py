"""presidio as one more detector: optional, offline, and with a cure where it is not installed."""

import importlib.util

import pytest

from domain.errors import ConfigurationError
from guardrails.normalise import View
from guardrails.pii.presidio_bridge import PresidioDetector, shuzhi_recognizer

INSTALLED = importlib.util.find_spec("presidio_analyzer") is not None
TEXT = "联系人：张伟，手机13812345678，工号GH12345"


@pytest.mark.skipif(INSTALLED, reason="presidio is installed")
def test_without_presidio_the_operator_is_told_how_to_install_it() -> None:
    detector = PresidioDetector()
    with pytest.raises(ConfigurationError, match="presidio") as error:
        detector.find(View.of(TEXT))
    assert "[presidio]" in error.value.detail[0].cure


@pytest.mark.skipif(not INSTALLED, reason="the extra `presidio` is not installed")
@pytest.mark.filterwarnings("ignore")
class TestWithPresidio:
    def test_our_rules_and_others_answer_together(self) -> None:
        from presidio_analyzer import Pattern, PatternRecognizer  # pyright: ignore[reportMissingImports]

        own = PatternRecognizer("EMPLOYEE", patterns=[Pattern("employee", r"GH\d{5}", 0.8)], supported_language="zh")
        findings = PresidioDetector([own]).find(View.of(TEXT))
        assert [(one.rule, TEXT[one.start : one.end]) for one in findings] == [
            ("pii.person", "张伟"),
            ("pii.mobile", "13812345678"),
            ("pii.employee", "GH12345"),
        ]

    def test_our_recogniser_answers_for_the_entities_asked_for(self) -> None:
        assert [one.entity_type for one in shuzhi_recognizer().analyze(TEXT, ["PHONE_NUMBER"])] == ["PHONE_NUMBER"]
