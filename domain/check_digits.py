"""Whether a number can be one: check digits and dates. Pure arithmetic; every function takes the bare characters, without separators."""

from datetime import date

ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ID_CHECKS = "10X98765432"
"""GB 11643, ISO 7064 mod 11-2."""
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
"""GB 32100, mod 31."""
FIRST_YEAR, LAST_YEAR = 1880, 2100


def id_check(first17: str) -> str:
    """The check character of a resident ID's first 17 digits."""
    return ID_CHECKS[sum(int(digit) * weight for digit, weight in zip(first17, ID_WEIGHTS, strict=True)) % 11]


def credit_check(first17: str) -> str:
    """The check character of a unified social credit code's first 17 characters.

    Raises:
        ValueError: a character that GB 32100 does not use.
    """
    total = sum(CREDIT_ALPHABET.index(char) * weight for char, weight in zip(first17, CREDIT_WEIGHTS, strict=True))
    return CREDIT_ALPHABET[(31 - total % 31) % 31]


def is_credit_code(text: str) -> bool:
    if len(text) != 18 or any(char not in CREDIT_ALPHABET for char in text):
        return False
    return credit_check(text[:17]) == text[17]


def luhn_ok(digits: str) -> bool:
    total = 0
    for at, char in enumerate(reversed(digits)):
        value = int(char) * (1 + at % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def luhn_digit(first: str) -> str:
    """The digit that makes `first` pass Luhn when appended."""
    return next(digit for digit in "0123456789" if luhn_ok(first + digit))


def is_date(year: str, month: str, day: str) -> bool:
    """Whether a birthday can be written so; a year of two digits is of the twentieth century."""
    number = int(year) + (1900 if len(year) == 2 else 0)
    if not FIRST_YEAR <= number <= LAST_YEAR:
        return False
    try:
        date(number, int(month), int(day))
    except ValueError:
        return False
    return True
