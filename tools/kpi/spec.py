"""data/variables.yaml as validated data: how people speak of an indicator and of its variables."""

import re
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import ConfigurationError
from domain.yaml_data import parse_yaml

DATA = Path(__file__).parent / "data" / "variables.yaml"
Role = Literal["before", "after", "delta"]
Product = Literal["person_days", "repeats", "frequency", "score_bands"]


class Slot(BaseModel):
    """Where a number of an utterance may go: a variable (v1, v2 …) or a helper that one is derived from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role | None = None
    cues: tuple[str, ...] = ()
    """Words beside the number that name the variable."""
    accepts: frozenset[str] = frozenset()
    """Dimensions (domain.quantity); empty: the indicator's."""
    strict: bool = False
    """Takes a number only on a cue; otherwise order and elimination may decide."""
    required_cue: tuple[str, ...] = ()
    """One of these has to stand in the number's context."""
    sum: bool = False
    """Several numbers with this cue add up."""
    list: bool = False


class IndicatorSpec(BaseModel):
    """One indicator of TISC annex 2 in everyday words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...] = ()
    """Other names; the tool accepts them too."""
    shape: str | None = None
    accepts: frozenset[str]
    excludes: frozenset[str] = frozenset()
    """Units of an accepted dimension that count something else (场 and 次 where people are counted)."""
    strong: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    """Words that point to another indicator."""
    slots: dict[str, Slot]
    derive: dict[str, tuple[str, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    """Fills a variable that was not said from helpers that were."""
    adjust: dict[str, str] = Field(default_factory=dict[str, str])
    """Corrects variables that were said when all the helpers were said too."""
    larger: tuple[str, str] | None = None
    """The first is normally not less than the second; decides between readings."""
    order: tuple[str, ...] = ()
    """The order in which people say them; default: as in the formula."""
    shares: bool = False
    """v1 is a part of v2."""
    signed: frozenset[str] = frozenset()
    """Symbols that may be negative."""
    beside: tuple[str, ...] = ()
    """Figures reported beside the indicator and not part of it."""
    products: tuple[Product, ...] = ()


class Labels(BaseModel):
    """What stands before or after a number that is no amount (哪两个率, 附录2)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    before: re.Pattern[str]
    after: re.Pattern[str]


class Vocabulary(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    roles: dict[Role, tuple[str, ...]]
    aside: tuple[str, ...]
    """Words that say a number is somebody else's, a target, or another matter."""
    hearsay: tuple[str, ...]
    """The same, unless a word of time stands with the number too."""
    asking: tuple[str, ...]
    defining: tuple[str, ...]
    labels: Labels
    planning: tuple[str, ...]
    request: tuple[str, ...]
    stop: tuple[re.Pattern[str], ...]
    indicators: dict[str, IndicatorSpec]


@cache
def load_vocabulary(path: Path = DATA) -> Vocabulary:
    """Read and check the vocabulary; shapes are merged into the indicators.

    Raises:
        ConfigurationError: naming each bad field.
    """
    try:
        raw = parse_yaml(path.read_text(encoding="utf-8"))
        shapes = raw.pop("shapes")
        for indicator in raw["indicators"].values():
            if indicator.get("shape"):
                _merge(indicator, shapes[indicator["shape"]])
        return Vocabulary.model_validate(raw)
    except ValidationError as error:
        details = "；".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:10])
        raise ConfigurationError(f"指标词表格式不对：{details}", where=str(path), cure="修正该字段") from error
    except (OSError, yaml.YAMLError, KeyError, AttributeError) as error:
        raise ConfigurationError(f"指标词表无法读取：{error}", where=str(path), cure="重新安装或修正 YAML") from error


def _merge(indicator: dict[str, object], shape: dict[str, object]) -> None:
    own: dict[str, dict[str, object]] = indicator.get("slots") or {}  # pyright: ignore[reportAssignmentType]
    common: dict[str, dict[str, object]] = shape["slots"]  # pyright: ignore[reportAssignmentType]
    slots: dict[str, dict[str, object]] = {}
    for name in [*common, *(n for n in own if n not in common)]:
        slot = {**common.get(name, {}), **own.get(name, {})}
        slot["cues"] = [*own.get(name, {}).get("cues", []), *common.get(name, {}).get("cues", [])]  # pyright: ignore[reportGeneralTypeIssues]
        slots[name] = slot
    for key, value in shape.items():
        if key != "slots":
            indicator.setdefault(key, value)
    indicator["slots"] = slots
