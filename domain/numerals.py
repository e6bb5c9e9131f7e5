"""Chinese numerals as standards, laws and people write them (二十四, 一百零三, 〇, 两, 100万, 1.36亿)."""

import unicodedata

ORDINARY, FINANCIAL = "零一二三四五六七八九", "零壹贰叁肆伍陆柒捌玖"
DIGITS = {c: i for digits in (ORDINARY, FINANCIAL) for i, c in enumerate(digits)} | {"〇": 0, "○": 0, "两": 2, "俩": 2, "仨": 3}
UNITS = {"十": 10, "百": 100, "千": 1000, "拾": 10, "佰": 100, "仟": 1000}
MYRIADS = {"万": 10_000, "亿": 100_000_000}
NUMERAL_CHARS = "".join(DIGITS) + "".join(UNITS) + "".join(MYRIADS)


def parse_numeral(text: str) -> int | None:
    """The integer a Chinese or Arabic numeral stands for, or None when it is not one. `二〇二五` reads digit by digit."""
    text = unicodedata.normalize("NFKC", text).strip()
    if text.isdecimal():
        return int(text)
    if not text or any(c not in NUMERAL_CHARS for c in text):
        return None
    if not any(c in UNITS or c in MYRIADS for c in text):
        return int("".join(str(DIGITS[c]) for c in text))
    total = myriad = section = digit = 0
    for c in text:
        if c in DIGITS:
            digit = DIGITS[c]
            continue
        if c in UNITS:
            section += (digit or 1) * UNITS[c]
        elif c == "万":
            myriad, section = (myriad + section + digit or 1) * MYRIADS[c], 0
        else:
            total, myriad, section = (total + myriad + section + digit or 1) * MYRIADS[c], 0, 0
        digit = 0
    return total + myriad + section + digit


def to_numeral(number: int) -> str:
    """The Chinese numeral of 0 ≤ number < 100,000,000, in the form articles use (第十条, 第二十四条, 第一百零三条)."""
    if not 0 <= number < 10**8:
        raise ValueError(f"no article numeral for {number!r}: 0 to 99,999,999")
    if number >= 10_000:
        head, rest = divmod(number, 10_000)
        tail = "" if not rest else ("零" if rest < 1000 else "") + to_numeral(rest)
        return to_numeral(head) + "万" + tail
    out, zero = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, unit)
        if digit:
            out += ("零" if zero and out else "") + "零一二三四五六七八九"[digit] + name
            zero = False
        else:
            zero = True
    out = out or "零"
    return out[1:] if out.startswith("一十") else out
