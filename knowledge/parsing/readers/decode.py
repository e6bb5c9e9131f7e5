"""Bytes into text: UTF-8, UTF-16, GB18030/GBK, and what charset-normalizer recognises, each with a sanity check."""

import codecs

from charset_normalizer import from_bytes

from .limits import unreadable

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SAMPLE = 65_536
_COMMON = (("一", "龥"), ("\u3000", "\u303f"), ("\uff00", "\uffef"), ("\u2010", "\u2312"), ("\u2460", "\u249b"))
"""Han, punctuation, full-width forms, dashes and signs, enclosed numbers."""
_CONTROLS = frozenset(map(chr, range(32))) - frozenset("\t\n\r\f\v\x1a")


def decode(data: bytes, name: str) -> str:
    """The text of a text file.

    Raises:
        DocumentError: the bytes are no text in any encoding we know.
    """
    for mark, encoding in MARKS:
        if data.startswith(mark):
            text = _strict(data, encoding)
            if text is not None and _is_text(text):
                return text.removeprefix("\ufeff")
    utf16 = _byte_orders(data)
    for encoding in utf16 if b"\0" in data[:SAMPLE] else ["utf-8", "gb18030", *utf16]:
        text = _strict(data, encoding)
        if text is not None and _is_text(text) and (encoding == "utf-8" or _is_chinese(text)):
            return text
    if b"\0" not in data[:SAMPLE]:
        best = from_bytes(data[:SAMPLE]).best()
        text = data.decode(best.encoding, errors="replace") if best is not None else None
        if text is not None and _is_text(text) and "\ufffd" not in text:
            return text
    raise unreadable("文件不是文本：里面有无法识别的二进制内容", name, "确认文件没有损坏；文本请另存为 UTF-8 或 GB18030 编码")


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _byte_orders(data: bytes) -> list[str]:
    """UTF-16 without a mark, the likelier byte order first: ASCII characters leave zeros in one half of the pairs."""
    if len(data) % 2:
        return []
    even, odd = data[:SAMPLE:2].count(0), data[1:SAMPLE:2].count(0)
    return ["utf-16-be", "utf-16-le"] if even > odd else ["utf-16-le", "utf-16-be"]


def _is_text(text: str) -> bool:
    sample = text[:SAMPLE]
    strange = sum(1 for char in sample if char in _CONTROLS or 0xD800 <= ord(char) < 0xF900 or ord(char) >= 0xF0000)
    return strange <= len(sample) // 200


def _is_chinese(text: str) -> bool:
    """GB18030 decodes almost any bytes; only text whose characters are mostly common ones is what it says."""
    wide = [char for char in text[:SAMPLE] if not char.isascii()]
    common = sum(1 for char in wide if any(first <= char <= last for first, last in _COMMON))
    return common >= 0.9 * len(wide)
