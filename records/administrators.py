"""Administrators (三员, TISC-7.2.2-e): appointed and dismissed by two different people, the first ones on the machine itself."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from domain.errors import Conflict, NotAllowed, NotFound, UserInputError
from domain.permissions import compatible_roles, known_role, may, permission_matrix, require
from domain.principal import ADMINISTRATIONS, Principal, Role

from .account_rows import account_of, account_row, end_keys, end_sessions
from .account_tables import AccountRow, ProposalRow
from .deeds import AuditedStore, Deed
from .encoding import encode, new_id, storable

Change = Literal["appoint", "dismiss"]
Decision = Literal["confirm", "reject"]
Status = Literal["pending", "confirmed", "rejected"]
CHANGES: tuple[Change, ...] = ("appoint", "dismiss")
STATUSES: tuple[Status, ...] = ("pending", "confirmed", "rejected")


class Proposal(BaseModel):
    """Somebody is to become, or to stop being, an administrator."""

    model_config = ConfigDict(frozen=True)

    id: str
    account_id: str
    change: Change
    role: Role
    reason: str
    status: Status
    proposed_by: str
    created_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class AdministratorStore(AuditedStore):
    """Whoever proposes cannot confirm, and whom it is about can do neither."""

    def propose(self, account_id: str, change: Change, role: Role, by: Principal, reason: str = "") -> Proposal:
        """Raises NotAllowed without `administrators.propose` or for oneself, NotFound, UserInputError, Conflict for a second proposal."""
        require(by, "administrators.propose")
        self._about_another(account_id, by, "administrators.propose")
        row = ProposalRow(
            id=new_id(),
            tenant=by.tenant,
            account_id=account_id,
            change=change,
            role=_administration(role),
            reason=storable(reason)[:500],
            status="pending",
            proposed_by=by.id,
            created_at=self._now(),
        )
        with self._deed() as (session, deeds):
            account = account_row(session, account_id, by.tenant, lock=True)
            _resulting_roles(account, change, role)
            open_one = select(ProposalRow.id).where(ProposalRow.account_id == account.id, ProposalRow.status == "pending")
            if session.scalar(open_one) is not None:
                raise Conflict("这个账号已有待确认的提议", where="account_id", cure="先确认或驳回它")
            session.add(row)
            deeds.append(Deed("administrators.propose", by, "account", account_id, detail={"change": change, "role": role}))
        return _proposal(row)

    def decide(self, proposal_id: str, decision: Decision, by: Principal) -> Proposal:
        """Carry a proposal out, or not; the account's sessions and keys end. The proposer may take it back by rejecting it.

        Raises NotAllowed for whoever proposed it, whom it is about, or without `administrators.confirm`; NotFound; Conflict when it
        has been decided.
        """
        try:
            return _proposal(self._decided(proposal_id, decision, by))
        except NotAllowed as error:
            self._refused(Deed(f"administrators.{decision}", by, "proposal", proposal_id[:64], "refused", error.message))
            raise

    def appoint_first(self, account_id: str, role: Role, by: Principal) -> None:
        """The first administrator of its kind in a tenant, without a second person: for whoever sits at the machine, not for a door.

        Raises Conflict when the tenant has an active one, NotFound, UserInputError, NotAllowed without `administrators.propose`.
        """
        require(by, "administrators.propose")
        self._about_another(account_id, by, "administrators.appoint_first")
        role = _administration(role)
        with self._deed() as (session, deeds):
            row = account_row(session, account_id, by.tenant, lock=True)
            if not _vacant(session, role, by.tenant):
                raise _held(role)
            self._give(session, row, _resulting_roles(row, "appoint", role), by.id)
            deeds.append(Deed("administrators.appoint_first", by, "account", account_id, detail={"role": role}))

    def is_vacant(self, role: Role, by: Principal) -> bool:
        """Whether the tenant has no active administrator of this kind."""
        require(by, "administrators.propose")
        with self._database.session() as session:
            return _vacant(session, role, by.tenant)

    def check_vacant(self, role: Role, by: Principal) -> None:
        """Raises Conflict when the tenant has an active administrator of this kind."""
        if not self.is_vacant(role, by):
            raise _held(role)

    def list_proposals(self, by: Principal, *, status: Status | None = None, limit: int = 100) -> list[Proposal]:
        """The tenant's proposals, newest first. Raises NotAllowed for who may neither propose nor confirm."""
        query = select(ProposalRow).where(self._visible(by)).order_by(ProposalRow.created_at.desc(), ProposalRow.id.desc())
        if status is not None:
            query = query.where(ProposalRow.status == status)
        with self._database.session() as session:
            return [_proposal(row) for row in session.scalars(query.limit(limit))]

    def _decided(self, proposal_id: str, decision: Decision, by: Principal) -> ProposalRow:
        with self._deed() as (session, deeds):
            row = self._row(session, proposal_id, by)
            if not (decision == "reject" and row.proposed_by == by.id):
                require(by, "administrators.confirm")
                if by.id in (row.proposed_by, row.account_id):
                    raise NotAllowed("不能决定自己的提议或关于自己的提议", where="proposal_id", cure="请另一名管理员决定")
            status = "confirmed" if decision == "confirm" else "rejected"
            once = update(ProposalRow).where(ProposalRow.id == row.id, ProposalRow.status == "pending")
            decided = once.values(status=status, decided_by=by.id, decided_at=self._now()).returning(ProposalRow.id)
            if session.execute(decided.execution_options(synchronize_session=False)).scalar() is None:
                raise Conflict("这项提议已有决定", where="proposal_id", cure="刷新列表")
            if decision == "confirm":
                self._carry_out(session, row, by.id)
            session.refresh(row)
            detail = {"change": row.change, "role": row.role}
            deeds.append(Deed(f"administrators.{decision}", by, "account", row.account_id, detail=detail))
        return row

    def _carry_out(self, session: Session, row: ProposalRow, by: str) -> None:
        account = account_row(session, row.account_id, row.tenant, lock=True)
        change: Change = "appoint" if row.change == "appoint" else "dismiss"
        self._give(session, account, _resulting_roles(account, change, known_role(row.role)), by)

    def _give(self, session: Session, account: AccountRow, roles: frozenset[Role], by: str) -> None:
        account.roles, account.changed_at, account.changed_by = encode(sorted(roles)), self._now(), by
        # a credential from before the change must not carry more, or less, than its owner knows
        end_sessions(session, account.id, self._now())
        end_keys(session, account.id, self._now(), by)

    def _about_another(self, account_id: str, by: Principal, action: str) -> None:
        if account_id == by.id:
            self._refused(Deed(action, by, "account", account_id, "refused", "self"))
            raise NotAllowed("不能改变自己的管理员身份", where="account_id", cure="请另一名管理员操作")

    def _row(self, session: Session, proposal_id: str, by: Principal) -> ProposalRow:
        row = session.scalar(select(ProposalRow).where(ProposalRow.id == storable(proposal_id), self._visible(by)))
        if row is None:
            raise NotFound("没有这项提议", where="proposal_id", cure="查看待确认的提议")
        return row

    def _visible(self, by: Principal) -> ColumnElement[bool]:
        if not may(by, "administrators.propose"):
            require(by, "administrators.confirm")
        return ProposalRow.tenant == by.tenant


def _vacant(session: Session, role: Role, tenant: str) -> bool:
    active = session.scalars(select(AccountRow).where(AccountRow.tenant == tenant, AccountRow.state == "active"))
    return not any(role in account_of(row).roles for row in active)


def _held(role: Role) -> Conflict:
    return Conflict(f"已经有{permission_matrix().role_names[role]}", where="role", cure="由系统管理员提议，安全管理员确认")


def _administration(role: Role) -> Role:
    if role not in ADMINISTRATIONS:
        raise UserInputError("这不是管理员角色", where="role", cure=f"可用的有：{'、'.join(sorted(ADMINISTRATIONS))}")
    return role


def _resulting_roles(account: AccountRow, change: Change, role: Role) -> frozenset[Role]:
    """Raises UserInputError where two administrations would meet, Conflict where nothing would change."""
    held = account_of(account).roles
    if (role in held) is (change == "appoint"):
        raise Conflict("这个账号的角色已经是这样", where="role", cure="刷新后查看")
    return compatible_roles({*held, role}) if change == "appoint" else held - {role}


def _proposal(row: ProposalRow) -> Proposal:
    return Proposal(
        change="appoint" if row.change == "appoint" else "dismiss",
        status=next(status for status in STATUSES if status == row.status),
        role=known_role(row.role),
        **{name: getattr(row, name) for name in Proposal.model_fields if name not in ("change", "status", "role")},
    )
