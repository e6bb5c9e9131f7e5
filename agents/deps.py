"""What the graph is built from. The composition root makes these; nothing here makes a model or a store."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from domain.principal import Principal
from guardrails.attacks import GuardModel
from guardrails.screens import Screens
from knowledge.catalogue import Catalogue
from knowledge.question import QuestionReader
from knowledge.retrieve import Retriever
from tools.registry import ToolRegistry

from .answerable import Judge
from .evidence import Choice
from .interview.flow import Interviewer
from .model import ChatModel


class Approvals(Protocol):
    """The approvals table as the act node needs it."""

    def request(self, run_id: str, tool: str, args: dict[str, Any], effect: str, principal: Principal) -> str:
        """File a request for a named person's approval; returns its id. The same run and call file it once."""
        ...

    def is_approved(self, approval_id: str) -> bool | None:
        """True approved, False rejected, None undecided."""
        ...

    def claim(self, approval_id: str) -> bool:
        """True exactly once per approved request: whoever gets it runs the effect."""
        ...

    def record(self, approval_id: str, outcome: dict[str, Any]) -> None:
        """What the effect came to, for a step that is run again."""
        ...

    def outcome(self, approval_id: str) -> dict[str, Any] | None:
        """What was recorded; None while nothing is."""
        ...


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class AssistantDeps:
    """The assistant's parts. `model` None means offline."""

    catalogue: Catalogue
    reader: QuestionReader
    retriever: Retriever
    tools: ToolRegistry
    judge: Judge
    choice: Choice
    screens: Screens
    approvals: Approvals
    model: ChatModel | None = None
    guard_model: GuardModel | None = None
    interviewer: Interviewer | None = None
    """Leads guided interviews in conversations."""
    now: Callable[[], datetime] = utc_now
    hits: int = 24
    """Clauses fetched for one question."""
    max_rounds: int = 3
    """Most plan-act rounds in one run."""
    overlap: float = 0.35
    """Least share of a model's sentence that must stand in what it cites."""
