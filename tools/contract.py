"""A tool is one declaration (DESIGN §4.3): typed input and output, example utterances, an effect, and a function.

From the one declaration come the model's tool schema, `POST /v1/tools/{name}`, `shuzhi tools run`, the MCP tool and the page in
the documentation. The offline model routes by `examples` and fills the input with `read_arguments`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.answer import Citation
from domain.errors import ProblemDetail, UserInputError
from domain.principal import Principal, Role
from records.audit_entries import Door

Effect = Literal["read", "compute", "write", "external"]
"""read and compute run at once; write and external pass an approval row first."""

InputT = TypeVar("InputT", bound=BaseModel)
OutputT = TypeVar("OutputT", bound=BaseModel)


class ToolResult(BaseModel, Generic[OutputT]):
    """What a tool returns: a Chinese summary, typed data, the clauses it stands on, references to large results."""

    model_config = ConfigDict(frozen=True)

    summary: str
    data: OutputT
    citations: list[Citation] = Field(default_factory=list[Citation])
    artifacts: list[str] = Field(default_factory=list[str])
    values: list[float] = Field(default_factory=list[float])
    """The computed numbers that an answer may state."""


class Cancellation(Protocol):
    """Lets a long tool notice that its run was stopped."""

    def raise_if_cancelled(self) -> None: ...


class NeverCancelled:
    """For callers that cannot cancel."""

    def raise_if_cancelled(self) -> None:
        return None


@dataclass(frozen=True)
class ToolContext:
    """Everything a tool may touch: on whose behalf, the time, progress and cancellation. Stores come with the tool itself."""

    principal: Principal
    now: Callable[[], datetime]
    progress: Callable[[float, str], None] = field(default=lambda done, note: None)
    cancellation: Cancellation = field(default_factory=NeverCancelled)
    run_id: str = ""
    """The run that the call belongs to; none outside a conversation."""
    door: Door = "system"
    """Through which door it was asked for: what a tool keeps is on record with it."""


@dataclass(frozen=True)
class Reading:
    """What was read from a user's words for one tool: arguments, and what is still missing (asked for in `question`)."""

    arguments: dict[str, Any]
    confidence: float
    """0 to 1: how surely these words mean this tool."""
    question: str = ""


@dataclass(frozen=True)
class Tool(Generic[InputT, OutputT]):
    """One declaration, every door."""

    name: str
    summary: str
    """Chinese, one sentence: what a model and a user read."""
    input: type[InputT]
    output: type[OutputT]
    run: Callable[[InputT, ToolContext], Awaitable[ToolResult[OutputT]]]
    examples: tuple[str, ...]
    """Utterances that mean this tool; the offline model routes by similarity to them."""
    effect: Effect = "read"
    roles: frozenset[Role] = frozenset({"staff", "operator", "expert", "evaluator", "developer"})
    clauses: tuple[str, ...] = ()
    read_arguments: Callable[[str], Reading | None] | None = None
    """Typed extractor for the offline model: the arguments a question carries, or None when it is not about this tool."""
    foreign: bool = False
    """Its results are a stranger's words: shown to the person who asked, told to no model."""

    def parse(self, arguments: dict[str, Any]) -> InputT:
        """Validate arguments; raises UserInputError naming each bad field."""
        try:
            return self.input.model_validate(arguments)
        except ValidationError as error:
            details = [
                ProblemDetail(where=".".join(map(str, e["loc"])) or self.name, what=e["msg"], cure="对照工具的输入说明修改")
                for e in error.errors()
            ]
            raise UserInputError(f"工具 {self.name} 的参数不对", detail=details) from error

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The function schema of OpenAI-compatible endpoints."""
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.summary, "parameters": self.input.model_json_schema()},
        }


AnyTool = Tool[Any, Any]
