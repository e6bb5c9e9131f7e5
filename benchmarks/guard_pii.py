"""Personal data and the gate: CPU time per thousand characters, and what is found of the public format cases."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from agents.prompts.load import PROMPTS, prompt
from domain.principal import LOCAL
from guardrails.egress import EgressGate
from guardrails.findings import Finding
from guardrails.normalise import View
from guardrails.pii.detector import IDENTIFIER_RULES, PiiDetector
from guardrails.policy import load_policy
from guardrails.pseudonyms import Pseudonyms
from guardrails.screen import Screen
from guardrails.screens import build_screens

from .options import Options, run_script
from .questions import texts
from .report import Figure, percentile

IDENTIFIERS = ("手机13812345678", "身份证110101199001011237", "卡号6222 0212 3456 7890 128")
EXPECTED = {
    "CNPhoneRecognizer": {"pii.mobile", "pii.landline"},
    "CNIDCardRecognizer": {"pii.resident_id"},
    "CNBankCardRecognizer": {"pii.bank_card"},
    "CNPassportRecognizer": {"pii.passport", "pii.travel_permit"},
    "CNEmailRecognizer": {"pii.email"},
}
LENGTH = 1000
PIECES = (1, 2, 5, 10, 20)


def measure(options: Options) -> Iterator[Figure]:
    rounds = 3 if options.quick else 300
    text = passage()
    identifiers, everything = PiiDetector(IDENTIFIER_RULES), PiiDetector()
    view, found = View.of(text), everything.find(View.of(text))
    note = f"{len(text)} characters with three identifiers, one core; median"
    yield Figure("guard_pii", "view", per_call(lambda: View.of(text), rounds), "ms", note=note)
    yield Figure("guard_pii", "identifiers", per_call(lambda: identifiers.find(view), rounds), "ms", 0.5, note=note)
    yield Figure("guard_pii", "everything", per_call(lambda: everything.find(view), rounds), "ms", 2, note=note)
    yield Figure("guard_pii", "mask_restore", per_call(lambda: round_trip(text, found), rounds), "ms", note=note)
    digits = View.of("1 " * (LENGTH // 2))
    yield Figure(
        "guard_pii", "worst_digits", per_call(lambda: identifiers.find(digits), max(1, rounds // 10)), "ms", note="single digits only"
    )
    yield from gate_figures("".join(texts(200))[:LENGTH], max(2, rounds // 10))
    yield from formats(options, identifiers)


def passage() -> str:
    """Questions as users put them, a thousand characters of them, with a phone, a resident ID and a card between."""
    pieces: list[str] = []
    for at, question in enumerate(texts(200)):
        pieces.append(question)
        if at % 10 == 5 and at // 10 < len(IDENTIFIERS):
            pieces.append(IDENTIFIERS[at // 10])
    return "".join(pieces)[:LENGTH]


def round_trip(text: str, found: list[Finding]) -> str:
    run = Pseudonyms()
    masked = text
    for one in reversed(found):
        masked = f"{masked[: one.start]}{run.token(one, text[one.start : one.end])}{masked[one.end :]}"
    return run.restore(masked)


def streamed(screen: Screen, pieces: Sequence[str]) -> None:
    gate = EgressGate(screen, LOCAL)
    for piece in pieces:
        gate.feed(piece)
    gate.close()


def longest_wait(screen: Screen, text: str) -> int:
    """Most characters of ordinary text that stand in the gate before the first leaves."""
    gate = EgressGate(screen, LOCAL)
    return next((at for at, char in enumerate(text, 1) if gate.feed(char)), len(text))


def gate_figures(text: str, rounds: int) -> Iterator[Figure]:
    policy = load_policy()
    screen = build_screens(policy, LENGTH, [prompt(name) for name in PROMPTS]).stream
    note = f"{len(text)} characters of questions as a stream; CPU, median"
    for size in PIECES:
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        yield Figure("guard_pii", f"gate_by_{size}", per_call(lambda pieces=pieces: streamed(screen, pieces), rounds), "ms", 1, note=note)
    starts = range(0, len(text) - 100, 50)
    waits = [longest_wait(screen, text[at : at + 100]) for at in starts]
    yield Figure("guard_pii", "gate_first_character", percentile(waits, 0.5), "characters", 20, note=f"most: {max(waits)}")
    rules = [f"{rule}.x" for rule in policy.rules]
    decided = per_call(lambda: [policy.rule(rule).action("input") for rule in rules], rounds) / len(rules)
    yield Figure("guard_pii", "policy_decision", decided * 1000, "µs", 50, note=f"one of {len(rules)} rules by its prefix")


def per_call(work: Callable[[], object], rounds: int) -> float:
    """CPU milliseconds of one call: the median, after one to warm up."""
    work()
    times: list[float] = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return percentile(times, 0.5) * 1000


def formats(options: Options, detector: PiiDetector) -> Iterator[Figure]:
    folder = options.folder("cn_pii_formats", "cases.jsonl")
    if folder is None:
        for name in ("formats_recall", "formats_precision"):
            yield Figure("guard_pii", name, None, "", note="cn_pii_formats/cases.jsonl is not in --data")
        return
    hits, missed, extra = counted(folder / "cases.jsonl", detector)
    yield Figure("guard_pii", "formats_recall", hits / max(1, hits + missed), "", 0.99, "higher")
    yield Figure("guard_pii", "formats_precision", hits / max(1, hits + extra), "", 0.99, "higher")


def counted(path: Path, detector: PiiDetector) -> tuple[int, int, int]:
    hits = missed = extra = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        text, expected = (case["text"], case["expected_count"]) if case["kind"] == "text" else (case["value"], int(case["valid"]))
        count = sum(one.rule in EXPECTED[case["recognizer"]] for one in detector.find(View.of(text)))
        hits, missed, extra = hits + min(count, expected), missed + max(0, expected - count), extra + max(0, count - expected)
    return hits, missed, extra


if __name__ == "__main__":
    run_script("guard_pii", __doc__ or "", measure)
