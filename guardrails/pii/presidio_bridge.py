"""Optional: our rules inside presidio, and presidio's recognisers as one more detector. Nothing is imported before it is used.

presidio's own defaults are left out: they need a language model for every language and some of them look up the list of top-level domains
on the net. The pipeline here is spaCy's empty Chinese one, which splits characters and loads nothing.
"""

from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from typing import Any

from domain.errors import ConfigurationError, install_cure
from guardrails.findings import Finding
from guardrails.normalise import View
from guardrails.overlaps import settled

from .detector import PiiDetector

EXTRA = "presidio"
LANGUAGE = "zh"
ENTITIES = {
    "pii.resident_id": "CN_RESIDENT_ID",
    "pii.mobile": "PHONE_NUMBER",
    "pii.landline": "CN_LANDLINE",
    "pii.bank_card": "CREDIT_CARD",
    "pii.uscc": "CN_USCC",
    "pii.passport": "CN_PASSPORT",
    "pii.travel_permit": "CN_TRAVEL_PERMIT",
    "pii.vehicle_plate": "CN_VEHICLE_PLATE",
    "pii.email": "EMAIL_ADDRESS",
    "pii.ip": "IP_ADDRESS",
    "pii.address": "LOCATION",
    "pii.person": "PERSON",
    "pii.company": "ORGANIZATION",
}
RULES = {entity: rule for rule, entity in ENTITIES.items()}


def shuzhi_recognizer(detector: PiiDetector | None = None) -> Any:
    """Our detector as a presidio `EntityRecognizer` for Chinese.

    Raises:
        ConfigurationError: presidio is not installed.
    """
    analyzer = _presidio()
    ours = detector or PiiDetector()

    class ShuzhiRecognizer(analyzer.EntityRecognizer):
        """presidio calls it with the entities that were asked for."""

        def load(self) -> None:
            """Nothing: the words are read at the first text."""

        def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[Any]:
            return [
                analyzer.RecognizerResult(ENTITIES[one.rule], one.start, one.end, one.score)
                for one in ours.find(View.of(text))
                if one.rule in ENTITIES and (not entities or ENTITIES[one.rule] in entities)
            ]

    return ShuzhiRecognizer(supported_entities=sorted(RULES), name="ShuzhiRecognizer", supported_language=LANGUAGE)


class PresidioDetector:
    """A presidio `AnalyzerEngine` as a detector: our recogniser and whichever others were given. No network, no model."""

    name = "presidio"

    def __init__(self, recognizers: Sequence[Any] = (), minimum: float = 0.5) -> None:
        """`recognizers`: presidio recognisers for `zh`; their entities are reported as `pii.<entity in lower case>` unless we know them."""
        self._recognizers = list(recognizers)
        self._minimum = minimum

    def find(self, view: View) -> list[Finding]:
        """Raises ConfigurationError at the first text when presidio is not installed."""
        results = self._engine.analyze(view.raw, language=LANGUAGE, score_threshold=self._minimum)
        return settled(Finding(_rule(one.entity_type), one.start, one.end, min(float(one.score), 1.0), "presidio") for one in results)

    @cached_property
    def _engine(self) -> Any:
        analyzer = _presidio()
        registry = analyzer.RecognizerRegistry(recognizers=[shuzhi_recognizer(), *self._recognizers], supported_languages=[LANGUAGE])
        return analyzer.AnalyzerEngine(registry=registry, nlp_engine=_empty_pipeline(), supported_languages=[LANGUAGE])


def _rule(entity: str) -> str:
    return RULES.get(entity, f"pii.{entity.lower()}")


def _presidio() -> Any:
    try:
        return import_module("presidio_analyzer")
    except ImportError as error:
        raise ConfigurationError("没有安装 presidio", where=EXTRA, cure=install_cure(EXTRA)) from error


def _empty_pipeline() -> Any:
    spacy: Any = import_module("spacy")
    engine: Any = import_module("presidio_analyzer.nlp_engine").SpacyNlpEngine

    class EmptyChinese(engine):
        """spaCy without a model."""

        def __init__(self) -> None:
            super().__init__(models=[{"lang_code": LANGUAGE, "model_name": "blank"}])  # pyright: ignore[reportUnknownMemberType]
            self.nlp = {LANGUAGE: spacy.blank(LANGUAGE)}

        def load(self) -> None:
            """Nothing to load, and nothing to download."""

    return EmptyChinese()
