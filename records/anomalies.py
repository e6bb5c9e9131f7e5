"""Unusual use of data (GXDSL-8.1-8), found by rules in `data/anomalies.yaml`. Pure: uses in, findings out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field

RULES = Path(__file__).parent / "data" / "anomalies.yaml"
UseOutcome = Literal["read", "denied", "missing"]
"""missing: there is no such id in the person's tenant, whether or not another tenant has it."""
RuleName = Literal["burst", "off_hours", "denied", "enumeration", "after_revocation"]
Person = tuple[str, str]
"""Tenant and principal id."""


class Use(BaseModel):
    """Somebody looked at something, or tried to."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    principal_id: str
    target: str
    level: str = ""
    door: str = ""
    outcome: UseOutcome
    at: datetime

    @property
    def person(self) -> Person:
        return self.tenant, self.principal_id


class EndedGrant(BaseModel):
    """A person could look at a thing until then."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    principal_id: str
    target: str
    ended_at: datetime


class Rule(BaseModel):
    """So much of something within a window."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    window_minutes: int = Field(ge=1)
    at_least: int = Field(ge=1)
    times_baseline: float = 0
    from_hour: int = Field(default=0, ge=0, le=23)
    to_hour: int = Field(default=0, ge=0, le=23)
    tolerance_seconds: int = 0

    @property
    def window(self) -> timedelta:
        return timedelta(minutes=self.window_minutes)


class AnomalyRules(BaseModel):
    """All rules, and how ordinary use is measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alert_within_minutes: int
    look_every_minutes: int
    clock: str
    baseline_days: int
    baseline_windows_a_day: int
    rules: dict[RuleName, Rule]

    @property
    def looks_back(self) -> timedelta:
        """How much use a look needs: the longest window, and what may have happened since the last look."""
        return max(rule.window for rule in self.rules.values()) + 2 * timedelta(minutes=self.look_every_minutes)


class Finding(BaseModel):
    """One rule's answer about one person."""

    model_config = ConfigDict(frozen=True)

    rule: RuleName
    tenant: str
    principal_id: str
    count: int
    first_at: datetime
    last_at: datetime


@cache
def anomaly_rules() -> AnomalyRules:
    """The shipped rules, read once."""
    return AnomalyRules.model_validate(yaml.safe_load(RULES.read_text(encoding="utf-8")))


def find_anomalies(
    uses: Iterable[Use], ended: Sequence[EndedGrant], ordinary: Mapping[Person, float], rules: AnomalyRules
) -> list[Finding]:
    """Every rule about every person, at most one finding each: the fullest window.

    `ordinary`: how much a person usually reads in one window; whoever is not in it has no habits yet.
    """
    by_person: defaultdict[Person, list[Use]] = defaultdict(list)
    for use in uses:
        by_person[use.person].append(use)
    ends = {(end.tenant, end.principal_id, end.target): end.ended_at for end in sorted(ended, key=lambda end: end.ended_at)}
    clock = ZoneInfo(rules.clock)
    found: list[Finding | None] = []
    for person, theirs in sorted(by_person.items()):
        theirs.sort(key=lambda use: use.at)
        for name, rule in rules.rules.items():
            counted = [use for use in theirs if _concerns(name, rule, use, ends, clock)]
            floor = max(rule.at_least, rule.times_baseline * ordinary.get(person, 0.0))
            found.append(_fullest(name, rule, person, counted, floor))
    return [finding for finding in found if finding is not None]


def _concerns(name: RuleName, rule: Rule, use: Use, ends: Mapping[tuple[str, str, str], datetime], clock: ZoneInfo) -> bool:
    if name == "burst":
        return use.outcome == "read"
    if name == "denied":
        return use.outcome == "denied"
    if name == "enumeration":
        return use.outcome == "missing"
    if name == "off_hours":
        return use.outcome == "read" and _is_between(use.at.astimezone(clock).hour, rule.from_hour, rule.to_hour)
    end = ends.get((use.tenant, use.principal_id, use.target))
    return end is not None and use.at >= end + timedelta(seconds=rule.tolerance_seconds)


def _is_between(hour: int, start: int, end: int) -> bool:
    return start <= hour < end if start <= end else hour >= start or hour < end


def _fullest(name: RuleName, rule: Rule, person: Person, uses: Sequence[Use], floor: float) -> Finding | None:
    """The window with the most uses (of different ids, where ids are tried out), if there is one with enough."""
    best: tuple[int, int, int] | None = None
    inside: defaultdict[str, int] = defaultdict(int)
    start = 0
    for end, use in enumerate(uses):
        inside[use.target] += 1
        while use.at - uses[start].at >= rule.window:
            left = uses[start].target
            inside[left] -= 1
            if not inside[left]:
                del inside[left]
            start += 1
        count = len(inside) if name == "enumeration" else end - start + 1
        if count >= floor and (best is None or count > best[0]):
            best = (count, start, end)
    if best is None:
        return None
    count, start, end = best
    return Finding(rule=name, tenant=person[0], principal_id=person[1], count=count, first_at=uses[start].at, last_at=uses[end].at)
