"""PiiDetector: all rules over one folded text, overlaps settled, in the order of the text."""

import re
from collections.abc import Callable, Collection, Sequence
from functools import cached_property

from guardrails.findings import Finding
from guardrails.normalise import View
from guardrails.overlaps import settled

from .codes import CodeRules
from .companies import CompanyRules
from .numbers import NumberRules
from .persons import PersonRules
from .places import PlaceRules, place_names
from .words import PREFIX, identifiers

NAMING_RULES = frozenset({"pii.person", "pii.company", "pii.address"})
IDENTIFIER_RULES = frozenset(
    PREFIX + kind
    for kind in ("resident_id", "mobile", "landline", "bank_card", "uscc", "passport", "travel_permit", "vehicle_plate", "email", "ip")
)
ALL_RULES = IDENTIFIER_RULES | NAMING_RULES

WRITTEN = re.compile(r"[0-9a-z].*[0-9a-z]", re.DOTALL)
"""Without letters or digits there is no address on the net and no plate."""

ExtraModel = Callable[[str], Sequence[Finding]]
"""A model of one's own: the text as it was given, findings with offsets into it."""


class PiiDetector:
    """Finds personal data and enterprise identifiers by form, check digit and context; a model may add what forms cannot show."""

    name = "pii"

    def __init__(self, rules: Collection[str] = ALL_RULES, minimum: float = 0.5, model: ExtraModel | None = None) -> None:
        """`minimum`: the lowest score reported. Places, brands and bare names score less than 0.5: they identify nobody by themselves."""
        self._rules = frozenset(rules)
        self._identifies = bool(self._rules & IDENTIFIER_RULES)
        self._minimum = minimum
        self._model = model

    @cached_property
    def _numbers(self) -> NumberRules:
        return NumberRules(identifiers())

    @cached_property
    def _codes(self) -> CodeRules:
        return CodeRules(identifiers())

    @cached_property
    def _naming(self) -> list[PersonRules | PlaceRules | CompanyRules]:
        made: dict[str, Callable[[], PersonRules | PlaceRules | CompanyRules]] = {
            "pii.person": lambda: PersonRules(place_names()),
            "pii.company": lambda: CompanyRules(place_names()),
            "pii.address": PlaceRules,
        }
        return [make() for rule, make in made.items() if rule in self._rules]

    def find(self, view: View) -> list[Finding]:
        found: list[Finding] = []
        if self._identifies:
            found += self._numbers.find(view)
            if WRITTEN.search(view.latin):
                found += self._codes.find(view)
        for naming in self._naming:
            found += naming.find(view)
        found = [one for one in found if one.rule in self._rules]
        if self._model:
            found += self._model(view.raw)
        return settled(one for one in found if one.score >= self._minimum) if found else found
