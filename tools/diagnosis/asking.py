"""data/asking.yaml: how people ask for an assessment."""

import re
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from yaml import YAMLError

from domain.errors import ConfigurationError
from domain.yaml_data import parse_yaml

DATA = Path(__file__).parent / "data" / "asking.yaml"


class _Words(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Listing(_Words):
    """Asking which assessments there are."""

    patterns: tuple[re.Pattern[str], ...]


class Spoken(_Words):
    """How an assessment and its dimensions are called."""

    words: tuple[str, ...]
    aliases: dict[str, tuple[str, ...]]
    """By id of the node; the first level's, in their order."""
    ordered: tuple[str, ...] = ()
    """Words that stand for all of them at once."""


class GateWords(_Words):
    """Asking which level a score opens."""

    assessment: str
    words: tuple[str, ...]
    asks: tuple[str, ...]
    mentions: tuple[str, ...]


class SceneWords(_Words):
    """Asking whether a scene has reached a level."""

    asks: tuple[str, ...]
    question: str
    done: tuple[str, ...]
    partly: tuple[str, ...]
    undone: tuple[str, ...]


class AskingWords(_Words):
    """The whole file."""

    listing: Listing
    proposing: tuple[re.Pattern[str], ...]
    wishing: re.Pattern[str]
    scoring: tuple[str, ...]
    weights: tuple[str, ...]
    knowledge: tuple[str, ...]
    assessments: dict[str, Spoken]
    out_of: tuple[re.Pattern[str], ...]
    gate: GateWords
    scenes: SceneWords


@cache
def load_asking(path: Path = DATA) -> AskingWords:
    """Raises ConfigurationError naming each bad field."""
    try:
        return AskingWords.model_validate(parse_yaml(path.read_text(encoding="utf-8")))
    except (OSError, YAMLError, ValidationError) as error:
        raise ConfigurationError(f"词表无法读取：{error}", where=str(path), cure="修正该文件") from error
