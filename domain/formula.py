"""Indicator formulas as data: compiled once, evaluated without access to anything but their own variables."""

import ast
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from simpleeval import InvalidExpression, SimpleEval  # pyright: ignore[reportMissingTypeStubs]

from .clause import Formula, FormulaInput
from .errors import ConfigurationError, UserInputError


def dot(left: list[float], right: list[float]) -> float:
    """Sum of products, pair by pair (Σ 活动数据 × 排放因子); raises UserInputError when the lists differ in length."""
    if len(left) != len(right):
        what = f"两列数的个数不同：{len(left)} 个与 {len(right)} 个"
        raise UserInputError(what, where="inputs", cure="逐项成对填写，没有的填 0")
    return sum(a * b for a, b in zip(left, right, strict=True))


def mean(*numbers: Decimal) -> Decimal:
    """The plain mean."""
    return sum(numbers, Decimal(0)) / len(numbers)


def total(*numbers: Decimal) -> Decimal:
    """The sum."""
    return sum(numbers, Decimal(0))


def round_half_up(number: Decimal, digits: Decimal = Decimal(0)) -> Decimal:
    """Rounded as people round: 2.5 → 3, 0.125 to two digits → 0.13."""
    return number.quantize(Decimal(1).scaleb(-int(digits)), ROUND_HALF_UP)


def growth(now: Decimal, before: Decimal) -> Decimal:
    """Growth in per cent; a zero base has none."""
    return (now - before) / before * 100


FUNCTIONS = {"abs": abs, "sum": sum, "len": len, "min": min, "max": max, "dot": dot}
EXACT_FUNCTIONS: dict[str, Callable[..., object]] = {
    "abs": abs,
    "min": min,
    "max": max,
    "mean": mean,
    "sum": total,
    "round": round_half_up,
    "sqrt": Decimal.sqrt,
    "ln": Decimal.ln,
    "growth": growth,
}


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


LONGEST = 2000


class Undefined(ArithmeticError):
    """An expression has no value for these numbers: a zero divisor, or no number at all (不可计算)."""


def _decimal_constant(node: ast.Constant) -> object:
    value = node.value
    return value if isinstance(value, bool | str) else Decimal(str(value)) if isinstance(value, int | float) else value


class Expression:
    """An expression over named decimal numbers: parsed once, exact, with access to nothing but its names and `functions`.

    A name that Python would not take as one (A1.1, 一级-指标) is written {A1.1}.

    Raises:
        ConfigurationError: it cannot be parsed, calls something unknown, or divides by a constant zero.
    """

    def __init__(self, text: str, functions: Mapping[str, Callable[..., object]] | None = None) -> None:
        if len(text) > LONGEST:
            raise ConfigurationError(f"表达式超过 {LONGEST} 个字符", where=f"{text[:40]}…", cure="分成几个指标")
        self.text = text
        self._functions = {**EXACT_FUNCTIONS, **(functions or {})}
        self._quoted: dict[str, str] = {}
        plain = unicodedata.normalize("NFKC", text).replace("×", "*").replace("÷", "/").replace("−", "-")
        plain = plain.replace("≥", ">=").replace("≤", "<=").replace("≠", "!=")
        plain = re.sub(r"^[^=<>!]+=(?!=)", "", plain)  # 增长率 = (本期 - 上期) / 上期
        plain = re.sub(r"(?<![\d.])100\s*%", "100", plain)  # …×100% is how Chinese formulas say "in per cent"
        source = re.sub(r"\{([^{}]+)\}", self._quote, plain)
        source = re.sub(r"(\d(?:\.\d+)?)\s*%(?!\s*[\w(])", r"\1/100", source)
        try:
            self._tree = SimpleEval.parse(source)
        except (SyntaxError, InvalidExpression, ValueError, RecursionError) as error:
            raise ConfigurationError(f"表达式无法解析：{text}", where=text, cure="核对括号、运算符和名称") from error
        self.names = self._check()

    def _quote(self, match: re.Match[str]) -> str:
        name = f"quoted_{len(self._quoted)}_"
        self._quoted[name] = match[1].strip()
        return name

    def _check(self) -> tuple[str, ...]:
        found: dict[str, None] = {}
        called = {id(node.func) for node in ast.walk(self._tree) if isinstance(node, ast.Call)}
        for node in ast.walk(self._tree):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.FloorDiv | ast.Mod):
                if isinstance(node.right, ast.Constant) and node.right.value == 0:
                    raise ConfigurationError(f"表达式除以 0：{self.text}", where=self.text, cure="改正除数")
            elif isinstance(node, ast.Call) and (not isinstance(node.func, ast.Name) or node.func.id not in self._functions):
                known = "、".join(sorted(self._functions))
                raise ConfigurationError(f"表达式用了没有的函数：{self.text}", where=self.text, cure=f"可用：{known}")
            elif isinstance(node, ast.Attribute | ast.Subscript | ast.Starred | ast.Assign | ast.AugAssign | ast.JoinedStr):
                raise ConfigurationError(f"表达式只能由数、名称和运算组成：{self.text}", where=self.text, cure="名称里有点号时写成 {A1.1}")
            elif isinstance(node, ast.Name) and id(node) not in called:
                found[self._quoted.get(node.id, node.id)] = None
        return tuple(found)

    def __call__(self, values: Mapping[str, object]) -> Decimal | bool:
        """Raises Undefined where the values give no number."""
        names = {symbol: values[name] for symbol, name in self._quoted.items() if name in values}
        evaluator = SimpleEval(functions=self._functions, names={**values, **names})
        evaluator.nodes[ast.Constant] = _decimal_constant  # pyright: ignore[reportOptionalSubscript, reportArgumentType]
        try:
            result: object = evaluator.eval(self.text, previously_parsed=self._tree)  # pyright: ignore
        except (ArithmeticError, InvalidExpression, RecursionError, TypeError, ValueError) as error:
            raise Undefined(str(error)) from error
        if isinstance(result, bool):
            return result
        if isinstance(result, int):
            return Decimal(result)
        if isinstance(result, Decimal) and result.is_finite():
            return result
        raise Undefined("结果不是有限的数")
