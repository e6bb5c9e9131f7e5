"""Conversations (会话). What was said is not stored twice: the history is read off the runs."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from domain.errors import Conflict, NotFound, UserInputError
from domain.principal import Principal

from .access import content_reader, owned
from .audit import AuditLog
from .audit_entries import Door, NewEntry
from .content import PLAIN, Content
from .database import Database
from .encoding import decode, new_id, storable, utc_now
from .paging import page_mark, read_mark
from .tables import ApprovalRow, RunRow, ThreadRow

LONGEST_TITLE = 200


UPLOAD = "upload"
"""Kind of the runs that record a file's arrival in a conversation."""


class Thread(BaseModel):
    """A conversation of one person."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    created_at: datetime
    updated_at: datetime


class ThreadPage(BaseModel):
    """Some conversations, latest first; `next` goes into `before` for the page behind it and is None at the end."""

    model_config = ConfigDict(frozen=True)

    threads: list[Thread]
    next: str | None


class Turn(BaseModel):
    """One side's words in a conversation."""

    model_config = ConfigDict(frozen=True)

    role: Literal["user", "assistant"]
    content: str
    run_id: str


class ThreadStore:
    """Every method raises NotFound for a conversation that is not the principal's, NotAllowed for an audit administrator.

    `content`: how what was said is kept. `audit`: takes an entry for each deletion, in the same transaction.
    """

    def __init__(
        self, database: Database, *, now: Callable[[], datetime] = utc_now, content: Content = PLAIN, audit: AuditLog | None = None
    ) -> None:
        self._database = database
        self._content, self._audit = content, audit
        self._now = now

    def create(self, principal: Principal, title: str = "") -> Thread:
        """A new conversation; without a title it gets its first question's. Raises UserInputError for a title that is too long."""
        content_reader(principal)
        at = self._now()
        thread_id, clean = new_id(), _title(title)
        sealed = self._content.title.seal(thread_id, clean)
        row = ThreadRow(id=thread_id, title=sealed, tenant=principal.tenant, owner=principal.id, created_at=at, updated_at=at)
        with self._database.session(write=True) as session:
            session.add(row)
        return self._thread(row)

    def get(self, thread_id: str, principal: Principal) -> Thread:
        with self._database.session() as session:
            return self._thread(_own(session, thread_id, principal))

    def list_threads(self, principal: Principal, *, limit: int = 30, before: str | None = None) -> ThreadPage:
        """The principal's conversations, latest first. Raises UserInputError for a `before` that is no page mark."""
        query = select(ThreadRow).where(owned(ThreadRow, principal))
        if before is not None:
            at, thread_id = read_mark(before)
            query = query.where(or_(ThreadRow.updated_at < at, and_(ThreadRow.updated_at == at, ThreadRow.id < thread_id)))
        query = query.order_by(ThreadRow.updated_at.desc(), ThreadRow.id.desc()).limit(limit + 1)
        with self._database.session() as session:
            rows = session.scalars(query).all()
        page = rows[:limit]
        more = page_mark(page[-1].updated_at, page[-1].id) if len(rows) > limit and page else None
        return ThreadPage(threads=[self._thread(row) for row in page], next=more)

    def rename(self, thread_id: str, principal: Principal, title: str) -> Thread:
        """Raises UserInputError for a title that is empty or too long."""
        new = _title(title)
        if not new:
            raise UserInputError("会话标题不能为空", where="title", cure=f"填写 1 到 {LONGEST_TITLE} 个字")
        with self._database.session(write=True) as session:
            row = _own(session, thread_id, principal, lock=True)
            row.title = self._content.title.seal(row.id, new)
        return self._thread(row)

    def delete(self, thread_id: str, principal: Principal, *, door: Door = "system") -> None:
        """Delete a conversation with its runs, their events and feedback. Approvals stay; undecided ones are withdrawn.

        Raises Conflict while an answer is being worked on, and what `AuditLog.append` raises.
        """
        with self._database.session(write=True) as session:
            row = _own(session, thread_id, principal, lock=True)
            runs = select(RunRow.id).where(RunRow.thread_id == row.id)
            count = session.scalar(select(func.count()).select_from(runs.subquery()))
            idle = ~runs.where(RunRow.status == "running").exists()
            gone = delete(ThreadRow).where(ThreadRow.id == row.id, idle).returning(ThreadRow.id)
            unused = ApprovalRow.run_id.in_(runs) & ApprovalRow.status.in_(("pending", "approved")) & ApprovalRow.claimed_at.is_(None)
            session.execute(update(ApprovalRow).where(unused).values(status="withdrawn").execution_options(synchronize_session=False))
            if session.execute(gone.execution_options(synchronize_session=False)).scalar() is None:
                raise Conflict("这个会话还有正在进行的回答", where="thread_id", cure="先停止回答，再删除会话")
            if self._audit is not None:
                about: dict[str, Any] = {"object_kind": "thread", "object_id": row.id, "detail": {"runs": count}}
                entry = NewEntry(principal=principal, action="thread.delete", door=door, **about)
                self._audit.append(entry, session.connection())

    def history(self, thread_id: str, principal: Principal, *, limit: int = 20) -> list[Turn]:
        """Question and answer of the newest `limit` finished runs, oldest first; what a file brought is no turn."""
        with self._database.session() as session:
            row = _own(session, thread_id, principal)
            finished = select(RunRow).where(
                RunRow.thread_id == row.id, owned(RunRow, principal), RunRow.status == "done", RunRow.kind != UPLOAD
            )
            newest = session.scalars(finished.order_by(RunRow.created_at.desc(), RunRow.id.desc()).limit(limit)).all()
        turns: list[Turn] = []
        for run in reversed(newest):
            answer: dict[str, Any] = decode(self._content.answer.open(run.id, run.answer)) if run.answer else {}
            turns.append(Turn(role="user", content=self._content.question.open(run.id, run.question), run_id=run.id))
            turns.append(Turn(role="assistant", content=str(answer.get("text", "")), run_id=run.id))
        return turns

    def _thread(self, row: ThreadRow) -> Thread:
        title = self._content.title.open(row.id, row.title)
        return Thread(id=row.id, title=title, created_at=row.created_at, updated_at=row.updated_at)


def _own(session: Session, thread_id: str, principal: Principal, *, lock: bool = False) -> ThreadRow:
    query = select(ThreadRow).where(ThreadRow.id == storable(thread_id), owned(ThreadRow, principal))
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound(f"没有会话 {thread_id!r}", where="thread_id", cure="从会话列表中选择")
    return row


def _title(title: str) -> str:
    clean = " ".join(storable(title).split())
    if len(clean) > LONGEST_TITLE:
        raise UserInputError(f"会话标题太长（{len(clean)} 个字）", where="title", cure=f"不超过 {LONGEST_TITLE} 个字")
    return clean
