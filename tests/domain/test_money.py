"""Amounts as people write them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.money import Money


@pytest.mark.parametrize(
    ("text", "yuan", "shown"),
    [
        ("1.2亿元", 120_000_000, "1.2亿元"),
        ("1,200 万元", 12_000_000, "1200万元"),
        ("３００万", 3_000_000, "300万元"),
        ("人民币 5000元", 5000, "5000元"),
        ("¥80元", 80, "80元"),
    ],
)
def test_what_people_write(text: str, yuan: int, shown: str) -> None:
    money = Money.model_validate(text)
    assert (money.yuan, str(money)) == (yuan, shown)


@pytest.mark.parametrize("text", ["", "300", "-5万元", "很多", "5万美元", "1万元到2万元", {"amount": "NaN"}, {"amount": 1, "unit": "美元"}])
def test_what_is_no_amount(text: object) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate(text)


@given(st.decimals(0, 1_000_000, places=2), st.sampled_from(["元", "万元", "亿元"]))
def test_an_amount_reads_as_it_is_shown(amount: Decimal, unit: str) -> None:
    money = Money.model_validate({"amount": amount, "unit": unit})
    assert Money.model_validate(str(money)).yuan == money.yuan
