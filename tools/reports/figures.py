"""How figures are written, in one place: what is shown in one rendering is shown in every other."""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

BEIJING = ZoneInfo("Asia/Shanghai")
NONE = "—"
OPEN = "待确认"


def fixed(value: float | None, decimals: int, absent: str = NONE) -> str:
    """With exactly so many decimals, so that a column lines up; half away from zero, and no minus before nothing."""
    if value is None:
        return absent
    rounded = Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return f"{abs(rounded) if rounded == 0 else rounded:f}"


def signed(value: float | None, decimals: int, absent: str = NONE) -> str:
    shown = fixed(value, decimals, absent)
    return f"+{shown}" if value is not None and Decimal(shown) > 0 else shown


def short(value: float | None, decimals: int = 2, absent: str = NONE) -> str:
    """As few decimals as the value has, and no more than `decimals`."""
    shown = fixed(value, decimals, absent)
    return shown.rstrip("0").rstrip(".") if "." in shown and value is not None else shown


def percent(value: float | None, absent: str = NONE) -> str:
    """Of something that is in per cent already."""
    return absent if value is None else f"{short(value)}%"


def share(value: float | None, absent: str = NONE) -> str:
    """Of something between 0 and 1."""
    return absent if value is None else f"{short(float(Decimal(repr(value)) * 100))}%"


def day(value: date | None, absent: str = NONE) -> str:
    return absent if value is None else f"{value.year} 年 {value.month} 月 {value.day} 日"


def moment(value: datetime | None, absent: str = NONE) -> str:
    """In Beijing time."""
    return absent if value is None else value.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M")
