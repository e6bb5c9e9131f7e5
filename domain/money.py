"""Amounts of money (人民币) as people write them and as they are compared."""

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

MoneyUnit = Literal["元", "万元", "亿元"]
UNITS: dict[MoneyUnit, Decimal] = {"元": Decimal(1), "万元": Decimal(10_000), "亿元": Decimal(100_000_000)}
WRITTEN = re.compile(r"([+-]?[\d,]*\.?\d+)\s*(亿元|万元|亿|万|元)?(?:人民币)?")


class Money(BaseModel):
    """An amount in the unit in which it was given; `1.2亿元` can be given as text. Compare by `yuan`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: Decimal = Field(ge=0, max_digits=20, decimal_places=6)
    unit: MoneyUnit = "万元"

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return parse_money(value) if isinstance(value, str) else value

    @property
    def yuan(self) -> Decimal:
        return self.amount * UNITS[self.unit]

    def __str__(self) -> str:
        return f"{self.amount.normalize():f}{self.unit}"


def parse_money(text: str, default: MoneyUnit | None = None) -> dict[str, Any]:
    """The fields of a `Money`. Raises ValueError for anything but one amount; for one without a unit too, unless `default` gives it."""
    plain = unicodedata.normalize("NFKC", text).replace("人民币", "").replace("¥", "").strip()
    found = WRITTEN.fullmatch(plain)
    if found is None:
        raise ValueError("写成金额，例如 1200万元 或 1.2亿元")
    named = found[2] or default
    if named is None:
        raise ValueError("金额缺少单位：元、万元或亿元")
    unit = next(known for known in get_args(MoneyUnit) if known == named or known == f"{named}元")
    try:
        return {"amount": Decimal(found[1].replace(",", "")), "unit": unit}
    except InvalidOperation as error:
        raise ValueError("写成金额，例如 1200万元 或 1.2亿元") from error
