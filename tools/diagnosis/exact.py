"""Exact arithmetic: one decimal context, and results settled so that a third times three is one."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow

from .definition import Round

CONTEXT = Context(prec=50, rounding=ROUND_HALF_EVEN, traps=[DivisionByZero, InvalidOperation, Overflow])
_SETTLED = Context(prec=30, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation])
_MODES = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "down": ROUND_DOWN, "up": ROUND_UP}


def settle(value: Decimal) -> Decimal:
    """The value to thirty digits: what division left behind is gone, what was entered is whole."""
    return _SETTLED.plus(value)


def rounded(value: Decimal, rule: Round | None, at: str) -> Decimal:
    """Rounded where the rule asks for it."""
    if rule is None or (rule.at not in (at, "all")):
        return value
    return value.quantize(Decimal(1).scaleb(-rule.decimals), _MODES[rule.mode])
