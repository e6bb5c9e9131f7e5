"""Look-ups of articles in real laws: the article asked for comes first."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.principal import PUBLIC
from knowledge.catalogue import Catalogue
from knowledge.ingest import SourceFile
from knowledge.question import QuestionReader
from tests.knowledge.conftest import ANN, BOB, Shelf, open_shelf

LAWS = Path(__file__).parents[3] / "shared" / "data" / "laws_zh"
DOCUMENTS = 60
pytestmark = pytest.mark.skipif(not (LAWS / "corpus.jsonl").is_file(), reason="the corpus of laws (../shared/data/laws_zh) is not here")


def lines(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (LAWS / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def lookups() -> list[dict[str, str]]:
    """The look-ups whose law is among the first so many that are asked for."""
    every = lines("queries_article_lookup.jsonl")
    files = list(dict.fromkeys(lookup["gold_file"] for lookup in every))[:DOCUMENTS]
    return [lookup for lookup in every if lookup["gold_file"] in files]


@pytest.fixture(scope="module")
def laws(
    tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue, reader: QuestionReader, lookups: list[dict[str, str]]
) -> Iterator[tuple[Shelf, dict[str, str]]]:
    """A shelf with the laws that are asked for, and the key of each by its file."""
    shelf = open_shelf(tmp_path_factory.mktemp("laws"), catalogue, reader)
    wanted = {lookup["gold_file"] for lookup in lookups}
    keys: dict[str, str] = {}
    for record in lines("corpus.jsonl"):
        if record["file"] in wanted:
            source = SourceFile(record["file"].rsplit("/", 1)[-1], record["text"].encode())
            document = shelf.ingestor.ingest(source, ANN, PUBLIC, "laws").document
            assert document is not None
            assert document.lost_count == 0
            keys[record["file"]] = document.key
    shelf.index.optimize()
    shelf.learn_addresses()
    yield shelf, keys
    shelf.close()


def test_the_article_asked_for_comes_first(laws: tuple[Shelf, dict[str, str]], lookups: list[dict[str, str]]) -> None:
    shelf, keys = laws
    assert len(keys) == DOCUMENTS
    assert len(lookups) > 100
    gold = {lookup["question"]: f"{keys[lookup['gold_file']]}-{lookup['gold_article']}" for lookup in lookups}
    missed = [question for question, clause_id in gold.items() if shelf.found(question, BOB, 1) != [clause_id]]
    assert len(missed) <= 0.05 * len(gold), missed


def test_an_article_is_quoted_whole(laws: tuple[Shelf, dict[str, str]], lookups: list[dict[str, str]]) -> None:
    shelf, _ = laws
    for lookup in lookups[:20]:
        [hit] = shelf.retriever.search(lookup["question"], BOB, 1)
        assert hit.passage.text.startswith(lookup["gold_article"])
