"""Thresholds and names of the attack detectors (`data/sensitivity.yaml`), checked when they are read."""

from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import ConfigurationError

SENSITIVITY = Path(__file__).parent / "data" / "sensitivity.yaml"

Share = Annotated[float, Field(gt=0, lt=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Strict):
    """From which score a request of one language is an attack."""

    short: Share
    long: Share
    """For a window of a long text: it has more of them, so each has to be clearer."""
    framed: Share
    """A text with a `frame.` phrase: what is asked "for an article" is judged more strictly, whatever its length."""


class UserLimits(_Strict):
    zh: Limits
    en: Limits


class DataLimits(_Strict):
    zh: Share
    en: Share


class Thresholds(_Strict):
    user: UserLimits
    data: DataLimits
    hidden: Share
    """For what was encoded: nobody hides a harmless question."""
    long_from: Annotated[int, Field(ge=20, le=4000)]
    sure: Share
    """From which score the class is named; below it the request is only called outside the scope."""


class Kind(_Strict):
    """What a class of the model is reported as."""

    rule: Annotated[str, Field(pattern=r"^[a-z]+\.[a-z_]+$")]
    reason: Annotated[str, Field(min_length=4)]


class Sensitivity(_Strict):
    """Everything that a person may want to change without training anew."""

    thresholds: Thresholds
    outside: Kind
    always_named: list[str]
    kinds: dict[str, Kind]

    def kind(self, name: str, score: float) -> Kind:
        """What a class is reported as when the model is this sure of it."""
        return self.kinds[name] if score >= self.thresholds.sure or name in self.always_named else self.outside


@cache
def load_sensitivity(path: Path = SENSITIVITY) -> Sensitivity:
    """The shipped one.

    Raises:
        ConfigurationError: naming the file and the key that is wrong.
    """
    try:
        return Sensitivity.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = f"{path.name}: {'.'.join(map(str, first['loc']))}"
        raise ConfigurationError("攻击检测的设置有错误", where=where, cure=first["msg"]) from error
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError("读不了攻击检测的设置", where=path.name, cure="检查文件是否存在、是否为 YAML") from error
