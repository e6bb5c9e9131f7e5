"""The five official texts join the catalogue when they are ingested, and win over our wording."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.answer import is_verbatim
from domain.principal import PUBLIC
from knowledge.catalogue import Catalogue
from knowledge.catalogue_index import index_catalogue
from knowledge.ingest import Outcome
from knowledge.question import QuestionReader
from tests.knowledge.conftest import ANN, BOB, Shelf, open_shelf

SEEDS = Path(__file__).parents[3] / "shared" / "standards"
pytestmark = pytest.mark.skipif(not (SEEDS / "inventory.json").is_file(), reason="the standards' texts (../shared/standards) are not here")


@pytest.fixture(scope="module")
def ingested(
    tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue, reader: QuestionReader
) -> Iterator[tuple[Shelf, dict[str, Outcome]]]:
    """A shelf with the catalogue and the five texts, and what became of each."""
    shelf = open_shelf(tmp_path_factory.mktemp("official"), catalogue, reader)
    index_catalogue(catalogue, shelf.index)
    files = [SEEDS / f"{key.lower()}.txt" for key in catalogue.standards]
    outcomes = shelf.ingestor.ingest_paths(files, ANN, PUBLIC, "standards", lambda done, total, name: None)
    by_key = {outcome.document.standard: outcome for outcome in outcomes if outcome.document}
    yield shelf, by_key
    shelf.close()


def test_each_text_is_recognised(ingested: tuple[Shelf, dict[str, Outcome]], catalogue: Catalogue) -> None:
    _, outcomes = ingested
    assert outcomes.keys() == catalogue.standards.keys()
    assert {key: outcome.missing for key, outcome in outcomes.items()} == dict.fromkeys(outcomes, ())


def test_nothing_of_the_texts_is_lost(ingested: tuple[Shelf, dict[str, Outcome]]) -> None:
    assert [o.document.lost_count for o in ingested[1].values() if o.document] == [0] * 5


def test_every_clause_has_its_official_text(ingested: tuple[Shelf, dict[str, Outcome]], catalogue: Catalogue) -> None:
    shelf, _ = ingested
    stored = shelf.library.by_clause(catalogue.clauses, BOB)
    assert stored.keys() == catalogue.clauses.keys()
    assert {passage.source for passage in stored.values()} == {"official"}


def test_every_quote_of_the_inventory_stands_in_the_clauses_text(ingested: tuple[Shelf, dict[str, Outcome]]) -> None:
    shelf, _ = ingested
    entries = json.loads((SEEDS / "inventory.json").read_text(encoding="utf-8"))
    stored = shelf.library.by_clause([entry["id"] for entry in entries], BOB)
    assert [entry["id"] for entry in entries if not is_verbatim(entry["quote"], stored[entry["id"]].text)] == []


def test_a_hit_quotes_the_official_text(ingested: tuple[Shelf, dict[str, Outcome]]) -> None:
    shelf, _ = ingested
    hits = shelf.retriever.search("先进级的在线检测要做到什么程度", BOB)
    assert {hit.passage.source for hit in hits} == {"official"}
    assert hits[0].clause_id.endswith("-先进")


def test_the_official_text_has_the_status_and_version_of_its_standard(ingested: tuple[Shelf, dict[str, Outcome]]) -> None:
    shelf, _ = ingested
    [hit] = shelf.retriever.search("T/ISC 7.3.1 b)", BOB, k=1)
    assert hit.clause_id == "TISC-7.3.1-b"
    assert hit.passage.status == "征求意见稿"
    assert hit.passage.version


def test_a_text_ingested_again_changes_nothing(ingested: tuple[Shelf, dict[str, Outcome]]) -> None:
    shelf, _ = ingested
    points = shelf.index.count()
    again = list(shelf.ingestor.ingest_paths([SEEDS / "miit.txt"], ANN, PUBLIC, "standards", lambda done, total, name: None))
    assert [outcome.unchanged for outcome in again] == [True]
    assert shelf.index.count() == points
