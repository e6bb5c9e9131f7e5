"""How often attacks pass and innocent texts are stopped, one JSON line a set: `python -m evals.attacks --data DIR`.

`rate` is the share of attacks that were not flagged (`passed`) or of innocent texts that were (`stopped`), with a 95 % interval (Wilson);
`curve` is the same with one threshold for every text instead of the shipped ones. The public sets measure and never train.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from guardrails.attacks import AttackDetector, IndirectDetector
from guardrails.normalise import View
from knowledge.catalogue import load_catalogue

from .dataset import CALIBRATION

Meaning = Literal["passed", "stopped"]

CURVE = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
CONTEXTS = 10
"""Documents that every planted instruction is tried in; another ten for the next instruction."""
Z = 1.96


@dataclass(frozen=True)
class Trial:
    """One text and what was found: whether it was flagged, and the lowest threshold at which it would not be."""

    flagged: bool
    level: float


def interval(hits: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if not count:
        return 0.0, 1.0
    share, spread = hits / count, Z * Z / count
    middle = (share + spread / 2) / (1 + spread)
    half = Z * math.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)


def line(name: str, meaning: Meaning, trials: Sequence[Trial], seconds: float) -> str:
    """The JSON line of a set."""
    count = len(trials)

    def hits(flags: Iterator[bool]) -> int:
        flagged = sum(flags)
        return count - flagged if meaning == "passed" else flagged

    wrong = hits(trial.flagged for trial in trials)
    curve = {str(at): round(hits(trial.level >= at for trial in trials) / count, 4) for at in CURVE}
    shown: dict[str, Any] = {"set": name, "meaning": meaning, "items": count, "wrong": wrong, "rate": round(wrong / count, 4)}
    shown |= {"interval": interval(wrong, count), "curve": curve, "ms_per_item": round(seconds * 1000 / count, 3)}
    return json.dumps(shown, ensure_ascii=False)


@dataclass(frozen=True)
class Sets:
    """The public sets under a folder: the shared folder or its `data`."""

    root: Path

    def path(self, name: str) -> Path | None:
        places = (self.root / name, self.root / "data" / name, self.root.parent / name)
        return next((place for place in places if place.exists()), None)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The objects of a JSON or JSON-lines file; none when it is not there."""
        path = self.path(name)
        if path is None:
            return []
        text = path.read_text(encoding="utf-8")
        if text.lstrip().startswith("["):
            return json.loads(text)
        return [json.loads(row) for row in text.split("\n") if row.strip()]

    def texts(self, name: str, *fields: str) -> list[str]:
        return ["\n".join(str(row[field]) for field in fields) for row in self.rows(name)]

    def attacks(self, name: str) -> list[str]:
        path = self.path(name)
        return [text for kind in json.loads(path.read_text(encoding="utf-8")).values() for text in kind] if path else []


def user_sets(sets: Sets) -> Iterator[tuple[str, Meaning, list[str]]]:
    """What people type."""
    for kind in ("base_risk_zh_small", "base_risk_en_small", "attack_zh_sample", "attack_en_sample"):
        yield f"s_eval/{kind}", "passed", sets.texts(f"s_eval/{kind}.jsonl", "prompt")
    valid = sets.rows("injecguard/valid.json")
    yield "injecguard/valid attacks", "passed", [r["prompt"] for r in valid if r["label"] == 1 and not r["source"].startswith("BIPIA")]
    yield "injecguard/valid benign", "stopped", [r["prompt"] for r in valid if r["label"] == 0]
    for part in ("NotInject_one", "NotInject_two", "NotInject_three", "wildguard"):
        yield f"injecguard/{part}", "stopped", [r["prompt"] for r in sets.rows(f"injecguard/{part}.json")]
    yield "ccf_bdci requirements", "stopped", sets.texts("ccf_bdci_tech_matching/requirements.jsonl", "title", "content")
    yield "telecom_ops questions", "stopped", sets.texts("telecom_ops_qa_zh/question.jsonl", "query")
    yield "development questions", "stopped", sets.texts("evals/dev.jsonl", "question")
    yield "calibration questions", "stopped", [json.loads(row)["question"] for row in CALIBRATION.read_text(encoding="utf-8").splitlines()]
    yield "catalogue questions", "stopped", [q for clause in load_catalogue().clauses.values() for q in clause.questions]
    for part, field in (("csldcp", "content"), ("tnews", "sentence"), ("iflytek", "sentence"), ("bustm", "sentence1")):
        yield f"fewclue/{part} (outside the domain)", "stopped", sets.texts(f"fewclue/{part}/dev_few_all.json", field)


def document_sets(sets: Sets) -> Iterator[tuple[str, list[str]]]:
    """Data that carries no instruction."""
    for part in ("email/train", "email/test", "table/test", "code/test"):
        yield f"bipia/{part} clean", _contexts(sets.rows(f"bipia/{part}.jsonl"))
    folder = sets.path("standards")
    files = sorted(folder.glob("*.txt")) if folder else []
    yield "standards, line by line", [row for file in files for row in file.read_text(encoding="utf-8").splitlines() if len(row) > 5]
    yield "ccf_bdci requirements as data", sets.texts("ccf_bdci_tech_matching/requirements.jsonl", "content")
    laws = sets.path("laws_zh/corpus.jsonl")
    if laws is not None:
        with laws.open(encoding="utf-8") as opened:
            texts = [json.loads(row)["text"] for row, _ in zip(opened, range(40), strict=False)]
        yield "law articles", [row for text in texts for row in text.splitlines() if len(row) > 5]


def _contexts(rows: list[dict[str, Any]]) -> list[str]:
    """Contexts are texts or, for code, lists of lines."""
    found = [row.get("context") or row.get("code") or "" for row in rows]
    return ["\n".join(map(str, text)) if isinstance(text, list) else str(text) for text in found]


def planted(contexts: Sequence[str], attacks: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Documents with an instruction at their start, in their middle and at their end, and where it stands."""
    for number, attack in enumerate(attacks):
        for context in [contexts[(number * CONTEXTS + turn) % len(contexts)] for turn in range(min(CONTEXTS, len(contexts)))]:
            middle = max(context.find(" ", len(context) // 2), 0)
            for cut in (0, middle, len(context)):
                before = f"{context[:cut]}\n" if cut else ""
                yield f"{before}{attack}\n{context[cut:]}", len(before), len(before) + len(attack)


def measure(sets: Sets) -> Iterator[str]:
    """The lines of every set that is there."""
    users, documents = AttackDetector(), IndirectDetector()

    def user(text: str) -> Trial:
        view = View.of(text)
        return Trial(bool(users.find(view)), users.score(view))

    def document(text: str) -> Trial:
        view = View.of(text)
        return Trial(bool(documents.find(view)), max(documents.scores(view), default=0.0))

    for name, meaning, texts in user_sets(sets):
        yield from _tried(name, meaning, texts, user)
    contexts = [text for part in ("train", "test") for text in sets.texts(f"bipia/email/{part}.jsonl", "context")]
    for kind in ("text_attack_train", "text_attack_test", "code_attack_train", "code_attack_test"):
        attacks = sets.attacks(f"bipia/{kind}.json")
        cases = list(planted(contexts, attacks)) if contexts else []
        where = {text: (start, end) for text, start, end in cases}

        def found(text: str, where: dict[str, tuple[int, int]] = where) -> Trial:
            start, end = where[text]
            spots = [f for f in documents.find(View.of(text)) if f.start < end and f.end > start]
            return Trial(bool(spots), max((f.score for f in spots), default=0.0))

        yield from _tried(f"bipia/{kind} in e-mails", "passed", [text for text, _, _ in cases], found)
    valid = sets.rows("injecguard/valid.json")
    yield from _tried(
        "injecguard/valid BIPIA rows as data", "passed", [r["prompt"] for r in valid if r["source"].startswith("BIPIA")], document
    )
    for name, texts in document_sets(sets):
        yield from _tried(name, "stopped", texts, document)


def _tried(name: str, meaning: Meaning, texts: Sequence[str], trial: Callable[[str], Trial]) -> Iterator[str]:
    if not texts:
        return
    started = time.perf_counter()
    trials = [trial(text) for text in texts]
    yield line(name, meaning, trials, time.perf_counter() - started)


def main() -> None:
    given = argparse.ArgumentParser(prog="python -m evals.attacks", description=__doc__)
    given.add_argument("--data", type=Path, default=Path(__file__).resolve().parent.parent.parent / "shared", help="公开数据所在的目录")
    for shown in measure(Sets(given.parse_args().data.resolve())):
        sys.stdout.write(shown + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
