"""The one way to change a file: who may, one transaction, an event for each thing said, and the audit's entries as its last statements."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import Connection, RowMapping, select

from domain.errors import Conflict, NotAllowed, NotFound, UserInputError
from domain.permissions import may, require
from domain.principal import Place, Principal, may_read, read_filter
from knowledge.readable import readable

from ..audit import AuditLog
from ..audit_entries import Door, NewEntry
from ..content import PLAIN, Content
from ..database import Database
from ..encoding import new_id, storable, utc_now
from .projection import LONGEST_WHY, Event, EventKind, FileState
from .tables import FILES
from .workspace import COLLECTION, Workspace, file_state


class Because(BaseModel):
    """Why something is said, and where it comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    why: Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_WHY), AfterValidator(storable)] = ""
    source: Annotated[str, Field(pattern=r"^((person|run|document|import):.{1,200})?$"), AfterValidator(storable)] = ""
    """`person:…`, `run:…`, `document:…` or `import:…`; the speaker, where nothing is said."""


class Change:
    """One person's work on files, inside one transaction."""

    def __init__(self, workspace: Workspace, principal: Principal, because: Because, door: Door, at: datetime) -> None:
        self.workspace, self.principal, self.at = workspace, principal, at
        self._because = because
        self._door: Door = door
        self.entries: list[NewEntry] = []

    @property
    def connection(self) -> Connection:
        return self.workspace.connection

    def file(self, file_id: str, *, merged: bool = False) -> FileState:
        """A file that the principal may write, locked until the transaction ends.

        Raises NotFound for one that it may not read, NotAllowed for one that it may only read, Conflict for one that was merged into
        another, unless `merged` says that this is what is wanted.
        """
        found = self.workspace.file(storable(file_id))
        if found is None or not may_read(self.principal, found.label, Place(found.id, COLLECTION)):
            raise no_file(file_id)
        if not may_write(self.principal, found):
            raise NotAllowed("不能修改这份企业档案", where="enterprise_id", cure="请负责人或运营人员修改")
        if found.status == "merged" and not merged:
            raise Conflict("这份档案已并入另一份", where="enterprise_id", cure=f"改用 {found.merged_into}，或先撤销合并")
        return found

    def record(self, kind: EventKind, file_id: str, payload: dict[str, Any], supersedes: str | None = None) -> Event:
        said = Event(
            id=new_id(),
            enterprise=file_id,
            tenant=self.principal.tenant,
            kind=kind,
            payload=payload,
            by=self.principal.id,
            at=self.at,
            why=self._because.why,
            source=self._because.source or f"person:{self.principal.id}",
            supersedes=supersedes,
        )
        self.workspace.record(said)
        return said

    def note(self, action: str, file: FileState | None, **detail: Any) -> None:
        """An entry for the audit: what was done, never what was said."""
        self.entries.append(
            NewEntry(
                principal=self.principal,
                action=action,
                door=self._door,
                object_kind="enterprise",
                object_id=file.id if file else "",
                level=file.label.level if file else "",
                reason=self._because.why,
                detail={"source": self._because.source, **detail},
            )
        )


class Ledger:
    """What the stores of the enterprise file share."""

    def __init__(
        self, database: Database, *, content: Content = PLAIN, audit: AuditLog | None = None, now: Callable[[], datetime] = utc_now
    ) -> None:
        self.database, self.content, self.now = database, content, now
        self._audit = audit

    @contextmanager
    def change(self, principal: Principal, because: Because, door: Door, permission: str = "enterprises.write_own") -> Generator[Change]:
        """All of it is committed at the end, or none. Raises NotAllowed."""
        require(principal, permission)
        with self.database.transaction(write=True) as connection:
            workspace = Workspace(connection, self.content)
            change = Change(workspace, principal, because, door, self.now())
            yield change
            workspace.flush()
            if self._audit is not None and change.entries:
                self._audit.append(change.entries, connection)

    @contextmanager
    def reading(self, principal: Principal) -> Generator[Connection]:
        """Raises NotAllowed for who may not look at enterprise files at all."""
        require(principal, "enterprises.read")
        with self.database.transaction() as connection:
            yield connection

    def row(self, connection: Connection, file_id: str, principal: Principal) -> RowMapping:
        """A file's row. Raises NotFound for one that the principal may not read."""
        query = select(FILES).where(FILES.c.id == storable(file_id), readable(read_filter(principal), FILES.c))
        found = connection.execute(query).mappings().one_or_none()
        if found is None:
            raise no_file(file_id)
        return found

    def state(self, connection: Connection, file_id: str, principal: Principal) -> FileState:
        return file_state(self.row(connection, file_id, principal))

    def record(self, entry: NewEntry) -> None:
        """Put on record what only reads."""
        if self._audit is not None:
            self._audit.append(entry)


def may_write(principal: Principal, file: FileState) -> bool:
    """Only in one's own tenant: everything with the one permission, what one is responsible for with the other."""
    if not file.label.tenant or file.label.tenant != principal.tenant:
        return False
    if may(principal, "enterprises.write"):
        return True
    return may(principal, "enterprises.write_own") and file.owner == principal.id


def no_file(file_id: str) -> NotFound:
    return NotFound(f"没有企业档案 {file_id[:40]!r}", where="enterprise_id", cure="用 shuzhi enterprises list 查找")


def need_why(because: Because) -> None:
    """Raises UserInputError."""
    if not because.why:
        raise UserInputError("没有写明原因", where="why", cure="写明为什么修改，例如 企业来电更正")


def expect_version(now: int, given: int, where: str = "version") -> None:
    """Raises Conflict when somebody else was faster."""
    if now != given:
        raise Conflict(f"内容已被别人修改，现在是第 {now} 版", where=where, cure="重新读取后再修改")


def chunks(values: Sequence[str], size: int = 500) -> list[Sequence[str]]:
    return [values[start : start + size] for start in range(0, len(values), size)]
