"""What was said about a file, as readers see it: who, when, why, from where, and old and new of everything that changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from pydantic import BaseModel, ConfigDict
from sqlalchemy import RowMapping

from ..content import Content
from ..encoding import decode
from .items import KIND_NAMES
from .projection import EventKind
from .vocabulary import vocabulary

WORDS: dict[EventKind, str] = {
    "created": "建立档案",
    "updated": "修改",
    "assigned": "变更负责人",
    "item": "记录",
    "item_removed": "删除",
    "merged": "并入另一份档案",
    "merged_into": "已并入另一份档案",
    "unmerged": "撤销合并",
    "restored": "恢复为独立档案",
}
HIDDEN = {"phone", "email"}


class FieldChange(BaseModel):
    """One field before and after."""

    model_config = ConfigDict(frozen=True)

    field: str
    name: str
    old: Any = None
    new: Any = None


class HistoryEntry(BaseModel):
    """One thing that was said."""

    model_config = ConfigDict(frozen=True)

    id: str
    at: datetime
    by: str
    kind: EventKind
    what: str
    why: str
    source: str
    item: str = ""
    other: str = ""
    """The other file of a merge."""
    supersedes: str | None
    changes: list[FieldChange]


def masked(text: str) -> str:
    """Enough of a phone number or an address to recognise it, too little to use it."""
    if not text:
        return ""
    name, at, host = text.partition("@")
    if at:
        return f"{name[:1]}***@{host}"
    return f"{text[:3]}****{text[-4:]}" if len(text) >= 11 else f"{text[:2]}****"


def entry_of(row: RowMapping, content: Content) -> HistoryEntry:
    payload: dict[str, Any] = decode(content.enterprise_event.open(row["id"], row["payload"]))
    kind: EventKind = row["kind"]
    what, names = WORDS[kind], vocabulary().fields
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    if kind == "created":
        new = payload["profile"]
    elif kind in ("updated", "merged", "unmerged"):
        old, new = payload["was"], payload["set"]
    elif kind == "assigned":
        old, new, names = {"owner": payload["was"]}, {"owner": payload["owner"]}, vocabulary().item_fields
    elif kind in ("item", "item_removed"):
        old, new, names = payload["was"] or {}, payload.get("body") or {}, vocabulary().item_fields
        action = ("修改" if payload["was"] else "新增") if kind == "item" else what
        what = f"{action}{KIND_NAMES[payload['item_kind']]}"
    return HistoryEntry(
        **{name: row[name] for name in ("id", "at", "by", "kind", "why", "source", "supersedes")},
        what=what,
        item=payload.get("id", ""),
        other=payload.get("other") or payload.get("into") or "",
        changes=[_change(name, names, old, new) for name in dict.fromkeys([*old, *new]) if not _same(old.get(name), new.get(name))],
    )


def _same(old: Any, new: Any) -> bool:
    """A field that says nothing before and after is no change."""
    return old == new or (not old and not new and old is not False and new is not False)


def _change(field: str, names: Mapping[str, str], old: dict[str, Any], new: dict[str, Any]) -> FieldChange:
    before, after = old.get(field), new.get(field)
    if field in HIDDEN:
        before, after = masked(cast(str, before or "")), masked(cast(str, after or ""))
    return FieldChange(field=field, name=names.get(field, field), old=before, new=after)
