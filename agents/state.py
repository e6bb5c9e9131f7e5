"""What travels through the graph (JSON values only) and what its nodes are given from outside."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from typing_extensions import TypedDict

from domain.principal import Principal
from records.audit_entries import Door


class Turn(TypedDict):
    """One earlier message of the conversation."""

    role: Literal["user", "assistant"]
    content: str


class PlannedCall(TypedDict):
    """A tool call that `plan` wants `act` to run."""

    id: str
    name: str
    arguments: dict[str, Any]


class CallResult(TypedDict):
    """What came of a planned call: data and citations, or the error a user can read."""

    id: str
    name: str
    arguments: dict[str, Any]
    summary: str
    data: dict[str, Any]
    citations: list[dict[str, Any]]
    values: list[float]
    error: str


class Asked(TypedDict):
    """What every run starts from."""

    question: str


class AssistantState(Asked, total=False):
    """The graph's state; it is what a checkpoint holds, so it is plain JSON. Nodes return the keys they change (`Update`)."""

    turns: list[Turn]
    calls: list[PlannedCall]
    results: list[CallResult]
    rounds: int
    steered: bool
    """An attached model planned the calls and may ask for more when it has seen what came of them."""
    ask: str
    """A question back to the user, when a tool needs something that was not said."""
    pseudonyms: dict[str, str]
    """What stands for the identifiers in the question and its conversation, for the run alone."""
    answer: dict[str, Any]
    reminder: str
    """The interview's open question, said again behind an answer that was no part of it."""
    blocked: str


Update = dict[str, Any]
"""The part of the state that a node changes."""

Emit = Callable[[str, dict[str, Any]], None]
"""Writes one event (type, data) to the run's log and to whoever is watching."""


class Cancellation(Protocol):
    """Lets a node notice that the user stopped the run."""

    def raise_if_cancelled(self) -> None: ...


class NotCancellable:
    def raise_if_cancelled(self) -> None:
        return None


def no_watcher(kind: str, data: dict[str, Any]) -> None:
    """For runs nobody follows."""


@dataclass(frozen=True)
class RunContext:
    """One run's own things; never checkpointed."""

    principal: Principal
    run_id: str
    emit: Emit = no_watcher
    cancellation: Cancellation = field(default_factory=NotCancellable)
    thread_id: str = ""
    """The conversation it belongs to; none where a client keeps its own."""
    door: Door = "system"
