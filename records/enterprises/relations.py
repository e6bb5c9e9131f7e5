"""What belongs to a file beside its fields: added and changed one by one, never overwritten in silence."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, cast

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from domain.errors import NotFound, UserInputError
from domain.principal import Principal

from ..audit_entries import Door
from ..encoding import new_id, storable
from .history import masked
from .items import KIND_NAMES, ItemKind, Opportunity, Touch, checked_item
from .ledger import Because, Change, Ledger, expect_version, may_write
from .projection import FileState, ItemState
from .tables import CONTACTS, ITEMS
from .vocabulary import vocabulary
from .workspace import item_state

MOST_ITEMS = 500


class FileItem(BaseModel):
    """An item as readers see it."""

    model_config = ConfigDict(frozen=True)

    id: str
    enterprise: str
    kind: ItemKind
    content: dict[str, Any]
    alert: str = ""
    """What is wrong with it (逾期、缺下一步)."""
    version: int
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str


class RelationStore:
    """Contacts and records of files. Methods raise NotAllowed and NotFound like `EnterpriseStore`'s."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def items(self, file_id: str, kind: ItemKind, principal: Principal, *, after: str = "", limit: int = 100) -> list[FileItem]:
        """Oldest first, after the item of that id. How contacts are reached is shown in full only to those who may change them."""
        of = CONTACTS if kind == "contact" else ITEMS
        with self._ledger.reading(principal) as connection:
            file = self._ledger.state(connection, file_id, principal)
            query = select(of).where(of.c.enterprise == file.id, of.c.id > storable(after))
            if of is ITEMS:
                query = query.where(ITEMS.c.kind == kind)
            rows = connection.execute(query.order_by(of.c.id).limit(max(1, min(limit, MOST_ITEMS)))).mappings().all()
        found = [item_state(row, self._ledger.content) for row in rows]
        open_contacts = may_write(principal, file)
        return [shown(item, self._ledger.now().date(), hide=not open_contacts) for item in found]

    def add(
        self, file_id: str, kind: ItemKind, fields: Mapping[str, Any], principal: Principal, because: Because | None = None, *, door: Door
    ) -> FileItem:
        """Raises UserInputError for wrong fields; for a rating too, because those are proposed (`RatingStore`)."""
        if kind == "rating":
            raise UserInputError("评级只能提出，再由专人确认", where="kind", cure="用 ratings 接口")
        body = checked_item(kind, dict(fields)).model_dump(mode="json")
        with self._ledger.change(principal, because or Because(), door) as change:
            file = change.file(file_id)
            item = put(change, file, kind, new_id(), body, None)
            change.note("enterprise.change", file, item=item.id, kind=kind)
        return self._shown(item)

    def change(
        self,
        file_id: str,
        kind: ItemKind,
        item_id: str,
        fields: Mapping[str, Any],
        principal: Principal,
        because: Because | None = None,
        *,
        version: int,
        door: Door,
    ) -> FileItem:
        """Change some fields. Raises UserInputError, Conflict for another version.

        Ratings are decided, and results of assessments and services done are history: neither is changed here.
        """
        if kind in ("rating", "assessment", "service"):
            raise UserInputError(f"{KIND_NAMES[kind]}不能修改", where="kind", cure="记录一条新的")
        with self._ledger.change(principal, because or Because(), door) as change:
            file = change.file(file_id)
            item = held(change, file, kind, item_id)
            expect_version(item.version, version)
            body = checked_item(kind, {**item.body, **fields})
            if isinstance(body, Opportunity):
                _explained(Opportunity.model_validate(item.body), body, because)
            if (changed := body.model_dump(mode="json")) != item.body:
                item = put(change, file, kind, item.id, changed, item)
                change.note("enterprise.change", file, item=item.id, kind=kind)
        return self._shown(item)

    def remove_contact(self, file_id: str, contact_id: str, principal: Principal, because: Because, *, door: Door) -> None:
        """A person who is no longer at the enterprise, or wishes not to be kept. Raises like `change`."""
        with self._ledger.change(principal, because, door) as change:
            file = change.file(file_id)
            contact = held(change, file, "contact", contact_id)
            change.record("item_removed", file.id, {"id": contact.id, "item_kind": "contact", "was": contact.body})
            change.note("enterprise.change", file, item=contact.id, kind="contact")

    def _shown(self, item: ItemState) -> FileItem:
        return shown(item, self._ledger.now().date(), hide=False)


def put(change: Change, file: FileState, kind: ItemKind, item_id: str, body: dict[str, Any], before: ItemState | None) -> ItemState:
    """Say it; the item as it is now."""
    change.record("item", file.id, {"id": item_id, "item_kind": kind, "body": body, "was": before.body if before else None})
    return cast(ItemState, change.workspace.item(item_id, kind))


def held(change: Change, file: FileState, kind: ItemKind, item_id: str) -> ItemState:
    """An item of this very file. Raises NotFound."""
    found = change.workspace.item(storable(item_id), kind)
    if found is None or found.enterprise != file.id:
        raise NotFound(f"这份档案没有{KIND_NAMES[kind]} {item_id[:40]!r}", where="item_id", cure="先列出再选择")
    return found


def shown(item: ItemState, today: date, *, hide: bool) -> FileItem:
    content = item.body
    if item.kind == "contact" and hide:
        content = content | {name: masked(content[name]) for name in ("phone", "email")}
    alert = Touch.model_validate(content).alert(today) if item.kind == "touch" else ""
    return FileItem(content=content, alert=alert, **item.model_dump(exclude={"tenant", "body"}))


def _explained(before: Opportunity, after: Opportunity, because: Because | None) -> None:
    """Raises UserInputError for an opportunity that goes back without a reason."""
    stages = vocabulary().stages
    if stages.index(after.stage) < stages.index(before.stage) and not (because and because.why):
        raise UserInputError("商机阶段退回要写明原因", where="why", cure="写明为什么退回")
