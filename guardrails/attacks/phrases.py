"""Phrase families from `data/rules.yaml`: what attacks say, as data, found in time that is linear in the text.

A phrase is a row of places with a bounded gap between them. Before its expression is run, every place must occur somewhere in the text:
a substring search, which ordinary texts fail at once.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from domain.errors import ConfigurationError

RULES = Path(__file__).parent / "data" / "rules.yaml"
PLACE = " .. "
PIECE = 4000
"""Characters looked at together; a long text is read in pieces so that the substring search keeps its use."""
OVERLAP = 400
"""Longer than a phrase can stretch."""
BUDGET = 6_000_000
"""Characters that expressions may read per text. A text that needs more is made of trigger words and counts as an attack by itself."""
DENSE = "jailbreak.obfuscated"
FRAME = "frame."
"""Rules that are no findings: harmless words in which harmful requests are often dressed. They make the models' limits stricter."""

Where = Literal["user", "data", "both"]


class Family(BaseModel):
    """One rule and the phrases that show it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Annotated[str, Field(pattern=r"^[a-z]+\.[a-z_]+$")]
    reason: Annotated[str, Field(min_length=4)]
    where: Where
    gap: Annotated[int, Field(ge=1, le=80)]
    latin_gap: Annotated[int, Field(ge=0, le=120)] = 0
    """The gap of phrases in Latin letters, which need more of them for the same; 0: the same gap."""
    phrases: Annotated[list[Annotated[str, Field(min_length=2)]], Field(min_length=1)]


@dataclass(frozen=True)
class Hit:
    """A phrase that was found, with offsets into the text that was searched."""

    rule: str
    start: int
    end: int
    reason: str


@dataclass(frozen=True)
class _Phrase:
    rule: str
    reason: str
    places: tuple[tuple[str, ...], ...]
    """Fewest words first: most texts are done with a phrase after one of them."""
    expression: re.Pattern[str]
    latin: bool

    def possible(self, text: str) -> bool:
        for place in self.places:
            for word in place:
                if word in text:
                    break
            else:
                return False
        return True


class Phrases:
    """The families that apply to one kind of text."""

    def __init__(self, families: Sequence[Family], where: Literal["user", "data"]) -> None:
        self._phrases = [
            _Phrase(family.rule, family.reason, *_compiled(phrase, family.latin_gap or family.gap if phrase.isascii() else family.gap))
            for family in families
            if family.where in (where, "both")
            for phrase in family.phrases
        ]

    def find(self, text: str) -> list[Hit]:
        """The first place of each rule in every piece of folded, lower-case `text`, in the order of the text."""
        found: dict[tuple[str, int], Hit] = {}
        left = BUDGET
        for begin, piece in _pieces(text):
            latin = piece.encode("ascii", "ignore").decode()
            for phrase in self._phrases:
                if not phrase.possible(latin if phrase.latin else piece):
                    continue
                left -= len(piece)
                if left < 0:
                    return [Hit(DENSE, 0, len(text), "内容过于密集地堆砌攻击用语，无法逐句检查")]
                match = phrase.expression.search(piece)
                if match:
                    hit = Hit(phrase.rule, begin + match.start(), begin + match.end(), phrase.reason)
                    found.setdefault((hit.rule, hit.start), hit)
        return sorted(found.values(), key=lambda hit: hit.start)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    if len(text) <= PIECE:
        yield 0, text
        return
    for begin in range(0, len(text), PIECE - OVERLAP):
        yield begin, text[begin : begin + PIECE]


def _compiled(phrase: str, gap: int) -> tuple[tuple[tuple[str, ...], ...], re.Pattern[str], bool]:
    places = tuple(tuple(word for word in place.split("|") if word) for place in phrase.split(PLACE))
    between = rf"[^\n]{{0,{gap}}}?"
    expression = between.join("(?:" + "|".join(map(_word, place)) + ")" for place in places)
    bare = sorted((tuple(dict.fromkeys(_fixed(word) for word in place)) for place in places), key=len)
    return tuple(bare), re.compile(expression), phrase.isascii()


def _fixed(word: str) -> str:
    """The part of a word that stands in the text as it is written: up to the first blank, which may be several."""
    return word.rstrip("*").strip("\n").split(" ")[0]


def _word(word: str) -> str:
    before = r"(?<![a-z])" if word[0].isascii() and word[0].isalpha() else ""
    after = r"(?![a-z])" if word[-1].isascii() and word[-1].isalpha() else ""
    return before + r"[^\S\n]{1,3}".join(re.escape(part) for part in word.rstrip("*").split(" ")) + after


@cache
def load_families(path: Path = RULES) -> tuple[Family, ...]:
    """The shipped families.

    Raises:
        ConfigurationError: naming the file and the key that is wrong.
    """
    try:
        return tuple(TypeAdapter(list[Family]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8"))))
    except ValidationError as error:
        first = error.errors()[0]
        where = f"{path.name}: {'.'.join(map(str, first['loc']))}"
        raise ConfigurationError("攻击短语表有错误", where=where, cure=first["msg"]) from error
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError("读不了攻击短语表", where=path.name, cure="检查文件是否存在、是否为 YAML") from error
