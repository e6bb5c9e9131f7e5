"""Address markers at the head of a line: a tokenizer and a small grammar (条款编号).

What is read: GB/T 1.1 numbers (6.1.2.1, A.1, a.1), list markers (a) 1) (1) ① and dashes), 附录 A, 附件 1, 第三章, 第十条之一, 一、 （一）
1、, in full or half width, with the spaces that OCR puts into them. A line may be read in several ways (`6. 1 范围`); the readings
come best first, and the document's grammar takes the first that fits its place.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from domain.numerals import NUMERAL_CHARS, parse_numeral, to_numeral

HEAD = 48
"""Markers stand within this many characters."""
MAX_ORDINAL = 9999

_WIDE = {0xFF01 + at: 0x21 + at for at in range(94)} | {0x3000: 0x20, 0xA0: 0x20, 0x200B: 0x20, 0xFEFF: 0x20, 0xFE52: 0x2E}
_ENCLOSED = {
    **{chr(0x2460 + at): ("①", at + 1) for at in range(20)},
    **{chr(0x2776 + at): ("①", at + 1) for at in range(10)},
    **{chr(0x2474 + at): ("(1)", at + 1) for at in range(20)},
    **{chr(0x2488 + at): ("1.", at + 1) for at in range(20)},
    **{chr(0x3220 + at): ("(一)", at + 1) for at in range(10)},
    **{chr(0x2160 + at): ("Ⅰ", at + 1) for at in range(12)},
}
_PUNCTUATION = {"(": "open", ")": "close", "〔": "open", "〕": "close", ".": "dot", "、": "enum", ":": "colon", ",": "comma"}
_DASHES = "—–―-"
_BULLETS = "•·●■◆▪▶➢※*"
_WORDS = ("分编", "部分", "第", "编", "篇", "章", "节", "条", "之")
_DIVISIONS = {"编": "编", "篇": "编", "部分": "编", "分编": "分编", "章": "章", "节": "节", "条": "条"}
_ENDS = frozenset({"end", "space", "colon", "enum", "open", "comma"})
_ASCII_STARTS = "*" + "".join(chr(c) for c in range(0x21, 0x7B) if chr(c).isalnum())
_STARTS = frozenset("第附(〔（" + _DASHES + _BULLETS + NUMERAL_CHARS + "".join(_ENCLOSED) + _ASCII_STARTS)
_WIDE_STARTS = frozenset(chr(ord(c) + 0xFEE0) for c in _ASCII_STARTS)

LIST_SCHEMES = frozenset({"a)", "(a)", "a.", "A)", "1)", "(1)", "①", "dash"})
"""Markers of list entries: what they open is never a heading."""
RANKED = {"编": 1, "分编": 2, "章": 3, "节": 4, "条": 5}
"""Divisions of laws: their nesting is the same in every document."""


@dataclass(frozen=True, slots=True)
class Marker:
    """One reading of a line's head: which scheme, which number, and where the text after it starts."""

    scheme: str
    ordinals: tuple[int, ...]
    """(6, 1, 2) of 6.1.2, (103, 1) of 第一百零三条之一, (1,) of a); empty for a dash."""
    label: str
    """The form that addresses use: 6.1.2, 第一百零三条之一, a, 一."""
    end: int
    """Offset of the text after the marker and the spaces behind it."""
    sure: bool = True
    """False where the same characters also begin ordinary sentences (`10 个以上`): the number then has to be the next one."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    number: int
    start: int
    end: int


def narrow(text: str) -> str:
    """Full-width forms and odd spaces as ASCII, one character for one, so that offsets stay valid."""
    return text.translate(_WIDE)


def markers(text: str) -> tuple[Marker, ...]:
    """Every reading of the marker at the head of `text`, best first; empty when there is none."""
    stripped = text.lstrip("\u200b\ufeff \t\u3000\xa0")
    if not stripped or (stripped[0] not in _STARTS and stripped[0] not in _WIDE_STARTS):
        return ()
    offset = len(text) - len(stripped)
    tokens = _tokenize(narrow(stripped[:HEAD]))
    found = [reading for rule in _RULES for reading in rule(tokens)]
    return tuple(Marker(m.scheme, m.ordinals, m.label, m.end + offset, m.sure) for m in found)


def _tokenize(text: str) -> list[_Token]:
    """Tokens of a line's head; the first character that no marker contains ends it as `text`."""
    tokens: list[_Token] = []
    at = 0
    while at < len(text):
        token = _next_token(text, at)
        tokens.append(token)
        if token.kind == "text":
            break
        at = token.end
    tokens.append(_Token("end", "", 0, len(text), len(text)))
    return tokens


def _next_token(text: str, at: int) -> _Token:
    char = text[at]
    if char.isspace():
        return _run(text, at, "space", str.isspace)
    if char.isascii() and char.isdigit():
        return _run(text, at, "num", lambda c: c.isascii() and c.isdigit())
    if char == "附":
        return _annex_word(text, at)
    for word in _WORDS:
        if text.startswith(word, at):
            return _Token("word", word, 0, at, at + len(word))
    if char in NUMERAL_CHARS:
        return _run(text, at, "han", NUMERAL_CHARS.__contains__)
    if char in _ENCLOSED:
        return _Token("enclosed", char, _ENCLOSED[char][1], at, at + 1)
    if char.isascii() and char.isalpha():
        alone = not text[at + 1 : at + 2].isascii() or not text[at + 1 : at + 2].isalnum()
        return _Token(("upper" if char.isupper() else "lower") if alone else "text", char, ord(char.lower()) - 96, at, at + 1)
    if char in _DASHES:
        return _run(text, at, "dash", _DASHES.__contains__)
    if char in _BULLETS:
        return _Token("bullet", char, 0, at, at + 1)
    return _Token(_PUNCTUATION.get(char, "text"), char, 0, at, at + 1)


def _annex_word(text: str, at: int) -> _Token:
    """附录 and 附件, as GB/T 1.1 spaces them (附 录)."""
    rest = text[at + 1 :].lstrip()
    if rest[:1] in {"录", "件"}:
        return _Token("annex", "附" + rest[0], 0, at, len(text) - len(rest) + 1)
    return _Token("text", "附", 0, at, at + 1)


def _run(text: str, at: int, kind: str, belongs: Callable[[str], bool]) -> _Token:
    end = at
    while end < len(text) and belongs(text[end]):
        end += 1
    found = text[at:end]
    number = (parse_numeral(found) or 0) if kind in {"num", "han"} else 0
    return _Token(kind, found, min(number, 10**6), at, end)


def _tight(tokens: list[_Token], at: int) -> int:
    """The index at or after `at` that is not a space."""
    return at + 1 if tokens[at].kind == "space" else at


def _body(tokens: list[_Token], at: int) -> int:
    """Offset in the text where the words after a marker start, given the index of the token after it."""
    return tokens[_tight(tokens, at)].start


def _division(tokens: list[_Token]) -> Iterator[Marker]:
    """第 N 编|分编|章|节|条 [之 N]."""
    if tokens[0].text != "第":
        return
    at, text = _tight(tokens, 1), ""
    while tokens[at].kind in {"han", "num"}:
        text += tokens[at].text
        at = _tight(tokens, at + 1)
    number, unit = parse_numeral(text) if text else None, _DIVISIONS.get(tokens[at].text)
    if number is None or number > MAX_ORDINAL or unit is None:
        return
    printed = tokens[at].text
    at += 1
    ordinals, label = (number,), f"第{to_numeral(number)}{printed}"
    branch = _tight(tokens, at)
    if tokens[branch].text == "之" and tokens[_tight(tokens, branch + 1)].kind in {"han", "num"}:
        at = _tight(tokens, branch + 1)
        ordinals, label = (number, tokens[at].number), f"{label}之{to_numeral(tokens[at].number)}"
        at += 1
    yield Marker(unit, ordinals, label, _body(tokens, at), sure=tokens[at].kind in _ENDS)


def _annex(tokens: list[_Token]) -> Iterator[Marker]:
    """附录 A, 附录 1, 附件二; without a number only where nothing else stands in the line."""
    if tokens[0].kind != "annex":
        return
    word, at = tokens[0].text, _tight(tokens, 1)
    token = tokens[at]
    if token.kind in {"upper", "num", "han"} and token.number <= 100:
        label = token.text if token.kind == "upper" else f"{word}{token.number}"
        yield Marker("附", (token.number,), label, _body(tokens, at + 1), sure=tokens[at + 1].kind in _ENDS)
    elif token.kind in {"end", "colon"}:
        yield Marker("附", (0,), word, _body(tokens, at), sure=token.kind == "end")


def _chain(tokens: list[_Token], at: int) -> tuple[list[int], int, bool]:
    """(. N)* from index `at`: the numbers, the index after them, whether there was white space inside."""
    numbers: list[int] = []
    loose = False
    while True:
        dot = _tight(tokens, at)
        number = _tight(tokens, dot + 1) if tokens[dot].kind == "dot" else 0
        if not number or tokens[number].kind != "num" or tokens[number].number > 999:
            return numbers, at, loose
        loose |= dot != at or number != dot + 1
        numbers.append(tokens[number].number)
        at = number + 1


def _decimal(tokens: list[_Token]) -> Iterator[Marker]:
    """6.1.2, A.1, a.1, and the single numbers and letters that open a chapter (`6 平台`, `a 降低成本`)."""
    first = tokens[0]
    if first.kind not in {"num", "upper", "lower"} or (first.kind == "num" and not 0 < first.number < 100):
        return
    scheme = {"num": "6.1", "upper": "A.1", "lower": "a.1"}[first.kind]
    numbers, at, loose = _chain(tokens, 1)
    if numbers:
        after = at + 1 if tokens[at].kind == "dot" and tokens[at + 1].kind != "num" else at
        if tokens[after].text in {"%", "‰"} or tokens[after].kind in {"dash", "close", "comma"}:
            return
        head = str(first.number) if first.kind == "num" else first.text
        label = ".".join([head, *map(str, numbers)])
        yield Marker(scheme, (first.number, *numbers), label, _body(tokens, after), sure=not loose and first.kind == "upper")
    elif tokens[1].kind == "space" and tokens[2].kind not in {"end", "num", "dot", "close", "enum", "dash", "comma", "colon"}:
        yield Marker(scheme, (first.number,), first.text if first.kind != "num" else str(first.number), tokens[2].start, sure=False)
    elif tokens[1].kind == "end" and first.kind == "num":
        yield Marker(scheme, (first.number,), str(first.number), tokens[1].start, sure=False)


_BARE = {
    ("num", "close"): "1)",
    ("num", "enum"): "1、",
    ("num", "dot"): "1.",
    ("lower", "close"): "a)",
    ("lower", "dot"): "a.",
    ("lower", "enum"): "a.",
    ("upper", "close"): "A)",
    ("upper", "enum"): "A)",
    ("han", "enum"): "一、",
    ("han", "dot"): "一、",
}
_BRACKETED = {"num": "(1)", "han": "(一)", "lower": "(a)", "upper": "A)"}


def _enumerated(tokens: list[_Token]) -> Iterator[Marker]:
    """1) 1、 1. a) 一、 and their bracketed forms (1) (a) (一)."""
    first = tokens[0]
    if first.kind == "open":
        yield from _bracketed(tokens)
        return
    if first.kind not in {"num", "lower", "upper", "han"} or not 0 < first.number <= 200:
        return
    second = _tight(tokens, 1)
    scheme = _BARE.get((first.kind, tokens[second].kind))
    if scheme is None or (tokens[second].kind == "dot" and tokens[second + 1].kind == "num"):
        if first.kind == "han" and tokens[1].kind == "space" and tokens[2].kind == "text":
            yield _listed("一、", first, tokens[2].start, sure=False)
        return
    yield _listed(scheme, first, _body(tokens, second + 1), sure=tokens[second].kind in {"close", "enum"} or first.kind == "han")


def _bracketed(tokens: list[_Token]) -> Iterator[Marker]:
    at, inner = _tight(tokens, 1), list[_Token]()
    while tokens[at].kind in _BRACKETED and (not inner or tokens[at].kind == "han"):
        inner.append(tokens[at])
        at = _tight(tokens, at + 1)
    if not inner or tokens[at].kind != "close":
        return
    text = "".join(token.text for token in inner)
    number = (parse_numeral(text) or 0) if inner[0].kind in {"num", "han"} else inner[0].number
    if 0 < number <= 200:
        token = _Token(inner[0].kind, text, number, inner[0].start, inner[-1].end)
        yield _listed(_BRACKETED[token.kind], token, _body(tokens, at + 1), sure=True)


def _listed(scheme: str, token: _Token, end: int, *, sure: bool) -> Marker:
    label = token.text if token.kind in {"lower", "upper"} else to_numeral(token.number) if token.kind == "han" else str(token.number)
    return Marker(scheme, (token.number,), label, end, sure)


def _enclosed(tokens: list[_Token]) -> Iterator[Marker]:
    """① ⑴ ⒈ ㈠ Ⅰ."""
    first = tokens[0]
    if first.kind == "enclosed":
        scheme = _ENCLOSED[first.text][0]
        at = 2 if tokens[1].kind in {"enum", "dot"} else 1
        label = to_numeral(first.number) if scheme == "(一)" else first.text if scheme in {"①", "Ⅰ"} else str(first.number)
        yield Marker(scheme, (first.number,), label, _body(tokens, at), sure=scheme != "Ⅰ" or at == 2)


def _dashed(tokens: list[_Token]) -> Iterator[Marker]:
    """Dashes and bullets; a marker behind one (`- a) …`) is the real one."""
    first = tokens[0]
    if first.kind not in {"dash", "bullet"}:
        return
    rest = _tight(tokens, 1)
    if tokens[rest].kind == "end":
        return
    inner = [m for rule in (_enumerated, _enclosed) for m in rule(tokens[rest:]) if m.sure]
    if inner:
        yield inner[0]
    elif rest == 2 or len(first.text) > 1 or (first.kind == "bullet" and first.text != "*"):
        yield Marker("dash", (), "", tokens[rest].start)


_RULES = (_division, _annex, _decimal, _enumerated, _enclosed, _dashed)
