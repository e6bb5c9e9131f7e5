"""Files as a whole: begin, change, read, find, and what was said when by whom (可查询、可更新、可追溯, TISC-7.2.4-d)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, RowMapping, select

from domain.errors import Conflict, NotFound, UserInputError
from domain.principal import Label, Principal, read_filter
from knowledge.readable import readable

from ..audit_entries import Door
from ..encoding import decode, new_id, storable
from .history import HistoryEntry, entry_of
from .ledger import Because, Change, Ledger, expect_version, may_write, need_why
from .profile import Profile, checked_profile
from .projection import FileState, FileStatus
from .search import SEARCH, EnterpriseQuery, clauses_of, matches
from .segments import FeatureGroup, Segment, Size, facts_of, portrait_of, segments_of, size_of
from .tables import EVENTS, FILES
from .workspace import current_facts

MOST = 200
FileLevel = Literal["restricted", "private"]
"""An enterprise's file is never public."""


class Listed(BaseModel):
    """A file in a list."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    uscc: str
    region: str
    industry: str
    chain: str
    size: str
    maturity: str
    owner: str
    level: str
    updated_at: datetime


class EnterpriseFile(BaseModel):
    """A file as its readers see it."""

    model_config = ConfigDict(frozen=True)

    id: str
    profile: Profile
    level: str
    owner: str
    status: FileStatus
    merged_into: str | None
    version: int
    writable: bool
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    size: Size
    segments: dict[str, Segment]
    portrait: list[FeatureGroup]


class Page(BaseModel):
    """Some of what was found, newest file first. `next`: give it as `after`; empty on the last page."""

    model_config = ConfigDict(frozen=True)

    enterprises: list[Listed]
    next: str = ""


class EnterpriseStore:
    """Every method raises NotAllowed for a principal whose roles have nothing to do with enterprise files."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def create(
        self,
        fields: Mapping[str, Any],
        principal: Principal,
        because: Because | None = None,
        *,
        door: Door,
        level: FileLevel = "restricted",
        attributes: frozenset[str] = frozenset(),
    ) -> EnterpriseFile:
        """Begin a file; the creator is responsible for it.

        Raises UserInputError for wrong fields, Conflict when the credit code has a file already.
        """
        profile = checked_profile(fields)
        label = _label(principal, level, attributes)
        with self._ledger.change(principal, because or Because(), door) as change:
            _free_code(change, profile.uscc, "")
            file_id = begin(change, profile, label)
            change.note("enterprise.create", change.workspace.file(file_id), fields=sorted(profile.known()))
        return self.get(file_id, principal)

    def update(
        self, file_id: str, fields: Mapping[str, Any], principal: Principal, because: Because, *, version: int, door: Door
    ) -> EnterpriseFile:
        """Change some fields, all of them or none; None takes a field's content away. What stays the same is not said again.

        Raises NotFound, NotAllowed, UserInputError (also: no reason), Conflict when `version` is not the present one or the credit code has
        another file.
        """
        need_why(because)
        with self._ledger.change(principal, because, door) as change:
            file = change.file(file_id)
            expect_version(file.version, version)
            if names := revise(change, file, fields):
                change.note("enterprise.change", file, fields=names)
        return self.get(file_id, principal)

    def assign(self, file_id: str, owner: str, principal: Principal, because: Because, *, door: Door) -> EnterpriseFile:
        """Make somebody responsible for a file. Raises NotFound, NotAllowed."""
        with self._ledger.change(principal, because, door) as change:
            file = change.file(file_id)
            if owner != file.owner:
                change.record("assigned", file.id, {"owner": storable(owner), "was": file.owner})
                change.note("enterprise.change", file, fields=["owner"])
        return self.get(file_id, principal)

    def get(self, file_id: str, principal: Principal) -> EnterpriseFile:
        """Raises NotFound."""
        with self._ledger.reading(principal) as connection:
            file = self._ledger.state(connection, file_id, principal)
            needs, assessed = current_facts(connection, [file.id]).get(file.id, ((), ""))
        profile = Profile.model_validate(file.profile)
        same = file.model_dump(exclude={"profile", "label"})
        return EnterpriseFile(
            **same,
            profile=profile,
            level=file.label.level,
            writable=may_write(principal, file),
            size=size_of(profile),
            segments=segments_of(facts_of(profile, needs, assessed)),
            portrait=portrait_of(profile),
        )

    def profiles(self, file_ids: Sequence[str], principal: Principal) -> dict[str, Profile]:
        """The fields of those of these files that the principal may read."""
        query = select(FILES.c.id, FILES.c.profile).where(FILES.c.id.in_(file_ids), readable(read_filter(principal), FILES.c))
        with self._ledger.reading(principal) as connection:
            return {row.id: Profile.model_validate(decode(row.profile)) for row in connection.execute(query)}

    def search(self, query: EnterpriseQuery, principal: Principal, *, after: str = "", limit: int = 50) -> Page:
        """Files that fit, newest first. Raises NotFound for an `after` that the principal may not read."""
        access = read_filter(principal)
        limit = max(1, min(limit, MOST))
        with self._ledger.reading(principal) as connection:
            clauses = clauses_of(query, access)
            if clauses is None:
                return Page(enterprises=[])
            found = select(FILES).join_from(SEARCH, FILES, FILES.c.seq == SEARCH.c.rowid)
            found = found.where(matches(connection, clauses), readable(access, FILES.c))
            if after:
                found = found.where(SEARCH.c.rowid < self._ledger.row(connection, after, principal)["seq"])
            rows = connection.execute(found.order_by(SEARCH.c.rowid.desc()).limit(limit + 1)).mappings().all()
        listed = [_listed(row) for row in rows[:limit]]
        return Page(enterprises=listed, next=listed[-1].id if len(rows) > limit else "")

    def history(self, file_id: str, principal: Principal, *, before: str = "", limit: int = 100) -> list[HistoryEntry]:
        """What was said about a file, newest first. Raises NotFound, also for a `before` that is no event of it."""
        limit = max(1, min(limit, 500))
        with self._ledger.reading(principal) as connection:
            file = self._ledger.row(connection, file_id, principal)
            query = select(EVENTS).where(EVENTS.c.enterprise == file["id"])
            if before:
                query = query.where(EVENTS.c.seq < _event_seq(connection, file["id"], before))
            rows = connection.execute(query.order_by(EVENTS.c.seq.desc()).limit(limit)).mappings().all()
        return [entry_of(row, self._ledger.content) for row in rows]


def begin(change: Change, profile: Profile, label: Label) -> str:
    """A new file's id. Whether its credit code is free, the caller has looked."""
    file_id = new_id()
    payload = {"profile": profile.known(), "label": label.model_dump(mode="json"), "owner": change.principal.id}
    change.record("created", file_id, payload)
    return file_id


def revise(change: Change, file: FileState, fields: Mapping[str, Any]) -> list[str]:
    """Names of the fields that are different now. Raises UserInputError, Conflict."""
    wanted = checked_profile({**file.profile, **fields}).known()
    names = sorted(name for name in {*file.profile, *wanted} if file.profile.get(name) != wanted.get(name))
    if not names:
        return names
    if "uscc" in names:
        _free_code(change, wanted.get("uscc"), file.id)
    payload = {"set": {name: wanted.get(name) for name in names}, "was": {name: file.profile.get(name) for name in names}}
    change.record("updated", file.id, payload)
    return names


def _free_code(change: Change, uscc: str | None, own: str) -> None:
    if not uscc:
        return
    same = (FILES.c.label_tenant == change.principal.tenant, FILES.c.uscc == uscc, FILES.c.state == "active", FILES.c.id != own)
    query = select(FILES.c.id).where(*same, readable(read_filter(change.principal), FILES.c)).limit(1)
    taken = change.connection.execute(query).scalar()
    if taken is not None:
        cure = f"改用档案 {taken}" if not own else f"与档案 {taken} 合并"
        raise Conflict("这个统一社会信用代码已有档案", where="uscc", cure=cure)


def _label(principal: Principal, level: FileLevel, attributes: frozenset[str]) -> Label:
    if level not in ("restricted", "private"):
        raise UserInputError("企业档案只能是受限或私密", where="level", cure="用 restricted 或 private")
    if not attributes <= principal.attributes:
        raise UserInputError("不能要求自己没有的属性", where="attributes", cure="只写自己具有的属性")
    parties = frozenset({principal.id}) if level == "private" else frozenset[str]()
    return Label(level=level, tenant=principal.tenant, attributes=attributes if level == "restricted" else frozenset(), parties=parties)


def own_files_label(principal: Principal) -> Label:
    """The label of a file of which nothing was said: for everybody of the tenant."""
    return _label(principal, "restricted", frozenset())


def _listed(row: RowMapping) -> Listed:
    same = {name: row[name] for name in Listed.model_fields if name != "level"}
    return Listed(level=row["label_level"], **same)


def _event_seq(connection: Connection, file_id: str, event_id: str) -> int:
    query = select(EVENTS.c.seq).where(EVENTS.c.enterprise == file_id, EVENTS.c.id == storable(event_id))
    seq = connection.execute(query).scalar()
    if seq is None:
        raise NotFound(f"没有记录 {event_id[:40]!r}", where="before", cure="用上一页最后一条的 id")
    return seq
