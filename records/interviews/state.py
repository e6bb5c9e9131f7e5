"""From an interview's events to where it stands: one pure function, so that every device and every restart sees the same."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..enterprises.items import FACTUAL, RatingState

EventKind = Literal[
    "started",
    "said",
    "understood",
    "profile_proposed",
    "profile_confirmed",
    "rating_proposed",
    "question_asked",
    "answered",
    "skipped",
    "rating_confirmed",
    "rating_corrected",
    "rating_rejected",
    "paused",
    "resumed",
    "finished",
]
Status = Literal["open", "paused", "finished"]
CONVERSATION = "conversation"
"""The source of what was said rather than read from a file."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Event(_Part):
    """Something that happened, as it is stored."""

    seq: int
    kind: EventKind
    payload: dict[str, Any]
    respondent: str = ""
    by: str
    door: str
    at: datetime


class Said(_Part):
    """What somebody said or a file contained, word for word."""

    seq: int
    text: str
    source: str
    respondent: str
    question: str = ""
    """The item whose question stood open."""


class Fact(_Part):
    """A field of the enterprise's file, as it follows from what was said."""

    field: str
    value: Any
    evidence: str
    said: int
    respondent: str
    confirmed: bool = False


class Proposal(_Part):
    """What one respondent's words come to on one item, and what a person made of it."""

    item: str
    value: str
    evidence: str
    source: str
    said: int
    start: int
    end: int
    respondent: str
    direct: bool
    """An answer to the item's own question, or a correction; else read out of free text."""
    confidence: float
    why: str
    rating: str
    """Its id in the enterprise's file."""
    state: RatingState = "proposed"
    decided_by: str = ""

    @property
    def is_fact(self) -> bool:
        return self.state in FACTUAL


class Question(_Part):
    """The question that stands open with one respondent."""

    item: str
    about: Literal["item", "conflict", "profile"] = "item"
    why: str = ""
    tries: int = 1
    """How often it was asked in a row."""


class Interview(BaseModel):
    """Where an interview stands."""

    model_config = ConfigDict(frozen=True)

    id: str
    enterprise: str
    owner: str
    assessment: str
    version: str
    thread: str = ""
    status: Status = "open"
    seq: int = 0
    participants: list[str] = Field(default_factory=list[str])
    said: list[Said] = Field(default_factory=list[Said])
    waiting: list[int] = Field(default_factory=list[int])
    """What was said and not understood yet: a process was killed between the two."""
    facts: list[Fact] = Field(default_factory=list[Fact])
    proposals: list[Proposal] = Field(default_factory=list[Proposal])
    """Of each respondent on each item the newest, and what was decided before it."""
    skipped: dict[str, list[str]] = Field(default_factory=dict[str, list[str]])
    """By item: who does not know."""
    questions: dict[str, Question] = Field(default_factory=dict[str, Question])
    asked: dict[str, list[str]] = Field(default_factory=dict[str, list[str]])
    """By respondent: items in the order in which they were asked."""
    faced: dict[str, list[str]] = Field(default_factory=dict[str, list[str]])
    """By respondent: items on which they were told that others say something else."""
    result: dict[str, Any] = Field(default_factory=dict[str, Any])

    def on(self, item: str) -> list[Proposal]:
        return [each for each in self.proposals if each.item == item and each.state != "withdrawn"]

    def fact(self, item: str) -> Proposal | None:
        """What a named person stands for."""
        return next((each for each in reversed(self.proposals) if each.item == item and each.is_fact), None)

    def in_conflict(self, item: str) -> bool:
        """Respondents contradict each other, and no person has decided."""
        return self.fact(item) is None and len({each.value for each in self.on(item)}) > 1

    @property
    def respondents(self) -> list[str]:
        return list(dict.fromkeys(each.respondent for each in self.said))


def replay(head: Interview, events: Iterable[Event]) -> Interview:
    """The interview after its events. `head` says what never changes."""
    kept = _Kept(head.owner)
    for event in events:
        kept.take(event)
    return head.model_copy(
        update={
            "status": kept.status,
            "seq": kept.seq,
            "participants": kept.participants,
            "said": kept.said,
            "waiting": [each.seq for each in kept.said if each.seq not in kept.understood],
            "facts": list(kept.facts.values()),
            "proposals": list(kept.proposals.values()),
            "skipped": kept.skipped,
            "questions": kept.questions,
            "asked": kept.asked,
            "faced": kept.faced,
            "result": kept.result,
        }
    )


class _Kept:
    """What is remembered while events are told."""

    def __init__(self, owner: str) -> None:
        self.status: Status = "open"
        self.seq = 0
        self.participants = [owner]
        self.said: list[Said] = []
        self.understood: set[int] = set()
        self.facts: dict[str, Fact] = {}
        self.proposals: dict[str, Proposal] = {}
        """By rating: one that was decided stays beside what its respondent says later."""
        self.skipped: dict[str, list[str]] = {}
        self.questions: dict[str, Question] = {}
        self.asked: dict[str, list[str]] = {}
        self.faced: dict[str, list[str]] = {}
        self.result: dict[str, Any] = {}

    def take(self, event: Event) -> None:
        self.seq = event.seq
        getattr(self, f"_{event.kind}")(event, event.payload)

    def _started(self, event: Event, given: dict[str, Any]) -> None:
        self.participants = list(dict.fromkeys([*self.participants, *given.get("participants", [])]))

    def _said(self, event: Event, given: dict[str, Any]) -> None:
        question = str(given.get("question", ""))
        said = Said(seq=event.seq, text=given["text"], source=given["source"], respondent=event.respondent, question=question)
        self.said.append(said)

    def _understood(self, event: Event, given: dict[str, Any]) -> None:
        self.understood.add(given["said"])

    def _profile_proposed(self, event: Event, given: dict[str, Any]) -> None:
        self.facts[given["field"]] = Fact(respondent=event.respondent, **given)

    def _profile_confirmed(self, event: Event, given: dict[str, Any]) -> None:
        for field in given["fields"]:
            if field in self.facts:
                self.facts[field] = self.facts[field].model_copy(update={"confirmed": True})

    def _rating_proposed(self, event: Event, given: dict[str, Any]) -> None:
        self.proposals[given["rating"]] = Proposal(respondent=event.respondent, **given)

    def _question_asked(self, event: Event, given: dict[str, Any]) -> None:
        if not given["item"]:
            self.questions.pop(event.respondent, None)
            return
        question = Question.model_validate(given)
        before = self.questions.get(event.respondent)
        repeated = before is not None and (before.item, before.about) == (question.item, question.about)
        tries = before.tries + 1 if before is not None and repeated and given.get("unclear") else 1
        self.questions[event.respondent] = question.model_copy(update={"tries": tries})
        if question.about == "conflict":
            self.faced.setdefault(event.respondent, []).append(question.item)
        order = self.asked.setdefault(event.respondent, [])
        if not order or order[-1] != question.item:
            order.append(question.item)

    def _answered(self, event: Event, given: dict[str, Any]) -> None:
        known = self.skipped.get(given["item"], [])
        if event.respondent in known:
            known.remove(event.respondent)

    def _skipped(self, event: Event, given: dict[str, Any]) -> None:
        unknown = self.skipped.setdefault(given["item"], [])
        if event.respondent not in unknown:
            unknown.append(event.respondent)

    def _rating_confirmed(self, event: Event, given: dict[str, Any]) -> None:
        """The rating itself stands in the enterprise's file; the event tells when, by whom and in which interview."""

    _rating_corrected = _rating_rejected = _rating_confirmed

    def _paused(self, event: Event, given: dict[str, Any]) -> None:
        self.status = "paused"

    def _resumed(self, event: Event, given: dict[str, Any]) -> None:
        self.status = "open"

    def _finished(self, event: Event, given: dict[str, Any]) -> None:
        self.status, self.result = "finished", given
