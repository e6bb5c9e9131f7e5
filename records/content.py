"""What people said, in the columns that hold it: sealed at rest where there is a key, as it is where there is none."""

from dataclasses import dataclass
from typing import Protocol

from .artifacts_table import ArtifactRow
from .enterprises.tables import CONTACTS, EVENTS
from .interviews.tables import INTERVIEW_EVENTS
from .resealing import SealedColumn
from .sealing import SealedText, Sealer, row_of
from .tables import ApprovalRow, EventRow, FeedbackRow, RunRow, ThreadRow, table_of


class TextColumn(Protocol):
    """A column as it is written and read; `row` is the primary key as text."""

    def seal(self, row: str, text: str) -> str:
        """What is stored."""
        ...

    def open(self, row: str, stored: str) -> str:
        """What was given. Raises StorageError, ConfigurationError."""
        ...


class PlainText:
    """Stored as it is."""

    def seal(self, row: str, text: str) -> str:
        return text

    def open(self, row: str, stored: str) -> str:
        return stored


class _UnlessEmpty:
    """Sealed, but empty text stays empty: statements ask whether a conversation has a title yet."""

    def __init__(self, sealed: SealedText) -> None:
        self._sealed = sealed

    def seal(self, row: str, text: str) -> str:
        return self._sealed.seal(row, text) if text else ""

    def open(self, row: str, stored: str) -> str:
        return self._sealed.open(row, stored) if stored else ""


PLAIN_TEXT = PlainText()


@dataclass(frozen=True)
class Content:
    """The columns with content; everything else in these tables says that something happened, never what was said."""

    question: TextColumn = PLAIN_TEXT
    answer: TextColumn = PLAIN_TEXT
    event: TextColumn = PLAIN_TEXT
    title: TextColumn = PLAIN_TEXT
    args: TextColumn = PLAIN_TEXT
    outcome: TextColumn = PLAIN_TEXT
    comment: TextColumn = PLAIN_TEXT
    file_name: TextColumn = PLAIN_TEXT
    enterprise_event: TextColumn = PLAIN_TEXT
    contact_phone: TextColumn = PLAIN_TEXT
    contact_email: TextColumn = PLAIN_TEXT
    interview_event: TextColumn = PLAIN_TEXT


PLAIN = Content()
SEALED_COLUMNS = (
    SealedColumn(table_of(RunRow), "question", plain=True, keeps_empty=True),
    SealedColumn(table_of(RunRow), "answer", plain=True, keeps_empty=True),
    SealedColumn(table_of(EventRow), "data", plain=True, keeps_empty=True),
    SealedColumn(table_of(ThreadRow), "title", plain=True, keeps_empty=True),
    SealedColumn(table_of(ApprovalRow), "args", plain=True, keeps_empty=True),
    SealedColumn(table_of(ApprovalRow), "outcome", plain=True, keeps_empty=True),
    SealedColumn(table_of(FeedbackRow), "comment", plain=True, keeps_empty=True),
    SealedColumn(table_of(ArtifactRow), "name", plain=True, keeps_empty=True),
    SealedColumn(EVENTS, "payload", plain=True, keeps_empty=True),
    SealedColumn(CONTACTS, "phone", plain=True, keeps_empty=True),
    SealedColumn(CONTACTS, "email", plain=True, keeps_empty=True),
    SealedColumn(INTERVIEW_EVENTS, "payload", plain=True, keeps_empty=True),
)
"""What `shuzhi keys rotate` walks. `plain`: a database may be older than its key."""


def sealed_content(sealer: Sealer) -> Content:
    """The columns under a key. Text from before there was one is read as it is, until it is sealed by `reseal`."""

    def column(of: SealedColumn) -> TextColumn:
        return _UnlessEmpty(SealedText(sealer, of.table.name, of.column, accept_plain=of.plain))

    return Content(*map(column, SEALED_COLUMNS))


def event_row(run_id: str, seq: int) -> str:
    return row_of((run_id, seq))
