"""The result of an assessment as it is handed out: every number with where it comes from."""

from pydantic import BaseModel, ConfigDict, Field


class Out(BaseModel):
    """A part of a result."""

    model_config = ConfigDict(frozen=True)


class ItemResult(Out):
    """One item, or one cell of a matrix."""

    id: str
    title: str
    node: str = ""
    """The group it belongs to."""
    value: str = ""
    score: float | None = None
    best: float | None = None
    contribution: float | None = None
    """What it adds to the total; None where scores do not simply add up."""
    state: str
    """已答 · 未答 · 不适用 · 待复核 · 冲突 · 不可计算."""
    verdict: str = ""
    """达标 · 未达标 · 未知, where something is met or not."""
    clauses: list[str] = Field(default_factory=list[str])
    modality: str = ""
    why: str = ""
    evidence: str = ""
    expires: str = ""
    owner: str = ""
    reviewer: str = ""
    confirmed_by: str = ""


class NodeResult(Out):
    """One group, or one scene of a matrix."""

    id: str
    title: str
    depth: int
    score: float | None
    best: float | None = None
    weight: float | None = None
    """Its share of the group above, in per cent."""
    contribution: float | None = None
    coverage: float | None = None
    level: str | None = None
    verdict: str = ""
    should_share: float | None = None
    """Of the 宜 clauses, how many per cent are met."""
    next_level: str | None = None
    asks: list[str] = Field(default_factory=list[str])
    """What the next level asks that is missing (升级路径)."""


class Gate(Out):
    """A condition of a level, and whether it holds."""

    level: str
    condition: str
    passed: bool | None
    clause: str = ""


class Contradiction(Out):
    """Respondents who say different things on one item."""

    id: str
    said: str


class Step(Out):
    """One improvement: from which answer to which, at what effort, for what gain."""

    id: str
    title: str
    current: str
    to: str
    effort: float
    gain: float | None = None


class NextLevel(Out):
    """The cheapest way to the next level with at most three improvements."""

    level: str
    gap: float | None = None
    steps: list[Step] = Field(default_factory=list[Step])
    effort: float | None = None
    note: str = ""


class Change(Out):
    """How one node or item differs from the previous result."""

    id: str
    title: str
    before: float | str | None
    after: float | str | None
    delta: float | None = None


class Comparison(Out):
    """Against a previous result."""

    total_before: float | None = None
    total_delta: float | None = None
    level_before: str | None = None
    nodes: list[Change] = Field(default_factory=list[Change])
    items: list[Change] = Field(default_factory=list[Change])
    note: str = ""


class AssessmentResult(Out):
    """What `score_assessment` returns."""

    assessment: str
    title: str
    version: str
    total: float | None
    level: str | None
    label: str = ""
    items: list[ItemResult]
    missing: list[str]
    """Ids without an answer that counts."""
    nodes: list[NodeResult] = Field(default_factory=list[NodeResult])
    gates: list[Gate] = Field(default_factory=list[Gate])
    vetoes: list[str] = Field(default_factory=list[str])
    coverage: float = 1.0
    total_on_answered: float | None = None
    """Unanswered items left out, their weight shared among the others."""
    total_on_all: float | None = None
    """Unanswered items as zero."""
    conflicts: list[Contradiction] = Field(default_factory=list[Contradiction])
    next_level: NextLevel | None = None
    comparison: Comparison | None = None
    notes: list[str] = Field(default_factory=list[str])
