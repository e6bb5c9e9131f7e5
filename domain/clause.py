"""Clauses: their ids, what they demand, and the passages they are stored as.

Ids are the ones of the catalogue (`TISC-7.3.1-b`, `SDIB-A-数据汇聚平台`, `JSSF-09-先进`, `MIIT-15`, `GXDSL-7.2-6`); a user's document gets
`<doc key>-<clause>` from the same parser.
"""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from .principal import Label

Modality = Literal["应", "宜", "指标", "示例", "信息"]
"""应 shall · 宜 should · 指标 metric · 示例 example · 信息 informative."""
Status = Literal["征求意见稿", "发布"]
"""Draft for comments, or published."""
Source = Literal["official", "catalogue", "document"]
"""Where a text comes from: a standard's ingested official text, our catalogue's wording, another document."""

FactoryLevel = Literal["车间", "基础", "先进", "卓越", "领航"]
"""The five steps of Jiangsu's smart-factory ladder (智能车间 … 领航级)."""
FACTORY_LEVELS: tuple[FactoryLevel, ...] = ("车间", "基础", "先进", "卓越", "领航")


class Fact(BaseModel):
    """A number that a clause sets: metric op value unit (对接成功率 >= 75 %)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    op: Literal["=", ">=", "<=", ">", "<", "range", "list"]
    value: float | str
    unit: str = ""


FormulaInput = float | list[float] | date
"""A number, the summands of a Σ, or a calendar day."""


class Variable(BaseModel):
    """One input of an indicator's formula."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: str
    name: str
    unit: str = ""


class FormulaCase(BaseModel):
    """A worked example that the formula has to reproduce when the catalogue is loaded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: list[FormulaInput]
    expected: float


class Formula(BaseModel):
    """An indicator's calculation (指标计算公式): the printed form, a compiled form over the variables' symbols, a test case."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    printed: str
    expression: str
    variables: list[Variable]
    unit: str = ""
    better: Literal["higher", "lower"] | None = None
    in_text: bool = True
    """False where the standard names the indicator without a formula and `expression` is our own reading."""
    note: str = ""
    test: FormulaCase


class Clause(BaseModel):
    """One addressable statement of a standard, in our own words (条款)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    parent: str | None = None
    title: str
    text: str
    modality: Modality = "信息"
    synonyms: list[str] = Field(default_factory=list[str])
    questions: list[str] = Field(default_factory=list[str])
    facts: list[Fact] = Field(default_factory=list[Fact])
    items: list[str] = Field(default_factory=list[str])
    """Closed list that the clause enumerates."""
    formula: Formula | None = None
    weight: float | None = None
    """Percentage points in the standard's weighting table."""
    scene: str | None = None
    level: FactoryLevel | None = None
    available: bool = True
    """False for a Jiangsu table cell that holds "/": not asked at this level."""
    see: list[str] = Field(default_factory=list[str])
    """Cross-references, duplicates and the other standards' twin clauses."""
    note: str = ""
    """How an ambiguous spot of the text is read."""


class Section(BaseModel):
    """A heading of a standard, or one scene of the Jiangsu table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    number: str
    title: str
    parent: str | None = None
    text: str = ""
    synonyms: list[str] = Field(default_factory=list[str])
    questions: list[str] = Field(default_factory=list[str])


class Passage(BaseModel):
    """One stored, addressable piece of text: a clause of a standard or of a user's document."""

    model_config = ConfigDict(frozen=True)

    id: str
    """Unique over documents and versions: `<document id>#<clause id>`."""
    clause_id: str
    document_id: str
    title: str
    """Title of the document."""
    path: list[str]
    """Headings from the document's top down to this passage."""
    text: str
    focus: tuple[int, int] | None = None
    """Span of `text` that is this clause's own; the rest of the paragraph is context. None: all of it."""
    kind: str = "clause"
    source: Source
    order: int
    version: str = ""
    status: str = ""
    label: Label

    @property
    def own_text(self) -> str:
        """The clause's own words."""
        return self.text[self.focus[0] : self.focus[1]] if self.focus else self.text
