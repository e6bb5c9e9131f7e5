"""Automatic numbering of DOCX: what Word prints before a paragraph and does not store as text."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from domain.numerals import to_numeral

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
MAX_NUMBER = 10_000
_CHINESE = frozenset({"chineseCounting", "chineseCountingThousand", "chineseLegalSimplified", "ideographTraditional"})
_CHINESE_TOO = frozenset({"japaneseCounting", "taiwaneseCounting", "taiwaneseCountingThousand"})


@dataclass(frozen=True)
class _Level:
    form: str
    text: str
    start: int


@dataclass
class Numbering:
    """Counters of all lists of a document; ask for each paragraph in order."""

    levels: dict[str, dict[int, _Level]] = field(default_factory=dict[str, dict[int, _Level]])
    _counters: defaultdict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict[int, int]))

    @classmethod
    def of(cls, numbering: Any) -> "Numbering":
        """The lists that `numbering.xml` defines; `numbering` is its root element or None."""
        if numbering is None:
            return cls()
        abstract = {node.get(f"{W}abstractNumId"): _levels(node) for node in numbering.findall(f"{W}abstractNum")}
        levels: dict[str, dict[int, _Level]] = {}
        for node in numbering.findall(f"{W}num"):
            reference = node.find(f"{W}abstractNumId")
            levels[node.get(f"{W}numId")] = abstract.get(reference.get(f"{W}val"), {}) if reference is not None else {}
        return cls(levels)

    def next(self, list_id: str, depth: int) -> str:
        """The marker of the next paragraph in list `list_id` at `depth`; empty where the list prints none."""
        definition = self.levels.get(list_id, {}).get(depth)
        if definition is None:
            return ""
        counters = self._counters[list_id]
        counters[depth] = counters.get(depth, definition.start - 1) + 1
        for deeper in [d for d in counters if d > depth]:
            del counters[deeper]
        if definition.form == "bullet":
            return "•"
        text = definition.text
        for number in range(depth + 1):
            level = self.levels[list_id].get(number, definition)
            text = text.replace(f"%{number + 1}", _printed(counters.get(number, level.start), level.form))
        return text.strip()


def _levels(abstract: Any) -> dict[int, _Level]:
    found: dict[int, _Level] = {}
    for node in abstract.findall(f"{W}lvl"):
        depth = _number(node.get(f"{W}ilvl"), 0)
        values = {tag: node.find(f"{W}{tag}") for tag in ("numFmt", "lvlText", "start")}
        text = {tag: (element.get(f"{W}val") or "") if element is not None else "" for tag, element in values.items()}
        found[depth] = _Level(text["numFmt"] or "decimal", text["lvlText"], _number(text["start"], 1))
    return found


def _number(text: str | None, default: int) -> int:
    return min(int(text), MAX_NUMBER) if text and text.isascii() and text.isdigit() and len(text) < 9 else default


def _letter(number: int) -> str:
    return chr(96 + (number - 1) % 26 + 1)


_FORMS: dict[str, Callable[[int], str]] = {
    "lowerLetter": _letter,
    "upperLetter": lambda n: _letter(n).upper(),
    "decimalEnclosedCircle": lambda n: chr(0x245F + n) if 1 <= n <= 20 else str(n),
    "decimalEnclosedCircleChinese": lambda n: chr(0x245F + n) if 1 <= n <= 20 else str(n),
    "upperRoman": lambda n: chr(0x215F + n) if 1 <= n <= 12 else str(n),
    "none": lambda n: "",
}


def _printed(number: int, form: str) -> str:
    if form in _CHINESE or form in _CHINESE_TOO:
        return to_numeral(number)
    return _FORMS.get(form, str)(number)
