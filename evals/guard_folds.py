"""How the guard's model does on wordings that it has not learned from: `python -m evals.guard_folds`, one JSON line a family.

In turn a quarter of all patterns (goals, questions, frames, innocent ones) is held out, a model is fitted on the texts of the others, and
the shipped rules and thresholds judge texts of the held-out patterns. Only our own texts are used; the public sets are for `evals.attacks`.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from guardrails.attacks import AttackDetector
from guardrails.attacks.model import OK, Model, load_model
from guardrails.normalise import View
from knowledge.catalogue import Catalogue, load_catalogue

from .attacks import interval
from .guard_texts import SPEAKS_CHINESE, Labelled, Part, write_texts
from .train_guard import SEED, classes_of, fit, rows, stored

FOLDS = 4
MOST = 400
"""Held-out texts of one family and fold."""

Tally = dict[tuple[str, str], list[int]]
"""By language and family: how many texts, and how many were judged wrongly."""


def fitted(requests: Sequence[Labelled]) -> Model:
    """A model whose classes of requests were learned from these texts; what it says of documents is the shipped model's."""
    classes, shipped = classes_of(requests), load_model()
    learned = fit(rows(requests, classes), len(classes))
    weights, scales = stored(learned.weights)
    return Model(tuple(classes), weights, scales, learned.bias, shipped.planted, shipped.planted_scale, shipped.planted_bias)


def judge(detector: AttackDetector, texts: Sequence[Labelled], tally: Tally) -> None:
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for item in texts:
        key = ("zh" if SPEAKS_CHINESE.search(item.text) else "en", item.label)
        counts[key] += 1
        if counts[key] > MOST:
            continue
        tally[key][0] += 1
        tally[key][1] += bool(detector.find(View.of(item.text))) is (item.label == OK)


def tried(catalogue: Catalogue, folds: int = FOLDS, scale: float = 0.5) -> Mapping[tuple[str, str], list[int]]:
    """The tally over all folds."""
    tally: Tally = defaultdict(lambda: [0, 0])
    for fold in range(folds):
        learned = write_texts(catalogue, SEED, scale=scale, part=Part(fold, folds)).requests
        held_out = write_texts(catalogue, SEED + 1, scale=scale / 2, part=Part(fold, folds, held_out=True), written_only=True).requests
        judge(AttackDetector(model=fitted(learned)), held_out, tally)
    return tally


def lines(tally: Mapping[tuple[str, str], Sequence[int]]) -> Iterator[str]:
    for (language, family), (count, wrong) in sorted(tally.items()):
        meaning = "stopped" if family == OK else "passed"
        shown = {"language": language, "family": family, "meaning": meaning, "items": count, "wrong": wrong}
        yield json.dumps(shown | {"rate": round(wrong / count, 4), "interval": interval(wrong, count)}, ensure_ascii=False)


def main() -> None:
    for line in lines(tried(load_catalogue())):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
