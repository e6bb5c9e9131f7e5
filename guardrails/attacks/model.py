"""The linear models behind the rules: which class a text belongs to, and which sentences of a document speak to the assistant.

Both are sums of weights over hashed features (`features.py`). The weights are eight-bit numbers in one file that
`python -m evals.train_guard` writes; it is read once, when a detector is built.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from domain.errors import ConfigurationError

from .features import BUCKETS, Places, grams

WEIGHTS = Path(__file__).parent / "data" / "weights.npz"
OK = "ok"
"""The class of what may pass; always the first."""
FEWEST = 6
"""Features of a sentence that can tell somebody to do something: three words."""

Numbers = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Judgement:
    """What the class model thinks of a text."""

    score: float
    """0 to 1: how likely it is that the text should not pass."""
    kind: str
    """The likeliest class other than `ok`."""


@dataclass(frozen=True)
class Model:
    """Weights as they are stored: `classes` by bucket, and one row for planted instructions."""

    classes: tuple[str, ...]
    weights: Bytes
    scales: Numbers
    bias: Numbers
    planted: Bytes
    planted_scale: float
    planted_bias: float

    def judge(self, text: str) -> Judgement:
        """The class of folded, lower-case `text`."""
        return self.judge_all(text, [(0, len(text))])[0]

    def judge_all(self, text: str, windows: Sequence[tuple[int, int]]) -> list[Judgement]:
        """The class of each of these stretches of folded, lower-case `text`, as if it stood alone; its features are made once."""
        found = grams(text)
        weights = self.weights[found.buckets]
        sums, counts = np.zeros((len(windows), len(self.classes)), np.int32), np.zeros(len(windows), np.int32)
        for row, (start, end) in enumerate(windows):
            low, high = found.places.searchsorted((start, end))
            inside = slice(None) if not low and high == len(found.places) else (found.first >= low) & (found.last < high)
            chosen = weights[inside]
            counts[row] = len(chosen)
            sums[row] = chosen.sum(axis=0, dtype=np.int32)
        logits = sums * self.scales / np.sqrt(np.maximum(counts, 1).astype(np.float32))[:, None] + self.bias
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores = np.where(counts > 0, 1 - odds[:, 0] / odds.sum(axis=1), 0.0)
        kinds = odds[:, 1:].argmax(axis=1) + 1
        return [Judgement(float(score), self.classes[int(kind)]) for score, kind in zip(scores, kinds, strict=True)]

    def instructions(self, text: str, starts: Places) -> Numbers:
        """For every segment of folded, lower-case `text`, each beginning at one of `starts`: how likely it speaks to the assistant."""
        found = grams(text)
        owners = np.searchsorted(starts, found.places, side="right") - 1
        segments = owners[found.first] if len(owners) else found.first
        kept = segments == owners[found.last] if len(owners) else segments == 0
        segments, buckets = segments[kept], found.buckets[kept]
        counts = np.bincount(segments, minlength=len(starts))
        sums = np.bincount(segments, weights=self.planted[buckets], minlength=len(starts)) * self.planted_scale
        logits = sums / np.sqrt(np.maximum(counts, 1)) + self.planted_bias
        return np.where(counts >= FEWEST, 1 / (1 + np.exp(-np.clip(logits, -30, 30))), 0.0).astype(np.float32)


@cache
def load_model(path: Path = WEIGHTS) -> Model:
    """The shipped weights.

    Raises:
        ConfigurationError: the file is missing or was made for other features.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            parts = {name: stored[name] for name in stored.files}
        model = Model(
            tuple(str(name) for name in parts["classes"]),
            parts["weights"],
            parts["scales"],
            parts["bias"],
            parts["planted"],
            float(parts["planted_scale"]),
            float(parts["planted_bias"]),
        )
    except (OSError, EOFError, KeyError, ValueError, BadZipFile) as error:
        cure = "重新安装，或运行 python -m evals.train_guard"
        raise ConfigurationError("读不了攻击检测的权重文件", where=path.name, cure=cure) from error
    if model.weights.shape != (BUCKETS, len(model.classes)) or model.planted.shape != (BUCKETS,) or model.classes[:1] != (OK,):
        raise ConfigurationError("攻击检测的权重与程序不符", where=path.name, cure="运行 python -m evals.train_guard 重新训练")
    return model
