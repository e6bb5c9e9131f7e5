"""Every error says who must act, and how, in one shape."""

import pytest

from domain import errors
from domain.errors import PlatformError, Problem, ProblemDetail, UserInputError, known_names

ALL = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PlatformError)]


@pytest.mark.parametrize("kind", ALL)
def test_each_error_becomes_a_problem(kind: type[PlatformError]) -> None:
    problem = kind("出错了", where="第 3 行", cure="改正").problem("run-1")
    assert problem == Problem(
        type=kind.__name__, message="出错了", detail=[ProblemDetail(where="第 3 行", what="出错了", cure="改正")], run_id="run-1"
    )
    assert set(problem.model_dump()) == {"type", "message", "detail", "run_id"}


@pytest.mark.parametrize("kind", ALL)
def test_each_error_has_a_status_and_an_exit_code(kind: type[PlatformError]) -> None:
    assert 200 <= kind.status_code < 600
    assert kind.exit_code in (1, 2)
    assert kind.__doc__


def test_the_users_errors_exit_with_2() -> None:
    assert {kind.exit_code for kind in ALL if issubclass(kind, UserInputError)} == {2}


def test_details_follow_the_place() -> None:
    more = [ProblemDetail(where="b", what="也错")]
    error = UserInputError("错", where="a", detail=more)
    assert [detail.where for detail in error.detail] == ["a", "b"]
    assert more == [ProblemDetail(where="b", what="也错")]


def test_an_error_without_a_place_has_no_detail() -> None:
    assert UserInputError("错").problem().detail == []


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    assert known_names("TISC-7.3.1b", ["TISC-7.3.1-b", "MIIT-15"]).startswith("相近的有：TISC-7.3.1-b")
    assert known_names("完全不同", ["乙", "甲"]) == "可用的有：乙、甲"
