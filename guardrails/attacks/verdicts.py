"""What a guard model is asked and how its answer is read: strictly, because an answer off the form permits nothing."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import ConfigurationError, UpstreamUnavailable
from domain.yaml_data import parse_yaml
from guardrails.policy import Direction

DATA = Path(__file__).parent / "data"
Form = Literal["json", "words", "yes_no"]
"""JSON by our schema; the words of Llama Guard and Qwen3Guard; Yes or No to "does it break the policy", as ShieldGemma answers."""

SAFE = re.compile(r"safe", re.IGNORECASE)
UNSAFE = re.compile(r"unsafe(?:\s*\n\s*(?P<what>S\d{1,2}(?:\s*,\s*S\d{1,2})*))?", re.IGNORECASE)
LABELLED = re.compile(
    r"safety:[ \t]*(?P<safety>safe|unsafe|controversial)[ \t]*\n\s*categories:[ \t]*(?P<what>[^\n]{1,200}?)[ \t]*"
    r"(?:\n\s*refusal:[ \t]*(?:yes|no|none))?",
    re.IGNORECASE,
)
NOTHING = "none"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a guard model said of a text."""

    safe: bool
    category: str = ""
    """As the model names it; for the record."""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    verdict: Literal["safe", "unsafe"]
    categories: list[Annotated[str, Field(max_length=40)]]


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "verdict": {"type": "string", "enum": ["unsafe", "safe"]},
        "categories": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
    },
    "required": ["verdict", "categories"],
    "additionalProperties": False,
}


def read_opinion(answer: str, form: Form) -> Opinion:
    """The opinion in a model's answer, which must be the form's and nothing else.

    Raises:
        UpstreamUnavailable: it is anything else, or contradicts itself.
    """
    text = answer.strip()
    opinion = {"json": _json, "words": _words, "yes_no": _yes_no}[form](text)
    if opinion is None:
        raise UpstreamUnavailable("安全模型的答复不合约定", where="guard_model", cure="核对模型名与 SHUZHI_GUARD_MODEL_FORM 是否相配")
    return opinion


def _json(text: str) -> Opinion | None:
    try:
        answer = _Answer.model_validate_json(text)
    except ValidationError:
        return None
    if answer.verdict == "safe":
        return Opinion(safe=True) if not answer.categories else None
    return Opinion(safe=False, category="、".join(answer.categories)[:80])


def _words(text: str) -> Opinion | None:
    if SAFE.fullmatch(text):
        return Opinion(safe=True)
    if match := UNSAFE.fullmatch(text):
        return Opinion(safe=False, category=match["what"] or "")
    if not (match := LABELLED.fullmatch(text)):
        return None
    if match["safety"].lower() != SAFE.pattern:
        return Opinion(safe=False, category=match["what"][:80])
    return Opinion(safe=True) if match["what"].lower() == NOTHING else None


def _yes_no(text: str) -> Opinion | None:
    answer = text.rstrip(".").lower()
    return Opinion(safe=answer == "no") if answer in ("yes", "no") else None


class _FormOfName(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=2)]
    form: Form


class Asking(BaseModel):
    """`data/guard_model.yaml` and the prompts beside it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    forms: tuple[_FormOfName, ...]
    sources: dict[Direction, str]
    asked: Annotated[str, Field(min_length=1)]
    probe: Annotated[str, Field(min_length=10)]
    probe_every_s: Annotated[float, Field(gt=0)]
    largest_answer: Annotated[int, Field(ge=100)]

    def form(self, model: str) -> Form:
        """How a model of this name answers."""
        for row in self.forms:
            if row.name in model.lower():
                return row.form
        return "json"

    def messages(self, form: Form, text: str, direction: Direction) -> list[dict[str, str]]:
        """The conversation that puts `text` before the model; nothing in it can end the place where it stands."""
        if form == "json":
            shown = f"来源：{self.sources[direction]}\n<文本>\n{text.replace('</文本', '</ 文本')}\n</文本>"
            return [{"role": "system", "content": _prompt("guard_model")}, {"role": "user", "content": shown}]
        if form == "yes_no":
            prompt = _prompt("guard_model_yes_no").replace("{source}", direction)
            return [{"role": "user", "content": prompt.replace("{text}", text.replace("</text", "</ text"))}]
        if direction == "output":
            return [{"role": "user", "content": self.asked}, {"role": "assistant", "content": text}]
        return [{"role": "user", "content": text}]


@cache
def _prompt(name: str) -> str:
    return (DATA / f"{name}.md").read_text(encoding="utf-8").strip()


@cache
def load_asking(path: Path = DATA / "guard_model.yaml") -> Asking:
    """The shipped one.

    Raises:
        ConfigurationError: naming the file and the key that is wrong.
    """
    try:
        return Asking.model_validate(parse_yaml(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = f"{path.name}: {'.'.join(map(str, first['loc']))}"
        raise ConfigurationError("安全模型的问法有错误", where=where, cure=first["msg"]) from error
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError("读不了安全模型的问法", where=path.name, cure="检查文件是否存在、是否为 YAML") from error
