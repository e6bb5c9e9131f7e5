"""What a diagnosis report is made from (企业数字化诊断报告, TISC-7.2.2-b, TISC-7.3.1-b): records only, nothing that a model phrased.

The hash of the canonical form names the inputs: the same record gives the same report, byte for byte.
"""

import hashlib
import re
from datetime import date
from typing import Annotated, Literal

import orjson
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, StringConstraints, model_validator

MOST = 2_000
"""Rows of any list: as many as a whole catalogue of clauses, and no more than a report can show."""
LONGEST_NAME = 200
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufffe\uffff\ud800-\udfff]")
"""Controls that XML forbids, marks that turn the reading direction or hide between letters, halves of characters."""

RatingState = Literal["proposed", "confirmed", "corrected"]
CellState = Literal["达成", "部分", "未达成", "未知", "/"]
"""A cell of a matrix; `/` is not asked at that level, 未知 was not answered."""


def printable(text: object) -> object:
    """The text as every rendering can show it, and only show it."""
    if not isinstance(text, str):
        return text
    return UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n"))


Name = Annotated[str, BeforeValidator(printable), StringConstraints(max_length=LONGEST_NAME)]
Line = Annotated[str, BeforeValidator(printable), StringConstraints(max_length=1_000)]
Prose = Annotated[str, BeforeValidator(printable), StringConstraints(max_length=10_000)]
Clauses = Annotated[tuple[Name, ...], Field(max_length=100)]
LARGEST = 1e12
Figure = Annotated[FiniteFloat, Field(ge=-LARGEST, le=LARGEST)]
"""A score, weight, gain or effort; beyond this it is a mistake."""


class Recorded(BaseModel):
    """A part of the record."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Enterprise(Recorded):
    """Whose diagnosis it is."""

    name: Name = ""
    credit_code: Name = ""
    """统一社会信用代码."""
    industry: Name = ""
    region: Name = ""
    scale: Name = ""
    products: Line = ""
    summary: Prose = ""


class Assessment(Recorded):
    """What was assessed with."""

    key: Name = ""
    title: Name = ""
    version: Name = ""
    status: Name = ""
    clauses: Clauses = ()
    rule: Line = ""
    """The formula of the total, as it was applied."""
    scale: tuple[Line, ...] = Field(default=(), max_length=20)
    """Levels with their bounds, lowest first."""
    scale_source: Line = ""
    """Who recognises that scale (TISC-7.2.2-b)."""


class Rating(Recorded):
    """One rating: proposed with evidence, confirmed or corrected by a named person."""

    item: Name
    """Id of the item, of the group, or of the cell of a matrix (or of its whole scene)."""
    title: Name = ""
    value: Name = ""
    state: RatingState
    evidence: Prose = ""
    """The sentence it stands on."""
    file: Line = ""
    respondent: Name = ""
    confirmed_by: Name = ""
    at: AwareDatetime | None = None

    @property
    def stands(self) -> bool:
        return self.state != "proposed" and bool(self.confirmed_by.strip())


class Dimension(Recorded):
    """One group of the result."""

    id: Name
    title: Name
    depth: int = Field(default=1, ge=1, le=10)
    """1 directly under the total; a group comes before those inside it."""
    score: Figure | None = None
    best: Figure | None = None
    weight: Figure | None = None
    """Its share of the group above, in per cent."""
    contribution: Figure | None = None
    coverage: Figure | None = Field(default=None, ge=0, le=1)
    level: Name = ""
    clause: Name = ""


class Item(Recorded):
    """One item of the result."""

    id: Name
    title: Name
    node: Name = ""
    """Id or title of its group."""
    value: Name = ""
    score: Figure | None = None
    best: Figure | None = None
    contribution: Figure | None = None
    clauses: Clauses = ()


class Gate(Recorded):
    """A condition of a level."""

    level: Name
    condition: Line
    passed: bool | None = None
    clause: Name = ""


class Change(Recorded):
    """One group now and last time."""

    id: Name
    title: Name
    before: Figure | None = None
    after: Figure | None = None
    delta: Figure | None = None


class Comparison(Recorded):
    """Against the last diagnosis."""

    version: Name = ""
    dated: date | None = None
    total_before: Figure | None = None
    total_delta: Figure | None = None
    level_before: Name = ""
    nodes: tuple[Change, ...] = Field(default=(), max_length=MOST)
    note: Line = ""


class CohortNode(Recorded):
    """One group's mean among the cohort."""

    id: Name
    title: Name
    mean: Figure


class Cohort(Recorded):
    """Enterprises of the same kind, as figures of all of them together."""

    name: Name
    size: int = Field(ge=0)
    mean: Figure | None = None
    median: Figure | None = None
    nodes: tuple[CohortNode, ...] = Field(default=(), max_length=MOST)


class Gap(Recorded):
    """What the next level asks and the enterprise does not have."""

    id: Name = ""
    title: Name
    current: Line = ""
    target: Line = ""
    score: Figure | None = None
    needed: Figure | None = None
    clause: Name = ""


class Step(Recorded):
    """One of the cheapest improvements."""

    id: Name = ""
    title: Line
    current: Name = ""
    to: Name = ""
    effort: Figure | None = None
    gain: Figure | None = None
    clause: Name = ""


class NextLevel(Recorded):
    """The way to the next level."""

    level: Name
    gap: Figure | None = None
    gaps: tuple[Gap, ...] = Field(default=(), max_length=MOST)
    steps: tuple[Step, ...] = Field(default=(), max_length=3)
    note: Line = ""


class Action(Recorded):
    """A next step, or a stage of the service path (服务路径)."""

    title: Line
    detail: Prose = ""
    owner: Name = ""
    due: Name = ""
    clause: Name = ""


class Result(Recorded):
    """The scored result."""

    total: Figure | None = None
    best: Figure | None = None
    level: Name = ""
    label: Name = ""
    """参考, where the official grade comes from elsewhere."""
    coverage: Figure | None = Field(default=None, ge=0, le=1)
    nodes: tuple[Dimension, ...] = Field(default=(), max_length=MOST)
    items: tuple[Item, ...] = Field(default=(), max_length=MOST)
    missing: tuple[Name, ...] = Field(default=(), max_length=MOST)
    gates: tuple[Gate, ...] = Field(default=(), max_length=100)
    vetoes: tuple[Line, ...] = Field(default=(), max_length=100)
    comparison: Comparison | None = None
    cohort: Cohort | None = None
    next_level: NextLevel | None = None
    notes: tuple[Line, ...] = Field(default=(), max_length=100)


class Scene(Recorded):
    """One row of a matrix."""

    id: Name
    title: Name
    cells: tuple[CellState, ...] = Field(max_length=10)


class Matrix(Recorded):
    """Scenes by levels."""

    levels: tuple[Name, ...] = Field(max_length=10)
    rows: tuple[Scene, ...] = Field(max_length=200)

    @model_validator(mode="after")
    def _full(self) -> "Matrix":
        for row in self.rows:
            if len(row.cells) != len(self.levels):
                raise ValueError(f"{row.id} 有 {len(row.cells)} 格，应为 {len(self.levels)} 格；没有要求的写 /")
        return self


class ClauseEntry(Recorded):
    """One clause of the appendix."""

    id: Name
    path: Line = ""
    wording: Prose
    status: Name = ""
    version: Name = ""


class DiagnosisReport(Recorded):
    """The whole record of one diagnosis."""

    enterprise: Enterprise = Enterprise()
    assessment: Assessment = Assessment()
    ratings: tuple[Rating, ...] = Field(default=(), max_length=MOST)
    result: Result = Result()
    matrix: Matrix | None = None
    next_steps: tuple[Action, ...] = Field(default=(), max_length=100)
    service_path: tuple[Action, ...] = Field(default=(), max_length=100)
    clauses: tuple[ClauseEntry, ...] = Field(default=(), max_length=MOST)
    version: Name = ""
    prepared_by: Name = ""
    reviewed_by: Name = ""
    dated: date | None = None


def cited_clauses(record: DiagnosisReport) -> list[str]:
    """Every clause id that the record names, in the order in which a reader meets them."""
    result, ahead = record.result, record.result.next_level
    found = [*record.assessment.clauses, *(node.clause for node in result.nodes), *(gate.clause for gate in result.gates)]
    found += [clause for item in result.items for clause in item.clauses]
    found += [part.clause for part in (*ahead.gaps, *ahead.steps)] if ahead else []
    found += [part.clause for part in (*record.next_steps, *record.service_path)]
    return [clause for clause in dict.fromkeys(found) if clause]


def canonical(kind: str, record: DiagnosisReport) -> bytes:
    """The inputs in their one form: JSON with sorted keys, nothing between them."""
    return orjson.dumps({"kind": kind, "record": record.model_dump(mode="json")}, option=orjson.OPT_SORT_KEYS)


def digest(kind: str, record: DiagnosisReport) -> str:
    """SHA-256 of the canonical inputs; what `sha256sum` says of the kept record."""
    return hashlib.sha256(canonical(kind, record)).hexdigest()
