"""What belongs to a file beside its fields (TISC-7.2.4-b, TISC-7.3.2): contacts, ratings, assessments, services, needs and more."""

from datetime import date
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from domain.errors import UserInputError

from ..encoding import storable
from .profile import LONGEST_TEXT, NonEmpty, ShortText, Text, field_problems
from .vocabulary import vocabulary

RecordKind = Literal["assessment", "service", "need", "opportunity", "touch"]
ItemKind = Literal["contact", "rating", "assessment", "service", "need", "opportunity", "touch"]
KINDS: tuple[ItemKind, ...] = get_args(ItemKind)
KIND_NAMES: dict[ItemKind, str] = {
    "contact": "联系人",
    "rating": "评级",
    "assessment": "评估结果",
    "service": "服务记录",
    "need": "需求",
    "opportunity": "商机",
    "touch": "触达记录",
}
RatingState = Literal["proposed", "confirmed", "corrected", "withdrawn"]
FACTUAL: frozenset[RatingState] = frozenset({"confirmed", "corrected"})
"""Ratings that a named person stands for; only these are facts."""
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_TEXT), AfterValidator(storable)]


def _phone(value: str) -> str:
    plain = "".join(char for char in value if char not in " -()（）　")
    if plain and not (plain.lstrip("+").isdigit() and 5 <= len(plain) <= 20):
        raise ValueError("写成电话号码，例如 13800000000 或 0512-60000000")
    return plain


def _email(value: str) -> str:
    if value and not (value.count("@") == 1 and "." in value.split("@")[1] and " " not in value and not value.startswith("@")):
        raise ValueError("写成邮箱地址，例如 name@example.com")
    return value


def _word_of(name: str) -> AfterValidator:
    def check(value: str) -> str:
        allowed = getattr(vocabulary(), name)
        if value not in allowed:
            raise ValueError(f"只能是{'、'.join(allowed)}")
        return value

    return AfterValidator(check)


class Item(BaseModel):
    """The content of one item. Every kind says which `state` it is in and by when something is due."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def state_now(self) -> str:
        return ""

    def due_by(self) -> str:
        return ""


class Contact(Item):
    """A person at the enterprise."""

    name: NonEmpty
    role: ShortText = ""
    preferences: ShortText = ""
    phone: Annotated[ShortText, AfterValidator(_phone)] = ""
    email: Annotated[ShortText, AfterValidator(_email)] = ""


class NewRating(Item):
    """A rating as it is proposed: the evidence is the respondent's own sentence, and the item is one of a versioned assessment."""

    assessment: NonEmpty
    version: NonEmpty
    item: NonEmpty
    value: NonEmpty
    evidence: Sentence
    source: NonEmpty
    """Where the sentence stands: a document, a conversation, a visit."""
    respondent: NonEmpty


class Rating(NewRating):
    """A rating and what became of it."""

    state: RatingState = "proposed"
    proposed_by: str = ""
    run_id: str = ""
    """The assistant's run that proposed it; empty where a person did."""
    proposed_value: str = ""
    decided_by: str = ""
    decided_at: str = ""
    reason: str = ""

    def state_now(self) -> str:
        return self.state


class Assessment(Item):
    """The result of an assessment of one version on one day; results are added, never overwritten."""

    assessment: NonEmpty
    version: NonEmpty
    on: date
    scale: ShortText = ""
    """Whose scale `level` is on."""
    level: ShortText = ""
    score: float | None = Field(default=None, allow_inf_nan=False)
    results: dict[ShortText, Any] = Field(default_factory=dict[str, Any], max_length=500)
    run_id: ShortText = ""

    def due_by(self) -> str:
        return self.on.isoformat()


class Service(Item):
    """Something that was done for the enterprise."""

    title: NonEmpty
    on: date
    by: ShortText = ""
    detail: Text = ""
    outcome: Text = ""


class Need(Item):
    """A need of the enterprise (需求)."""

    title: NonEmpty
    detail: Text = ""
    state: Annotated[str, _word_of("need_states")] = "新增"
    owner: ShortText = ""

    def state_now(self) -> str:
        return self.state


class Opportunity(Item):
    """A chance to serve (商机), on its way from 线索 to 签约."""

    title: NonEmpty
    detail: Text = ""
    stage: Annotated[str, _word_of("stages")] = "线索"
    closed: Literal["", "won", "lost"] = ""
    amount: ShortText = ""
    owner: ShortText = ""
    reason: ShortText = ""
    """Why it went back or was lost."""

    @model_validator(mode="after")
    def _explained(self) -> "Opportunity":
        if self.closed == "lost" and not self.reason:
            raise ValueError("输单要写明原因（reason）")
        if self.closed == "won" and self.stage != vocabulary().stages[-1]:
            raise ValueError(f"赢单的阶段应为{vocabulary().stages[-1]}")
        return self

    def state_now(self) -> str:
        return self.stage


class Touch(Item):
    """One contact with the enterprise, online or not (TISC-7.3.2-e). While it is open, somebody does something next by some day."""

    on: date
    channel: Annotated[str, _word_of("channels")]
    method: ShortText = ""
    with_whom: ShortText = ""
    intention: Text = ""
    feedback: Text = ""
    demand: Text = ""
    next_action: ShortText = ""
    owner: ShortText = ""
    due: date | None = None
    state: Literal["open", "done"] = "open"

    def state_now(self) -> str:
        return self.state if self.state == "done" or self.is_complete else "incomplete"

    @property
    def is_complete(self) -> bool:
        """Whether it says who does what next by when."""
        return bool(self.next_action and self.owner and self.due)

    def due_by(self) -> str:
        return self.due.isoformat() if self.due else ""

    def alert(self, today: date) -> str:
        """What is wrong with it, for whoever looks after it; "" when nothing is."""
        if self.state == "done":
            return ""
        if not self.is_complete:
            lacking = {"下一步": self.next_action, "负责人": self.owner, "期限": self.due}
            return f"没有写{'、'.join(name for name, value in lacking.items() if not value)}"
        return f"已逾期 {(today - self.due).days} 天" if self.due and self.due < today else ""


MODELS: dict[ItemKind, type[Item]] = {
    "contact": Contact,
    "rating": Rating,
    "assessment": Assessment,
    "service": Service,
    "need": Need,
    "opportunity": Opportunity,
    "touch": Touch,
}


def checked_item(kind: ItemKind, fields: dict[str, Any], model: type[Item] | None = None) -> Item:
    """Raises UserInputError that names every wrong field."""
    try:
        return (model or MODELS[kind]).model_validate(fields)
    except ValidationError as error:
        raise UserInputError(f"{KIND_NAMES[kind]}的内容不对", detail=field_problems(error, vocabulary().item_fields)) from error
