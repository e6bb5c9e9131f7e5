"""The detector of personal data: time per thousand characters, and what it finds of the public format cases."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from guardrails.findings import Finding
from guardrails.normalise import View
from guardrails.pii.detector import IDENTIFIER_RULES, PiiDetector
from guardrails.pseudonyms import Pseudonyms

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
    return run.restore(run.mask(text, found))


def per_call(work: Callable[[], object], rounds: int) -> float:
    """Milliseconds of one call: the median, after one to warm up."""
    work()
    times: list[float] = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
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
