"""Size, segments (分层) and portrait (画像) of an enterprise: rules over known facts; each result shows its rule and its facts."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from .profile import Profile
from .vocabulary import Axis, SegmentRule, SizeClass, industries, segment_rules, size_rules, vocabulary

Facts = Mapping[str, tuple[str, ...]]
"""Each known fact and its values; what is not known is not in it."""
MEASURES = {"employees": ("从业人员", "人"), "revenue": ("营业收入", "万元"), "assets": ("资产总额", "万元")}
TEN_THOUSAND = Decimal(10_000)
EXTRA_NAMES = {"size": "企业规模", "maturity": "数字化成熟度等级", "needs": "企业需求"}


class Shown(BaseModel):
    """A result that says why."""

    model_config = ConfigDict(frozen=True)


class Size(Shown):
    """大型, 中型, 小型, 微型, or 未知 where the facts do not decide it."""

    value: str
    rule: str
    facts: dict[str, str]
    missing: list[str]


class Basis(Shown):
    """Why an enterprise is in a segment."""

    segment: str
    rule: str
    facts: dict[str, list[str]]


class Segment(Shown):
    """Where an enterprise stands on one axis."""

    axis: str
    name: str
    values: list[str]
    basis: list[Basis]
    missing: list[str]
    """Facts that would decide it and are not known."""


class FeatureGroup(Shown):
    """One of the five groups of features of a portrait."""

    name: str
    known: dict[str, object]
    missing: list[str]


def size_of(profile: Profile) -> Size:
    """By headcount, revenue and assets, as the statistical classification asks for in this industry; never by half of it."""
    rules, unknown = size_rules(), segment_rules().unknown
    code = profile.industry_code or ""
    fitting = next((each for each in rules.classes if _applies(each, code)), None)
    if fitting is None:
        missing = [] if len(code) > 1 else ["industry_code"]
        why = "这个行业没有可用的划型标准，或行业代码没有填到大类" if code else "没有行业代码，不能选择划型标准"
        return Size(value=unknown, rule=f"{rules.source}：{why}", facts={}, missing=missing)
    values = _measured(profile)
    bounds = {name: limits for name in MEASURES if (limits := getattr(fitting, name)) is not None}
    ranks = {name: _rank(values[name], limits) for name, limits in bounds.items() if name in values}
    missing = [name for name in bounds if name not in values]
    decided = max(ranks.values(), default=0)
    # the smallest size needs one measure only, so one that is known is enough for it
    value = rules.tiers[decided] if ranks and (not missing or decided == len(rules.tiers) - 1) else unknown
    facts = {MEASURES[name][0]: f"{values[name].normalize():f}{MEASURES[name][1]}" for name in ranks}
    return Size(value=value, rule=_size_rule(fitting, bounds), facts=facts, missing=[] if value != unknown else missing)


def _applies(each: SizeClass, code: str) -> bool:
    """With the section alone, only a class that covers all of it."""
    if len(code) > 1:
        division = int(code[1:3])
        return any(first <= division <= last for first, last in each.divisions)
    section = industries().sections.get(code)
    return section is not None and any(first <= section.divisions[0] and section.divisions[1] <= last for first, last in each.divisions)


def _measured(profile: Profile) -> dict[str, Decimal]:
    money = {"revenue": profile.revenue, "assets": profile.assets}
    found = {name: value.yuan / TEN_THOUSAND for name, value in money.items() if value is not None}
    return found if profile.employees is None else {"employees": Decimal(profile.employees), **found}


def _rank(value: Decimal, limits: tuple[float, float, float]) -> int:
    return next((rank for rank, limit in enumerate(limits) if value >= Decimal(str(limit))), len(limits))


def _size_rule(fitting: SizeClass, bounds: Mapping[str, tuple[float, float, float]]) -> str:
    parts = [
        f"{tier}：" + "且".join(f"{MEASURES[name][0]}≥{limits[rank]:g}{MEASURES[name][1]}" for name, limits in bounds.items())
        for rank, tier in enumerate(size_rules().tiers[:-1])
    ]
    return f"{size_rules().source}，{fitting.name}。{'；'.join(parts)}；低于小型任一下限为{size_rules().tiers[-1]}"


def facts_of(profile: Profile, needs: Iterable[str] = (), assessed: str = "") -> dict[str, tuple[str, ...]]:
    """What segments are computed from. `needs`: texts of open needs. `assessed`: scale/level of the newest assessment."""
    size = size_of(profile).value
    stated = f"{profile.digital_scale}/{profile.digital_level}" if profile.digital_scale and profile.digital_level else ""
    found = {
        "chain_position": (profile.chain_position or "",),
        "size": (size if size != segment_rules().unknown else "",),
        "maturity": (assessed or stated,),
        "pain_points": profile.pain_points,
        "needs": tuple(needs),
    }
    return {name: kept for name, values in found.items() if (kept := tuple(value for value in values if value))}


def segments_of(facts: Facts) -> dict[str, Segment]:
    """The segments on every axis, by the axis's key."""
    return {key: _segment(key, axis, facts) for key, axis in segment_rules().axes.items()}


def _segment(key: str, axis: Axis, facts: Facts) -> Segment:
    wanted = list(dict.fromkeys(fact for rule in axis.rules for fact in rule.facts))
    known = [fact for fact in wanted if facts.get(fact)]
    basis = [found for rule in axis.rules if (found := _basis(rule, facts)) is not None]
    if not axis.many:
        basis = basis[:1]
    values = [each.segment for each in basis]
    if not values:
        values = [axis.otherwise if known and axis.otherwise else segment_rules().unknown]
    return Segment(axis=key, name=axis.name, values=values, basis=basis, missing=[] if known else [_fact_name(fact) for fact in wanted])


def _basis(rule: SegmentRule, facts: Facts) -> Basis | None:
    hits: dict[str, list[str]] = {}
    for fact in rule.facts:
        for value in facts.get(fact, ()):
            if value in rule.is_ or any(word in value for word in rule.words):
                hits.setdefault(_fact_name(fact), []).append(value)
    if not hits:
        return None
    names = "或".join(_fact_name(fact) for fact in rule.facts)
    shown = f"{names}是{'、'.join(rule.is_)}" if rule.is_ else f"{names}里有{'、'.join(rule.words)}之一"
    return Basis(segment=rule.segment, rule=shown, facts=hits)


def _fact_name(fact: str) -> str:
    return EXTRA_NAMES.get(fact) or vocabulary().name_of(fact)


def portrait_of(profile: Profile) -> list[FeatureGroup]:
    """The five groups of features (TISC-7.3.1-e); what is not known is named."""
    known: dict[str, object] = dict(profile.known())
    size = size_of(profile).value
    if size != segment_rules().unknown:
        known["size"] = size
    return [
        FeatureGroup(
            name=name,
            known={_fact_name(field): known[field] for field in fields if field in known},
            missing=[_fact_name(field) for field in fields if field not in known],
        )
        for name, fields in vocabulary().portrait.items()
    ]
