"""What every chapter of the diagnosis report writes with."""

from dataclasses import dataclass, field

from .confirmed import Standing
from .figures import NONE, OPEN, fixed, signed
from .kinds import Kind
from .layout import Chart, Column, Numbering
from .record import DiagnosisReport, Result

CLAUSE = Column(title="依据条款", width=1.6)
LABEL, LONG_LABEL = 16, 40
"""Characters that a drawing has room for."""


@dataclass
class Page:
    """The confirmed record, the kind's conventions, and the drawings that the chapters ask for."""

    standing: Standing
    kind: Kind
    numbering: Numbering
    charts: dict[str, Chart] = field(default_factory=dict[str, Chart])

    @property
    def record(self) -> DiagnosisReport:
        """What stands of it."""
        return self.standing.record

    @property
    def withheld(self) -> bool:
        return self.standing.withheld

    @property
    def result(self) -> Result:
        return self.record.result

    @property
    def absent(self) -> str:
        """What stands for a figure of the whole that is not there."""
        return OPEN if self.withheld else NONE

    def absence(self, part: str) -> str:
        """What stands for a figure of one item or group that is not there."""
        return OPEN if part in self.standing.unknown else NONE

    def score(self, value: float | None, absent: str = NONE) -> str:
        return fixed(value, self.kind.decimals, absent)

    def change(self, value: float | None) -> str:
        return signed(value, self.kind.decimals)


def joined(*words: str, by: str = "；") -> str:
    return by.join(word for word in words if word)


def cut(words: str, most: int) -> str:
    """For a drawing, which has no room for more; the tables say it in full."""
    return words if len(words) <= most else f"{words[: most - 1]}…"


def or_none(text: str) -> str:
    return text or NONE
