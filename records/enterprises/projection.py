"""From events to the present: one function that both the database's tables and a replay in memory go through."""

from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from domain.principal import Label

from ..encoding import StoredText
from .items import ItemKind

EventKind = Literal["created", "updated", "assigned", "item", "item_removed", "merged", "merged_into", "unmerged", "restored"]
FileStatus = Literal["active", "merged"]
LONGEST_WHY = 500


class NewEvent(BaseModel):
    """Something to be said about a file."""

    model_config = ConfigDict(frozen=True)

    enterprise: str
    kind: EventKind
    payload: dict[str, Any]
    why: StoredText = ""
    source: StoredText = ""
    """Where it comes from: `person:…`, `run:…`, `document:…`, `import:…`."""
    supersedes: str | None = None


class Event(NewEvent):
    """It was said."""

    id: str
    tenant: str
    by: str
    at: datetime


class FileState(BaseModel):
    """The present state of one file."""

    model_config = ConfigDict(frozen=True)

    id: str
    label: Label
    owner: str
    status: FileStatus = "active"
    merged_into: str | None = None
    version: int = 1
    profile: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Known fields only."""
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str


class ItemState(BaseModel):
    """The present state of one item of a file."""

    model_config = ConfigDict(frozen=True)

    id: str
    enterprise: str
    tenant: str
    kind: ItemKind
    body: dict[str, Any]
    version: int = 1
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str


class View(Protocol):
    """Where the present is kept."""

    def file(self, file_id: str) -> FileState | None: ...
    def put_file(self, file: FileState) -> None: ...
    def item(self, item_id: str, kind: ItemKind) -> ItemState | None: ...
    def put_item(self, item: ItemState) -> None: ...
    def drop_item(self, item_id: str, kind: ItemKind) -> None: ...


class MemoryView:
    """The present as plain values, for a replay."""

    def __init__(self) -> None:
        self.files: dict[str, FileState] = {}
        self.items: dict[str, ItemState] = {}

    def file(self, file_id: str) -> FileState | None:
        return self.files.get(file_id)

    def put_file(self, file: FileState) -> None:
        self.files[file.id] = file

    def item(self, item_id: str, kind: ItemKind) -> ItemState | None:
        return self.items.get(item_id)

    def put_item(self, item: ItemState) -> None:
        self.items[item.id] = item

    def drop_item(self, item_id: str, kind: ItemKind) -> None:
        self.items.pop(item_id, None)


def apply(event: Event, view: View) -> None:
    """Bring the view up to date with one event. An event says all that it changes, so it is never looked at twice."""
    if event.kind == "created":
        view.put_file(_new_file(event))
        return
    file = view.file(event.enterprise)
    assert file is not None
    stamp = {"updated_at": event.at, "updated_by": event.by}
    given = event.payload
    match event.kind:
        case "item":
            _put_item(event, view)
        case "item_removed":
            view.drop_item(given["id"], given["item_kind"])
        case "assigned":
            stamp |= {"owner": given["owner"]}
        case "merged" | "unmerged":
            _move(event, view)
            stamp |= {"profile": _changed(file.profile, given["set"]), "version": file.version + 1}
        case "merged_into":
            stamp |= {"status": "merged", "merged_into": given["into"], "version": file.version + 1}
        case "restored":
            stamp |= {"status": "active", "merged_into": None, "version": file.version + 1}
        case "updated":
            stamp |= {"profile": _changed(file.profile, given["set"]), "version": file.version + 1}
    view.put_file(file.model_copy(update=stamp))


def _new_file(event: Event) -> FileState:
    return FileState(
        id=event.enterprise,
        label=Label.model_validate(event.payload["label"]),
        owner=event.payload["owner"],
        profile=event.payload["profile"],
        created_at=event.at,
        created_by=event.by,
        updated_at=event.at,
        updated_by=event.by,
    )


def _changed(profile: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**profile, **change}.items() if value is not None}


def _put_item(event: Event, view: View) -> None:
    given = event.payload
    before = view.item(given["id"], given["item_kind"])
    view.put_item(
        ItemState(
            id=given["id"],
            enterprise=event.enterprise,
            tenant=event.tenant,
            kind=given["item_kind"],
            body=given["body"],
            version=before.version + 1 if before else 1,
            created_at=before.created_at if before else event.at,
            created_by=before.created_by if before else event.by,
            updated_at=event.at,
            updated_by=event.by,
        )
    )


def _move(event: Event, view: View) -> None:
    """Items change to the other file; their content stays as it was."""
    to = event.enterprise if event.kind == "merged" else event.payload["other"]
    for item_id, kind in event.payload["moved"]:
        item = view.item(item_id, kind)
        if item is not None:
            view.put_item(item.model_copy(update={"enterprise": to}))
