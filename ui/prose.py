"""Plain text into Chainlit's Markdown: looks the same, means nothing more, and stays readable when copied.

What is quoted comes from standards and from users' files. It must not turn into links, images, lists, headings or directives, and
only what would is escaped. The citation marks `[1]` stay as they are.
"""

import re
import unicodedata

from agents.grounding import MARK

ALWAYS = re.compile(r"[`*]")
BEFORE_PUNCTUATION = re.compile(r"\\(?=[!-/:-@\[-`{-~])")
TAG = re.compile(r"<(?=[A-Za-z/!?])")
ENTITY = re.compile(r"&(?=#?\w+;)")
DIRECTIVE = re.compile(r":(?=[^\s\d/]|//|$)|(?<=\]):", re.MULTILINE)
BARE_ADDRESS = re.compile(r"(?<=\bwww)\.", re.IGNORECASE)
LINK = re.compile(r"(?<=\])\(|\[(?=\^)")
UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
LINE_START = re.compile(r"^(?:[-+=>#|]|(\d{1,9})([.)])(?=\s|$))", re.MULTILINE)
INDENT = re.compile(r"^[ \t\u3000]+", re.MULTILINE)
BREAKS = re.compile(r"\n+")


def markdown(text: str) -> str:
    """`text` as Markdown; each line of it a paragraph."""
    plain = INDENT.sub("", MARK.sub(r"[\1]", text))
    safe = BEFORE_PUNCTUATION.sub(r"\\\\", plain)
    safe = ALWAYS.sub(r"\\\g<0>", safe)
    if safe.count("~") > 1:
        safe = safe.replace("~", "\\~")
    for risky in (TAG, ENTITY, DIRECTIVE, BARE_ADDRESS, UNDERSCORE, LINK):
        safe = risky.sub(r"\\\g<0>", safe)
    safe = LINE_START.sub(lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[0]}", safe)
    return BREAKS.sub("\n\n", safe).strip()


def marked(text: str, quotes: list[str]) -> list[tuple[str, bool]]:
    """`text` in pieces, the quoted ones flagged. Quotes are compared as citations are: NFKC, white space ignored."""
    folded, at = _folded(text)
    flags = [False] * len(text)
    for quote in quotes:
        needle = _folded(quote)[0]
        start = folded.find(needle) if needle else -1
        while start >= 0:
            first, last = at[start], at[start + len(needle) - 1]
            flags[first : last + 1] = [True] * (last + 1 - first)
            start = folded.find(needle, start + len(needle))
    pieces: list[tuple[str, bool]] = []
    for char, flag in zip(text, flags, strict=True):
        if pieces and pieces[-1][1] == flag:
            pieces[-1] = (pieces[-1][0] + char, flag)
        else:
            pieces.append((char, flag))
    return pieces


def _folded(text: str) -> tuple[str, list[int]]:
    """The comparable characters and, for each, where in `text` it came from."""
    chars: list[str] = []
    at: list[int] = []
    for position, char in enumerate(text):
        for folded in unicodedata.normalize("NFKC", char):
            if not folded.isspace():
                chars.append(folded)
                at.append(position)
    return "".join(chars), at
