"""Alerts about unusual use of data, within ten minutes of it (GXDSL-8.1-8). Whoever assembles the platform calls `look` on a timer."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import case, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.errors import Conflict, NotFound
from domain.permissions import require
from domain.principal import Principal

from .anomalies import AnomalyRules, EndedGrant, Finding, Person, anomaly_rules, find_anomalies
from .database import Database
from .deeds import Audit, AuditedStore, Deed
from .encoding import new_id, storable, utc_now
from .grant_tables import AlertRow, GrantRow, UsageRow
from .usage import use_of

AlertStatus = Literal["open", "handled"]
WATCH = "usage-watch"
"""Who raises alerts, in the audit."""


class Alert(BaseModel):
    """Unusual use by one person. What was looked at stays in the usage record."""

    model_config = ConfigDict(frozen=True)

    id: str
    rule: str
    name: str
    principal_id: str
    count: int
    first_at: datetime
    last_at: datetime
    raised_at: datetime
    status: str
    handled_by: str | None
    handled_at: datetime | None
    note: str


class UsageWatch(AuditedStore):
    """Several processes may look at the same time: an alert has one row."""

    def __init__(
        self, database: Database, audit: Audit, rules: AnomalyRules | None = None, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        super().__init__(database, audit, now=now)
        self._rules = rules or anomaly_rules()

    @property
    def look_every_s(self) -> float:
        """How often `look` must be called for alerts to be in time."""
        return self._rules.look_every_minutes * 60.0

    def look(self) -> list[Finding]:
        """Judge the latest use and raise what is new; returns only that."""
        at = self._now()
        since = at - self._rules.looks_back
        with self._database.session() as session:
            uses = [use_of(row) for row in session.scalars(select(UsageRow).where(UsageRow.at >= since, UsageRow.at <= at))]
            if not uses:
                return []
            people = {use.person for use in uses}
            ended = _ended(session, since, at, people)
            ordinary = self._ordinary(session, since, people)
        findings = find_anomalies(uses, ended, ordinary, self._rules)
        return [finding for finding in findings if not self._grows(finding) and self._raise(finding, at)]

    def list_alerts(self, by: Principal, *, status: AlertStatus | None = None, limit: int = 100) -> list[Alert]:
        """The tenant's alerts, newest first. Raises NotAllowed without `alerts.handle`."""
        require(by, "alerts.handle")
        query = select(AlertRow).where(AlertRow.tenant == by.tenant)
        query = query.where(AlertRow.status == status) if status else query
        with self._database.session() as session:
            rows = session.scalars(query.order_by(AlertRow.raised_at.desc(), AlertRow.id.desc()).limit(limit))
            return [self._alert(row) for row in rows]

    def handle(self, alert_id: str, by: Principal, note: str) -> Alert:
        """Say what was found out, once. Raises NotAllowed without `alerts.handle`, NotFound, Conflict when it has been handled."""
        require(by, "alerts.handle")
        with self._deed() as (session, deeds):
            row = session.scalar(select(AlertRow).where(AlertRow.id == storable(alert_id), AlertRow.tenant == by.tenant))
            if row is None:
                raise NotFound("没有这条预警", where="alert_id", cure="从预警列表中选择")
            once = update(AlertRow).where(AlertRow.id == row.id, AlertRow.status == "open")
            change = once.values(status="handled", handled_by=by.id, handled_at=self._now(), note=storable(note)[:2000])
            if session.execute(change.returning(AlertRow.id).execution_options(synchronize_session=False)).scalar() is None:
                raise Conflict("这条预警已处理", where="alert_id", cure="刷新列表")
            session.refresh(row)
            deeds.append(Deed("alerts.handle", by, "alert", row.id, detail={"rule": row.rule}))
        return self._alert(row)

    def _ordinary(self, session: Session, before: datetime, people: set[Person]) -> dict[Person, float]:
        """How much each of them usually reads in one window."""
        since = before - timedelta(days=self._rules.baseline_days)
        windows = self._rules.baseline_days * self._rules.baseline_windows_a_day
        counted = (
            select(UsageRow.tenant, UsageRow.principal_id, func.count())
            .where(UsageRow.at >= since, UsageRow.at < before, UsageRow.outcome == "read")
            .where(UsageRow.principal_id.in_(sorted({person for _, person in people})))
            .group_by(UsageRow.tenant, UsageRow.principal_id)
        )
        return {(tenant, person): count / windows for tenant, person, count in session.execute(counted)}

    def _grows(self, finding: Finding) -> bool:
        """Whether it goes on an alert that stands already, which is brought up to it."""
        rule = self._rules.rules[finding.rule]
        begins = finding.first_at - 2 * rule.window
        same = (AlertRow.tenant == finding.tenant, AlertRow.rule == finding.rule, AlertRow.principal_id == finding.principal_id)
        # what goes on after somebody has looked into it is a new alert
        known = or_(AlertRow.status == "open", AlertRow.last_at >= finding.last_at)
        growing = update(AlertRow).where(*same, known, AlertRow.last_at >= begins, AlertRow.first_at <= finding.last_at)
        most = case((AlertRow.count < finding.count, finding.count), else_=AlertRow.count)
        latest = case((AlertRow.last_at < finding.last_at, finding.last_at), else_=AlertRow.last_at)
        grown = growing.values(count=most, last_at=latest).returning(AlertRow.id).execution_options(synchronize_session=False)
        with self._database.session(write=True) as session:
            return session.scalar(grown) is not None

    def _raise(self, finding: Finding, at: datetime) -> bool:
        """Whether this process is the one that raised it."""
        row = AlertRow(
            id=new_id(),
            tenant=finding.tenant,
            key=f"{finding.rule}~{finding.principal_id}~{finding.last_at.isoformat()}",
            rule=finding.rule,
            principal_id=finding.principal_id,
            count=finding.count,
            first_at=finding.first_at,
            last_at=finding.last_at,
            raised_at=at,
            status="open",
            note="",
        )
        watch, detail = Principal(id=WATCH, tenant=finding.tenant), {"rule": finding.rule, "count": finding.count}
        with self._deed() as (session, deeds):
            try:
                with session.begin_nested():
                    session.add(row)
            except IntegrityError:
                return False
            deeds.append(Deed("alerts.raise", watch, "account", finding.principal_id, detail=detail))
        return True

    def _alert(self, row: AlertRow) -> Alert:
        names: dict[str, str] = {rule: known.name for rule, known in self._rules.rules.items()}
        fields = {name: getattr(row, name) for name in Alert.model_fields if name != "name"}
        return Alert(name=names.get(row.rule, row.rule), **fields)


def _ended(session: Session, since: datetime, at: datetime, people: set[Person]) -> list[EndedGrant]:
    """Grants to these people that ended lately, where no other one took their place."""
    named = GrantRow.principal_id.in_(sorted({person for _, person in people}))
    recently = or_(GrantRow.revoked_at.between(since, at), GrantRow.until.between(since, at))
    live = select(GrantRow.tenant, GrantRow.principal_id, GrantRow.target).where(named, GrantRow.revoked_at.is_(None), GrantRow.until > at)
    still_open = {tuple(row) for row in session.execute(live)}
    rows = session.scalars(select(GrantRow).where(named, GrantRow.kind == "object", recently))
    return [
        EndedGrant(
            tenant=row.tenant, principal_id=row.principal_id, target=row.target, ended_at=min(row.revoked_at or row.until, row.until)
        )
        for row in rows
        if (row.tenant, row.principal_id, row.target) not in still_open
    ]
