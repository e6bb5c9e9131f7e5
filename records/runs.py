"""Runs: an event log that outlives its connection and its process (DESIGN §4.5, §4.7)."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, bindparam, case, insert, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from domain.errors import Conflict, NotFound
from domain.principal import Principal

from .access import owned
from .audit import AuditLog
from .audit_entries import NewEntry
from .content import PLAIN, Content
from .database import Database
from .encoding import StoredText, decode, encode, new_id, storable, utc_now
from .events import ADD, ENDINGS, OPEN, RUNS, Ending, NewEvent, RunEvent, RunStatus, record, replayed, stored_event
from .tables import ApprovalRow, EventRow, RunRow, ThreadRow, table_of

APPROVALS, THREADS = table_of(ApprovalRow), table_of(ThreadRow)
WITHDRAW = (
    update(APPROVALS)
    .where(
        APPROVALS.c.run_id == bindparam("run"),
        (APPROVALS.c.status == "pending") | ((APPROVALS.c.status == "approved") & APPROVALS.c.claimed_at.is_(None)),
    )
    .values(status="withdrawn")
)
BEGIN = insert(RUNS)
TITLE_LENGTH = 40


class NewRun(BaseModel):
    """A question that is about to be worked on."""

    model_config = ConfigDict(frozen=True)

    id: StoredText = Field(default_factory=new_id)
    thread_id: StoredText | None = None
    """None: belongs to no conversation (one REST or CLI call)."""
    kind: str = "chat"
    question: StoredText


class Run(BaseModel):
    """One question and what became of it."""

    model_config = ConfigDict(frozen=True)

    id: str
    thread_id: str | None
    tenant: str
    owner: str
    kind: str
    question: str
    status: RunStatus
    answer: dict[str, Any] | None
    instance: str
    last_seq: int
    created_at: datetime
    finished_at: datetime | None


class EventPage(BaseModel):
    """A stretch of a run's log. When `status` is an ending and `events` is empty, nothing will follow."""

    model_config = ConfigDict(frozen=True)

    status: RunStatus
    last_seq: int
    events: list[RunEvent]


class RunStore:
    """Runs and their logs. Reads see only the principal's own runs; another's run raises NotFound, like one that never was.

    `instance` names this process's place in a cluster and stays the same when it restarts: `interrupted` closes what it left behind.
    `content`: how what was said is kept. `audit`: takes the entries of what is done here, in the same transactions.
    """

    def __init__(
        self,
        database: Database,
        *,
        instance: str = "local",
        now: Callable[[], datetime] = utc_now,
        content: Content = PLAIN,
        audit: AuditLog | None = None,
    ) -> None:
        self._database = database
        self._content = content
        self._audit = audit
        self._instance = instance
        self._now = now

    def start(self, run: NewRun, principal: Principal) -> Run:
        """Record a run as `running`; its conversation moves to the top and gets its first question as title.

        Raises NotFound for a conversation that is not the principal's, Conflict for an id that is taken.
        """
        with self._database.transaction(write=True) as connection:
            return self.started(connection, run, principal)

    def started(self, connection: Connection, run: NewRun, principal: Principal) -> Run:
        """`start` as a part of a transaction."""
        at = self._now()
        if run.thread_id is not None:
            self._touch_thread(connection, run.thread_id, run.question, principal, at)
        started = Run(
            **run.model_dump(),
            tenant=principal.tenant,
            owner=principal.id,
            status="running",
            answer=None,
            instance=self._instance,
            last_seq=0,
            created_at=at,
            finished_at=None,
        )
        connection.execute(BEGIN, dict(started) | {"question": self._content.question.seal(run.id, run.question)})
        return started

    def _touch_thread(self, connection: Connection, thread_id: str, question: str, principal: Principal, at: datetime) -> None:
        first_words = self._content.title.seal(thread_id, " ".join(question.split())[:TITLE_LENGTH])
        # one statement, so that a conversation that is being deleted is either still there or not found
        touch = (
            update(THREADS)
            .where(THREADS.c.id == thread_id, owned(ThreadRow, principal))
            .values(updated_at=at, title=case((THREADS.c.title == "", first_words), else_=THREADS.c.title))
            .returning(THREADS.c.id)
        )
        if connection.execute(touch).scalar() is None:
            raise NotFound(f"没有会话 {thread_id!r}", where="thread_id", cure="新建一个会话，或从会话列表中选择")

    def append(self, run_id: str, events: Sequence[NewEvent]) -> list[RunEvent]:
        """Add events at the end of the log, in one transaction, and return them with their seq.

        For runs that are written in one place at a time and without an open stream; streams go through `LiveRuns`.
        Raises NotFound for an unknown run, Conflict for a closed one.
        """
        if not events:
            return []
        at = self._now()
        with self._database.transaction(write=True) as connection:
            last = self._advance(connection, run_id, len(events))
            first = last - len(events) + 1
            rows = [record(run_id, first + offset, event.type, event.data, at) for offset, event in enumerate(events)]
            connection.execute(ADD, [row.columns(self._content.event) for row in rows])
        return [replayed(row, 0) for row in rows]

    def wait(self, run_id: str, entries: Sequence[NewEntry] = ()) -> None:
        """running → waiting (for an approval). Raises NotFound, Conflict for a closed run, and what `AuditLog.append` raises."""
        with self._database.transaction(write=True) as connection:
            self._advance(connection, run_id, 0, status="waiting")
            if self._audit is not None and entries:
                self._audit.append(entries, connection)

    def resume(self, run_id: str) -> int:
        """waiting → running, now worked on by this instance; returns the newest seq. Raises NotFound, or Conflict for a closed run."""
        with self._database.transaction(write=True) as connection:
            return self._advance(connection, run_id, 0, status="running", instance=self._instance)

    def finish(self, run_id: str, status: Ending, answer: dict[str, Any] | None = None, data: dict[str, Any] | None = None) -> RunEvent:
        """Close a run: status, answer and the last event (its type is the status) become true together.

        Approvals that nobody has used are withdrawn. Raises NotFound, or Conflict when the run is already closed.
        """
        with self._database.transaction(write=True) as connection:
            return self.finished(connection, run_id, status, answer, data)

    def finished(
        self, connection: Connection, run_id: str, status: Ending, answer: dict[str, Any] | None, data: dict[str, Any] | None
    ) -> RunEvent:
        """`finish` as a part of a transaction."""
        return self._close(connection, run_id, status, answer, data or {})

    def interrupted(self) -> list[str]:
        """Close what this instance was running when its process died; call once at start-up. Returns the ids.

        The events stay; runs that wait for an approval go on waiting.
        """
        with self._database.transaction(write=True) as connection:
            mine = (RUNS.c.status == "running", RUNS.c.instance == self._instance)
            left = connection.execute(select(RUNS.c.id, RUNS.c.tenant, RUNS.c.owner).where(*mine).order_by(RUNS.c.created_at)).all()
            for row in left:
                self._close(connection, row.id, "interrupted", None, {})
            if self._audit is not None and left:
                self._audit.append([_interruption(*row) for row in left], connection)
        return [row.id for row in left]

    def _close(self, connection: Connection, run_id: str, status: Ending, answer: dict[str, Any] | None, data: dict[str, Any]) -> RunEvent:
        at = self._now()
        stored = None if answer is None else self._content.answer.seal(run_id, encode(answer))
        last = self._advance(connection, run_id, 1, status=status, answer=stored, finished_at=at)
        ending = record(run_id, last, status, data | {"status": status}, at)
        connection.execute(ADD, ending.columns(self._content.event))
        connection.execute(WITHDRAW, {"run": run_id})
        return replayed(ending, 0)

    def _advance(self, connection: Connection, run_id: str, count: int, **changes: Any) -> int:
        change = _advancing(tuple(changes))
        given = {"run": storable(run_id), "count": count} | {f"new_{name}": value for name, value in changes.items()}
        last = connection.execute(change, given).scalar_one_or_none()
        if last is not None:
            return int(last)
        status = connection.execute(select(RUNS.c.status).where(RUNS.c.id == storable(run_id))).scalar_one_or_none()
        if status is None:
            raise _unknown(run_id)
        raise Conflict(f"运行 {run_id!r} 已经结束（{status}）", where="run_id", cure="重新提问会开始一次新的运行")

    def get(self, run_id: str, principal: Principal) -> Run:
        """One of the principal's runs. Raises NotFound, NotAllowed for an audit administrator."""
        with self._database.session() as session:
            return self._run(_own(session, run_id, principal))

    def asker(self, run_id: str) -> tuple[str, str]:
        """(owner, tenant) of any run, for going on with it in their name. Raises NotFound."""
        with self._database.session() as session:
            found = session.execute(select(RunRow.owner, RunRow.tenant).where(RunRow.id == storable(run_id))).one_or_none()
        if found is None:
            raise _unknown(run_id)
        return found.owner, found.tenant

    def list_runs(self, thread_id: str, principal: Principal, *, limit: int = 200) -> list[Run]:
        """The newest `limit` runs of a conversation, oldest first. Raises NotFound for a conversation that is not the principal's."""
        with self._database.session() as session:
            if session.scalar(select(ThreadRow.id).where(ThreadRow.id == storable(thread_id), owned(ThreadRow, principal))) is None:
                raise NotFound(f"没有会话 {thread_id!r}", where="thread_id", cure="从会话列表中选择")
            query = select(RunRow).where(RunRow.thread_id == thread_id, owned(RunRow, principal))
            newest = session.scalars(query.order_by(RunRow.created_at.desc(), RunRow.id.desc()).limit(limit)).all()
            return [self._run(row) for row in reversed(newest)]

    def events_after(self, run_id: str, seq: int, principal: Principal, *, limit: int = 1000) -> list[RunEvent]:
        """What follows event `seq` (0: from the start), oldest first. Raises NotFound, NotAllowed for an audit administrator."""
        return self.page(run_id, seq, principal, limit=limit).events

    def page(self, run_id: str, seq: int, principal: Principal, *, limit: int = 1000) -> EventPage:
        """`events_after` with the run's status; raises the same."""
        with self._database.session() as session:
            # status before events: a status that is an ending then guarantees that its event is among them
            run = _own(session, run_id, principal)
            query = select(EventRow).where(EventRow.run_id == run_id, EventRow.seq > seq).order_by(EventRow.seq).limit(limit)
            events = [stored_event(row, seq, self._content.event) for row in session.scalars(query)]
            return EventPage(status=_status(run.status), last_seq=run.last_seq, events=events)

    def _run(self, row: RunRow) -> Run:
        columns = {name: getattr(row, name) for name in Run.model_fields if name not in ("question", "answer", "status")}
        question = self._content.question.open(row.id, row.question)
        answer = None if row.answer is None else decode(self._content.answer.open(row.id, row.answer))
        return Run(question=question, answer=answer, status=_status(row.status), **columns)


@cache
def _advancing(columns: tuple[str, ...]) -> ReturningUpdate[Any]:
    """Move an open run's newest seq by `count` and set `columns`; composing this for every run took longer than running it."""
    return (
        update(RUNS)
        .where(RUNS.c.id == bindparam("run"), RUNS.c.status.in_(OPEN))
        .values(last_seq=RUNS.c.last_seq + bindparam("count"), **{name: bindparam(f"new_{name}") for name in columns})
        .returning(RUNS.c.last_seq)
    )


def _own(session: Session, run_id: str, principal: Principal) -> RunRow:
    row = session.scalar(select(RunRow).where(RunRow.id == storable(run_id), owned(RunRow, principal)))
    if row is None:
        raise _unknown(run_id)
    return row


def _unknown(run_id: str) -> NotFound:
    return NotFound(f"没有运行 {run_id!r}", where="run_id", cure="检查运行编号；只能查看自己发起的运行")


def _status(word: str) -> RunStatus:
    return next(known for known in (*OPEN, *ENDINGS) if known == word)


def _interruption(run_id: str, tenant: str, owner: str) -> NewEntry:
    """Whose run a killed process left behind; the roles that the person had are not known any more."""
    asker = Principal(id=owner, tenant=tenant)
    detail = {"status": "interrupted"}
    return NewEntry(
        principal=asker, action="run.start", door="system", object_kind="run", object_id=run_id, outcome="failed", detail=detail
    )
