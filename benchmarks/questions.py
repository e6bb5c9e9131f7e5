"""Questions as users put them: the shipped calibration set and the catalogue's own."""

from functools import cache

from evals.dataset import Item, load_items
from knowledge.catalogue import load_catalogue


@cache
def calibration() -> list[Item]:
    return list(load_items())


def texts(count: int) -> list[str]:
    """`count` distinct questions: one from each clause of the catalogue in turn, after the stand-alone ones of the calibration set."""
    asked = dict.fromkeys(item.question for item in calibration() if not item.turns)
    clauses = [clause for clause in load_catalogue().clauses.values() if clause.questions]
    for turn in range(max(len(clause.questions) for clause in clauses)):
        asked |= dict.fromkeys(clause.questions[turn] for clause in clauses if turn < len(clause.questions))
        if len(asked) >= count:
            break
    return list(asked)[:count]
