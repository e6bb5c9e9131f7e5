"""`python -m evals.pii [--data DIR]`: what the detector of personal data finds in public sets, one JSON line a figure.

CLUENER2020 is news, where every football player and every country is labelled; the detector looks for what identifies somebody in a
company's papers. So each kind is scored twice: whatever is mentioned (a low `minimum`), and what is reported as it is used (0.5).
Exact: the same first and last character. Touched: any character in common, which is what matters when something is to be hidden.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guardrails.normalise import View
from guardrails.pii.detector import PiiDetector

ROOT = Path(__file__).resolve().parent.parent
Span = tuple[int, int]

MENTIONED = {"pii.person": 0.3, "pii.address": 0.1, "pii.company": 0.3}
CLUENER = {
    "pii.person": [("name", ("name",))],
    "pii.address": [("address", ("address",))],
    "pii.company": [("company", ("company",)), ("company+organization", ("company", "organization"))],
}
PRESIDIO = {
    "EMAIL_ADDRESS": ("pii.email",),
    "PHONE_NUMBER": ("pii.mobile", "pii.landline"),
    "CREDIT_CARD": ("pii.bank_card",),
    "IP_ADDRESS": ("pii.ip",),
}


@dataclass
class Score:
    """Spans that should have been found, were found, and agree."""

    gold: int = 0
    found: int = 0
    right: int = 0
    gold_touched: int = 0
    found_touching: int = 0

    def add(self, gold: Sequence[Span], found: Sequence[Span]) -> None:
        self.gold += len(gold)
        self.found += len(found)
        self.right += len(set(gold) & set(found))
        self.gold_touched += sum(any(a < d and c < b for c, d in found) for a, b in gold)
        self.found_touching += sum(any(a < d and c < b for c, d in gold) for a, b in found)

    def figures(self) -> dict[str, float | int]:
        exact = _rates(self.right, self.found, self.right, self.gold)
        touched = _rates(self.found_touching, self.found, self.gold_touched, self.gold)
        return {"gold": self.gold, "found": self.found} | exact | {f"touched_{name}": value for name, value in touched.items()}


def _rates(precise: int, found: int, recalled: int, gold: int) -> dict[str, float]:
    precision, recall = precise / found if found else 0.0, recalled / gold if gold else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}


def cluener(path: Path) -> Iterator[dict[str, Any]]:
    """Names, addresses and companies; spans of the set include their last character. Each rule by itself, so that none hides another's."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    for rule, kinds in CLUENER.items():
        for minimum in (MENTIONED[rule], 0.5):
            detector = PiiDetector({rule}, minimum)
            found = [[(one.start, one.end) for one in detector.find(View.of(row["text"]))] for row in rows]
            for name, labels in kinds:
                score = Score()
                for row, spans in zip(rows, found, strict=True):
                    score.add(_gold(row["label"], labels), spans)
                yield {"set": path.name, "kind": name, "minimum": minimum, **score.figures()}


def _gold(label: Mapping[str, Mapping[str, Sequence[Sequence[int]]]], kinds: Iterable[str]) -> list[Span]:
    return sorted({(span[0], span[1] + 1) for kind in kinds for spans in label.get(kind, {}).values() for span in spans})


def presidio(path: Path) -> Iterator[dict[str, Any]]:
    """English sentences with identifiers."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    detector = PiiDetector({rule for rules in PRESIDIO.values() for rule in rules})
    scores = {kind: Score() for kind in PRESIDIO}
    for row in rows:
        findings = detector.find(View.of(row["full_text"]))
        for kind, rules in PRESIDIO.items():
            gold = [(span["start_position"], span["end_position"]) for span in row["spans"] if span["entity_type"] == kind]
            scores[kind].add(gold, [(one.start, one.end) for one in findings if one.rule in rules])
    for kind, score in scores.items():
        yield {"set": path.name, "kind": kind, "minimum": 0.5, **score.figures()}


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m evals.pii", description="个人信息识别在公开数据上的准确率与召回率")
    options.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="公开数据所在的目录")
    data: Path = options.parse_args().data
    for measure, names in (
        (cluener, ("cluener2020/train_first2000.json", "cluener2020/dev.json")),
        (presidio, ("presidio_research/synth_dataset_v2.json", "presidio_research/generated_small.json")),
    ):
        for name in names:
            path = data / name
            lines = measure(path) if path.is_file() else [{"set": path.name, "skipped": f"没有 {name}，用 --data 指明公开数据的目录"}]
            for line in lines:
                sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
