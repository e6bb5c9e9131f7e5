"""data/words.yaml: other words for the keys and values of a definition, and for the plainest answers."""

from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from domain.errors import ConfigurationError, UserInputError

from .loading import Lined, LinedList, read_yaml
from .notation import fold, threshold

REMEMBERED = 4096
"""Answers whose kind is kept."""
DATA = Path(__file__).parent / "data" / "words.yaml"


class Words(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: dict[str, dict[str, tuple[str, ...]]]
    values: dict[str, dict[str, tuple[str, ...]]]
    words: dict[str, tuple[str, ...]]

    def value(self, kind: str, written: object) -> str:
        """The one name of a value that was written in another word; as written where it is none."""
        text = str(written).strip()
        for name, others in self.values[kind].items():
            if text.lower() == name or text.lower() in others:
                return name
        return text

    def means(self, kind: str, written: object) -> bool:
        """Whether an answer is one of the words of this kind (yes, partly, no, not_applicable, unknown)."""
        return isinstance(written, str | bool) and kind in self._kinds(str(written))

    def _kinds(self, text: str) -> frozenset[str]:
        known = self._known.get(text)
        if known is None:
            plain = fold(text).lower()
            known = frozenset(kind for kind, words in self._folded.items() if plain in words)
            if len(self._known) < REMEMBERED:
                self._known[text] = known
        return known

    @cached_property
    def _known(self) -> dict[str, frozenset[str]]:
        return {}

    @cached_property
    def _folded(self) -> dict[str, frozenset[str]]:
        return {kind: frozenset(fold(word).lower() for word in words) for kind, words in self.words.items()}


@cache
def load_words(path: Path = DATA) -> Words:
    """Raises ConfigurationError."""
    try:
        return Words.model_validate(read_yaml(path.read_text(encoding="utf-8")))
    except (OSError, UserInputError, ValidationError) as error:
        raise ConfigurationError(f"词表无法读取：{error}", where=str(path), cure="修正该文件") from error


PARTS = {"children": "node", "levels": "level", "vetoes": "veto"}
"""Which keys hold what; their own keys are renamed too."""


def canonical(raw: object, kind: str = "definition") -> object:
    """What was read, with every key under its one name, and lists that were written as mappings by id as lists."""
    if not isinstance(raw, Lined):
        return raw
    table = load_words().keys[kind]
    names = {other: name for name, others in table.items() for other in others}
    made = Lined()
    made.line, made.lines = raw.line, {}
    for key, value in raw.items():
        name = key if key in table else names.get(key, key)
        name = _by_shape(name, value, raw) if kind == "node" else name
        part = PARTS.get(name)
        value = _entries(value, part) if part else value
        if name in made and isinstance(made[name], LinedList) and isinstance(value, LinedList):
            held = made[name]
            assert isinstance(held, LinedList)
            held.extend(value)
            held.lines.extend(value.lines)
            continue
        if name not in made:
            made[name], made.lines[name] = value, raw.lines.get(key, raw.line)
        else:
            made[key], made.lines[key] = value, raw.lines.get(key, raw.line)  # a second word for the same thing: refused as unknown
    if kind == "node" and {"min", "max"} & set(made):
        _take_bounds(made)
    return made


def _by_shape(name: str, value: object, raw: Lined) -> str:
    """score: {A: 10, B: 6} are options; max beside several choices is their cap."""
    if name == "range" and isinstance(value, Lined):
        return "options"
    return "cap" if name == "max" and {"choices", "多选", "multi", "each", "每项"} & set(raw) else name


def _take_bounds(node: Lined) -> None:
    """min and max of a number are its range."""
    low, high = node.pop("min", Decimal(0)), node.pop("max", None)
    if high is not None and "range" not in node:
        made = LinedList([low, high])
        made.line = node.lines.get("max", node.line)
        made.lines = [made.line, made.line]
        node["range"], node.lines["range"] = made, made.line


def _entries(value: object, kind: str) -> object:
    if isinstance(value, LinedList):
        made = LinedList(canonical(entry, kind) for entry in value)
        made.line, made.lines = value.line, list(value.lines)
        return made
    if not isinstance(value, Lined):
        return value
    made = LinedList()
    made.line, made.lines = value.line, []
    named = "id" if kind == "node" else "name"
    for key, body in value.items():
        entry = Lined()
        entry.line, entry.lines = value.lines[key], {}
        if isinstance(body, Lined):
            entry.update(body)
            entry.lines.update(body.lines)
        elif kind == "level":
            swapped = _is_bound(key) and not _is_bound(body)
            entry.update({"name": body if swapped else key, "at": key if swapped else body})
        elif kind == "node":
            entry["weight"] = body
        renamed = canonical(entry, kind)
        assert isinstance(renamed, Lined)
        if named not in renamed:
            renamed[named], renamed.lines[named] = key, value.lines[key]
        made.append(renamed)
        made.lines.append(value.lines[key])
    return made


def _is_bound(value: object) -> bool:

    return threshold(value) is not None
