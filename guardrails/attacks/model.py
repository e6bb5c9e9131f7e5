"""The linear models behind the rules: which class a text belongs to, and which sentences of a document speak to the assistant.

Both are sums of weights over hashed features (`features.py`). The weights are eight-bit numbers in one file that
`python -m evals.train_guard` writes; it is read once, when a detector is built.
"""

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
        buckets = grams(text).buckets
        if not len(buckets):
            return Judgement(0.0, self.classes[1])
        sums = self.weights[buckets].sum(axis=0, dtype=np.int32).astype(np.float32) * self.scales
        logits = sums / np.sqrt(np.float32(len(buckets))) + self.bias
        odds = np.exp(logits - logits.max())
        return Judgement(float(1 - odds[0] / odds.sum()), self.classes[1 + int(odds[1:].argmax())])

    def instructions(self, text: str, starts: Places) -> Numbers:
        """For every segment of folded, lower-case `text`: how likely it is that it speaks to the assistant."""
        found = grams(text, starts)
        counts = np.bincount(found.segments, minlength=len(starts))
        sums = np.bincount(found.segments, weights=self.planted[found.buckets], minlength=len(starts)) * self.planted_scale
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
