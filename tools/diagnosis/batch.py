"""Many enterprises by one definition: totals and levels without the explanations."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from .answers import Answers
from .filling import fill
from .matrix import Grid
from .scoring import score
from .tree import Model


@dataclass(frozen=True, slots=True)
class Lean:
    """One result in short."""

    total: Decimal | None
    level: str | None
    coverage: Decimal
    nodes: tuple[Decimal | str | None, ...]
    """Scores of the first level's nodes; of a matrix the level that each scene has reached."""


def score_many(model: Model, batch: Iterable[Answers], today: date) -> Iterator[Lean]:
    """One result after the other, as they are asked for. Raises UserInputError at the first answers that cannot be read."""
    if model.grid is not None:
        review = model.definition.expired == "review"
        yield from (_board(model.grid, answers, today, review=review) for answers in batch)
        return
    first = model.nodes[0].children
    for answers in batch:
        run = score(model, answers, today)
        yield Lean(run.total, run.level_name, run.coverage, tuple(run.scored[i].score for i in first))


def _board(grid: Grid, answers: Answers, today: date, *, review: bool) -> Lean:
    board = fill(grid, answers, today, review=review)
    reached = [board.reached(row) for row in range(len(grid.rows))]
    allowed = board.allowed()
    known = sum(state.met is not None for state in board.states.values())
    return Lean(
        total=board.score,
        level=None if allowed is None else grid.levels[allowed],
        coverage=Decimal(known) / len(grid.asked) if grid.asked else Decimal(1),
        nodes=tuple(None if level is None else grid.levels[level] for level in reached),
    )
