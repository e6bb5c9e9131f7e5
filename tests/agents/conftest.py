"""One knowledge base for all of these tests; it is only read."""

from collections.abc import Iterator

import pytest

from domain.principal import own_label
from knowledge.ingest import SourceFile
from records.database import Database
from serving.assembly import Knowledge, open_knowledge
from tests.serving.homes import settings_of

from .people import ANNA, PRIVATE_TEXT


@pytest.fixture(scope="session")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Knowledge]:
    """The catalogue, and one document that only Anna may read."""
    knowledge = open_knowledge(settings_of(tmp_path_factory.mktemp("agents") / "home"))
    source = SourceFile(name="锻造厂点检制度.md", data=PRIVATE_TEXT.encode())
    outcome = knowledge.ingestor.ingest(source, ANNA, own_label(ANNA), "my")
    assert outcome.problem is None
    knowledge.refresh()
    yield knowledge
    knowledge.close()


@pytest.fixture
def database() -> Iterator[Database]:
    """Records in memory, gone after the test."""
    database = Database("sqlite://")
    database.upgrade()
    yield database
    database.close()
