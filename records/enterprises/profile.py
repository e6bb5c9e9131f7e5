"""The fields of an enterprise's file (TISC-7.2.4-b, TISC-7.3.1-d). What is not known is None or empty, and means nothing."""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from domain.check_digits import is_credit_code
from domain.errors import ProblemDetail, UserInputError
from domain.money import Money

from ..encoding import storable
from .vocabulary import industries, vocabulary

LONGEST_LIST = 100
LONGEST_TEXT = 4_000
MESSAGES = {
    "missing": ("没有填写", "补上这一项"),
    "extra_forbidden": ("没有这个字段", "对照字段说明修改"),
    "string_too_long": ("太长", "缩短后重试"),
    "string_too_short": ("不能为空", "补上这一项"),
    "too_long": ("项数太多", f"不超过 {LONGEST_LIST} 项"),
    "int_parsing": ("不是整数", "写成整数，例如 320"),
    "int_from_float": ("不是整数", "写成整数，例如 320"),
    "int_type": ("不是整数", "写成整数，例如 320"),
    "greater_than_equal": ("不能是负数", "改为 0 或更大的数"),
    "less_than_equal": ("数太大", "核对数字和单位"),
    "string_type": ("不是文字", "写成文字"),
    "literal_error": ("不在可选的范围内", "对照字段说明选择"),
}
"""pydantic's kinds of error, as users read them: what is wrong, and the cure."""


def _one_of(words: Iterable[str]) -> AfterValidator:
    def check(value: str | None) -> str | None:
        allowed = tuple(words)
        if value and value not in allowed:
            raise ValueError(f"只能是{'、'.join(allowed)}")
        return value or None

    return AfterValidator(check)


def _credit_code(value: str | None) -> str | None:
    if not value:
        return None
    plain = "".join(unicodedata.normalize("NFKC", value).upper().split())
    if not is_credit_code(plain):
        raise ValueError("统一社会信用代码应为 18 位，且校验位正确（GB 32100）")
    return plain


def _industry(value: str | None) -> str | None:
    return industries().checked(value) if value and value.strip() else None


def _unique(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


class _Words:
    """Allowed values that are read from the data when the first value is checked, not when this module is imported."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __iter__(self) -> Any:
        return iter(getattr(vocabulary(), self._name))


def _modes(value: dict[str, str]) -> dict[str, str]:
    known = vocabulary().operating_modes
    if unknown := [name for name in value if name not in known]:
        raise ValueError(f"没有经营模式 {unknown[0][:20]}，可用的有{'、'.join(known)}")
    return {name: value[name] for name in known if value.get(name)}


Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_TEXT), AfterValidator(storable)]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(storable)]
NonEmpty = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(storable)]
Items = Annotated[tuple[ShortText, ...], Field(max_length=LONGEST_LIST), AfterValidator(_unique)]


class Profile(BaseModel):
    """What is known about one enterprise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: NonEmpty
    uscc: Annotated[ShortText | None, AfterValidator(_credit_code)] = None
    region: ShortText | None = None
    """From the large to the small: 江苏省苏州市昆山市."""
    industry_code: Annotated[ShortText | None, AfterValidator(_industry)] = None
    industry_text: ShortText | None = None
    chain_position: Annotated[ShortText | None, _one_of(_Words("chain_positions"))] = None
    life_stage: Annotated[ShortText | None, _one_of(_Words("life_stages"))] = None
    employees: Annotated[int, Field(ge=0, le=100_000_000)] | None = None
    revenue: Money | None = None
    assets: Money | None = None
    capacity: Text | None = None
    products: Items = ()
    systems: Items = ()
    equipment: Items = ()
    automation: Text | None = None
    data_foundation: Text | None = None
    organisation: Text | None = None
    operating_modes: Annotated[dict[str, Text], AfterValidator(_modes)] = {}
    pain_points: Items = ()
    digital_scale: ShortText | None = None
    """Whose scale `digital_level` is on; levels of different scales are never compared."""
    digital_level: ShortText | None = None
    decision_process: Text | None = None
    investment_intention: Text | None = None

    def known(self) -> dict[str, Any]:
        """The fields that say something, as JSON."""
        return {name: value for name, value in self.model_dump(mode="json").items() if value not in (None, [], {}, "")}


def field_problems(error: ValidationError, names: Mapping[str, str] | None = None) -> list[ProblemDetail]:
    """What is wrong with each field, in the words of users."""
    known = vocabulary().fields if names is None else names
    found: list[ProblemDetail] = []
    for each in error.errors():
        place = [str(part) for part in each["loc"] if not str(part).startswith("function-")]
        field = place[0] if place else "-"
        if each["type"] == "value_error":
            what, cure = str(each["ctx"]["error"]) if "ctx" in each else each["msg"], "按要求修改"
        else:
            what, cure = MESSAGES.get(each["type"], ("写法不对", "对照字段说明修改"))
        shown = f"{known.get(field, field)}（{field}）" if field in known else field[:60]
        detail = ProblemDetail(where=shown, what=what, cure=cure)
        if detail not in found:
            found.append(detail)
    return found


def checked_profile(fields: Mapping[str, Any]) -> Profile:
    """Raises UserInputError that names every wrong field."""
    try:
        return Profile.model_validate(fields)
    except ValidationError as error:
        raise UserInputError("企业档案的内容不对", detail=field_problems(error)) from error


def name_key(name: str) -> str:
    """What is left of a name without spelling, brackets, spaces and the endings that every enterprise has."""
    plain = "".join(char for char in unicodedata.normalize("NFKC", name).casefold() if char.isalnum())
    while ending := next((each for each in vocabulary().name_endings if plain.endswith(each) and len(plain) > len(each) + 1), ""):
        plain = plain[: -len(ending)]
    return plain
