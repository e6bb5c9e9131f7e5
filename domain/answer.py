"""Citations and answers: what may be said, and on what it stands (DESIGN §4.2)."""

import re
import unicodedata
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from .clause import Source

WHITESPACE = re.compile(r"\s+")


def quotable(text: str) -> str:
    """The form in which quotes are compared: NFKC, no white space (line breaks of a page carry no meaning in Chinese)."""
    return WHITESPACE.sub("", unicodedata.normalize("NFKC", text))


def is_verbatim(quote: str, text: str) -> bool:
    """Whether `quote` is a substring of the stored `text`; an empty quote supports nothing."""
    needle = quotable(quote)
    return bool(needle) and needle in quotable(text)


class Citation(BaseModel):
    """A quote of a stored text that was found in it verbatim (引用)."""

    model_config = ConfigDict(frozen=True)

    clause_id: str
    standard: str
    path: list[str]
    quote: str
    source: Source
    status: str = ""
    version: str = ""
    verified: bool = False
    passage_id: str = ""


class Figure(BaseModel):
    """A number in an answer and the tool call or citation it came from."""

    model_config = ConfigDict(frozen=True)

    text: str
    value: float
    unit: str = ""
    origin: str
    """`tool:<call id>` or `cite:<clause id>` or `question` (a number the user gave and the answer repeats)."""


class Sentence(BaseModel):
    """One sentence of an answer with everything it stands on."""

    model_config = ConfigDict(frozen=True)

    text: str
    citations: list[Citation] = Field(default_factory=list[Citation])
    figures: list[Figure] = Field(default_factory=list[Figure])
    tool_call_ids: list[str] = Field(default_factory=list[str])


class ToolCall(BaseModel):
    """One executed tool call as it appears in an answer and in a run's trace."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    args: dict[str, Any]
    result: dict[str, Any] = Field(default_factory=dict[str, Any])
    error: str = ""


class Answer(BaseModel):
    """What the assistant says, sentence by sentence, or why it does not."""

    model_config = ConfigDict(frozen=True)

    text: str
    sentences: list[Sentence] = Field(default_factory=list[Sentence])
    tool_calls: list[ToolCall] = Field(default_factory=list[ToolCall])
    retrieved: list[str] = Field(default_factory=list[str])
    """Clause ids considered, best first."""
    refused: bool = False
    reason: str = ""
    confidence: float = 0.0
    """0 to 1: how well the best evidence fits the question."""
    values: list[float] = Field(default_factory=list[float])
    """Numbers computed by tools."""
    dropped_quotes: int = 0
    """Quotes that were not found in the stored text and therefore not said."""
    model: str = "offline"
    run_id: str = ""

    @property
    def citations(self) -> list[Citation]:
        seen: dict[tuple[str, str], Citation] = {}
        for sentence in self.sentences:
            for citation in sentence.citations:
                seen.setdefault((citation.clause_id, citation.quote), citation)
        return list(seen.values())
