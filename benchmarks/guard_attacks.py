"""The attack detectors: time per 1,000 characters of business text and per question, and a megabyte of hostile input."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from agents.prompts.load import PROMPTS, prompt
from domain.principal import LOCAL
from guardrails.attacks import AttackDetector, IndirectDetector
from guardrails.attacks.phrases import Phrases, load_families
from guardrails.normalise import View
from guardrails.policy import load_policy
from guardrails.screens import build_screens
from knowledge.catalogue import load_catalogue

from .options import Options, run_script
from .questions import texts
from .report import Figure, median, percentile

BENCH = "guard_attacks"
SIZE = 1000
LONGEST = 8000
"""Characters of a measured text."""
HOSTILE = {"repeats": "a", "trigger_words": "忽略之前的指", "quotes": "'a'", "hex": "41 ", "spelled": "a b ", "fences": "```"}


def measure(options: Options) -> Iterator[Figure]:
    rounds = 1 if options.quick else 7
    users, documents, phrases = AttackDetector(), IndirectDetector(), Phrases(load_families(), "user")
    source, name = _business(options)
    pieces = [source[at : at + SIZE] for at in range(0, min(len(source), 60 * SIZE) - SIZE, SIZE)][: 5 if options.quick else 60]
    views = [View.of(piece) for piece in pieces]
    yield from _chains(pieces, name, rounds)
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


def _chains(pieces: Sequence[str], name: str, rounds: int) -> Iterator[Figure]:
    """Whole screens over texts that they have not seen, every rule of the platform's policy on; with `all`, every rule there is."""
    instructions = [prompt(each) for each in PROMPTS]
    for suffix, report_all, limit in (("", False, 4), ("_all", True, 4)):
        times: dict[str, list[float]] = {}
        for _ in range(rounds):
            screens = build_screens(load_policy(), LONGEST, instructions, report_all=report_all)
            for chain, screen in (("input", screens.input), ("data", screens.data), ("output", screens.output)):
                screen.check("先读一遍", LOCAL)
                times.setdefault(chain, []).append(median([_cpu(partial(screen.check, piece, LOCAL)) for piece in pieces]))
        for chain, measured in times.items():
            yield _figure(f"{chain}_chain{suffix}_1k", measured, limit, name)


def _cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1000


def _business(options: Options) -> tuple[str, str]:
    """Chinese business text: requirements of enterprises, or the clauses of the catalogue where those are missing."""
    folder = options.folder("ccf_bdci_tech_matching", "requirements.jsonl")
    if folder is None:
        return "".join(clause.text for clause in load_catalogue().clauses.values()), f"clauses: no ccf_bdci under {options.data}"
    lines = (folder / "requirements.jsonl").read_text(encoding="utf-8").split("\n")
    return "".join(json.loads(line)["content"] for line in lines if line), "ccf_bdci requirements"


def _times(find: Callable[[View], object], views: Sequence[View], rounds: int) -> list[float]:
    """CPU milliseconds per text, the best of several rounds: load on the machine is not the detector's."""
    best = [float("inf")] * len(views)
    for _ in range(rounds):
        for index, view in enumerate(views):
            started = time.process_time()
            find(view)
            best[index] = min(best[index], (time.process_time() - started) * 1000)
    return best


def _figure(figure: str, times: Sequence[float], limit: float, note: str) -> Figure:
    return Figure(BENCH, figure, median(times), "ms", limit, note=note)


if __name__ == "__main__":
    run_script("guard_attacks", __doc__ or "", measure)
