"""The catalogue is read and indexed once; documents go into a library and an index of the test's own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import delete

from domain.principal import PUBLIC, Label, Principal
from knowledge.address import AddressBook, Entry
from knowledge.catalogue import Catalogue, load_catalogue
from knowledge.catalogue_index import index_catalogue
from knowledge.index import PassageIndex
from knowledge.index.edge import EdgeIndex
from knowledge.ingest import Ingestor, Outcome, SourceFile
from knowledge.library import Library, documents
from knowledge.question import QuestionReader, load_vocabulary
from knowledge.retrieve import Retriever, load_ranking
from knowledge.thesaurus import load_thesaurus
from records.database import Database

ANN = Principal(id="ann", tenant="works", attributes=frozenset({"steel"}))
BOB = Principal(id="bob", tenant="works")
EVE = Principal(id="eve", tenant="rival")


@dataclass
class Shelf:
    """A library with its index, and everything that reads from the two."""

    catalogue: Catalogue
    database: Database
    library: Library
    index: PassageIndex
    ingestor: Ingestor
    retriever: Retriever

    def put(self, name: str, text: str, principal: Principal = ANN, label: Label = PUBLIC, collection: str = "my") -> Outcome:
        outcome = self.ingestor.ingest(SourceFile(name, text.encode()), principal, label, collection)
        self.learn_addresses()
        return outcome

    def learn_addresses(self) -> None:
        """Let names of what has been ingested be found, as the composition root does."""
        known = [d for d in self.library.all_versions() if not d.standard]
        self.retriever.use_addresses(AddressBook(Entry(d.id, d.key, d.title, d.version, d.state == "ready", d.label) for d in known))

    def found(self, text: str, principal: Principal = ANN, k: int = 10) -> list[str]:
        return [hit.clause_id for hit in self.retriever.search(text, principal, k)]

    def close(self) -> None:
        self.index.close()
        self.database.close()


def open_shelf(folder: Path, catalogue: Catalogue, reader: QuestionReader) -> Shelf:
    """The shelf whose state lies in `folder`; the catalogue is not indexed."""
    folder.mkdir(parents=True, exist_ok=True)
    database = Database(f"sqlite:///{folder / 'shelf.db'}")
    database.upgrade()
    library, index = Library(database), EdgeIndex(folder / "vectors")
    retriever = Retriever(catalogue, index, library, reader, load_thesaurus(), load_ranking())
    return Shelf(catalogue, database, library, index, Ingestor(catalogue, library, index), retriever)


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="session")
def reader(catalogue: Catalogue) -> QuestionReader:
    return QuestionReader(catalogue, load_vocabulary())


@pytest.fixture(scope="session")
def standards(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue, reader: QuestionReader) -> Iterator[Shelf]:
    """The catalogue's clauses, indexed; nothing ingested. Read only."""
    shelf = open_shelf(tmp_path_factory.mktemp("standards"), catalogue, reader)
    index_catalogue(catalogue, shelf.index)
    yield shelf
    shelf.close()


@pytest.fixture
def open_at(tmp_path: Path, catalogue: Catalogue, reader: QuestionReader) -> Iterator[Callable[[str], Shelf]]:
    """Opens shelves in folders of the test's own, and closes what is still open at its end."""
    opened: list[Shelf] = []

    def open_one(name: str = "shelf") -> Shelf:
        opened.append(open_shelf(tmp_path / name, catalogue, reader))
        return opened[-1]

    yield open_one
    for shelf in opened:
        shelf.database.close()


@pytest.fixture(scope="session")
def shared_shelf(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue, reader: QuestionReader) -> Iterator[Shelf]:
    shelf = open_shelf(tmp_path_factory.mktemp("shelf"), catalogue, reader)
    yield shelf
    shelf.close()


@pytest.fixture
def shelf(shared_shelf: Shelf) -> Iterator[Shelf]:
    """An empty library and index; the files stay open from test to test, what is in them does not."""
    yield shared_shelf
    library = shared_shelf.library
    for document in [*library.all_versions(), *library.unfinished()]:
        shared_shelf.index.delete_document(document.id)
    with shared_shelf.database.transaction(write=True) as connection:
        connection.execute(delete(documents))
    library.generation += 1
    shared_shelf.retriever.use_addresses(AddressBook())
    assert shared_shelf.index.count() == 0
