"""Fit the refusal model (`agents/data/answerable.yaml`) on the calibration questions: `python -m evals.calibrate`.

Logistic regression with a small ridge; the bias is moved so that a question is refused only when the odds are clearly against it,
because a wrong refusal costs a user more than a shown near miss. Cross-validated figures are printed before the weights are written.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from agents.answerable import WEIGHTS, Judge, Vocabulary, load_weights
from agents.asking import load_asking
from agents.evidence import choose, load_choice
from domain.principal import LOCAL
from serving.assembly import Knowledge, open_knowledge
from serving.settings import load_settings

from .dataset import Item, load_items

RIDGE = 0.0003
STEPS = 8000
RATE = 0.6
REFUSE_ABOVE = 0.7
"""Probability above which a question is refused."""
FOLDS = 5
HITS = 24

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """Weights per signal and the bias."""

    weights: Matrix
    bias: float

    def probability(self, signals: Matrix) -> Matrix:
        return 1 / (1 + np.exp(-(signals @ self.weights + self.bias)))


def fit(signals: Matrix, refuse: Matrix) -> Fit:
    """Plain gradient descent: a few hundred rows and twenty signals need nothing more."""
    weights, bias = np.zeros(signals.shape[1]), 0.0
    for _ in range(STEPS):
        error = 1 / (1 + np.exp(-(signals @ weights + bias))) - refuse
        weights -= RATE * (signals.T @ error / len(refuse) + RIDGE * weights)
        bias -= RATE * float(error.mean())
    return Fit(weights, bias)


def collect(knowledge: Knowledge, items: list[Item]) -> tuple[list[dict[str, float]], list[float]]:
    """Signals and gold of every item that found something."""
    judge = Judge(knowledge.catalogue, load_asking(), load_weights(), Vocabulary(knowledge.catalogue, knowledge.frequencies))
    choice = load_choice()
    rows: list[dict[str, float]] = []
    gold: list[float] = []
    for item in items:
        earlier = [turn["content"] for turn in item.turns if turn["role"] == "user"]
        question = knowledge.reader.read(item.question, earlier)
        hits = knowledge.retriever.search(item.question, LOCAL, HITS, earlier=earlier)
        supports = choose(question, hits, knowledge.catalogue, choice)
        if supports:
            rows.append(judge.signals(question, hits, supports))
            gold.append(float(not item.answerable))
    return rows, gold


def cross_validated(signals: Matrix, refuse: Matrix) -> dict[str, float]:
    """Refusal F1 and over-refusal on held-out fifths."""
    order = np.random.default_rng(0).permutation(len(refuse))
    refused = np.zeros(len(refuse), dtype=bool)
    for fold in range(FOLDS):
        held = order[fold::FOLDS]
        rest = np.setdiff1d(order, held)
        refused[held] = fit(signals[rest], refuse[rest]).probability(signals[held]) > REFUSE_ABOVE
    right, wrong = int((refused & (refuse == 1)).sum()), int((refused & (refuse == 0)).sum())
    missed = int((~refused & (refuse == 1)).sum())
    return {"refusal_f1": round(2 * right / (2 * right + wrong + missed), 4), "over_refusal": round(wrong / float((refuse == 0).sum()), 4)}


def main(target: Path = WEIGHTS) -> None:
    """Collect, cross-validate, fit on everything, write."""
    knowledge = open_knowledge(load_settings())
    try:
        rows, gold = collect(knowledge, list(load_items()))
    finally:
        knowledge.close()
    names = list(rows[0])
    signals = np.array([[row[name] for name in names] for row in rows])
    refuse = np.array(gold)
    sys.stdout.write(f"{cross_validated(signals, refuse)}\n")
    fitted = fit(signals, refuse)
    shifted = fitted.bias - float(np.log(REFUSE_ABOVE / (1 - REFUSE_ABOVE)))
    data = {"bias": round(shifted, 3), "signals": {name: round(float(w), 3) for name, w in zip(names, fitted.weights, strict=True)}}
    head = "# Written by `python -m evals.calibrate` from evals/data/calibration.jsonl; do not edit by hand.\n"
    target.write_text(head + yaml.safe_dump(data, sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    main()
