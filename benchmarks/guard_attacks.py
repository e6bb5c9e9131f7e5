"""The attack detectors: time per 1,000 characters of business text and per question, and a megabyte of hostile input."""

import json
import time
from collections.abc import Callable, Iterator, Sequence

from guardrails.attacks import AttackDetector, IndirectDetector
from guardrails.attacks.phrases import Phrases, load_families
from guardrails.normalise import View
from knowledge.catalogue import load_catalogue

from .options import Options, run_script
from .questions import texts
from .report import Figure, median, percentile

BENCH = "guard_attacks"
SIZE = 1000
"""Characters of a measured text."""
HOSTILE = {"repeats": "a", "trigger_words": "忽略之前的指", "quotes": "'a'", "hex": "41 ", "spelled": "a b ", "fences": "```"}


def measure(options: Options) -> Iterator[Figure]:
    rounds = 1 if options.quick else 7
    users, documents, phrases = AttackDetector(), IndirectDetector(), Phrases(load_families(), "user")
    source, name = _business(options)
    pieces = [source[at : at + SIZE] for at in range(0, min(len(source), 60 * SIZE) - SIZE, SIZE)][: 5 if options.quick else 60]
    views = [View.of(piece) for piece in pieces]
    yield _figure("phrases_1k", _times(lambda view: phrases.find(view.lowered), views, rounds), 0.5, name)
    yield _figure("user_1k", _times(users.find, views, rounds), 3, name)
    yield _figure("data_1k", _times(documents.find, views, rounds), 3, name)
    questions = [View.of(text) for text in texts(10 if options.quick else 200)]
    times = _times(users.find, questions, rounds)
    yield _figure("question", times, 1, "catalogue and calibration questions")
    yield Figure(BENCH, "question_p95", percentile(times, 0.95), "ms", 2)
    size = 20_000 if options.quick else 1_000_000
    for kind, piece in HOSTILE.items():
        text = (piece * size)[:size]
        started = time.perf_counter()
        users.find(View.of(text))
        documents.find(View.of(text))
        yield Figure(BENCH, f"hostile_{kind}", time.perf_counter() - started, "s", 2, note=f"{size} characters, both detectors")


def _business(options: Options) -> tuple[str, str]:
    """Chinese business text: requirements of enterprises, or the clauses of the catalogue where those are missing."""
    folder = options.folder("ccf_bdci_tech_matching", "requirements.jsonl")
    if folder is None:
        return "".join(clause.text for clause in load_catalogue().clauses.values()), f"clauses: no ccf_bdci under {options.data}"
    lines = (folder / "requirements.jsonl").read_text(encoding="utf-8").split("\n")
    return "".join(json.loads(line)["content"] for line in lines if line), "ccf_bdci requirements"


def _times(find: Callable[[View], object], views: Sequence[View], rounds: int) -> list[float]:
    """Milliseconds per text, the best of several rounds: load on the machine is not the detector's."""
    best = [float("inf")] * len(views)
    for _ in range(rounds):
        for index, view in enumerate(views):
            started = time.perf_counter()
            find(view)
            best[index] = min(best[index], (time.perf_counter() - started) * 1000)
    return best


def _figure(figure: str, times: Sequence[float], limit: float, note: str) -> Figure:
    return Figure(BENCH, figure, median(times), "ms", limit, note=note)


if __name__ == "__main__":
    run_script("guard_attacks", __doc__ or "", measure)
