"""The words and ranges in `data/`, read and compiled once, at the first use."""

import re
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from domain.errors import ConfigurationError
from domain.yaml_data import parse_yaml

DATA = Path(__file__).parent / "data"
PREFIX = "pii."
OTHER = "other"
"""The label of a number that is none of ours: an order, a part, a contract."""

Words = TypeVar("Words", bound=BaseModel)


class Kind(BaseModel):
    """What people call one kind of value, its token, and how it is hidden where the public reads it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    token: str
    head: int
    tail: int
    fill: str
    after: str = ""
    """Everything from this character on is kept (an address's domain)."""


class CardRange(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    prefix: str
    lengths: tuple[int, ...]


class Identifiers(BaseModel):
    """Everything about numbers and codes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provinces: frozenset[int]
    mobile_prefixes: str
    area_codes: str
    card_ranges: tuple[CardRange, ...]
    bare_card_lengths: frozenset[int]
    labels: dict[str, str]
    after_labels: str
    phone_words: str
    units: str
    currency: str
    plate_provinces: str
    plate_words: str
    kinds: dict[str, Kind]
    other_kind: Kind

    @cached_property
    def label(self) -> re.Pattern[str]:
        """Any label, its kind as the name of the group. Letters around it must not go on: `IP` is no part of `SHIPPED`."""
        kinds = "|".join(f"(?P<{kind}>{_words(words)})" for kind, words in self.labels.items())
        first = {word.strip()[:1] for words in self.labels.values() for word in words.split("|")}
        return re.compile(f"(?=[{''.join(sorted(first))}])(?:{kinds})", re.IGNORECASE)  # one look at a character spares a hundred words

    @cached_property
    def mobile(self) -> re.Pattern[str]:
        return re.compile(f"(?:{self.mobile_prefixes})\\d{{8}}")

    @cached_property
    def area(self) -> re.Pattern[str]:
        return re.compile(_compact(self.area_codes))

    @cached_property
    def after(self) -> re.Pattern[str]:
        return re.compile(f"[ ]?[(（\\[]?(?:{self.after_labels})", re.IGNORECASE)

    @cached_property
    def unit(self) -> re.Pattern[str]:
        return re.compile(f"[ ]?(?:{_compact(self.units)})(?![A-Za-z])")

    @cached_property
    def money(self) -> re.Pattern[str]:
        return re.compile(f"(?:{self.currency})[ ]?$", re.IGNORECASE)

    @cached_property
    def phone_prefix(self) -> re.Pattern[str]:
        return re.compile(self.phone_words, re.IGNORECASE)

    @cached_property
    def cards(self) -> Sequence[tuple[re.Pattern[str], frozenset[int]]]:
        return [(re.compile(card.prefix), frozenset(card.lengths)) for card in self.card_ranges]

    def is_card_range(self, digits: str) -> bool:
        """Whether some issuer gives out cards that begin so and are so long."""
        return any(len(digits) in lengths and prefix.match(digits) for prefix, lengths in self.cards)

    def kind(self, rule: str) -> Kind:
        """What is known of `pii.…`; of any other rule, the most cautious treatment."""
        return self.kinds.get(rule.removeprefix(PREFIX), self.other_kind)


def _compact(pattern: str) -> str:
    return re.sub(r"\s+", "", pattern)


def _words(alternatives: str) -> str:
    """Latin words stand alone; Chinese ones have no edges to stand at."""
    words = [word.strip() for word in alternatives.split("|")]
    return "|".join(f"(?<![A-Za-z]){word}(?![A-Za-z])" if word[:1].isascii() else word for word in words if word)


@cache
def read_words(name: str, shape: type[Words]) -> Words:
    """One file of `data/` in its shape.

    Raises:
        ConfigurationError: naming the file and what is wrong with it.
    """
    path = DATA / name
    try:
        raw: Any = parse_yaml(path.read_text(encoding="utf-8"))
        return shape.model_validate(raw)
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ConfigurationError(f"个人信息词表无法读取：{error}", where=str(path), cure="重新安装，或修正该文件") from error


def identifiers() -> Identifiers:
    return read_words("identifiers.yaml", Identifiers)
