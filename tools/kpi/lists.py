"""Indicators over lists: complaint times (TISC-A2-e.1-6) and emission sources (TISC-A2-f.1-2)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from domain.quantity import Quantity, measure

from .context import LINK, Spoken, cue_score, mentions
from .engine import Amount
from .units import CO2, convert, unit_measure

COMPLAINTS = ("投诉", "客诉", "告状")
TOTAL = ("一共", "总共", "合计", "累计", "加起来", "共", "总计", "总时长", "总用时", "总解决", "总处理", "合起来", "总耗时", "拢共")
FACTOR = ("排放因子", "因子", "排放系数", "系数", "EF", "排")
ACTIVITY = ("用电", "用", "耗", "消耗", "烧", "活动数据", "AD", "买", "天然气", "柴油", "汽油", "用了", "外购")


@dataclass(frozen=True)
class ListReading:
    """Amounts by symbol, or the question that has to be asked first."""

    amounts: dict[str, Amount] = field(default_factory=dict[str, Amount])
    question: str = ""
    basis: str = ""


def complaint_times(text: str, numbers: Sequence[Spoken], aside: Sequence[str]) -> ListReading | None:
    """Σ(单次投诉解决时间) and 投诉总次数; the count is checked against the times given."""
    times = [n for n in numbers if unit_measure(n.quantity.unit).dimension == "time" and not mentions(n, aside)]
    counts = [n for n in numbers if unit_measure(n.quantity.unit).dimension == "count" and not n.article]
    times = _enumerated(text, times) or times
    count = max(counts, key=lambda n: cue_score(n, ("投诉", "客诉", "收到", "共", "起")), default=None)
    if not any(word in text for word in COMPLAINTS):
        return None
    if not times:
        return ListReading(question="请给出每一起投诉的解决时间（小时）") if count else None
    unit = _common_unit([n.quantity for n in times])
    values = [convert(n.quantity.value, n.quantity.unit, unit) for n in times]
    said = int(count.quantity.value) if count else 0
    if len(values) == 1:
        total = cue_score(times[0], TOTAL) > 0.3 or any(word in text for word in TOTAL)
        if said < 1 or not (total or said == 1):
            return ListReading(question="请给出每一起投诉的解决时间和投诉总次数")
        return ListReading({"v1": Amount(values, unit), "v2": Amount(float(said))})
    if said and said != len(values) and said > 1:
        return ListReading(question=f"您说有 {said} 起投诉，给出的解决时间有 {len(values)} 个，请核对各起的时间")
    return ListReading({"v1": Amount(values, unit), "v2": Amount(float(len(values)))})


def _enumerated(text: str, times: Sequence[Spoken]) -> list[Spoken]:
    """The longest run of times with nothing but 、 and 和 between them."""
    runs: list[list[Spoken]] = []
    for time in times:
        gap = text[runs[-1][-1].quantity.end : time.quantity.start] if runs else ""
        if runs and time.index == runs[-1][-1].index + 1 and LINK.fullmatch(gap):
            runs[-1].append(time)
        else:
            runs.append([time])
    longest = max(runs, key=len) if runs else []
    return longest if len(longest) > 1 else []


def _common_unit(quantities: Sequence[Quantity]) -> str:
    units = {q.unit for q in quantities}
    return units.pop() if len(units) == 1 else "小时"


def emission_sources(text: str, numbers: Sequence[Spoken]) -> ListReading | None:
    """Activity data and emission factors, source by source, factors as t CO2e per unit of the activity."""
    factors = [n for n in numbers if _is_factor(text, n)]
    activities = [n for n in numbers if n not in factors and _is_activity(n)]
    if not activities and not factors:
        return None
    if not factors:
        return ListReading(question="请给出各排放源的排放因子（tCO2e/单位）")
    if not activities:
        return ListReading(question="请给出各排放源的活动数据（如用电量、燃料消耗量）")
    if len(factors) != len(activities):
        return ListReading(question=f"活动数据有 {len(activities)} 个，排放因子有 {len(factors)} 个，请逐个排放源对应给出")
    pairs = [_in_tonnes(text, a, f) for a, f in zip(activities, factors, strict=True)]
    assumed = "；".join(dict.fromkeys(p[2] for p in pairs if p[2]))
    return ListReading({"v1": Amount([p[0] for p in pairs]), "v2": Amount([p[1] for p in pairs])}, basis=assumed)


def _is_factor(text: str, number: Spoken) -> bool:
    unit = number.quantity.unit
    if "/" in unit or unit_measure(unit).dimension == CO2 or (_mass_like(unit) and _written_per(text, number)):
        return True
    named = cue_score(number, FACTOR[:-1])
    return named > 0.35 and (not unit or _mass_like(unit)) and named > cue_score(number, ACTIVITY)


def _mass_like(unit: str) -> bool:
    return unit_measure(unit).dimension in (CO2, "mass")


def _is_activity(number: Spoken) -> bool:
    dimension = unit_measure(number.quantity.unit).dimension
    if dimension in ("electricity", "coal", "raw_coal", "heat", "mass", "volume"):
        return not number.article
    return not number.quantity.unit and cue_score(number, ACTIVITY) > 0.35


def _in_tonnes(text: str, activity: Spoken, factor: Spoken) -> tuple[float, float, str]:
    """An activity and its factor in tonnes of CO2 per the unit that the factor is written for."""
    amount, given = activity.quantity, factor.quantity
    top, _, per = given.unit.partition("/")
    named = per or _written_per(text, factor)
    value, basis = given.value, ""
    if measure(top) and _mass_like(top):
        value = convert(value, top, "吨" if unit_measure(top).dimension == "mass" else "tCO2e")
    elif not given.unit and amount.unit in ("度", "度电", "千瓦时", "kWh", "kwh", "KWH") and value < 5:
        value, basis = convert(value, "公斤", "吨"), f"排放因子 {given.value:g} 未写单位，按 kgCO2e/kWh（即 tCO2e/MWh）计"
    if named and amount.unit and unit_measure(named).dimension == unit_measure(amount.unit).dimension:
        return convert(amount.value, amount.unit, named), value, basis
    return amount.value, value, basis


def _written_per(text: str, factor: Spoken) -> str:
    """每度电排0.58公斤: the unit stands before the factor."""
    before = re.search(
        r"每(?:一)?(度电|度|千瓦时|兆瓦时|吨|立方米|立方|方|升|公斤|kWh|MWh)[^，,。；;]{0,10}$", text[: factor.quantity.start]
    )
    return before[1] if before else ""
