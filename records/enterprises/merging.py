"""Two files of one enterprise become one (合并), and two again when that was wrong; which files are likely the same."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Connection, func, select

from domain.errors import Conflict, NotFound, UserInputError
from domain.principal import Principal, read_filter
from knowledge.readable import readable

from ..audit_entries import Door
from ..encoding import decode, storable
from .ledger import Because, Change, Ledger, need_why
from .projection import FileState
from .tables import CONTACTS, EVENTS, FILES, ITEMS


class Duplicates(BaseModel):
    """Files that are likely the same enterprise. `by`: the same credit code, or the same name but for its ending in the same region."""

    model_config = ConfigDict(frozen=True)

    by: Literal["uscc", "name"]
    key: str
    files: list[dict[str, str]]


class MergeDesk:
    """Methods raise NotAllowed for who may not write all files of the tenant, and NotFound."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def merge(self, keep: str, other: str, principal: Principal, because: Because, *, door: Door) -> str:
        """Put `other` into `keep`; the event by which this can be undone.

        What `keep` does not know it takes from `other`, lists are joined, and everything that belongs to `other` moves. Raises
        UserInputError for one file twice or no reason, Conflict when the two have different credit codes.
        """
        need_why(because)
        with self._ledger.change(principal, because, door, "enterprises.write") as change:
            change.workspace.load(sorted({storable(keep), storable(other)}))
            kept, gone = change.file(keep), change.file(other)
            if kept.id == gone.id:
                raise UserInputError("不能与自己合并", where="other", cure="选择另一份档案")
            codes = {code for file in (kept, gone) if (code := file.profile.get("uscc"))}
            if len(codes) > 1:
                raise Conflict("两份档案的统一社会信用代码不同", where="uscc", cure="核对是否同一家企业，先更正信用代码")
            added = _added(kept.profile, gone.profile)
            change.record("merged_into", gone.id, {"into": kept.id})
            payload = {
                "other": gone.id,
                "set": added,
                "was": {name: kept.profile.get(name) for name in added},
                "moved": _belongings(change.connection, gone.id),
            }
            event = change.record("merged", kept.id, payload)
            change.note("enterprise.merge", kept, other=gone.id, event=event.id, moved=len(payload["moved"]))
        return event.id

    def undo(self, event_id: str, principal: Principal, because: Because, *, door: Door) -> None:
        """Make two files of one again. Fields that were changed after the merge stay as they are; what came after it stays with `keep`.

        Raises Conflict when that merge was undone already.
        """
        need_why(because)
        with self._ledger.change(principal, because, door, "enterprises.write") as change:
            row = change.connection.execute(select(EVENTS).where(EVENTS.c.id == storable(event_id), EVENTS.c.kind == "merged")).mappings()
            merge = row.one_or_none()
            if merge is None or merge["tenant"] != principal.tenant:
                raise _no_merge(event_id)
            payload: dict[str, Any] = decode(self._ledger.content.enterprise_event.open(merge["id"], merge["payload"]))
            try:
                change.workspace.load(sorted({merge["enterprise"], payload["other"]}))
                kept, gone = change.file(merge["enterprise"]), change.file(payload["other"], merged=True)
            except NotFound as error:
                raise _no_merge(event_id) from error
            undone = select(func.count()).select_from(EVENTS).where(EVENTS.c.enterprise == kept.id, EVENTS.c.supersedes == merge["id"])
            if gone.merged_into != kept.id or change.connection.execute(undone).scalar():
                raise Conflict("这次合并已经撤销", where="event_id", cure="在变更历史里查看")
            self._separate(change, kept, gone, merge["id"], payload)

    def _separate(self, change: Change, kept: FileState, gone: FileState, event_id: str, payload: dict[str, Any]) -> None:
        back = {name: old for name, old in payload["was"].items() if kept.profile.get(name) == payload["set"][name]}
        there = {tuple(pair) for pair in _belongings(change.connection, kept.id)}
        moved = [pair for pair in payload["moved"] if tuple(pair) in there]
        said = {"other": gone.id, "set": back, "was": {name: payload["set"][name] for name in back}, "moved": moved}
        change.record("unmerged", kept.id, said, supersedes=event_id)
        change.record("restored", gone.id, {"from": kept.id}, supersedes=event_id)
        change.note("enterprise.unmerge", kept, other=gone.id, event=event_id)

    def duplicates(self, principal: Principal, *, limit: int = 100) -> list[Duplicates]:
        """Groups of readable files that are likely the same enterprise, those with the same credit code first."""
        ours = (FILES.c.label_tenant == principal.tenant, FILES.c.state == "active", readable(read_filter(principal), FILES.c))
        found: list[Duplicates] = []
        with self._ledger.reading(principal) as connection:
            for key in _shared(connection, FILES.c.uscc, ours, limit):
                found.append(Duplicates(by="uscc", key=key, files=_files(connection, FILES.c.uscc == key, ours)))
            for key in _shared(connection, FILES.c.name_key, ours, limit):
                same_name = _files(connection, FILES.c.name_key == key, ours)
                found += [Duplicates(by="name", key=key, files=files) for files in _by_region(same_name)]
        return found[:limit]


def _shared(connection: Connection, column: ColumnElement[str], ours: tuple[ColumnElement[bool], ...], limit: int) -> Sequence[str]:
    query = select(column).where(*ours, column != "").group_by(column).having(func.count() > 1).order_by(column).limit(limit)
    return connection.execute(query).scalars().all()


def _files(connection: Connection, same: ColumnElement[bool], ours: tuple[ColumnElement[bool], ...]) -> list[dict[str, str]]:
    query = select(FILES.c.id, FILES.c.name, FILES.c.uscc, FILES.c.region).where(*ours, same).order_by(FILES.c.seq).limit(50)
    return [dict(row) for row in connection.execute(query).mappings()]


def _by_region(files: list[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    """Groups whose regions and credit codes do not contradict each other; an unknown region fits every group."""
    seen: set[tuple[str, ...]] = set()
    for region in sorted({file["region"] for file in files}, key=len, reverse=True):
        group = [file for file in files if region.startswith(file["region"])]
        ids = tuple(file["id"] for file in group)
        if len(group) > 1 and len({file["uscc"] for file in group if file["uscc"]}) < 2 and not any(set(ids) <= set(each) for each in seen):
            seen.add(ids)
            yield group


def _added(kept: dict[str, Any], gone: dict[str, Any]) -> dict[str, Any]:
    """What `kept` gets: fields that it does not know, and lists and modes with what both say."""
    found: dict[str, Any] = {}
    for name, value in gone.items():
        mine = kept.get(name)
        if isinstance(value, list):
            mixed: Any = list(dict.fromkeys([*(mine or []), *value]))
        elif isinstance(value, dict) and name == "operating_modes":
            mixed = {**value, **(mine or {})}
        else:
            mixed = value if mine is None else mine
        if mixed != mine:
            found[name] = mixed
    return found


def _belongings(connection: Connection, file_id: str) -> list[list[str]]:
    """Id and kind of everything that belongs to a file."""
    items = connection.execute(select(ITEMS.c.id, ITEMS.c.kind).where(ITEMS.c.enterprise == file_id).order_by(ITEMS.c.id))
    contacts = connection.execute(select(CONTACTS.c.id).where(CONTACTS.c.enterprise == file_id).order_by(CONTACTS.c.id))
    return [*([row.id, row.kind] for row in items), *([row.id, "contact"] for row in contacts)]


def _no_merge(event_id: str) -> NotFound:
    return NotFound(f"没有这次合并 {event_id[:40]!r}", where="event_id", cure="在变更历史里查看合并记录的 id")
