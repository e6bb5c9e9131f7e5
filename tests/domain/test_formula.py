"""Indicator formulas: what they compute, and who is told when they cannot."""

from datetime import date

import pytest

from domain.clause import Formula, FormulaCase, FormulaInput, Variable
from domain.errors import ConfigurationError, UserInputError
from domain.formula import evaluate


def formula(expression: str, *symbols: str) -> Formula:
    variables = [Variable(symbol=s, name=f"变量{s}") for s in symbols]
    return Formula(printed="印刷的公式", expression=expression, variables=variables, test=FormulaCase(inputs=[], expected=0))


class TestValues:
    @pytest.mark.parametrize(
        ("expression", "values", "expected"),
        [
            ("(a - b) / a * 100", {"a": 200.0, "b": 150.0}, 25.0),
            ("sum(a) / len(a)", {"a": [1.0, 2.0, 6.0]}, 3.0),
            ("dot(a, b)", {"a": [2.0, 3.0], "b": [10.0, 0.5]}, 21.5),
            ("max(a, b) - min(a, b)", {"a": 1.0, "b": 4.0}, 3.0),
            ("a - b", {"a": date(2026, 3, 1), "b": date(2026, 2, 1)}, 28.0),
        ],
    )
    def test_a_formula_is_computed(self, expression: str, values: dict[str, FormulaInput], expected: float) -> None:
        assert evaluate(formula(expression, *values), values) == pytest.approx(expected)

    def test_the_result_is_a_plain_float(self) -> None:
        assert type(evaluate(formula("len(a)", "a"), {"a": [1.0]})) is float


class TestTheUserCanMendIt:
    def test_each_missing_variable_is_named_as_people_know_it(self) -> None:
        with pytest.raises(UserInputError, match="变量b、变量c") as caught:
            evaluate(formula("a / (b + c)", "a", "b", "c"), {"a": 1.0})
        assert caught.value.detail[0].cure

    def test_a_divisor_of_zero(self) -> None:
        with pytest.raises(UserInputError, match="分母为 0"):
            evaluate(formula("a / b", "a", "b"), {"a": 1.0, "b": 0.0})

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
    def test_a_result_that_is_no_number(self, value: float) -> None:
        with pytest.raises(UserInputError, match="不是有限的数"):
            evaluate(formula("a * 2", "a"), {"a": value})

    def test_lists_of_different_length(self) -> None:
        with pytest.raises(UserInputError, match="个数"):
            evaluate(formula("dot(a, b)", "a", "b"), {"a": [1.0, 2.0], "b": [1.0]})

    def test_a_power_beyond_all_bounds(self) -> None:
        with pytest.raises((UserInputError, ConfigurationError)):
            evaluate(formula("a ** a ** a", "a"), {"a": 9.0})


class TestTheCatalogueIsWrong:
    @pytest.mark.parametrize(
        "expression", ["a +", "unknown + a", "open('x')", "a.__class__", "__import__('os')", "[x for x in a]", "'text' + a", ""]
    )
    def test_an_expression_that_cannot_be_evaluated(self, expression: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            evaluate(formula(expression, "a"), {"a": 1.0})
        assert caught.value.detail[0].cure
