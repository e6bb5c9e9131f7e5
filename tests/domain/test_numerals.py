"""Chinese numerals, there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.numerals import parse_numeral, to_numeral


@given(st.integers(0, 10**8 - 1))
def test_what_is_written_reads_back(number: int) -> None:
    assert parse_numeral(to_numeral(number)) == number


@given(st.integers(0, 10**12))
def test_digits_read_as_they_stand(number: int) -> None:
    assert parse_numeral(str(number)) == number


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (0, "零"),
        (7, "七"),
        (10, "十"),
        (12, "十二"),
        (20, "二十"),
        (24, "二十四"),
        (100, "一百"),
        (103, "一百零三"),
        (110, "一百一十"),
        (112, "一百一十二"),
        (1005, "一千零五"),
        (1050, "一千零五十"),
        (1260, "一千二百六十"),
        (10_000, "一万"),
        (100_000, "十万"),
    ],
)
def test_articles_are_numbered_like_this(number: int, written: str) -> None:
    assert to_numeral(number) == written
    assert parse_numeral(written) == number


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("二〇二五", 2025),
        ("两百", 200),
        ("贰拾肆", 24),
        ("１５", 15),
        ("〇", 0),
        ("一亿三千万", 130_000_000),
        ("一万亿", 10**12),
        ("三千零五万零二", 30_050_002),
        ("百", 100),
        (" 十五 ", 15),
    ],
)
def test_other_ways_to_write_a_number_are_read(written: str, number: int) -> None:
    assert parse_numeral(written) == number


@pytest.mark.parametrize("text", ["", "条", "第三", "三条", "3.5", "-1", "abc", "几十"])
def test_what_is_no_numeral_is_none(text: str) -> None:
    assert parse_numeral(text) is None


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert parse_numeral(text) is None or parse_numeral(text) >= 0


@pytest.mark.parametrize("number", [-1, 10**8])
def test_there_are_no_articles_beyond_the_range(number: int) -> None:
    with pytest.raises(ValueError, match="no article numeral"):
        to_numeral(number)
