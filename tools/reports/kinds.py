"""data/*.yaml: the kinds of report, and what each must have before it is final."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import ConfigurationError, NotFound, known_names
from domain.yaml_data import parse_yaml

DATA = Path(__file__).parent / "data"


class Mandatory(BaseModel):
    """A field without which a report stays a draft."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: str
    label: str
    cure: str

    def missing(self, record: BaseModel) -> bool:
        """Whether the record has nothing there. Zero is something."""
        value: object = record
        for name in self.field.split("."):
            value = getattr(value, name)
        return value is None or (isinstance(value, str | tuple) and not (value.strip() if isinstance(value, str) else value))


class Stage(BaseModel):
    """A stage of the service path (服务路径)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    detail: str
    clause: str = ""


class Kind(BaseModel):
    """One kind of report."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    title: str
    aliases: tuple[str, ...] = Field(min_length=1)
    """What people call it."""
    wishes: tuple[str, ...] = Field(min_length=1)
    """Words that ask for one."""
    questions: tuple[str, ...]
    """Words with which people ask about it instead."""
    clauses: tuple[str, ...]
    """What asks for it."""
    template: str
    decimals: int = Field(ge=0, le=6)
    smallest_cohort: int = Field(ge=2)
    service_path: tuple[Stage, ...]
    """What follows the diagnosis, where a record does not say otherwise."""
    mandatory: tuple[Mandatory, ...]

    @property
    def edition(self) -> str:
        """Kind and template: what the inputs are hashed with."""
        return f"{self.key}/{self.template}"


@cache
def load_kinds(folder: Path = DATA) -> Mapping[str, Kind]:
    """Every kind by its key. Raises ConfigurationError naming file and field."""
    found: dict[str, Kind] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            kind = Kind.model_validate(parse_yaml(path.read_text(encoding="utf-8")))
        except (OSError, yaml.YAMLError) as error:
            raise ConfigurationError(f"报告定义读不出来：{error}", where=str(path), cure="修正该文件") from error
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"]))
            raise ConfigurationError(
                f"报告定义的格式不对：{error.errors()[0]['msg']}", where=f"{path.name}: {where}", cure="修正该字段"
            ) from error
        found[kind.key] = kind
    return found


def kind_of(name: str) -> Kind:
    """By key, title or what people call it. Raises NotFound with the names there are."""
    kinds = load_kinds()
    for kind in kinds.values():
        if name in (kind.key, kind.title, f"《{kind.title}》", *kind.aliases):
            return kind
    raise NotFound(f"没有报告类型 {name[:40]!r}", where="kind", cure=known_names(name[:40], [k.title for k in kinds.values()]))


def check_fields(kind: Kind, model: type[BaseModel]) -> None:
    """Raises ConfigurationError for a mandatory field that the record of this kind does not have."""
    for entry in kind.mandatory:
        at: object = model
        for name in entry.field.split("."):
            fields = at.model_fields if isinstance(at, type) and issubclass(at, BaseModel) else {}
            if name not in fields:
                raise ConfigurationError(f"记录没有字段 {entry.field}", where=f"{kind.key}.yaml: mandatory", cure="改正字段名")
            at = fields[name].annotation
