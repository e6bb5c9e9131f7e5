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
from domain.principal import Principal, Role

from .access import content_reader
from .database import Database
from .encoding import StoredText, decode, encode, new_id, storable, utc_now
from .tables import ApprovalRow

Decision = Literal["approve", "reject"]
ApprovalStatus = Literal["pending", "approved", "rejected", "withdrawn"]
"""withdrawn: its run ended, or its conversation was deleted, before the effect was carried out."""
STATUSES: tuple[ApprovalStatus, ...] = ("pending", "approved", "rejected", "withdrawn")
STATUS_NAMES: dict[str, str] = {"pending": "待审批", "approved": "已批准", "rejected": "已驳回", "withdrawn": "已撤回"}
APPROVERS: frozenset[Role] = frozenset({"operator", "system_admin"})


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
    """

    def __init__(
        self,
        database: Database,
        *,
        allow_self: bool = False,
        approvers: frozenset[Role] = APPROVERS,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._allow_self = allow_self
        self._approvers = approvers
        self._now = now

    def request(self, new: NewApproval, requested_by: Principal) -> Approval:
        """The pending approval, or the earlier one with the same key, whatever was decided about it.

        Raises Conflict when that key was used for another tool or other arguments.
        """
        args = encode(new.args)
        key = storable(new.key) or _key(new, args)
        row = ApprovalRow(
            id=new_id(),
            tenant=requested_by.tenant,
            requested_by=requested_by.id,
            args=args,
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
        if (row.run_id, row.tool, row.args, row.requested_by) != (new.run_id, new.tool, args, requested_by.id):
            raise Conflict(f"审批键 {key!r} 已用于另一个操作", where="key", cure="为新的操作换一个键")
        return _approval(row)

    def decide(self, approval_id: str, principal: Principal, decision: Decision, reason: str = "") -> Approval:
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
            self._check_decider(row, principal, decision)
            decided = update(ApprovalRow).where(ApprovalRow.id == row.id, ApprovalRow.status == "pending").values(change)
            won = session.execute(decided.returning(ApprovalRow.id).execution_options(synchronize_session=False)).scalar()
            session.refresh(row)
        if won is None:
            by = f"，由 {row.decided_by} 决定" if row.decided_by else ""
            raise Conflict(f"这项审批{STATUS_NAMES[row.status]}{by}，不能再改", where="approval_id", cure="刷新审批列表")
        return _approval(row)

    def _check_decider(self, row: ApprovalRow, principal: Principal, decision: Decision) -> None:
        is_own = row.requested_by == principal.id
        if is_own and decision == "reject":
            return
        if not principal.roles & self._approvers:
            raise NotAllowed("没有审批权限", where="approval_id", cure=f"请有 {'、'.join(sorted(self._approvers))} 角色的人审批")
        if is_own and not self._allow_self:
            raise NotAllowed("不能批准自己发起的操作", where="approval_id", cure="请另一位审批人决定")

    def claim(self, approval_id: str) -> bool:
        """True exactly once, and only when approved: whoever gets it carries the effect out, with the approval's own arguments."""
        free = (ApprovalRow.id == storable(approval_id), ApprovalRow.status == "approved", ApprovalRow.claimed_at.is_(None))
        claim = update(ApprovalRow).where(*free).values(claimed_at=self._now()).returning(ApprovalRow.id)
        with self._database.session(write=True) as session:
            return session.execute(claim.execution_options(synchronize_session=False)).scalar() is not None

    def record_outcome(self, approval_id: str, outcome: dict[str, Any]) -> None:
        """What the effect returned, for a step that is run again. Raises Conflict when it was not claimed or is already recorded."""
        open_claim = (ApprovalRow.id == storable(approval_id), ApprovalRow.claimed_at.is_not(None), ApprovalRow.outcome.is_(None))
        change = update(ApprovalRow).where(*open_claim).values(outcome=encode(outcome)).returning(ApprovalRow.id)
        with self._database.session(write=True) as session:
            if session.execute(change.execution_options(synchronize_session=False)).scalar() is None:
                raise Conflict(f"审批 {approval_id!r} 没有领取，或结果已记录", where="approval_id")

    def show(self, approval_id: str, principal: Principal) -> Approval:
        """Raises NotFound for an approval that the principal may not see."""
        with self._database.session() as session:
            return _approval(self._visible_row(session, approval_id, principal))

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
            return [_approval(row) for row in session.scalars(query.limit(limit))]

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


def _key(new: NewApproval, args: str) -> str:
    return hashlib.sha256("\n".join((new.run_id, new.tool, args)).encode()).hexdigest()


def _approval(row: ApprovalRow) -> Approval:
    columns = {name: getattr(row, name) for name in Approval.model_fields if name not in ("args", "outcome", "status")}
    status: ApprovalStatus = next(known for known in STATUSES if known == row.status)
    return Approval(args=decode(row.args), outcome=None if row.outcome is None else decode(row.outcome), status=status, **columns)
