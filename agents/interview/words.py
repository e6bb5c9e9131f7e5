"""The interview's words and measures, `data/interview.yaml` and `data/facts.yaml`."""

import re
from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from yaml import YAMLError

from domain.errors import ConfigurationError
from domain.yaml_data import parse_yaml

DATA = Path(__file__).parent / "data"
ModelT = TypeVar("ModelT", bound=BaseModel)


class _Words(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StartWords(_Words):
    """Asking for an interview."""

    patterns: tuple[re.Pattern[str], ...]
    unless: re.Pattern[str]
    assessments: dict[str, tuple[str, ...]]
    default: str
    unnamed: str
    """The name of a file whose enterprise has not said it yet."""


class AnswerWords(_Words):
    """Bare answers: what may stand around them, and what means nothing or something."""

    before: re.Pattern[str]
    after: re.Pattern[str]
    level: re.Pattern[str]
    none: re.Pattern[str]
    some: re.Pattern[str]
    longest: int


class NextMeasures(_Words):
    """By what the next question is chosen."""

    settled: float = Field(gt=0, lt=1)
    """An item with less uncertainty is not asked."""
    decides: float = Field(ge=1)
    """Weight of what can open the next level by itself."""
    unopened: float = Field(ge=1)
    """Weight of a dimension of which nothing is known."""
    conflict: float = Field(ge=1)
    model_confidence: float = Field(ge=0, lt=1)
    """How sure a rating is that a model read out of free text."""
    most_tries: int = Field(ge=1)
    fewest_items: int = Field(ge=1)
    """With fewer items known nothing is concluded."""


class InterviewWords(_Words):
    """data/interview.yaml."""

    start: StartWords
    commands: dict[str, tuple[re.Pattern[str], ...]]
    confirm: re.Pattern[str]
    change: re.Pattern[str]
    aside: re.Pattern[str]
    answers: AnswerWords
    next: NextMeasures
    none_label: str


class NameWords(_Words):
    """How an enterprise says its name."""

    patterns: tuple[re.Pattern[str], ...]
    bare: re.Pattern[str]
    never: tuple[str, ...]


class HeadcountWords(_Words):
    """What speaks for and against a number being the number of all who work there."""

    units: tuple[str, ...]
    cues: tuple[str, ...]
    not_after: tuple[str, ...]
    not_before: tuple[str, ...]
    fewest: int
    reach: int


class MoneyWords(_Words):
    """What a sum has to stand behind."""

    cues: tuple[str, ...]
    reach: int


class RegionWords(_Words):
    """Where an enterprise is."""

    patterns: tuple[re.Pattern[str], ...]
    cities: tuple[str, ...]
    city_pattern: str


class FactWords(_Words):
    """data/facts.yaml."""

    name: NameWords
    employees: HeadcountWords
    revenue: MoneyWords
    region: RegionWords
    industry: dict[str, tuple[str, ...]]
    industry_pattern: str
    systems: tuple[str, ...]
    equipment: tuple[str, ...]
    equipment_units: tuple[str, ...]
    pains: tuple[str, ...]


@cache
def interview_words(path: Path = DATA / "interview.yaml") -> InterviewWords:
    """Raises ConfigurationError, which names the key that is wrong."""
    return _read(path, InterviewWords)


@cache
def fact_words(path: Path = DATA / "facts.yaml") -> FactWords:
    """Raises ConfigurationError, which names the key that is wrong."""
    return _read(path, FactWords)


def _read(path: Path, model: type[ModelT]) -> ModelT:
    try:
        return model.model_validate(parse_yaml(path.read_text(encoding="utf-8")))
    except (OSError, YAMLError) as error:
        raise ConfigurationError(f"词表无法读取：{error}", where=str(path), cure="修正该文件") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = f"{path}: {'.'.join(map(str, first['loc']))}"
        raise ConfigurationError(f"词表写错：{first['msg']}", where=where, cure="修正这个键") from error
