"""What a text says once its disguises are undone: encodings, escapes, spelled-out letters, leetspeak, strings joined by code.

Every candidate is examined like a text of its own. Work is bounded: so many candidates, so many characters each.
"""

import base64
import binascii
import codecs
import html
import re
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MOST = 24
"""Candidates per text."""
LONGEST = 8000
"""Characters of a candidate."""
READ = 60_000
"""Characters in which candidates are looked for."""
SHORTEST = 6
"""Characters of a decoded text that can still say something."""

BASE64 = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{16,8000}+={0,2}")
HEX = re.compile(r"(?<![0-9A-Za-z])(?:0x)?(?:[0-9a-fA-F]{2}[ :,]?){10,4000}+")
PERCENT = re.compile(r"(?:[A-Za-z0-9._~+-]{0,40}%[0-9A-Fa-f]{2}){4,2000}+[A-Za-z0-9._~+-]{0,40}")
ESCAPES = re.compile(r"(?:\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|&#x?[0-9a-fA-F]{2,6};|[ A-Za-z]){6,4000}+")
ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})")
SPACED = re.compile(r"(?:[a-z\u4e00-\u9fff](?:[ \t]{1,2}|[-_.*|~+/、·])){5,2000}+[a-z\u4e00-\u9fff]")
LITERALS = re.compile(r"(?<![A-Za-z0-9])'([^'\n]{2,2000})'(?![A-Za-z])|\"([^\"\n]{2,2000})\"")
LEET = re.compile(r"(?<![a-z0-9])(?=[0-9@$!]{0,20}[a-z])(?=[a-z]{0,20}[013457@$!])[a-z013457@$!]{3,20}(?![a-z0-9])")
HINTS = {  # what the ASCII characters of a text contain if the expression can match: these are looked for first
    HEX: re.compile(r"(?:[0-9a-fA-F]{2}[ :,]?){10}"),
    BASE64: re.compile(r"[A-Za-z0-9+/_-]{16}"),
    PERCENT: re.compile(r"%[0-9A-Fa-f]{2}"),
    LEET: re.compile(r"[a-z][013457@$!]|[013457@$!][a-z]"),
}
SPELLED = re.compile(r"[ \t_.*|~+/、·-]{1,2}[a-z\u4e00-\u9fff][ \t_.*|~+/、·-]{1,2}[a-z\u4e00-\u9fff][ \t_.*|~+/、·-]")
LEET_LETTERS = str.maketrans("013457@$!", "oieastasi")
ROT_SIGNS = frozenset({"gur", "naq", "lbh", "gb", "bs", "sbe", "nyy", "vf", "guvf", "gung", "lbhe", "vtaber", "cerivbhf", "vafgehpgvbaf"})
"""Common English words as ROT13 writes them."""
BACKWARDS = ("erongi", "suoiverp", "snoitcurtsni", "laever", "tpmorp metsys", "略忽", "令指", "词示提")


@dataclass(frozen=True)
class Candidate:
    """A text that was hidden in `[start, end)`."""

    text: str
    start: int
    end: int


def candidates(text: str) -> list[Candidate]:
    """The hidden texts of folded `text` (its case matters), at most `MOST`."""
    text = text[:READ]
    found: list[Candidate] = []
    for finder in (_encoded, _escaped, _spelled, _literals, _whole):
        for candidate in finder(text):
            if len(candidate.text) >= SHORTEST and candidate.text.strip():
                found.append(Candidate(candidate.text[:LONGEST], candidate.start, candidate.end))
            if len(found) >= MOST:
                return found
    return found


def _readable(data: bytes) -> str:
    """The text of `data` if it is one: UTF-8 and hardly anything unprintable."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    shown = sum(char.isprintable() or char in "\n\t" for char in text)
    return text if shown >= 0.95 * len(text) and any(char.isalpha() for char in text) else ""


def _base64(code: str) -> str:
    plain = code.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _readable(base64.b64decode(plain + "=" * (-len(plain) % 4)))
    except (binascii.Error, ValueError):
        return ""


def _hex(code: str) -> str:
    try:
        return _readable(bytes.fromhex(re.sub(r"0x|[ :,]", "", code)))
    except ValueError:
        return ""


DECODERS: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (PERCENT, lambda code: urllib.parse.unquote(code, errors="ignore")),
    (HEX, _hex),
    (BASE64, _base64),
)


def _latin(text: str) -> str:
    return text.encode("ascii", "ignore").decode()


def _encoded(text: str) -> Iterator[Candidate]:
    latin = _latin(text)
    for pattern, decode in DECODERS:
        if not HINTS[pattern].search(latin):
            continue
        for count, match in enumerate(pattern.finditer(text)):
            if count >= 4 * MOST:
                break
            plain = decode(match[0])
            if plain:
                yield Candidate(plain, match.start(), match.end())


def _escaped(text: str) -> Iterator[Candidate]:
    if "\\x" not in text and "\\u" not in text and "&#" not in text:
        return
    for match in ESCAPES.finditer(text):
        if "\\" in match[0] or "&#" in match[0]:
            plain = ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)), html.unescape(match[0]))
            yield Candidate(plain, match.start(), match.end())


def _spelled(text: str) -> Iterator[Candidate]:
    """`i g n o r e`, `忽-略-指-令`, `1gn0re`. Words that were spelled out come back without their blanks as well."""
    lowered = text.lower() if len(text.lower()) == len(text) else text
    for match in SPACED.finditer(lowered) if SPELLED.search(lowered) else ():
        letters = re.sub(r"[ \t]{2}", "\x00", match[0])
        letters = re.sub(r"[-_.*|~+/、· \t]", "", letters).replace("\x00", " ")
        yield Candidate(letters, match.start(), match.end())
    if HINTS[LEET].search(_latin(lowered)) and LEET.search(lowered):
        yield Candidate(LEET.sub(lambda m: m[0].translate(LEET_LETTERS), lowered), 0, len(text))


def _literals(text: str) -> Iterator[Candidate]:
    """Strings of a program or of JSON, joined as the program would."""
    if text.count("'") < 4 and text.count('"') < 4:
        return
    found = [match for _, match in zip(range(40), LITERALS.finditer(text), strict=False)]
    if len(found) > 1:
        yield Candidate("".join(match[1] or match[2] for match in found), found[0].start(), found[-1].end())


def _whole(text: str) -> Iterator[Candidate]:
    """ROT13 and writing backwards, where the words of one show."""
    words = text[:LONGEST].lower()
    if len(ROT_SIGNS & set(re.findall(r"[a-z]{2,14}", words))) >= 2:
        yield Candidate(codecs.encode(text[:LONGEST], "rot13"), 0, len(text))
    if any(sign in words for sign in BACKWARDS):
        yield Candidate(text[:LONGEST][::-1], 0, len(text))
