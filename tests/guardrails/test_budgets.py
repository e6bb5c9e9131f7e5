"""How much a tool may be used, decided by data and counted in one place."""

import threading
import timeit
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from domain.errors import ConfigurationError, TooLarge, TooMany
from domain.principal import LOCAL, Principal
from guardrails import budgets
from guardrails.budgets import Budgets, ToolPolicy, load_tool_policy

ANN = Principal(id="ann", tenant="factory", roles=frozenset({"staff"}))
BOB = Principal(id="bob", tenant="factory", roles=frozenset({"staff"}))
EVE = Principal(id="eve", tenant="elsewhere", roles=frozenset({"staff"}))
MIDNIGHT_IN_BEIJING = 16 * 3600.0
SHIPPED = ("search_standards", "get_clause", "compute_kpi", "list_assessments", "score_assessment", "propose_ratings")


class Clock:
    """A time that is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Text(BaseModel):
    text: str


def budgets_of(clock: Clock | None = None, **limits: Any) -> Budgets:
    return Budgets(ToolPolicy.model_validate({"tools": {"double": limits}}), clock=clock or Clock())


def refused(
    decided: Budgets, who: Principal = ANN, run_id: str = "", arguments: Mapping[str, Any] | None = None, tool: str = "double"
) -> str:
    """Where the limit is that refuses a call; "" for a call that may be."""
    try:
        decided.check(tool, who, run_id, arguments or {})
    except (TooMany, TooLarge) as error:
        return error.detail[0].where if error.detail[0].cure else "no cure"
    return ""


class TestRuns:
    def test_a_run_that_repeats_itself_is_stopped(self) -> None:
        decided = budgets_of()
        assert refused(decided, run_id="r", arguments={"a": 1, "b": 2}) == ""
        assert refused(decided, run_id="r", arguments={"b": 2, "a": 1}) == "same_call_per_run"
        assert refused(decided, run_id="r", arguments={"a": 1, "b": 3}) == ""
        assert refused(decided, run_id="other", arguments={"a": 1, "b": 2}) == ""
        assert refused(decided, BOB, run_id="r", arguments={"a": 1, "b": 2}) == ""

    def test_outside_a_run_nothing_is_a_repetition(self) -> None:
        decided = budgets_of()
        assert [refused(decided, arguments={"a": 1}) for _ in range(50)] == [""] * 50

    def test_a_run_has_so_many_calls(self) -> None:
        decided = budgets_of(calls_per_run=3)
        assert [refused(decided, run_id="r", arguments={"n": n}) for n in range(5)] == ["", "", "", "calls_per_run", "calls_per_run"]

    def test_runs_that_are_long_over_are_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(budgets, "REMEMBERED", 10)
        decided = budgets_of()
        for number in range(50):
            assert refused(decided, run_id=f"r{number}") == ""
        assert len(decided._runs) == 10
        assert refused(decided, run_id="r49") == "same_call_per_run"
        assert refused(decided, run_id="r0") == ""


class TestMinutes:
    def test_a_bucket_fills_again_with_time(self) -> None:
        clock = Clock()
        decided = budgets_of(clock, calls_per_minute=2)
        assert [refused(decided) for _ in range(3)] == ["", "", "calls_per_minute"]
        clock.now += 29
        assert refused(decided) == "calls_per_minute"
        clock.now += 1
        assert refused(decided) == ""
        assert refused(decided) == "calls_per_minute"

    def test_each_person_has_a_bucket_for_each_tool(self) -> None:
        decided = Budgets(ToolPolicy.model_validate({"default": {"calls_per_minute": 1}}), clock=Clock())
        assert [refused(decided, ANN), refused(decided, BOB), refused(decided, ANN, tool="other")] == ["", "", ""]
        assert refused(decided, ANN) == "calls_per_minute"

    def test_a_clock_that_is_set_back_takes_nothing_away(self) -> None:
        clock = Clock()
        decided = budgets_of(clock, calls_per_minute=2)
        refused(decided)
        clock.now -= 500
        assert refused(decided) == ""

    @given(st.lists(st.floats(min_value=0, max_value=30), max_size=60), st.integers(min_value=1, max_value=20))
    def test_never_more_than_the_burst_and_what_time_gave(self, pauses: list[float], rate: int) -> None:
        clock = Clock()
        decided = budgets_of(clock, calls_per_minute=rate)
        passed = 0
        for pause in pauses:
            clock.now += pause
            passed += refused(decided) == ""
        assert passed <= rate + sum(pauses) * rate / 60 + 1e-6


class TestDays:
    def test_a_tenant_shares_its_units_until_midnight_in_beijing(self) -> None:
        clock = Clock()
        clock.now = MIDNIGHT_IN_BEIJING - 1
        decided = budgets_of(clock, cost=4, units_per_day=10)
        assert [refused(decided, ANN), refused(decided, BOB), refused(decided, ANN)] == ["", "", "units_per_day"]
        assert refused(decided, EVE) == ""
        clock.now = MIDNIGHT_IN_BEIJING
        assert refused(decided, ANN) == ""

    def test_what_is_refused_costs_nothing(self) -> None:
        decided = budgets_of(cost=1, units_per_day=2, calls_per_run=1)
        refused(decided, run_id="r", arguments={"n": 0})
        assert [refused(decided, run_id="r", arguments={"n": n}) for n in range(1, 9)] == ["calls_per_run"] * 8
        assert refused(decided, run_id="s") == ""


class TestSizes:
    def test_arguments_that_are_too_long(self) -> None:
        decided = budgets_of(largest_arguments=20)
        assert refused(decided, arguments={"a": "x" * 5}) == ""
        with pytest.raises(TooLarge, match="字节") as raised:
            decided.fits("double", {"a": "x" * 50})
        assert raised.value.status_code == 413

    def test_arguments_that_are_too_deep(self) -> None:
        decided = budgets_of(deepest_arguments=3)
        assert refused(decided, arguments={"a": [{"b": 1}]}) == ""
        assert refused(decided, arguments={"a": [{"b": []}]}) == "arguments"

    def test_a_bottomless_argument_is_refused_and_not_followed(self) -> None:
        bottomless: dict[str, Any] = {}
        bottomless["a"] = bottomless
        assert refused(budgets_of(), arguments=bottomless) == "arguments"

    def test_what_json_does_not_like_is_still_measured(self) -> None:
        assert refused(budgets_of(), arguments={"a": "\ud800", "b": 2**80}) == ""

    def test_a_result_that_is_too_long(self) -> None:
        decided = budgets_of(largest_result=20)
        decided.result_fits("double", Text(text="短"))
        with pytest.raises(TooLarge, match="结果"):
            decided.result_fits("double", Text(text="很" * 20))
        budgets_of(largest_result=None).result_fits("double", Text(text="很" * 20))


class TestData:
    def test_the_shipped_limits_let_batches_through(self) -> None:
        decided = Budgets(load_tool_policy(), clock=Clock())
        for tool in SHIPPED:
            assert {refused(decided, LOCAL, tool=tool) for _ in range(20_000)} == {""}

    def test_a_beginning_with_a_star_stands_for_many(self) -> None:
        limits = Budgets(load_tool_policy()).limits("mcp_notes_read")
        assert (limits.calls_per_minute, limits.same_call_per_run) == (60, 1)
        assert load_tool_policy().limits("anything") == load_tool_policy().default

    def test_a_tool_says_only_what_differs(self, tmp_path: Path) -> None:
        path = tmp_path / "tools.yaml"
        path.write_text("default: {seconds: 5, cost: 3}\ntools:\n  slow: {seconds: 60}\n", encoding="utf-8")
        limits = load_tool_policy(path).limits("slow")
        assert (limits.seconds, limits.cost, limits.calls_per_run) == (60, 3, 20)

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("default:\n  cost: 1\n  colour: 2\n", 3),
            ("tools:\n  a:\n    cost: 1\n  b:\n    seconds: 1\n    second: 2\n", 6),
            ("default: {}\n\nlimits: {}\n", 3),
            ("default:\n  calls_per_run: many\n", 2),
            ("tools:\n  a: 3\n", 2),
            ("- a\n", 1),
        ],
    )
    def test_a_wrong_line_is_named(self, tmp_path: Path, text: str, line: int) -> None:
        path = tmp_path / "tools.yaml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigurationError) as raised:
            load_tool_policy(path)
        assert raised.value.detail[0].where == f"tools.yaml 第 {line} 行"

    def test_a_file_that_is_not_yaml_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "tools.yaml"
        path.write_text("default: [", encoding="utf-8")
        with pytest.raises(ConfigurationError, match="读不了"):
            load_tool_policy(path)


def test_threads_do_not_share_the_last_call() -> None:
    decided = budgets_of(calls_per_minute=500, units_per_day=None)
    passed: list[bool] = []

    def call() -> None:
        passed.extend([refused(decided) == "" for _ in range(200)])

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) == 500


def test_a_check_takes_microseconds() -> None:
    decided = Budgets(load_tool_policy())
    arguments = {"query": "采购成本下降率怎么算", "earlier": [], "k": 24}
    numbers = iter(range(1_000_000))
    best = min(timeit.repeat(lambda: decided.check("search_standards", ANN, f"r{next(numbers)}", arguments), number=500, repeat=10)) / 500
    assert best < 20e-6 * 5
