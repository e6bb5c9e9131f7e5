"""Figures: what was measured, in which unit, and whether it keeps its limit."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Figure:
    """One measured value. Without a value it could not be measured, and `note` says why."""

    bench: str
    figure: str
    value: float | None
    unit: str
    limit: float | None = None
    better: Literal["lower", "higher"] = "lower"
    note: str = ""

    @property
    def ok(self) -> bool | None:
        """None where there is nothing to hold it against."""
        if self.value is None or self.limit is None:
            return None
        return self.value <= self.limit if self.better == "lower" else self.value >= self.limit

    def line(self) -> str:
        value = None if self.value is None else float(f"{self.value:.4g}") if abs(self.value) < 1000 else round(self.value, 1)
        shown = {"bench": self.bench, "figure": self.figure, "value": value, "unit": self.unit, "limit": self.limit, "ok": self.ok}
        return json.dumps(shown | ({"note": self.note} if self.note else {}), ensure_ascii=False)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all values do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def median(values: Sequence[float]) -> float:
    return percentile(values, 0.5)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Least-squares slope of y over x."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
