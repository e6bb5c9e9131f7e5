"""Use of data on record, and alerts about what is unusual (GXDSL-8.1-7, -8)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Conflict, NotAllowed, NotFound
from domain.principal import Principal, Role
from records.alerts import UsageWatch
from records.anomalies import EndedGrant, Finding, RuleName, Use, UseOutcome, anomaly_rules, find_anomalies
from records.database import Database
from records.usage import UsageLog

from .accounts_desk import Desk
from .people import ANNA, BORIS

MORNING = datetime(2026, 3, 2, 2, tzinfo=UTC)
"""Ten o'clock in Shanghai."""
RULES = anomaly_rules()
GUARD = Principal(id="guard", tenant="锻造厂", roles=frozenset({"security_admin"}))


def use(at: datetime, outcome: UseOutcome = "read", target: str = "d1", who: str = "anna", tenant: str = "锻造厂") -> Use:
    return Use(tenant=tenant, principal_id=who, target=target, outcome=outcome, at=at)


def every(seconds: float, count: int, start: datetime = MORNING, outcome: UseOutcome = "read", **changed: str) -> list[Use]:
    return [use(start + timedelta(seconds=seconds * n), outcome, **changed) for n in range(count)]


def rules_found(uses: list[Use], ended: list[EndedGrant] | None = None, ordinary: float = 0.0) -> set[RuleName]:
    found = find_anomalies(uses, ended or [], {("锻造厂", "anna"): ordinary}, RULES)
    return {finding.rule for finding in found}


class TestRules:
    def test_ordinary_use_is_nothing(self) -> None:
        assert rules_found(every(60, 60)) == set()

    def test_a_burst_is_many_reads_at_once(self) -> None:
        assert rules_found(every(10, 30)) == {"burst"}
        assert rules_found(every(10, 29)) == set()
        assert rules_found(every(21, 40)) == set()

    def test_a_burst_is_measured_by_the_persons_own_habit(self) -> None:
        assert rules_found(every(5, 99), ordinary=20) == set()
        assert rules_found(every(5, 100), ordinary=20) == {"burst"}

    def test_the_night_is_told_by_the_clock_of_the_place(self) -> None:
        night = MORNING.replace(hour=15)
        assert rules_found(every(120, 20, night)) == {"off_hours"}
        assert rules_found(every(120, 20, night - timedelta(hours=2))) == set()

    def test_refusals_and_tried_out_ids(self) -> None:
        assert rules_found(every(30, 10, outcome="denied")) == {"denied"}
        tried = [use(MORNING + timedelta(seconds=n), "missing", f"d{n}") for n in range(15)]
        assert rules_found(tried) == {"enumeration"}
        assert rules_found(every(1, 40, outcome="missing")) == set()

    def test_use_after_the_end_of_a_grant(self) -> None:
        ended = [EndedGrant(tenant="锻造厂", principal_id="anna", target="d1", ended_at=MORNING)]
        assert rules_found([use(MORNING + timedelta(seconds=11), "denied")], ended) == {"after_revocation"}
        assert rules_found([use(MORNING - timedelta(seconds=1)), use(MORNING + timedelta(seconds=9))], ended) == set()
        for other in (use(MORNING + timedelta(minutes=1), target="d2"), use(MORNING + timedelta(minutes=1), who="boris")):
            assert rules_found([other], ended) == set()

    def test_what_several_people_do_is_nobodys(self) -> None:
        assert rules_found([*every(10, 20), *every(10, 20, who="boris"), *every(10, 20, tenant="纺织厂")]) == set()

    def test_a_finding_names_its_window(self) -> None:
        [found] = find_anomalies([*every(10, 40), *every(60, 10, MORNING - timedelta(hours=1))], [], {}, RULES)
        assert found == Finding(
            rule="burst", tenant="锻造厂", principal_id="anna", count=40, first_at=MORNING, last_at=MORNING + timedelta(seconds=390)
        )

    @given(st.lists(st.tuples(st.integers(0, 7200), st.sampled_from(["read", "denied", "missing"]), st.integers(0, 30)), max_size=120))
    def test_more_use_never_finds_less(self, seen: list[tuple[int, UseOutcome, int]]) -> None:
        uses = [use(MORNING + timedelta(seconds=second), outcome, f"d{n}") for second, outcome, n in seen]
        assert rules_found(uses[: len(uses) // 2]) <= rules_found(uses)

    @given(st.lists(st.integers(0, 3600), min_size=30, max_size=60), st.randoms())
    def test_the_order_of_records_does_not_matter(self, seconds: list[int], random: object) -> None:
        uses = [use(MORNING + timedelta(seconds=second)) for second in seconds]
        shuffled = sorted(uses, key=lambda _: random.random())  # pyright: ignore
        assert find_anomalies(uses, [], {}, RULES) == find_anomalies(shuffled, [], {}, RULES)

    def test_the_watch_looks_often_enough_for_the_standard(self) -> None:
        assert RULES.alert_within_minutes == 10
        assert RULES.look_every_minutes < RULES.alert_within_minutes


class TestLog:
    def test_what_was_noted_is_on_record(self, database: Database) -> None:
        uses = UsageLog(database, every_s=60)
        uses.note(ANNA, "d1", "read", level="restricted", door="http")
        uses.note(ANNA, "d2\x00", "denied")
        uses.note(BORIS, "d1", "missing")
        assert [(found.principal_id, found.target, found.outcome) for found in uses.list_uses(GUARD, principal_id="anna")] == [
            ("anna", "d2\ufffd", "denied"),
            ("anna", "d1", "read"),
        ]
        assert {found.principal_id for found in uses.list_uses(GUARD, target="d1")} == {"anna", "boris"}
        assert uses.list_uses(GUARD.model_copy(update={"tenant": "纺织厂"})) == []
        uses.close()

    def test_what_waits_is_stored_by_itself_and_at_the_end(self, database: Database) -> None:
        first = UsageLog(database, every_s=0.01)
        first.note(ANNA, "d1", "read")
        last = UsageLog(database, every_s=60)
        last.note(ANNA, "d2", "read")
        last.close()
        first.close()
        again = UsageLog(database)
        assert {found.target for found in again.list_uses(GUARD)} == {"d1", "d2"}
        again.close()

    @pytest.mark.parametrize("role", ["staff", "operator", "system_admin", "audit_admin"])
    def test_who_reads_what_is_for_the_security_administrator(self, database: Database, role: Role) -> None:
        uses = UsageLog(database)
        with pytest.raises(NotAllowed):
            uses.list_uses(Principal(id="x", tenant="锻造厂", roles=frozenset({role})))
        uses.close()

    def test_a_note_costs_little(self, database: Database) -> None:
        import timeit

        uses = UsageLog(database, every_s=60)
        best = min(timeit.repeat(lambda: uses.note(ANNA, "d1", "read"), number=200, repeat=5)) / 200
        assert best < 100e-6
        uses.close()


class TestAlerts:
    def watch(self, desk: Desk) -> UsageWatch:
        return UsageWatch(desk.database, desk.audit, now=desk.now)

    def use(self, desk: Desk, count: int, outcome: UseOutcome = "read", target: str = "d{}") -> None:
        uses = UsageLog(desk.database, now=desk.now)
        for number in range(count):
            uses.note(ANNA, target.format(number), outcome)
        uses.close()

    def test_an_alert_stands_within_ten_minutes(self, desk: Desk) -> None:
        watch = self.watch(desk)
        self.use(desk, 40)
        happened = desk.at
        desk.wait(seconds=watch.look_every_s)
        [found] = watch.look()
        [alert] = watch.list_alerts(GUARD)
        assert (found.rule, alert.rule, alert.name, alert.count) == ("burst", "burst", "短时间内大量查看", 40)
        assert alert.raised_at - happened <= timedelta(minutes=10)
        assert desk.deeds[-1].action == "alerts.raise"

    def test_one_incident_is_one_alert_and_a_handled_one_stays_so(self, desk: Desk) -> None:
        watch, other = self.watch(desk), self.watch(desk)
        self.use(desk, 40)
        assert len(watch.look()) == 1
        assert other.look() == watch.look() == []
        desk.wait(minutes=2)
        self.use(desk, 20)
        assert watch.look() == []
        [alert] = watch.list_alerts(GUARD, status="open")
        assert alert.count == 60
        assert watch.handle(alert.id, GUARD, "已电话核实").status == "handled"
        with pytest.raises(Conflict):
            watch.handle(alert.id, GUARD, "再来")
        assert watch.look() == []
        desk.wait(minutes=1)
        self.use(desk, 1)
        assert len(watch.look()) == 1

    def test_use_after_revocation_is_seen(self, desk: Desk) -> None:
        from .test_grants import People, wish

        people = People(desk)
        grant = desk.grants.decide(desk.grants.request(wish(), people.anna).id, "grant", people.boris)
        assert grant is not None
        desk.grants.revoke(grant.id, people.boris)
        desk.wait(minutes=1)
        uses = UsageLog(desk.database, now=desk.now)
        uses.note(people.anna, "d1", "denied")
        uses.close()
        assert [found.rule for found in self.watch(desk).look()] == ["after_revocation"]

    def test_a_habit_is_taken_into_account(self, desk: Desk) -> None:
        uses = UsageLog(desk.database, now=desk.now)
        for _ in range(14):
            for _ in range(480):
                uses.note(ANNA, "d1", "read")
            uses.flush()
            desk.wait(days=1)
        for _ in range(45):
            uses.note(ANNA, "d1", "read")
        uses.close()
        assert self.watch(desk).look() == []

    def test_alerts_are_for_the_security_administrator_of_the_tenant(self, desk: Desk) -> None:
        watch = self.watch(desk)
        self.use(desk, 10, "denied")
        watch.look()
        [alert] = watch.list_alerts(GUARD)
        elsewhere = GUARD.model_copy(update={"tenant": "纺织厂"})
        assert watch.list_alerts(elsewhere) == []
        with pytest.raises(NotFound):
            watch.handle(alert.id, elsewhere, "")
        for role in ("system_admin", "audit_admin", "operator"):
            with pytest.raises(NotAllowed):
                watch.list_alerts(Principal(id="x", tenant="锻造厂", roles=frozenset({role})))

    def test_a_look_at_nothing_finds_nothing(self, desk: Desk) -> None:
        assert self.watch(desk).look() == []
