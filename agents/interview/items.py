"""An assessment's items as an interview asks them: the words, the allowed answers, and what each is worth."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from tools.diagnosis.library import Assessment
from tools.diagnosis.matrix import Grid
from tools.diagnosis.notation import show
from tools.diagnosis.scales import BadAnswer, Scored
from tools.diagnosis.tree import Compiled, Model

from .words import interview_words

MOST_OPTIONS = 8
DONE = "是"


@dataclass(frozen=True)
class Option:
    """An allowed answer, and how it is shown."""

    value: str
    label: str


@dataclass(frozen=True)
class Askable:
    """One item that can be asked."""

    id: str
    title: str
    group: str
    """Title of its dimension."""
    question: str
    asks: str
    options: tuple[Option, ...]
    clauses: tuple[str, ...]
    share: float
    """What its best answer is worth of the best total, 0 to 1."""
    read: Callable[[object], Scored]
    lowest: str = ""
    """The answer that says that there is nothing."""
    needs: tuple[str, ...] = ()
    """Items that have to be answered with 是 before this one is worth asking (a matrix goes up level by level)."""

    def value_of(self, raw: object) -> str:
        """The answer as it is kept. Raises BadAnswer."""
        scored = self.read(raw)
        if scored.state == "not_applicable":
            return scored.shown
        if scored.score is None:
            raise BadAnswer("这不是一个答案")
        return scored.shown or show(scored.score)


def askable(assessment: Assessment) -> dict[str, Askable]:
    """Every item that a person can answer, in the assessment's order."""
    model = assessment.model
    found = _cells(model.grid) if model.grid is not None else _items(model)
    return {each.id: each for each in found}


def _items(model: Model) -> Iterator[Askable]:
    shares = _shares(model)
    for index in model.items:
        node = model.nodes[index]
        scale, spec = node.scale, node.spec
        if scale is None or scale.variables or node.sources or node.recorded or spec.record:
            continue
        top = _dimension(model, node)
        lowest = str(_shown(scale.ladder[0][0])) if scale.ladder and scale.ladder[0][1] <= 0 else ""
        yield Askable(
            id=node.id,
            title=node.title,
            group=top.title if top.index != node.index else model.definition.title,
            question=spec.question or f"{node.title}做到了什么程度",
            asks=scale.asks,
            options=tuple(_options(node)),
            clauses=tuple(spec.clauses or model.nodes[node.parent].spec.clauses or top.spec.clauses or model.definition.clauses),
            share=shares.get(index, 0.0),
            read=scale.read,
            lowest=lowest,
        )


def _dimension(model: Model, node: Compiled) -> Compiled:
    while node.depth > 1:
        node = model.nodes[node.parent]
    return node


def _options(node: Compiled) -> Iterator[Option]:
    assert node.scale is not None
    ladder = node.scale.ladder
    if len(ladder) > MOST_OPTIONS:
        return
    signals = {str(value): phrases for value, phrases in node.spec.signals.items()}
    for raw, score in ladder:
        value = _shown(raw)
        said = "、".join(signals.get(value, ())[:2])
        yield Option(value, said or (interview_words().none_label if score <= 0 and value.isdigit() else "" if value.isdigit() else value))


def _shown(raw: object) -> str:
    return show(raw) if isinstance(raw, Decimal) else str(raw)


def _shares(model: Model) -> dict[int, float]:
    """How much of the total hangs on each node, along the weights."""
    shares = {0: 1.0}
    for node in model.nodes:
        own, count = shares.get(node.index, 0.0), len(node.children)
        weights = [float(each) for each in node.weights] if len(node.weights) == count else []
        if node.aggregate == "sum":
            weights = [float(max(model.nodes[index].high, Decimal(0))) for index in node.children]
        whole = sum(weights)
        for position, index in enumerate(node.children):
            shares[index] = own * (weights[position] / whole if whole else 1 / count)
    return shares


def _cells(grid: Grid) -> Iterator[Askable]:
    from tools.diagnosis.words import load_words  # noqa: PLC0415 - only a matrix needs it

    words = load_words()

    def read(raw: object) -> Scored:
        for kind, shown, worth in (("yes", "是", 1), ("partly", "部分", "0.5"), ("no", "否", 0)):
            if words.means(kind, raw):
                return Scored(Decimal(worth), shown=shown)
        raise BadAnswer(f"“{raw}”应为是、部分、否之一")

    count = sum(len(row.cells) for row in grid.rows)
    for row in grid.rows:
        below: list[str] = []
        for cell in sorted(row.cells, key=lambda each: each.level):
            level = grid.levels[cell.level]
            if not cell.asks:
                continue
            name = f"{row.id}-{level}"
            options = tuple(Option(word, word) for word in ("是", "部分", "否"))
            yield Askable(
                id=name,
                title=f"{row.title}·{level}",
                group=row.title,
                question=f"“{row.title}”的{level}级要求，做到了吗",
                asks="是、部分、否",
                options=options,
                clauses=(cell.asks,),
                share=1 / count,
                read=read,
                lowest="否",
                needs=tuple(below),
            )
            below.append(name)
