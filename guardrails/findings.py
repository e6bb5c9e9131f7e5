"""What a detector reports: a rule, where in the text, how sure. What is done about it is the policy's to say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .normalise import View


@dataclass(frozen=True, slots=True)
class Finding:
    """One spot of a text that a rule speaks of."""

    rule: str
    """Dotted name as in the policy: `pii.resident_id`, `injection.override`, `unsafe.weapons`."""
    start: int
    end: int
    """Offsets into the text as it was given, not into its folded form."""
    score: float = 1.0
    """0 to 1: how sure the detector is; 1 for a value with a check digit."""
    reason: str = ""
    """Chinese, for the person who reads the verdict; never the value itself."""


class Detector(Protocol):
    """Looks for one family of things. Pure: the same text gives the same findings, in the order of the text."""

    name: str

    def find(self, view: View) -> Sequence[Finding]: ...
