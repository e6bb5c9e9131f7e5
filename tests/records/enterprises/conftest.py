"""The stores of the enterprise file as `serving` builds them, on each database."""

import pytest

from records.audit import AuditLog
from records.content import sealed_content
from records.database import Database
from records.keys import new_key_line, parse_keys
from records.sealing import Sealer

from .files import Files


@pytest.fixture
def files(database: Database) -> Files:
    """With a key: what contacts are reached under is sealed."""
    sealer = Sealer(database, parse_keys(new_key_line()[1], "test"))
    return Files(database, sealed_content(sealer), AuditLog(database))
