"""Ratings proposed from what an enterprise says of itself, each with the sentence that speaks for it. Nothing here confirms."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from domain.errors import UserInputError
from domain.quantity import Quantity, quantities
from knowledge.catalogue import Catalogue

from ..contract import ToolResult
from .library import Assessment, Library
from .scales import BadAnswer
from .speech import STATUS_WORDS, Mention, Status, load_speech, mentions, sentence_at, status_at
from .tree import Compiled, Model

DEFAULT = "digital-maturity"
FOR_CELLS = 2
"""A cell's signals are its clause's everyday words; one of them alone says little."""
SURE = 3


class ProposeInput(BaseModel):
    """What is said, and by which assessment it is to be rated."""

    model_config = ConfigDict(extra="forbid")

    assessment: str = Field(default="", max_length=100, description="评估的键；不写为 digital-maturity")
    definition: str = Field(default="", max_length=400_000, description="自带的评估定义（题目里写 signals）")
    text: str = Field(default="", max_length=200_000, description="企业自述")
    rows: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]], max_length=10_000, description="已解析的表格行")
    minimum: int = Field(default=1, ge=1, le=20, description="少于几个信号就不提建议")


class Evidence(BaseModel):
    """A sentence of the input, word for word."""

    model_config = ConfigDict(frozen=True)

    quote: str
    start: int
    end: int
    source: str = "text"
    signal: str
    says: str
    """已做到 · 试点中 · 只是计划 · 没有做到 …"""


class Proposal(BaseModel):
    """A rating that somebody may confirm."""

    model_config = ConfigDict(frozen=True)

    item: str
    title: str
    value: str
    status: str = "proposed"
    confidence: float
    evidence: list[Evidence]
    against: list[Evidence] = Field(default_factory=list[Evidence])
    why: str


class Undecided(BaseModel):
    """An item on which too little is said."""

    model_config = ConfigDict(frozen=True)

    item: str
    title: str
    why: str
    evidence: list[Evidence] = Field(default_factory=list[Evidence])


class Proposals(BaseModel):
    """What `propose_ratings` returns."""

    model_config = ConfigDict(frozen=True)

    assessment: str
    proposals: list[Proposal]
    undecided: list[Undecided]
    silent: int = 0
    """Items on which nothing at all is said."""


@dataclass(frozen=True)
class Passage:
    """One text to look into."""

    text: str
    source: str


@dataclass(frozen=True)
class Signal:
    """A phrase that speaks for a rating of an item."""

    phrase: str
    value: str
    rank: int


def propose(library: Library, given: ProposeInput) -> ToolResult[Proposals]:
    """Deterministic: the same words give the same proposals."""
    if not given.text.strip() and not given.rows:
        raise UserInputError("没有可读的内容", where="text", cure="给出企业自述，或表格行")
    if given.assessment and given.definition:
        raise UserInputError("assessment 与 definition 只给一个", where="assessment", cure="去掉其中一个")
    assessment = library.read(given.definition) if given.definition else library.get(given.assessment or DEFAULT)
    passages = [Passage(given.text, "text"), *(Passage(_row_text(row), f"第 {n} 行") for n, row in enumerate(given.rows, 1))]
    proposals: list[Proposal] = []
    undecided: list[Undecided] = []
    silent = 0
    for item, title, signals, least in _askable(assessment, library.catalogue, given.minimum):
        found = _heard(passages, signals)
        if not found:
            silent += 1
            continue
        made = _rating(item, title, found, least)
        if isinstance(made, Proposal):
            proposals.append(made)
        else:
            undecided.append(made)
    said = {proposal.item for proposal in proposals}
    numeric = [n for n in _numeric(assessment.model, passages) if n.item not in said]
    proposals += numeric
    output = Proposals(
        assessment=assessment.definition.key or assessment.definition.title,
        proposals=proposals,
        undecided=[u for u in undecided if u.item not in {n.item for n in numeric}],
        silent=silent,
    )
    return ToolResult(summary=_summary(assessment, output), data=output)


def _row_text(row: Mapping[str, object]) -> str:
    """One clause: what stands in a row belongs together."""
    return " ".join(f"{key} {value}" for key, value in row.items() if value not in (None, ""))


def _askable(assessment: Assessment, catalogue: Catalogue, minimum: int) -> Iterator[tuple[str, str, list[Signal], int]]:
    """Every item with its signals, and how many different ones it takes."""
    model = assessment.model
    if model.grid is not None:
        for row in model.grid.rows:
            signals = [
                Signal(word, model.grid.levels[cell.level], cell.level)
                for cell in row.cells
                if cell.asks in catalogue.clauses
                for word in catalogue.clauses[cell.asks].synonyms
                if len(word) > 1
            ]
            yield row.id, row.title, signals, max(minimum, FOR_CELLS)
        return
    for index in model.items:
        node = model.nodes[index]
        if node.spec.signals:
            yield node.id, node.title, _signals(node), minimum


def _signals(node: Compiled) -> list[Signal]:
    """In the order of the scale where it has one, else as written."""
    order = {str(raw): n for n, (raw, _) in enumerate(node.scale.ladder)} if node.scale else {}
    return [
        Signal(phrase, value, order.get(value, n)) for n, (value, phrases) in enumerate(node.spec.signals.items()) for phrase in phrases
    ]


Heard = tuple[Signal, Mention, Passage]


def _heard(passages: Sequence[Passage], signals: Sequence[Signal]) -> list[Heard]:
    found = [(signal, mention, passage) for passage in passages for signal in signals for mention in mentions(passage.text, signal.phrase)]
    longer = [(s.phrase, m.start, p.source) for s, m, p in found]
    return [
        (s, m, p)
        for s, m, p in found
        if not any(s.phrase != other and s.phrase in other and (m.start, p.source) == (at, source) for other, at, source in longer)
    ]


def _evidence(heard: Heard) -> Evidence:
    signal, mention, passage = heard
    return Evidence(
        quote=passage.text[mention.start : mention.end],
        start=mention.start,
        end=mention.end,
        source=passage.source,
        signal=signal.phrase,
        says=STATUS_WORDS[mention.status],
    )


def _rating(item: str, title: str, found: list[Heard], least: int) -> Proposal | Undecided:
    """The highest rating that enough signals speak for, as done; what is on trial speaks for the rating below."""
    done = [h for h in found if h[1].status == "done"]
    other = [h for h in found if h[1].status != "done"]
    evidence, against = [_evidence(h) for h in done], [_evidence(h) for h in other]
    phrases = {h[0].phrase for h in done}
    if len(phrases) < least:
        reasons = "、".join(dict.fromkeys(e.says for e in against))
        short = f"只有 {len(phrases)} 个信号，少于 {least} 个，不作判断" if phrases else f"提到了，但{reasons}，不作判断"
        return Undecided(item=item, title=title, why=short, evidence=[*evidence, *against])
    denied = [h[0].rank for h in other if h[1].status == "not_done"]
    ranks = sorted({h[0].rank for h in done}, reverse=True)
    best = next((rank for rank in ranks if sum(h[0].rank >= rank for h in done) >= least), ranks[-1])
    value = next(h[0].value for h in done if h[0].rank == best)
    speaking = [_evidence(h) for h in done if h[0].rank >= best]
    clash = any(rank <= best for rank in denied)
    confidence = round(min(0.9, 0.4 + 0.5 * min(len(phrases), SURE) / SURE) - (0.2 if clash else 0.0), 2)
    why = f"{'、'.join(dict.fromkeys(e.signal for e in speaking))} 说明到 {value}" + ("；另有相反说法，请核对" if clash else "")
    return Proposal(item=item, title=title, value=value, confidence=confidence, evidence=speaking, against=against, why=why)


def _numeric(model: Model, passages: Sequence[Passage]) -> Iterator[Proposal]:
    """Items that take a number: their name followed by a quantity in the same clause."""
    words = load_speech()
    for index in model.items:
        node = model.nodes[index]
        spec = node.spec
        if not (spec.threshold or spec.bands or spec.interpolate or (spec.range and spec.unit)) or spec.formula or node.scale is None:
            continue
        for passage in passages:
            at = passage.text.find(node.title)
            number_ = _after(passage.text, at + len(node.title), words.split.search) if at >= 0 else None
            if number_ is None or status_at(passage.text, at, at + len(node.title), words) not in ("done", "trial"):
                continue
            value = number_.text
            try:
                shown = node.scale.read(value).shown
            except BadAnswer:
                continue
            start, end = sentence_at(passage.text, at, words)
            quote = Evidence(quote=passage.text[start:end], start=start, end=end, source=passage.source, signal=node.title, says=value)
            yield Proposal(item=node.id, title=node.title, value=value, confidence=0.7, evidence=[quote], why=f"{node.title} 为 {shown}")
            break


def _after(text: str, at: int, cut: Any) -> Quantity | None:
    stop = cut(text, at)
    clause = text[at : stop.start() if stop else len(text)]
    return next((q for q in quantities(clause) if q.kind == "number"), None)


def _summary(assessment: Assessment, output: Proposals) -> str:
    title = assessment.definition.title
    if not output.proposals:
        tail = f"；{'；'.join(f'{u.title}：{u.why}' for u in output.undecided[:5])}" if output.undecided else ""
        return f"{title}：自述里的信号不足，没有提出评级建议{tail}。"
    rows = "；".join(f"{p.title} 建议 {p.value}（“{p.evidence[0].quote}”）" for p in output.proposals[:8])
    tail = f"；信号不足不作判断：{'、'.join(u.title for u in output.undecided[:5])}" if output.undecided else ""
    return f"{title}的评级建议（{len(output.proposals)} 项，均待具名人员确认）：{rows}{tail}。"


__all__ = ["Proposals", "ProposeInput", "Status", "propose"]
