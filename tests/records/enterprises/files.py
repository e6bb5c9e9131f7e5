"""Enterprise files in tests: the stores together, with a clock that tests move, and valid credit codes."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from domain.check_digits import CREDIT_ALPHABET, credit_check
from domain.principal import Principal
from records.audit import AuditLog
from records.content import Content
from records.database import Database
from records.encoding import decode
from records.enterprises.exporting import Exporter
from records.enterprises.importing import Importer
from records.enterprises.ledger import Because, Ledger
from records.enterprises.merging import MergeDesk
from records.enterprises.overview import Overview
from records.enterprises.projection import Event, FileState, ItemState, MemoryView, apply
from records.enterprises.ratings import RatingDecision, RatingStore
from records.enterprises.relations import FileItem, RelationStore
from records.enterprises.store import EnterpriseFile, EnterpriseStore
from records.enterprises.tables import CONTACTS, EVENTS, FILES, ITEMS
from records.enterprises.workspace import file_state, item_state

EXPERT = Principal(id="ema", tenant="锻造厂", roles=frozenset({"expert"}))
CALLED = Because(why="企业来电更正")
RATING = {
    "assessment": "TISC-A2",
    "version": "2026-01",
    "item": "设备联网",
    "value": "二级",
    "evidence": "我们三台机床连上了网。",
    "source": "访谈 2026-03-02",
    "respondent": "王工",
}


def code(number: int) -> str:
    """A valid credit code of its own for every number."""
    rest, body = number, ""
    for _ in range(9):
        rest, digit = divmod(rest, len(CREDIT_ALPHABET))
        body = CREDIT_ALPHABET[digit] + body
    first = f"91320500{body}"
    return first + credit_check(first)


class Files:
    """Everything on one database."""

    def __init__(self, database: Database, content: Content, audit: AuditLog | None = None) -> None:
        self.database, self.content = database, content
        self.at = datetime(2026, 3, 2, 9, tzinfo=UTC)
        self.ledger = Ledger(database, content=content, audit=audit, now=lambda: self.at)
        self.store, self.relations = EnterpriseStore(self.ledger), RelationStore(self.ledger)
        self.ratings, self.merging, self.overview = RatingStore(self.ledger), MergeDesk(self.ledger), Overview(self.ledger)
        self.importer, self.exporter = Importer(self.ledger), Exporter(self.ledger, self.store, self.relations)

    def begin(self, by: Principal, name: str, **fields: Any) -> EnterpriseFile:
        return self.store.create({"name": name, **fields}, by, door="http")

    def change(self, file: EnterpriseFile | str, by: Principal, **fields: Any) -> EnterpriseFile:
        now = self.store.get(file if isinstance(file, str) else file.id, by)
        return self.store.update(now.id, fields, by, CALLED, version=now.version, door="http")

    def add(self, file: EnterpriseFile, kind: Any, by: Principal, **fields: Any) -> FileItem:
        return self.relations.add(file.id, kind, fields, by, door="http")

    def decide(self, item: FileItem, decision: Any, by: Principal, **more: Any) -> FileItem:
        given = RatingDecision(decision=decision, version=item.version, **more)
        return self.ratings.decide(item.enterprise, item.id, given, by, door="http")

    def present(self) -> tuple[dict[str, FileState], dict[str, ItemState]]:
        """What the tables say now."""
        with self.database.transaction() as connection:
            states = [file_state(row) for row in connection.execute(select(FILES)).mappings()]
            items = [item_state(row, self.content) for of in (ITEMS, CONTACTS) for row in connection.execute(select(of)).mappings()]
        return {state.id: state for state in states}, {item.id: item for item in items}

    def replayed(self) -> tuple[dict[str, FileState], dict[str, ItemState]]:
        """What the events say when they are told again from the first one."""
        view = MemoryView()
        with self.database.transaction() as connection:
            for row in connection.execute(select(EVENTS).order_by(EVENTS.c.seq)).mappings():
                payload = decode(self.content.enterprise_event.open(row["id"], row["payload"]))
                apply(Event(**{**row, "payload": payload}), view)
        return view.files, view.items
