"""Computing an indicator: names to symbols, units to one scale, checks, the value (TISC-A2). Pure."""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from domain.clause import Formula, FormulaInput, Variable
from domain.errors import ProblemDetail, UserInputError, known_names
from domain.formula import evaluate
from domain.quantity import quantities

from .units import CO2, comparable, convert, money_display, unit_measure

DIGITS = 10
"""Significant digits of a computed value."""


@dataclass(frozen=True)
class Amount:
    """A number, a list or a date with the unit it was given in; no unit means the variable's own."""

    value: FormulaInput
    unit: str = ""


Given = float | list[float] | date | str | Amount
"""What may be given for a variable; a text is read as a date (2025-03-01, 2025-03) or as a number with a unit (86.4万元)."""


@dataclass(frozen=True)
class KpiResult:
    """A computed indicator and everything that it was computed from."""

    value: float
    unit: str
    formula: str
    inputs: dict[str, Amount]
    """By variable name, in the units that were computed with."""
    in_text: bool
    note: str
    also: tuple[tuple[float, str], ...] = ()
    """The same result in other units (1300000 元 is 130 万元)."""
    growth: float | None = None
    """Beside an absolute growth (TISC-A2-d.1-2, d.1-3) the rate, in percent."""
    remarks: tuple[str, ...] = field(default=())
    """What the reader has to know about these inputs."""

    @property
    def values(self) -> list[float]:
        """Every number that stands for the result, the result itself first."""
        stated = [self.value, *(value for value, _ in self.also), *([self.growth] if self.growth is not None else [])]
        return list(dict.fromkeys(stated))

    @property
    def display(self) -> str:
        """The value as an answer writes it: at most two decimals, or three significant digits below 1."""
        value, unit = self.also[0] if self.also and self.unit == "元" else (self.value, self.unit)
        return f"{show(value)}{unit if unit == '%' else ' ' + unit if unit else ''}"


def show(value: float) -> str:
    """A number for reading: 25.304 → 25.3, 0.002344 → 0.00234."""
    digits = 2 if abs(value) >= 1 or value == 0 else 2 - math.floor(math.log10(abs(value)))
    return f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits > 0 else f"{value:.0f}"


def compute(formula: Formula, inputs: Mapping[str, Given], *, signed: Collection[str] = (), shares: bool = False) -> KpiResult:
    """The indicator's value for `inputs` by variable name or symbol.

    `signed` are the symbols that may be negative; `shares` says that v1 is a part of v2.

    Raises:
        UserInputError: an unknown, missing, negative, or non-finite input, units that do not fit, a zero divisor.
    """
    amounts, remarks = resolve(formula, inputs)
    missing = [v.name for v in formula.variables if v.symbol not in amounts]
    if missing:
        raise UserInputError(f"还缺少：{'、'.join(missing)}", where="inputs", cure="请补充这些数值（同一口径、同一单位）")
    for variable in formula.variables:
        _check(variable, amounts[variable.symbol], signed=variable.symbol in signed)
    amounts, kept, more = _one_scale(formula, _emissions(formula, amounts))
    remarks += more
    _check_lists(formula, amounts)
    value = round_significant(evaluate(formula, {symbol: amount.value for symbol, amount in amounts.items()}))
    if formula.variables[0].unit == "日期" and value < 0:
        raise UserInputError("量产日期早于启动日期", where="inputs", cure="请核对两个日期")
    remarks += _plausible(formula, amounts, shares)
    unit = _result_unit(formula, kept)
    return KpiResult(
        value=value,
        unit=unit,
        formula=formula.printed,
        inputs={v.name: amounts[v.symbol] for v in formula.variables},
        in_text=formula.in_text,
        note=formula.note,
        also=_also(value, unit, formula.unit),
        growth=_growth(formula, amounts, value),
        remarks=tuple(remarks),
    )


def resolve(formula: Formula, inputs: Mapping[str, Given]) -> tuple[dict[str, Amount], list[str]]:
    """Inputs by symbol. A name may be the symbol, the name, or a part of it that is unique."""
    found: dict[str, Amount] = {}
    remarks: list[str] = []
    for key, given in inputs.items():
        variable = _variable(formula, key)
        if variable.symbol in found:
            raise UserInputError(f"变量“{variable.name}”给了两次", where=key, cure="只保留一个")
        amount, remark = _amount(variable, given)
        found[variable.symbol] = amount
        remarks += [remark] if remark else []
    return found, remarks


def _variable(formula: Formula, key: str) -> Variable:
    wanted = _plain(key)
    exact = [v for v in formula.variables if key == v.symbol or wanted == _plain(v.name)]
    alike = exact or [v for v in formula.variables if wanted and (wanted in _plain(v.name) or _plain(v.name) in wanted)]
    if len(alike) == 1:
        return alike[0]
    names = [v.name for v in formula.variables]
    raise UserInputError(f"没有名为“{key}”的变量", where=key, cure=f"应为：{'、'.join(names)}；{known_names(key, names)}")


def _plain(name: str) -> str:
    return re.sub(r"[\s()（）\[\]【】·.。、,，_-]", "", name).upper()


def _amount(variable: Variable, given: Given) -> tuple[Amount, str]:
    if isinstance(given, Amount):
        return given, ""
    if not isinstance(given, str):
        return Amount(given), ""
    if variable.unit == "日期":
        return _day(variable, given)
    read = [q for q in quantities(given) if q.kind == "number"]
    if len(read) != 1:
        raise UserInputError(f"“{given}”不是一个数", where=variable.name, cure="写成 86.4 或 86.4万元 的形式")
    return Amount(read[0].value, read[0].unit), ""


def _day(variable: Variable, given: str) -> tuple[Amount, str]:
    read = [q for q in quantities(given) if q.kind == "date" and re.match(r"\d{4}-\d\d", q.iso)]
    remark = f"{variable.name}只有年月，按当月 1 日计" if len(read) == 1 and len(read[0].iso) == 7 else ""
    try:
        return Amount(date.fromisoformat(read[0].iso + ("-01" if remark else ""))), remark
    except (IndexError, ValueError):
        raise UserInputError(f"“{given}”不是日期", where=variable.name, cure="写成 2025-03-01 的形式") from None


def _check(variable: Variable, amount: Amount, *, signed: bool) -> None:
    value, is_list = amount.value, variable.unit.endswith("[]") or variable.unit in ("各源单位", "tCO2e/单位")
    if isinstance(value, date) != (variable.unit == "日期"):
        raise UserInputError(f"“{variable.name}”应为{'日期' if variable.unit == '日期' else '数'}", where=variable.name, cure="请改正")
    if isinstance(value, date):
        return
    if isinstance(value, list) and not is_list:
        raise UserInputError(f"“{variable.name}”应为一个数，不是一列数", where=variable.name, cure="请先汇总成一个数")
    numbers = value if isinstance(value, list) else [value]
    if not numbers:
        raise UserInputError(f"“{variable.name}”是空的", where=variable.name, cure="至少给一个数")
    for number in numbers:
        if isinstance(number, bool) or not math.isfinite(number):
            raise UserInputError(f"“{variable.name}”不是有限的数", where=variable.name, cure="请核对")
        if number < 0 and not signed:
            raise UserInputError(f"“{variable.name}”不能为负数（{number:g}）", where=variable.name, cure="请核对正负号")


def _one_scale(formula: Formula, amounts: dict[str, Amount]) -> tuple[dict[str, Amount], dict[str, str], list[str]]:
    """Amounts with every variable of a group in one unit; the declared units that were replaced by the user's own."""
    out: dict[str, Amount] = {}
    kept: dict[str, str] = {}
    remarks: list[str] = []
    for declared in dict.fromkeys(v.unit for v in formula.variables):
        group = [v for v in formula.variables if v.unit == declared]
        units = dict.fromkeys(amounts[v.symbol].unit or _own(declared) for v in group)
        target = _target(formula, declared, list(units))
        if target != _own(declared):
            kept[declared] = target
        for variable in group:
            amount = amounts[variable.symbol]
            out[variable.symbol] = _rescale(amount, amount.unit or _own(declared), target)
        if len({unit_measure(u).factor for u in units}) > 1 and unit_measure(target).dimension == "time" and _crosses_day(list(units)):
            remarks.append("1天按24小时折算")
    return out | {v.symbol: _as_list(v, out[v.symbol]) for v in formula.variables}, kept, remarks


def _emissions(formula: Formula, amounts: dict[str, Amount]) -> dict[str, Amount]:
    """Emission factors in tonnes per the unit that they are written for, and the activity in that unit (kgCO2/kWh × MWh)."""
    if "dot(" not in formula.expression:
        return amounts
    activity, factor = amounts["v1"], amounts["v2"]
    top, _, per = factor.unit.partition("/")
    if unit_measure(top).dimension in ("mass", CO2):
        factor = _scaled(factor, unit_measure(top).factor, f"tCO2e/{per or '单位'}")
    if per and activity.unit and comparable(activity.unit, per):
        activity = _scaled(activity, convert(1.0, activity.unit, per), per)
    return {"v1": activity, "v2": factor}


def _scaled(amount: Amount, by: float, unit: str) -> Amount:
    values = amount.value if isinstance(amount.value, list) else [amount.value]
    return Amount([float(f"{v * by:.12g}") for v in values if not isinstance(v, date)], unit)


def _own(declared: str) -> str:
    return declared.removesuffix("[]")


def _target(formula: Formula, declared: str, units: list[str]) -> str:
    """The unit a group is computed in: the user's when it is one unit and the result may carry it, else the declared one."""
    own = _own(declared)
    if declared in ("日期", "各源单位", "tCO2e/单位"):
        return own
    carries = formula.unit in ("%", "分") or own in formula.unit.split("/")
    by_dimension = {unit_measure(u).dimension for u in units}
    if len(by_dimension) > 1:
        detail = [ProblemDetail(where=u, what=unit_measure(u).dimension) for u in units]
        raise UserInputError(f"单位不一致：{'、'.join(units)}", where="inputs", cure="请换算成同一种单位", detail=detail)
    fits = comparable(units[0], own)
    if fits and (unit_measure(own).dimension == "money" or not carries or own in ("天", "人天") or len(units) > 1):
        return own
    if not fits and not carries:
        raise UserInputError(f"单位“{units[0]}”不能换算成“{own}”", where="inputs", cure=f"请按{own}给出")
    return units[0]


def _rescale(amount: Amount, unit: str, target: str) -> Amount:
    if isinstance(amount.value, date) or unit == target:
        return replace(amount, unit=target)
    if not comparable(unit, target):
        return replace(amount, unit=unit)
    value = [convert(v, unit, target) for v in amount.value] if isinstance(amount.value, list) else convert(amount.value, unit, target)
    return Amount(value, target)


def _as_list(variable: Variable, amount: Amount) -> Amount:
    """Σ takes a list; a single summand may come as a number."""
    is_list = variable.unit.endswith("[]") or variable.unit in ("各源单位", "tCO2e/单位")
    return Amount([amount.value], amount.unit) if is_list and isinstance(amount.value, int | float) else amount


def _crosses_day(units: list[str]) -> bool:
    factors = [unit_measure(u).factor for u in units]
    return min(factors) < 86400 <= max(factors)


def _check_lists(formula: Formula, amounts: dict[str, Amount]) -> None:
    if "dot(" not in formula.expression:
        return
    lengths = {v.name: len(value) for v in formula.variables if isinstance(value := amounts[v.symbol].value, list)}
    if len(set(lengths.values())) > 1:
        said = "、".join(f"{name} {n} 个" for name, n in lengths.items())
        raise UserInputError(f"个数不一致：{said}", where="inputs", cure="每个排放源各给一个活动数据和一个排放因子")


def _plausible(formula: Formula, amounts: dict[str, Amount], shares: bool) -> list[str]:
    first, second = (amounts[v.symbol].value for v in formula.variables[:2])
    if isinstance(first, list) and isinstance(second, int | float) and len(first) > 1 and len(first) != second:
        return [f"给出了 {len(first)} 个时间，总次数为 {second:g}：未闭环的投诉在分子分母中应一并剔除"]
    if shares and isinstance(first, int | float) and isinstance(second, int | float) and first > second:
        return [f"{formula.variables[0].name}大于{formula.variables[1].name}，请核对口径"]
    return []


def _result_unit(formula: Formula, kept: Mapping[str, str]) -> str:
    if formula.unit in ("%", "分"):
        return formula.unit
    used = {_own(declared): unit for declared, unit in kept.items()}
    return "/".join(used.get(part, part) for part in formula.unit.split("/"))


def _also(value: float, unit: str, declared: str) -> tuple[tuple[float, str], ...]:
    if unit == "元":
        amount = money_display(value)
        return (amount,) if amount else ()
    if unit != declared and comparable(unit, declared):
        return ((round_significant(convert(value, unit, declared)), declared),)
    return ()


def _growth(formula: Formula, amounts: Mapping[str, Amount], value: float) -> float | None:
    if formula.expression != "v1-v2" or not formula.variables[0].name.startswith("本期"):
        return None
    base = amounts[formula.variables[1].symbol].value
    return round_significant(value / base * 100) if isinstance(base, int | float) and base else None


def round_significant(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
