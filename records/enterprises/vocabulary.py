"""The words of an enterprise's file, as data: industries, sizes, stages, field names. Read once, checked as a whole."""

import unicodedata
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import ConfigurationError
from domain.yaml_data import parse_yaml

DATA = Path(__file__).parent / "data"
Model = TypeVar("Model", bound=BaseModel)


class Frozen(BaseModel):
    """Data as it ships: nothing unknown in it, nothing changes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Vocabulary(Frozen):
    """`data/vocabulary.yaml`."""

    chain_positions: tuple[str, ...]
    life_stages: tuple[str, ...]
    operating_modes: tuple[str, ...]
    stages: tuple[str, ...]
    need_states: tuple[str, ...]
    open_need_states: frozenset[str]
    channels: tuple[str, ...]
    name_endings: tuple[str, ...]
    fields: dict[str, str]
    item_fields: dict[str, str]
    portrait: dict[str, tuple[str, ...]]

    def name_of(self, field: str) -> str:
        """What readers call a field."""
        return self.fields.get(field, field)


class Industry(Frozen):
    """A section of GB/T 4754."""

    name: str
    divisions: tuple[int, int]


class Industries(Frozen):
    """`data/industries.yaml`."""

    sections: dict[str, Industry]

    def section_of(self, division: int) -> str | None:
        """The letter of the section that a division belongs to."""
        found = (letter for letter, each in self.sections.items() if each.divisions[0] <= division <= each.divisions[1])
        return next(found, None)

    def checked(self, code: str) -> str:
        """A code as it is kept: the letter, and as many digits as are known (C, C34, C3484).

        Raises ValueError for a code that GB/T 4754 does not have: an unknown section, or a division of another section.
        """
        plain = unicodedata.normalize("NFKC", code).strip().upper()
        letter, digits = (plain[:1], plain[1:]) if plain[:1].isalpha() else ("", plain)
        if not (digits == "" or (digits.isascii() and digits.isdigit() and 2 <= len(digits) <= 4)):
            raise ValueError("写成 GB/T 4754 的门类字母加 2 到 4 位数字，例如 C34")
        section = self.section_of(int(digits[:2])) if digits else letter
        if section not in self.sections or (letter and letter != section):
            raise ValueError(f"GB/T 4754 没有行业代码 {plain[:8]}")
        return f"{section}{digits}"


def _load(model: type[Model], name: str, wrap: str = "") -> Model:
    path = DATA / name
    try:
        raw: Any = parse_yaml(path.read_text(encoding="utf-8"))
        return model.model_validate({wrap: raw} if wrap else raw)
    except (yaml.YAMLError, ValidationError) as error:
        raise ConfigurationError(f"数据文件有误：{error}", where=name, cure="按文件开头的说明修改") from error


class SizeClass(Frozen):
    """Lower bounds of all sizes but the smallest, per measure, for some divisions of GB/T 4754."""

    name: str
    divisions: tuple[tuple[int, int], ...]
    employees: tuple[float, float, float] | None = None
    revenue: tuple[float, float, float] | None = None
    assets: tuple[float, float, float] | None = None


class SizeRules(Frozen):
    """`data/sizes.yaml`."""

    tiers: tuple[str, str, str, str]
    source: str
    classes: tuple[SizeClass, ...]


class SegmentRule(Frozen):
    """A segment, and what one of the facts must be or contain for an enterprise to be in it."""

    segment: str
    facts: tuple[str, ...] = Field(min_length=1)
    is_: tuple[str, ...] = Field(default=(), alias="is")
    words: tuple[str, ...] = ()


class Axis(Frozen):
    """One way of dividing enterprises."""

    name: str
    many: bool = False
    """Whether an enterprise can be in several segments."""
    otherwise: str = ""
    """The segment of what is known and fits no rule; the unknown one where there is none."""
    rules: tuple[SegmentRule, ...]


class SegmentRules(Frozen):
    """`data/segments.yaml`."""

    unknown: str
    axes: dict[str, Axis]


@cache
def vocabulary() -> Vocabulary:
    return _load(Vocabulary, "vocabulary.yaml")


@cache
def industries() -> Industries:
    return _load(Industries, "industries.yaml", "sections")


@cache
def size_rules() -> SizeRules:
    return _load(SizeRules, "sizes.yaml")


@cache
def segment_rules() -> SegmentRules:
    return _load(SegmentRules, "segments.yaml")


class SheetColumn(Frozen):
    """A column of the table that is imported and exported."""

    field: str
    title: str = ""
    required: bool = False
    list: bool = False
    money: str = ""
    also: tuple[str, ...] = ()
    about: str = ""


class SheetLimits(Frozen):
    """What a table may have at most."""

    rows: int
    columns: int
    cell: int
    unzipped_mb: int
    files: int
    ratio: int
    header_rows: int
    """Rows from the top in which the header is looked for."""


class SheetRules(Frozen):
    """`data/sheet.yaml`."""

    limits: SheetLimits
    separators: tuple[str, ...]
    modes_separator: str
    columns: tuple[SheetColumn, ...]
    contacts: tuple[SheetColumn, ...]


@cache
def sheet_rules() -> SheetRules:
    return _load(SheetRules, "sheet.yaml")
