"""Explicit addresses in other documents (《公司法》第二十四条): resolved by name and number, not searched.

A document is known by its title, by its title without the country's or the year's words, and by any abbreviation that is a
subsequence of exactly one title (道交法 → 道路交通安全法).
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from domain.numerals import NUMERAL_CHARS, parse_numeral, to_numeral
from domain.principal import Label, Place, Principal, may_read

from .lexicon import fold

ADDRESS = re.compile(
    rf"第\s*([{NUMERAL_CHARS}\d]+)\s*条(之[{NUMERAL_CHARS}\d]+)?|(?<![0-9.])(\d+(?:\.\d+)+)(?:[-\s]?([a-z])(?![a-z])[)）]?)?"
)
MARKS = re.compile(r"[《》〈〉\s“”\"]|中华人民共和国|[(（](?:19|20)\d\d[\d.-]*[)）]")
"""What names are compared without, in titles and in questions alike."""
DECORATION = re.compile(r"[(（][^()（）]*[)）]$|\.[a-z]{2,5}$")
SHORT_NAME = re.compile(r"[一-鿿]{1,7}[法典例定则规准]$")


@dataclass(frozen=True)
class Entry:
    """One current or superseded document that can be addressed."""

    document_id: str
    key: str
    title: str
    version: str
    current: bool
    label: Label
    collection: str = ""

    @property
    def place(self) -> Place:
        """What a grant may name."""
        return Place(self.document_id, self.collection)


class AddressBook:
    """Names of documents. Immutable: `with_entries` makes the next one, so a search never sees a half-filled book."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._by_name: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            for name in {plain(entry.title), plain(plain(entry.title))}:
                if len(name) >= 2:
                    self._by_name[name].append(entry)
        for found in self._by_name.values():
            found.sort(key=lambda e: (e.current, e.version), reverse=True)
        self._lengths = sorted({len(name) for name in self._by_name}, reverse=True)

    def resolve(self, text: str, principal: Principal) -> list[tuple[Entry, str]]:
        """(document, address inside it) for each explicit address in `text`, newest version of the document first."""
        folded = fold(text)
        found: list[tuple[Entry, str]] = []
        for match in ADDRESS.finditer(folded):
            before = MARKS.sub("", folded[: match.start()])
            for entry in self._named(before, principal):
                found += [(entry, address) for address in _spellings(match)]
        return list(dict.fromkeys(found))

    def _readable(self, name: str, principal: Principal) -> list[Entry]:
        """The documents of this name that exist for the principal; what it may not read neither hides nor doubles another."""
        return [
            entry for entry in self._by_name.get(name, ()) if may_read(principal, entry.label, Place(entry.document_id, entry.collection))
        ]

    def _named(self, before: str, principal: Principal) -> list[Entry]:
        """The document named nearest before an address: the longest name that ends last."""
        for end in range(len(before), max(0, len(before) - 12), -1):
            for length in self._lengths:
                if length <= end and (entries := self._readable(before[end - length : end], principal)):
                    return entries
        return self._abbreviated(before, principal)

    def _abbreviated(self, before: str, principal: Principal) -> list[Entry]:
        match = SHORT_NAME.search(before)
        if not match:
            return []
        tail = match.group()
        for start in range(len(tail) - 1):
            short = tail[start:]
            names = [n for n in self._by_name if n[-1] == short[-1] and n[0] == short[0] and _is_subsequence(short, n)]
            known = [entries for name in names if (entries := self._readable(name, principal))]
            if len(known) == 1:
                return known[0]
        return []


def plain(title: str) -> str:
    """A title without the country's name, quotation marks, a date, a trailing parenthesis or a file suffix."""
    return DECORATION.sub("", MARKS.sub("", fold(title)))


def _spellings(match: re.Match[str]) -> list[str]:
    """The address as documents print it."""
    article, suffix, number, letter = match.groups()
    if number:
        return [f"{number}-{letter}"] if letter else [number]
    value = parse_numeral(article)
    if value is None or value >= 10**8:
        return []
    branch = ""
    if suffix:
        ordinal = parse_numeral(suffix[1:])
        branch = "之" + to_numeral(ordinal) if ordinal is not None else ""
    return [f"第{to_numeral(value)}条{branch}"]


def _is_subsequence(short: str, name: str) -> bool:
    rest = iter(name)
    return len(short) >= 2 and len(short) < len(name) and all(char in rest for char in short)
