"""The chat model as the graph sees it; the offline model and the endpoint client are both one of these."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from domain.errors import UpstreamUnavailable

Role = Literal["system", "user", "assistant", "tool"]

FailureKind = Literal["refused", "timeout", "garbage", "http_status", "died"]
"""refused: nobody listens · timeout: too slow · garbage: an answer that cannot be used · http_status: it said no · died: it broke off."""


@dataclass(frozen=True)
class ToolRequest:
    """A tool call the model asks for."""

    id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Message:
    """One message of a conversation."""

    role: Role
    content: str
    tool_calls: tuple[ToolRequest, ...] = ()
    """What an assistant message asked for."""
    tool_call_id: str = ""
    """Which request a tool message answers."""


@dataclass(frozen=True)
class Usage:
    """Tokens as the model counts them; 0 where it does not say."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True)
class Completion:
    """A whole answer: text, or JSON text when a schema was given, and the tools the model wants called."""

    text: str
    tool_requests: tuple[ToolRequest, ...] = ()
    usage: Usage = field(default_factory=Usage)
    truncated: bool = False
    """The model stopped at its token limit, so the last sentence may be half."""


class ModelUnavailable(UpstreamUnavailable):
    """The model did not answer, or not usably; `kind` lets a caller choose its fallback."""

    def __init__(self, message: str, *, kind: FailureKind, status: int = 0, where: str = "", cure: str = "") -> None:
        super().__init__(message, where=where, cure=cure)
        self.kind: FailureKind = kind
        self.status = status
        """The HTTP status, where there was one."""


class ChatModel(Protocol):
    """Answers a conversation. Everything that goes wrong is a ModelUnavailable."""

    @property
    def name(self) -> str: ...

    async def complete(
        self, messages: Sequence[Message], *, tools: Sequence[dict[str, Any]] = (), schema: dict[str, Any] | None = None
    ) -> Completion:
        """The whole answer.

        Args:
            messages: the conversation, oldest first.
            tools: function schemas (`Tool.schema`) that the model may call.
            schema: JSON schema of the answer; `text` is then a JSON document (its shape is the caller's to validate).
        """
        ...

    def stream(self, messages: Sequence[Message]) -> AsyncIterator[str]:
        """Text as it is written. Cancelling the reader, or dropping the iterator, stops the model at once."""
        ...
