"""Finding clauses: in the five standards, and in 58,428 articles of law, where an explicit address must be resolved."""

import itertools
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from domain.principal import LOCAL, PUBLIC
from knowledge.ingest import Outcome, contents
from serving.assembly import OFFICIAL_COLLECTION, Knowledge, open_knowledge
from serving.logs import configure_logging
from serving.settings import Settings

from .options import Options, run_script
from .questions import calibration, texts
from .report import Figure, percentile

QUESTIONS = 400
K = 10
LAWS = "laws"


def measure(options: Options) -> Iterator[Figure]:
    configure_logging("warning", to_stderr=True)
    standards = options.folder("standards", "tisc.txt")
    yield from catalogue_alone(options)
    if standards is None:
        yield Figure("retrieval", "standards_p95", None, "ms", 10, note=f"no standards/tisc.txt under {options.data}")
    else:
        yield from with_official_texts(options, sorted(standards.glob("*.txt")))
    laws = options.folder("laws_zh", "corpus.jsonl")
    if laws is None:
        yield Figure("retrieval", "laws_p95", None, "ms", 40, note=f"no laws_zh/corpus.jsonl under {options.data}")
    else:
        yield from law_articles(options, laws)


def catalogue_alone(options: Options) -> Iterator[Figure]:
    with opened() as knowledge:
        yield from latencies("catalogue", knowledge, asked(options), 10)


def with_official_texts(options: Options, files: Sequence[Path]) -> Iterator[Figure]:
    with opened() as knowledge:
        outcomes = list(knowledge.ingestor.ingest_paths(files, LOCAL, PUBLIC, OFFICIAL_COLLECTION, lambda done, total, name: None))
        knowledge.refresh()
        passages = sum(outcome.document.clause_count for outcome in outcomes if outcome.document)
        yield Figure("retrieval", "standards_passages", passages, "passages")
        yield from latencies("standards", knowledge, asked(options), 10)


def law_articles(options: Options, folder: Path) -> Iterator[Figure]:
    lookups = [json.loads(line) for line in (folder / "queries_article_lookup.jsonl").read_text(encoding="utf-8").splitlines()]
    with opened() as knowledge:
        started = time.perf_counter()
        outcomes = list(ingested(knowledge, folder / "corpus.jsonl", 20 if options.quick else None))
        seconds = time.perf_counter() - started
        knowledge.refresh()
        articles = sum(outcome.document.clause_count for outcome in outcomes if outcome.document)
        yield Figure("retrieval", "laws_passages", articles, "passages", note="58,428 articles with their annexes and preambles")
        yield Figure("retrieval", "laws_build", seconds, "s", 120)
        yield from latencies("laws", knowledge, [*asked(options), *((lookup["question"], ()) for lookup in lookups)], 40)
        files = {outcome.document.id: outcome.name for outcome in outcomes if outcome.document}
        yield from lookup_recall("laws_lookup", "any version of the law", [rank_of(knowledge, lookup, files, law_of) for lookup in lookups])
        exact = [rank_of(knowledge, lookup, files, file_of) for lookup in lookups]
        yield from lookup_recall("laws_lookup_version", "the version that the gold names, which questions do not", exact, judged=False)


def lookup_recall(name: str, counted: str, ranks: Sequence[int | None], *, judged: bool = True) -> Iterator[Figure]:
    for k, least in ((1, 0.95), (5, 0.98)):
        value = sum(rank is not None and rank <= k for rank in ranks) / len(ranks)
        note = f"{len(ranks)} lookups; counts {counted}"
        yield Figure("retrieval", f"{name}_recall@{k}", value, "share", least if judged else None, "higher", note)


def ingested(knowledge: Knowledge, corpus: Path, count: int | None) -> Iterator[Outcome]:
    """The corpus through the ingestor, as `shuzhi ingest` does it."""
    for source in itertools.islice(contents(corpus), count):
        yield knowledge.ingestor.ingest(source, LOCAL, PUBLIC, LAWS)
    knowledge.index.optimize()


def rank_of(knowledge: Knowledge, lookup: dict[str, object], files: dict[str, str], same: Callable[[str], str]) -> int | None:
    """The place of the article asked for."""
    gold = same(str(lookup["gold_file"]))
    for place, hit in enumerate(knowledge.retriever.search(str(lookup["question"]), LOCAL, K), 1):
        if same(files.get(hit.passage.document_id, "")) == gold and hit.clause_id.endswith(f"-{lookup['gold_article']}"):
            return place
    return None


def file_of(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def law_of(path: str) -> str:
    """公司法(2018-10-26).md → 公司法."""
    return file_of(path).removesuffix(".md").split("(")[0]


def latencies(name: str, knowledge: Knowledge, questions: Sequence[tuple[str, Sequence[str]]], limit: float) -> Iterator[Figure]:
    """Every question once, so that none is answered from the memory of an earlier search."""
    for question, earlier in questions[:3]:
        knowledge.retriever.search(f"{question}？", LOCAL, K, earlier=earlier)
    times: list[float] = []
    for question, earlier in questions:
        started = time.perf_counter()
        knowledge.retriever.search(question, LOCAL, K, earlier=earlier)
        times.append((time.perf_counter() - started) * 1000)
    note = f"{len(times)} distinct questions"
    yield Figure("retrieval", f"{name}_p50", percentile(times, 0.5), "ms", note=note)
    yield Figure("retrieval", f"{name}_p95", percentile(times, 0.95), "ms", limit, note=note)


def asked(options: Options) -> list[tuple[str, Sequence[str]]]:
    """Questions with the user's turns before them."""
    count = 10 if options.quick else QUESTIONS
    talks = [(item.question, [t["content"] for t in item.turns if t["role"] == "user"]) for item in calibration() if item.turns]
    return [*talks[: count // 5], *((text, ()) for text in texts(count - len(talks[: count // 5])))]


@contextmanager
def opened() -> Iterator[Knowledge]:
    """Stores in a home that is gone afterwards."""
    with tempfile.TemporaryDirectory() as scratch:
        knowledge = open_knowledge(Settings(home=Path(scratch), log_level="warning"))
        try:
            yield knowledge
        finally:
            knowledge.close()


if __name__ == "__main__":
    run_script("retrieval", __doc__ or "", measure)
