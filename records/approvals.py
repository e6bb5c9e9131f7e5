"""Approvals (审批): a named person decides, once, before an effect happens, and the effect happens at most once."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, and_, false, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.errors import Conflict, NotAllowed, NotFound
from domain.permissions import roles_with
from domain.principal import Principal, Role

from .access import content_reader
from .audit import AuditLog
from .audit_entries import Door, NewEntry, Outcome
from .content import PLAIN, Content
from .database import Database
from .encoding import StoredText, decode, encode, new_id, storable, utc_now
from .tables import ApprovalRow

Decision = Literal["approve", "reject"]
ApprovalStatus = Literal["pending", "approved", "rejected", "withdrawn"]
"""withdrawn: its run ended, or its conversation was deleted, before the effect was carried out."""
STATUSES: tuple[ApprovalStatus, ...] = ("pending", "approved", "rejected", "withdrawn")
STATUS_NAMES: dict[str, str] = {"pending": "待审批", "approved": "已批准", "rejected": "已驳回", "withdrawn": "已撤回"}
APPROVERS: frozenset[Role] = roles_with("approvals.decide")
"""Not the administrators: an approval's arguments are business content."""


class NewApproval(BaseModel):
    """An effect that somebody has to agree to."""

    model_config = ConfigDict(frozen=True)

    run_id: StoredText
    tool: StoredText
    args: dict[str, Any]
    effect: Literal["write", "external"]
    summary: StoredText = ""
    """Chinese: what will happen, for the person who decides."""
    key: str = ""
    """Idempotency key; by default run, tool and arguments. A step that is run again finds its first request by it."""


class Approval(BaseModel):
    """A request and what became of it."""

    model_config = ConfigDict(frozen=True)

    id: str
    run_id: str
    tenant: str
    requested_by: str
    tool: str
    args: dict[str, Any] = Field(default_factory=dict[str, Any])
    effect: str
    summary: str
    key: str
    status: ApprovalStatus
    reason: str
    decided_by: str | None
    decided_at: datetime | None
    claimed_at: datetime | None
    outcome: dict[str, Any] | None
    created_at: datetime


class ApprovalStore:
    """Visible to the person who asked and to the approvers of the same tenant; for everybody else it does not exist.

    `allow_self`: the single-user mode, where the same person asks and decides. Reads raise NotAllowed for an audit administrator.
    `content`: how arguments and outcomes are kept. `audit`: takes an entry for each request, decision and claim, in the same transaction.
    """

    def __init__(
        self,
        database: Database,
        *,
        allow_self: bool = False,
        approvers: frozenset[Role] = APPROVERS,
        now: Callable[[], datetime] = utc_now,
        content: Content = PLAIN,
        audit: AuditLog | None = None,
    ) -> None:
        self._database = database
        self._content, self._audit = content, audit
        self._allow_self = allow_self
        self._approvers = approvers
        self._now = now

    def request(self, new: NewApproval, requested_by: Principal, *, door: Door = "system") -> Approval:
        """The pending approval, or the earlier one with the same key, whatever was decided about it.

        Raises Conflict when that key was used for another tool or other arguments.
        """
        args = encode(new.args)
        key = storable(new.key) or _key(new, args)
        approval_id = new_id()
        row = ApprovalRow(
            id=approval_id,
            tenant=requested_by.tenant,
            requested_by=requested_by.id,
            args=self._content.args.seal(approval_id, args),
            key=key,
            status="pending",
            reason="",
            created_at=self._now(),
            **new.model_dump(exclude={"args", "key"}),
        )
        same_key = select(ApprovalRow).where(ApprovalRow.tenant == requested_by.tenant, ApprovalRow.key == key)
        with self._database.session(write=True) as session:
            try:
                with session.begin_nested():
                    session.add(row)
            except IntegrityError:
                row = session.scalars(same_key).one()
            else:
                self._record(session, row, requested_by, "approval.request", door)
        if (row.run_id, row.tool, self._args(row), row.requested_by) != (new.run_id, new.tool, args, requested_by.id):
            raise Conflict(f"审批键 {key!r} 已用于另一个操作", where="key", cure="为新的操作换一个键")
        return self._approval(row)

    def decide(self, approval_id: str, principal: Principal, decision: Decision, reason: str = "", *, door: Door = "system") -> Approval:
        """Decide once. Raises NotFound, NotAllowed for who may not decide, Conflict when it is no longer pending.

        Whoever asked may take the request back (reject), but approve it only where `allow_self` is set.
        """
        change = {
            "status": "approved" if decision == "approve" else "rejected",
            "reason": storable(reason),
            "decided_by": principal.id,
            "decided_at": self._now(),
        }
        with self._database.session(write=True) as session:
            row = self._visible_row(session, approval_id, principal)
            refusal, won = self._refusal(row, principal, decision), None
            if refusal is None:
                decided = update(ApprovalRow).where(ApprovalRow.id == row.id, ApprovalRow.status == "pending").values(change)
                won = session.execute(decided.returning(ApprovalRow.id).execution_options(synchronize_session=False)).scalar()
                session.refresh(row)
            if refusal is not None or won is not None:
                outcome: Outcome = "done" if won is not None else "refused"
                self._record(session, row, principal, "approval.decide", door, outcome, decision=decision)
        if refusal is not None:
            raise refusal
        if won is None:
            by = f"，由 {row.decided_by} 决定" if row.decided_by else ""
            raise Conflict(f"这项审批{STATUS_NAMES[row.status]}{by}，不能再改", where="approval_id", cure="刷新审批列表")
        return self._approval(row)

    def _refusal(self, row: ApprovalRow, principal: Principal, decision: Decision) -> NotAllowed | None:
        is_own = row.requested_by == principal.id
        if is_own and decision == "reject":
            return None
        if not principal.roles & self._approvers:
            return NotAllowed("没有审批权限", where="approval_id", cure=f"请有 {'、'.join(sorted(self._approvers))} 角色的人审批")
        if is_own and not self._allow_self:
            return NotAllowed("不能批准自己发起的操作", where="approval_id", cure="请另一位审批人决定")
        return None

    def claim(self, approval_id: str, *, door: Door = "system") -> bool:
        """True exactly once, and only when approved: whoever gets it carries the effect out, with the approval's own arguments."""
        free = (ApprovalRow.id == storable(approval_id), ApprovalRow.status == "approved", ApprovalRow.claimed_at.is_(None))
        claim = update(ApprovalRow).where(*free).values(claimed_at=self._now()).returning(ApprovalRow)
        with self._database.session(write=True) as session:
            row = session.execute(claim.execution_options(synchronize_session=False)).scalar()
            if row is not None:
                asker = Principal(id=row.requested_by, tenant=row.tenant)
                self._record(session, row, asker, "effect.carry_out", door, decided_by=row.decided_by)
            return row is not None

    def record_outcome(self, approval_id: str, outcome: dict[str, Any]) -> None:
        """What the effect returned, for a step that is run again. Raises Conflict when it was not claimed or is already recorded."""
        open_claim = (ApprovalRow.id == storable(approval_id), ApprovalRow.claimed_at.is_not(None), ApprovalRow.outcome.is_(None))
        sealed = self._content.outcome.seal(storable(approval_id), encode(outcome))
        change = update(ApprovalRow).where(*open_claim).values(outcome=sealed).returning(ApprovalRow.id)
        with self._database.session(write=True) as session:
            if session.execute(change.execution_options(synchronize_session=False)).scalar() is None:
                raise Conflict(f"审批 {approval_id!r} 没有领取，或结果已记录", where="approval_id")

    def show(self, approval_id: str, principal: Principal) -> Approval:
        """Raises NotFound for an approval that the principal may not see."""
        with self._database.session() as session:
            return self._approval(self._visible_row(session, approval_id, principal))

    def list_approvals(
        self, principal: Principal, *, status: ApprovalStatus | None = None, run_id: str | None = None, limit: int = 100
    ) -> list[Approval]:
        """What the principal asked for and, for an approver, what the tenant asked for; newest first."""
        query = select(ApprovalRow).where(self._visible(principal)).order_by(ApprovalRow.created_at.desc(), ApprovalRow.id.desc())
        if status is not None:
            query = query.where(ApprovalRow.status == status)
        if run_id is not None:
            query = query.where(ApprovalRow.run_id == storable(run_id))
        with self._database.session() as session:
            return [self._approval(row) for row in session.scalars(query.limit(limit))]

    def _visible_row(self, session: Session, approval_id: str, principal: Principal) -> ApprovalRow:
        row = session.scalar(select(ApprovalRow).where(ApprovalRow.id == storable(approval_id), self._visible(principal)))
        if row is None:
            raise NotFound(f"没有审批 {approval_id!r}", where="approval_id", cure="用 shuzhi approvals list 查看")
        return row

    def _visible(self, principal: Principal) -> ColumnElement[bool]:
        reader = content_reader(principal)
        if not reader.tenant or not reader.id:
            return false()
        same_tenant = ApprovalRow.tenant == reader.tenant
        if reader.roles & self._approvers:
            return same_tenant
        return and_(same_tenant, ApprovalRow.requested_by == reader.id)

    def _args(self, row: ApprovalRow) -> str:
        return self._content.args.open(row.id, row.args)

    def _approval(self, row: ApprovalRow) -> Approval:
        columns = {name: getattr(row, name) for name in Approval.model_fields if name not in ("args", "outcome", "status")}
        outcome = None if row.outcome is None else decode(self._content.outcome.open(row.id, row.outcome))
        status: ApprovalStatus = next(known for known in STATUSES if known == row.status)
        return Approval(args=decode(self._args(row)), outcome=outcome, status=status, **columns)

    def _record(
        self, session: Session, row: ApprovalRow, who: Principal, action: str, door: Door, outcome: Outcome = "done", **more: Any
    ) -> None:
        if self._audit is None:
            return
        detail = {"run": row.run_id, "tool": row.tool, "effect": row.effect, **more}
        about: dict[str, Any] = {"object_kind": "approval", "object_id": row.id, "reason": row.reason if "decision" in more else ""}
        session.flush()
        self._audit.append(NewEntry(principal=who, action=action, door=door, outcome=outcome, detail=detail, **about), session.connection())


def _key(new: NewApproval, args: str) -> str:
    return hashlib.sha256("\n".join((new.run_id, new.tool, args)).encode()).hexdigest()
