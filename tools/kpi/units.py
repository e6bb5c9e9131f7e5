"""Unit conversion: one common scale for numbers that were written in different units."""

from domain.quantity import Measure, measure

CALENDAR = {"年": 12.0, "季度": 3.0, "季": 3.0, "月": 1.0}
"""In months: between these, 30-day months and 365-day years would not agree."""
CO2 = "co2"


def unit_measure(unit: str) -> Measure:
    """What a unit measures; an unknown unit is its own dimension. Minutes are often written 分."""
    return measure(unit) or Measure(unit, 1.0)


def comparable(one: str, other: str) -> bool:
    return unit_measure(one).dimension == unit_measure(other).dimension


def convert(value: float, unit: str, target: str) -> float:
    """`value` from `unit` to `target`; both measure the same."""
    if unit == target:
        return value
    top, _, per = unit.partition("/")
    target_top, _, target_per = target.partition("/")
    if per and target_per:
        return _round(value * _factor(top, target_top) / _factor(per, target_per))
    return _round(value * _factor(unit, target))


def _factor(unit: str, target: str) -> float:
    if unit in CALENDAR and target in CALENDAR:
        return CALENDAR[unit] / CALENDAR[target]
    return unit_measure(unit).factor / unit_measure(target).factor


def _round(value: float) -> float:
    """Conversion factors are exact in decimal; their float quotients are not."""
    return float(f"{value:.12g}")


def money_display(value: float) -> tuple[float, str] | None:
    """Amounts of money as people say them (1300000 元 → 130 万元), or None below 10,000."""
    for size, unit in ((1e8, "亿元"), (1e4, "万元")):
        if abs(value) >= size:
            return _round(value / size), unit
    return None
