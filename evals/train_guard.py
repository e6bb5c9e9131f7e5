"""Fit the guard's linear models (`guardrails/attacks/data/weights.npz`) on our own texts: `python -m evals.train_guard`.

Softmax regression by Adagrad in numpy: a minute on one core, the same weights for the same seed. No public set is read: those measure
(`python -m evals.attacks`).
"""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from guardrails.attacks.features import BUCKETS, grams
from guardrails.attacks.model import OK, WEIGHTS
from guardrails.normalise import View
from knowledge.catalogue import load_catalogue

from .guard_texts import Labelled, write_texts

SEED = 7
ROUNDS = 3
"""Fits on freshly written texts whose weights are averaged: what one draw of the patterns suggests by chance, the others do not."""
EPOCHS = 3
BATCH = 128
RATE = 0.5
DECAY = 2e-6
SMOOTHING = 0.05
"""Probability kept from the given label: patterns are right about most of their texts, not all."""

Matrix = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Texts as features, one behind the other, `starts` saying where each begins."""

    buckets: Ids
    starts: Ids
    labels: Ids

    def __len__(self) -> int:
        return len(self.labels)


def rows(items: Sequence[Labelled], classes: Sequence[str]) -> Rows:
    found = [grams(View.of(item.text).lowered).buckets.astype(np.int64) for item in items]
    kept = [index for index, buckets in enumerate(found) if len(buckets)]
    lengths = np.array([len(found[index]) for index in kept])
    labels = np.array([classes.index(items[index].label) for index in kept])
    return Rows(np.concatenate([found[index] for index in kept]), np.concatenate([[0], np.cumsum(lengths)]), labels)


def classes_of(requests: Sequence[Labelled]) -> list[str]:
    return [OK, *sorted({item.label for item in requests} - {OK})]


@dataclass(frozen=True)
class Fit:
    weights: Matrix
    bias: Matrix


def fit(data: Rows, classes: int, seed: int = SEED, epochs: int = EPOCHS) -> Fit:
    """Softmax weights; every feature has a step of its own (Adagrad), so that rare words learn as fast as common ones."""
    chance = np.random.default_rng(seed)
    weights, seen = np.zeros((BUCKETS, classes), np.float32), np.full(BUCKETS, 1e-4, np.float32)
    bias, bias_seen = np.zeros(classes, np.float32), np.full(classes, 1e-4, np.float32)
    target = np.full((classes, classes), SMOOTHING / classes, np.float32) + np.eye(classes, dtype=np.float32) * (1 - SMOOTHING)
    for _ in range(epochs):
        order = chance.permutation(len(data))
        for begin in range(0, len(order), BATCH):
            batch = order[begin : begin + BATCH]
            lengths = data.starts[batch + 1] - data.starts[batch]
            owners = np.repeat(np.arange(len(batch)), lengths)
            offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            buckets = data.buckets[np.repeat(data.starts[batch], lengths) + offsets]
            share = (1 / np.sqrt(lengths)).astype(np.float32)
            sums = np.add.reduceat(weights[buckets], np.cumsum(lengths) - lengths, axis=0)
            logits = sums * share[:, None] + bias
            odds = np.exp(logits - logits.max(axis=1, keepdims=True))
            error = odds / odds.sum(axis=1, keepdims=True) - target[data.labels[batch]]
            unique, back = np.unique(buckets, return_inverse=True)
            steps = np.zeros((len(unique), classes), np.float32)
            np.add.at(steps, back, (error * share[:, None])[owners])
            seen[unique] += (steps**2).sum(axis=1)
            weights[unique] -= RATE * (steps / np.sqrt(seen[unique])[:, None] + DECAY * weights[unique])
            step = error.sum(axis=0)
            bias_seen += step**2
            bias -= RATE * step / np.sqrt(bias_seen)
    return Fit(weights, bias)


def mean(fits: Sequence[Fit]) -> Fit:
    weights, bias = np.zeros_like(fits[0].weights), np.zeros_like(fits[0].bias)
    for one in fits:
        weights += one.weights / np.float32(len(fits))
        bias += one.bias / np.float32(len(fits))
    return Fit(weights, bias)


def stored(weights: Matrix) -> tuple[npt.NDArray[np.int8], Matrix]:
    """Eight-bit weights and the scale of each column; the few beyond four sigma of the used ones are cut."""
    scales = np.maximum(np.abs(weights).max(axis=0), 1e-6) / 127
    return np.clip(np.rint(weights / scales), -127, 127).astype(np.int8), scales.astype(np.float32)


def main(target: Path = WEIGHTS) -> None:
    """Write the texts, fit both models, store them."""
    started = time.perf_counter()
    catalogue = load_catalogue()
    users: list[Fit] = []
    documents: list[Fit] = []
    classes: list[str] = []
    counts: list[int] = []
    for seed in range(SEED, SEED + ROUNDS):
        texts = write_texts(catalogue, seed)
        classes = classes_of(texts.requests)
        requests, sentences = rows(texts.requests, classes), rows(texts.sentences, [OK, "planted"])
        users.append(fit(requests, len(classes), seed))
        documents.append(fit(sentences, 2, seed))
        counts = [len(requests), len(sentences)]
    user, document = mean(users), mean(documents)
    weights, scales = stored(user.weights)
    planted, planted_scale = stored((document.weights[:, 1] - document.weights[:, 0])[:, None])
    np.savez_compressed(
        target,
        classes=np.array(classes),
        weights=weights,
        scales=scales,
        bias=user.bias,
        planted=planted[:, 0],
        planted_scale=planted_scale[0],
        planted_bias=document.bias[1] - document.bias[0],
    )
    said = {"requests": counts[0], "sentences": counts[1], "rounds": ROUNDS, "classes": classes, "bytes": target.stat().st_size}
    sys.stdout.write(json.dumps(said | {"seconds": round(time.perf_counter() - started, 1)}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
