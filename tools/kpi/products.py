"""Amounts that people say in two numbers: 三个人干十天, 每周5次每次2小时, 一年买4次."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from domain.quantity import Quantity

from .spec import Product
from .units import unit_measure

TIMES = ("次", "场", "个", "回", "个会")
PERIODS = {"年": "年", "月": "月", "季度": "季度", "季": "季度", "周": "周", "星期": "周", "天": "天", "日": "天"}
_PERIOD_BEFORE = re.compile(
    r"(?:每(?:个)?|一(?:个)?|平均(?:每)?)?(?P<p>年|月|季度|季|周|星期|天)(?:均|里|大概|平均|差不多|会|能|要)?[^，,。；;\d]{0,5}$"
)


def combine(text: str, numbers: Sequence[Quantity], products: Sequence[Product]) -> list[Quantity]:
    """`numbers` with pairs multiplied as the indicator's `products` say."""
    out = list(numbers)
    for product in products:
        if product == "person_days":
            out = _pairs(text, out, _person_days)
        elif product == "repeats":
            out = _pairs(text, out, _repeats)
        elif product == "frequency":
            out = _frequency(text, out)
    return out


def _pairs(text: str, numbers: list[Quantity], join: Callable[[str, Quantity, Quantity, str], Quantity | None]) -> list[Quantity]:
    out: list[Quantity] = []
    for number in numbers:
        last = out[-1] if out else None
        both = join(text[last.end : number.start], last, number, text[max(0, last.start - 4) : last.start]) if last else None
        if last and both:
            out[-1] = replace(both, start=last.start, end=number.end, text=text[last.start : number.end])
        else:
            out.append(number)
    return out


def _person_days(gap: str, first: Quantity, second: Quantity, before: str) -> Quantity | None:
    days = unit_measure(second.unit)
    beside = re.fullmatch(r"[^，,。；;]{0,8}|，?(?:每人|各)\S{0,3}", gap)
    if beside and first.unit in ("人", "个", "名", "位") and days.dimension == "time" and days.factor == 86400:
        return replace(second, value=first.value * second.value, unit="人天")
    return None


def _repeats(gap: str, first: Quantity, second: Quantity, before: str) -> Quantity | None:
    one, two = unit_measure(first.unit), unit_measure(second.unit)
    if first.unit in TIMES and two.dimension == "time" and re.search(r"(每|一)(次|场|个|回|会)?\S{0,2}$|各\S{0,2}$|[×xX*]$", gap):
        return replace(second, value=first.value * second.value)
    if one.dimension == "time" and second.unit in TIMES and re.search(r"(每|一)(次|场|个|回|个会)\S{0,4}$", before) and len(gap) <= 6:
        return replace(second, value=first.value * second.value, unit=first.unit)
    return None


def _frequency(text: str, numbers: list[Quantity]) -> list[Quantity]:
    """Counts per period: 一年买4次 is 4 次/年, 两个月来一次 half a time a month."""
    out: list[Quantity] = []
    for number in numbers:
        if number.unit not in ("次", "回", "单", "笔", "趟"):
            out.append(number)
            continue
        period = out[-1] if out and _is_period(text, out[-1], number) else None
        before = _PERIOD_BEFORE.search(text[max(0, number.start - 12) : number.start])
        if period and number.text[:1] not in "每":
            out.pop()
            out.append(replace(number, value=number.value / period.value, unit=f"次/{PERIODS[period.unit]}"))
        elif before:
            out.append(replace(number, unit=f"次/{PERIODS[before['p']]}"))
        else:
            out.append(number)
    return out


def _is_period(text: str, period: Quantity, number: Quantity) -> bool:
    """A short time right before a count is what it is counted over."""
    gap = text[period.end : number.start]
    return period.unit in PERIODS and (period.text[0] in "一半两每" or period.value <= 1) and bool(re.fullmatch(r"[^，,。；;]{0,6}", gap))
