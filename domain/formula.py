"""Indicator formulas as data: compiled once, evaluated without access to anything but their own variables."""

import math
from collections.abc import Mapping
from datetime import date

from simpleeval import InvalidExpression, SimpleEval  # pyright: ignore[reportMissingTypeStubs]

from .clause import Formula, FormulaInput
from .errors import ConfigurationError, UserInputError


def dot(left: list[float], right: list[float]) -> float:
    """Sum of products, pair by pair (Σ 活动数据 × 排放因子); raises UserInputError when the lists differ in length."""
    if len(left) != len(right):
        what = f"两列数的个数不同：{len(left)} 个与 {len(right)} 个"
        raise UserInputError(what, where="inputs", cure="逐项成对填写，没有的填 0")
    return sum(a * b for a, b in zip(left, right, strict=True))


FUNCTIONS = {"abs": abs, "sum": sum, "len": len, "min": min, "max": max, "dot": dot}


def evaluate(formula: Formula, values: Mapping[str, FormulaInput]) -> float:
    """The value of `formula` for `values` by symbol.

    Raises:
        UserInputError: a variable is missing, a divisor is zero, or the result is not a finite number.
    """
    missing = [v.name for v in formula.variables if v.symbol not in values]
    if missing:
        raise UserInputError(f"还缺少：{'、'.join(missing)}", where="inputs", cure="请补充这些数值（同一口径、同一单位）")
    names = {symbol: value.toordinal() if isinstance(value, date) else value for symbol, value in values.items()}
    try:
        result = SimpleEval(functions=FUNCTIONS, names=names).eval(formula.expression)  # pyright: ignore
    except ZeroDivisionError:
        raise UserInputError("分母为 0，无法计算", where=formula.printed, cure="请核对作为分母的数值") from None
    except (InvalidExpression, SyntaxError, TypeError) as error:
        raise ConfigurationError(f"公式无法计算：{error}", where=formula.expression, cure="修正目录中的 expression") from error
    if not isinstance(result, int | float) or not math.isfinite(result):
        raise UserInputError("结果不是有限的数", where=formula.printed, cure="请核对输入数值")
    return float(result)
