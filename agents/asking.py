"""What kind of value a question asks for (金额、百分比、时间、人数 …), and whether a text holds one.

The words are data (`data/asking.yaml`).
"""

import re
from functools import cached_property, lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from domain.yaml_data import parse_yaml
from knowledge.lexicon import fold

ASKING = Path(__file__).parent / "data" / "asking.yaml"


class Kind(BaseModel):
    """One kind of value: the words that ask for it and the patterns that show it."""

    model_config = ConfigDict(frozen=True, ignored_types=(cached_property,))

    name: str
    asked: list[str]
    found: list[str]

    @cached_property
    def question(self) -> re.Pattern[str]:
        return re.compile("|".join(self.asked))

    @cached_property
    def value(self) -> re.Pattern[str]:
        return re.compile("|".join(self.found))


class Asking(BaseModel):
    """All kinds, and the words of questions that these documents cannot answer."""

    model_config = ConfigDict(frozen=True)

    kinds: dict[str, Kind]
    off_topic: list[str]
    recommendation: list[str]
    procedure: list[str]
    inside: list[str]
    mentioned: list[str]
    """Other documents that the standards only mention."""
    split: list[str]
    """Asking how one weight is divided further."""
    regions: list[str]
    heads: list[str]
    """Nouns that a word before them narrows down."""

    def kinds_in(self, question: str) -> list[str]:
        """Kinds of value that the question asks for."""
        folded = fold(question)
        return [key for key, kind in self.kinds.items() if kind.question.search(folded)]

    def holds(self, kind: str, text: str) -> bool:
        return bool(self.kinds[kind].value.search(fold(text)))

    def name(self, kind: str) -> str:
        return self.kinds[kind].name


def mentions(words: list[str], text: str) -> list[str]:
    """Those of `words` that stand in `text` (both folded)."""
    return [word for word in words if _folded(word) in text]


_folded = lru_cache(maxsize=4096)(fold)


def load_asking(path: Path = ASKING) -> Asking:
    return Asking.model_validate(parse_yaml(path.read_text(encoding="utf-8")))
