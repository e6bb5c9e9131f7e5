"""Authorisations (授权, GXDSL-8.1-3, -4): asked for with a purpose and a period, decided by somebody else, ended at once.

A private thing is its owner's alone to open, and to persons by name only. For a restricted thing, or a collection, the tenant's data
stewards (`grants.decide`) may decide too.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from domain.errors import Conflict, NotAllowed, NotFound
from domain.permissions import known_role, may, permission_matrix, require
from domain.principal import ADMINISTRATIONS, Principal, Role, TargetKind

from .database import Database
from .deeds import Audit, AuditedStore, Deed, nothing
from .encoding import new_id, storable, utc_now
from .grant_rows import Asset, Assets, GivenGrant, GrantRequest, NewGrantRequest, checked_period, given_grant, grant_request
from .grant_tables import GrantRequestRow, GrantRow

OPEN_DAYS = 30
"""A request that nobody has decided by then has to be made again."""


class GrantStore(AuditedStore):
    """`assets` finds what a grant is to open."""

    def __init__(
        self,
        database: Database,
        assets: Assets,
        audit: Audit,
        *,
        changed: Callable[[], None] = nothing,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(database, audit, changed=changed, now=now)
        self._assets = assets

    def request(self, new: NewGrantRequest, by: Principal) -> GrantRequest:
        """Ask for access. Raises NotAllowed, NotFound for what the tenant does not have, Conflict for what is open or asked for already."""
        require(by, "grants.request")
        purpose, days = checked_period(new.purpose, new.days)
        asset = self._asset(new.kind, new.target, by)
        if asset.level == "public" or asset.owner == by.id:
            raise Conflict("不需要申请，可以直接查看", where="target", cure="直接打开")
        row = GrantRequestRow(
            id=new_id(),
            tenant=by.tenant,
            requested_by=by.id,
            kind=asset.kind,
            target=asset.target,
            level=asset.level,
            owner=asset.owner,
            purpose=purpose,
            days=days,
            status="pending",
            created_at=self._now(),
            reason="",
        )
        same = select(GrantRequestRow.id).where(
            GrantRequestRow.tenant == by.tenant,
            GrantRequestRow.requested_by == by.id,
            GrantRequestRow.kind == row.kind,
            GrantRequestRow.target == row.target,
            GrantRequestRow.status == "pending",
            GrantRequestRow.created_at > self._now() - timedelta(days=OPEN_DAYS),
        )
        with self._deed() as (session, deeds):
            if session.scalar(same) is not None:
                raise Conflict("已经申请过，正在等待决定", where="target", cure="等待数据所有人决定，或先撤回")
            session.add(row)
            detail = {"request": row.id, "purpose": purpose, "days": days}
            deeds.append(Deed("grants.request", by, row.kind, row.target, detail=detail))
        return grant_request(row)

    def decide(
        self, request_id: str, decision: Literal["grant", "refuse"], by: Principal, *, reason: str = "", days: int | None = None
    ) -> GivenGrant | None:
        """The grant, which may be shorter than was asked for, or None for a refusal.

        Raises NotFound, NotAllowed for who may not decide (the requester never may), Conflict when it has been decided or is too old.
        """
        at = self._now()
        try:
            with self._deed() as (session, deeds):
                row = self._decidable(session, request_id, by)
                if row.created_at <= at - timedelta(days=OPEN_DAYS):
                    raise Conflict("申请已经过期", where="request_id", cure="请申请人重新申请")
                status = "granted" if decision == "grant" else "refused"
                self._close(session, row, status, by, reason)
                grant = self._granted(row, by, at, min(days or row.days, row.days)) if decision == "grant" else None
                if grant is not None:
                    session.add(grant)
                detail = {"request": row.id, "to": row.requested_by, "grant": grant.id if grant else ""}
                deeds.append(Deed(f"grants.{decision}", by, row.kind, row.target, reason=storable(reason), detail=detail))
        except NotAllowed as error:
            self._refused(Deed(f"grants.{decision}", by, "grant_request", request_id[:64], "refused", error.message))
            raise
        return given_grant(grant) if grant is not None else None

    def withdraw(self, request_id: str, by: Principal) -> None:
        """Take one's own request back. Raises NotFound, Conflict when it has been decided."""
        with self._deed() as (session, deeds):
            row = session.scalar(select(GrantRequestRow).where(_is_request(request_id, by), GrantRequestRow.requested_by == by.id))
            if row is None:
                raise _no_request()
            self._close(session, row, "withdrawn", by, "")
            deeds.append(Deed("grants.withdraw", by, row.kind, row.target, detail={"request": row.id}))

    def give_to_role(self, role: Role, kind: TargetKind, target: str, purpose: str, days: int, by: Principal) -> GivenGrant:
        """Open a restricted thing or collection to a role of the tenant (GXDSL-8.1-3).

        Raises NotAllowed for who may not decide, for a role of one's own or an administration's, and for a private thing; NotFound.
        """
        known_role(role)
        purpose, days = checked_period(purpose, days)
        asset, at = self._asset(kind, target, by), self._now()
        if asset.level == "private":
            raise NotAllowed("私密数据只能授权给指定的人", where="role", cure="请需要的人逐个申请")
        if role in ADMINISTRATIONS or role in by.roles:
            raise NotAllowed("不能授权给管理员角色或自己的角色", where="role", cure="换一个角色，或请另一位数据管理人授权")
        if not _may_decide(asset.level, asset.owner, by):
            raise _not_the_owner()
        row = GrantRow(
            id=new_id(),
            tenant=by.tenant,
            principal_id="",
            role=role,
            kind=kind,
            target=asset.target,
            owner=asset.owner,
            purpose=purpose,
            granted_by=by.id,
            granted_at=at,
            until=at + timedelta(days=days),
            reason="",
        )
        with self._deed() as (session, deeds):
            session.add(row)
            detail = {"role": role, "grant": row.id, "purpose": purpose, "days": days}
            deeds.append(Deed("grants.grant", by, kind, asset.target, detail=detail))
        return given_grant(row)

    def revoke(self, grant_id: str, by: Principal, reason: str = "") -> None:
        """End a grant at once; twice is once. Raises NotFound for whoever neither gave it, nor has it, nor may decide about its thing."""
        with self._deed() as (session, deeds):
            row = session.scalar(select(GrantRow).where(GrantRow.id == storable(grant_id), GrantRow.tenant == by.tenant))
            if row is None or not _may_end(row, by):
                raise NotFound("没有这项授权", where="grant_id", cure="从授权列表中选择")
            live = update(GrantRow).where(GrantRow.id == row.id, GrantRow.revoked_at.is_(None))
            change = live.values(revoked_at=self._now(), revoked_by=by.id, reason=storable(reason)[:500])
            session.execute(change.execution_options(synchronize_session=False))
            detail = {"grant": row.id, "to": row.principal_id or row.role}
            deeds.append(Deed("grants.revoke", by, row.kind, row.target, reason=storable(reason), detail=detail))

    def my_requests(self, by: Principal, *, limit: int = 100) -> list[GrantRequest]:
        """What the principal asked for, newest first."""
        query = select(GrantRequestRow).where(GrantRequestRow.tenant == by.tenant, GrantRequestRow.requested_by == by.id)
        with self._database.session() as session:
            rows = session.scalars(query.order_by(GrantRequestRow.created_at.desc(), GrantRequestRow.id.desc()).limit(limit))
            return [grant_request(row) for row in rows]

    def waiting(self, by: Principal, *, limit: int = 100) -> list[GrantRequest]:
        """What waits for the principal's decision, oldest first."""
        theirs = GrantRequestRow.owner == by.id
        if may(by, "grants.decide"):
            theirs = or_(theirs, GrantRequestRow.level == "restricted")
        pending = (GrantRequestRow.status == "pending", GrantRequestRow.created_at > self._now() - timedelta(days=OPEN_DAYS))
        query = select(GrantRequestRow).where(GrantRequestRow.tenant == by.tenant, GrantRequestRow.requested_by != by.id, *pending, theirs)
        with self._database.session() as session:
            return [grant_request(row) for row in session.scalars(query.order_by(GrantRequestRow.created_at).limit(limit))]

    def my_grants(self, by: Principal) -> list[GivenGrant]:
        """What is open to the principal now, by name or by role."""
        roles = sorted(by.roles - ADMINISTRATIONS)
        mine = or_(GrantRow.principal_id == by.id, GrantRow.role.in_(roles))
        live = (GrantRow.tenant == by.tenant, GrantRow.revoked_at.is_(None), GrantRow.until > self._now())
        with self._database.session() as session:
            rows = session.scalars(select(GrantRow).where(*live, mine).order_by(GrantRow.until))
            return [given_grant(row) for row in rows]

    def given(self, by: Principal, *, limit: int = 200) -> list[GivenGrant]:
        """Grants about things that the principal owns or looks after, ended ones too, newest first (授权记录)."""
        theirs = or_(GrantRow.owner == by.id, GrantRow.granted_by == by.id)
        if may(by, "grants.decide"):
            # for a private thing even the steward sees only what it gave itself
            about_private = select(GrantRequestRow.id).where(GrantRequestRow.level == "private", GrantRequestRow.tenant == by.tenant)
            theirs = or_(theirs, GrantRow.request_id.is_(None), GrantRow.request_id.not_in(about_private))
        query = select(GrantRow).where(and_(GrantRow.tenant == by.tenant, theirs)).order_by(GrantRow.granted_at.desc(), GrantRow.id.desc())
        with self._database.session() as session:
            return [given_grant(row) for row in session.scalars(query.limit(limit))]

    def _asset(self, kind: TargetKind, target: str, by: Principal) -> Asset:
        asset = self._assets(kind, storable(target), by.tenant) if by.tenant and target else None
        if asset is None or asset.tenant != by.tenant:
            raise NotFound("没有这份数据", where="target", cure="核对编号")
        return asset

    def _decidable(self, session: Session, request_id: str, by: Principal) -> GrantRequestRow:
        row = session.scalar(select(GrantRequestRow).where(_is_request(request_id, by)))
        concerned = row is not None and (row.requested_by == by.id or _may_decide(row.level, row.owner, by))
        if row is None or not concerned:
            raise _no_request()
        if row.requested_by == by.id:
            raise NotAllowed("不能决定自己的申请", where="request_id", cure="请数据所有人或另一位数据管理人决定")
        return row

    def _close(self, session: Session, row: GrantRequestRow, status: str, by: Principal, reason: str) -> None:
        once = update(GrantRequestRow).where(GrantRequestRow.id == row.id, GrantRequestRow.status == "pending")
        closed = once.values(status=status, decided_by=by.id, decided_at=self._now(), reason=storable(reason)[:500])
        done = session.execute(closed.returning(GrantRequestRow.id).execution_options(synchronize_session=False)).scalar()
        if done is None:
            raise Conflict("这项申请已有决定", where="request_id", cure="刷新列表")

    def _granted(self, row: GrantRequestRow, by: Principal, at: datetime, days: int) -> GrantRow:
        return GrantRow(
            id=new_id(),
            tenant=row.tenant,
            principal_id=row.requested_by,
            kind=row.kind,
            target=row.target,
            owner=row.owner,
            purpose=row.purpose,
            request_id=row.id,
            granted_by=by.id,
            granted_at=at,
            until=at + timedelta(days=max(1, days)),
            reason="",
        )


def _is_request(request_id: str, by: Principal) -> ColumnElement[bool]:
    return and_(GrantRequestRow.id == storable(request_id), GrantRequestRow.tenant == by.tenant)


def _may_decide(level: str, owner: str, by: Principal) -> bool:
    if owner and owner == by.id:
        return True
    return level == "restricted" and may(by, "grants.decide")


def _may_end(row: GrantRow, by: Principal) -> bool:
    return by.id in (row.owner, row.granted_by, row.principal_id) or may(by, "grants.decide")


def _not_the_owner() -> NotAllowed:
    able = "、".join(permission_matrix().role_names[role] for role, held in permission_matrix().roles.items() if "grants.decide" in held)
    return NotAllowed("不能授权这份数据", where="target", cure=f"请数据所有人或{able}授权")


def _no_request() -> NotFound:
    return NotFound("没有这项申请", where="request_id", cure="从申请列表中选择")
