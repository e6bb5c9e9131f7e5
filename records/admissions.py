"""Admissions (准入): a tool of another server is used only as a named person has seen it, and only until somebody takes that back."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.errors import Conflict, NotAllowed, NotFound
from domain.principal import Principal

from .admissions_table import AdmissionRow
from .database import Database
from .deeds import Audit, AuditedStore, Deed
from .encoding import StoredText, decode, encode, new_id, storable, utc_now

AdmittedEffect = Literal["read", "external"]
EFFECTS: tuple[AdmittedEffect, ...] = ("read", "external")
PLATFORM = "platform"
"""Who takes an admission back when a tool no longer is what was admitted."""
EVERYBODY = ""
"""The tenant of an admission that holds for all of them."""
Scope = Literal["tenant", "everybody"]
Rights = Callable[[Principal, Scope], bool]


class NewAdmission(BaseModel):
    """What a person admits: a tool as it declared itself, and the effect that it is to have here."""

    model_config = ConfigDict(frozen=True)

    tool: StoredText
    server: StoredText
    sha256: str
    declaration: dict[str, Any]
    effect: AdmittedEffect = "external"
    reason: StoredText = ""


class Admission(BaseModel):
    """An admission and, when it is over, who ended it and why."""

    model_config = ConfigDict(frozen=True)

    id: str
    tool: str
    server: str
    sha256: str
    """Of the declaration: name, description and input schema."""
    declaration: dict[str, Any]
    effect: AdmittedEffect
    tenant: str
    """Whose it is; "" is everybody's."""
    admitted_by: str
    admitted_at: datetime
    reason: str
    revoked_by: str | None
    revoked_at: datetime | None
    revoked_why: str | None


class AdmissionStore(AuditedStore):
    """At most one admission of a tool is in force in a tenant, and one for everybody; a tenant's own goes before that one.

    `rights` says who decides: for the person's own tenant, or for everybody.
    """

    def __init__(self, database: Database, audit: Audit, rights: Rights, *, now: Callable[[], datetime] = utc_now) -> None:
        super().__init__(database, audit, now=now)
        self._rights = rights

    def check(self, principal: Principal, scope: Scope = "tenant") -> None:
        """Raises NotAllowed for everybody who may not admit tools."""
        if not self._rights(principal, scope):
            who = "本企业的安全管理员（security_admin）" if scope == "tenant" else "平台所属企业的系统管理员（system_admin）"
            raise NotAllowed("没有准入外部工具的权限", where="principal", cure=f"请{who}决定")

    def admit(self, new: NewAdmission, principal: Principal, scope: Scope = "tenant") -> Admission:
        """The admission in force from now on; it ends an earlier one of the same tool and scope.

        Raises:
            NotAllowed, Conflict: somebody else admits the same tool at this moment.
        """
        self.check(principal, scope)
        row = AdmissionRow(
            id=new_id(),
            declaration=encode(new.declaration),
            tenant=_tenant(principal, scope),
            admitted_by=principal.id,
            admitted_at=self._now(),
            **new.model_dump(exclude={"declaration"}),
        )
        with self._deed() as (session, deeds):
            self._end(session, row.tenant, new.tool, principal.id, "由新的准入取代")
            try:
                with session.begin_nested():
                    session.add(row)
            except IntegrityError as error:
                raise Conflict(f"工具 {new.tool} 正由另一人准入", where="name", cure="刷新列表后再试") from error
            deeds.append(_deed_of("mcp.admit", principal, row, new.reason))
        return _admission(row)

    def revoke(self, tool: str, principal: Principal, reason: str, scope: Scope = "tenant") -> Admission:
        """The admission that was in force. Raises NotAllowed, NotFound."""
        self.check(principal, scope)
        with self._deed() as (session, deeds):
            ended = self._end(session, _tenant(principal, scope), tool, principal.id, reason)
            if ended is None:
                raise NotFound(f"工具 {tool!r} 没有生效的准入", where="name", cure="用 shuzhi mcp list 查看；对所有企业的由平台撤销")
            row = session.scalars(select(AdmissionRow).where(AdmissionRow.id == ended)).one()
            deeds.append(_deed_of("mcp.revoke", principal, row, reason))
            return _admission(row)

    def withdraw(self, admission: Admission, why: str) -> None:
        """The platform's own end of one admission; nothing when it is over already."""
        with self._deed() as (session, deeds):
            if self._end(session, admission.tenant, admission.tool, PLATFORM, why, admission.id) is not None:
                row = session.scalars(select(AdmissionRow).where(AdmissionRow.id == admission.id)).one()
                deeds.append(_deed_of("mcp.revoke", Principal(id=PLATFORM, tenant=admission.tenant), row, why))

    def in_force(self) -> list[Admission]:
        """Every tenant's, by tool."""
        query = select(AdmissionRow).where(AdmissionRow.revoked_at.is_(None)).order_by(AdmissionRow.tool, AdmissionRow.tenant)
        with self._database.session() as session:
            return [_admission(row) for row in session.scalars(query)]

    def holds(self, admission_id: str) -> bool:
        """Whether that admission is in force."""
        query = select(AdmissionRow.id).where(AdmissionRow.id == admission_id, AdmissionRow.revoked_at.is_(None))
        with self._database.session() as session:
            return session.scalar(query) is not None

    def history(self, principal: Principal, *, limit: int = 500) -> list[Admission]:
        """The principal's tenant's and everybody's, newest first. Raises NotAllowed for who may decide about neither."""
        if not self._rights(principal, "everybody"):
            self.check(principal)
        theirs = select(AdmissionRow).where(AdmissionRow.tenant.in_([principal.tenant, EVERYBODY]))
        query = theirs.order_by(AdmissionRow.admitted_at.desc(), AdmissionRow.id.desc()).limit(limit)
        with self._database.session() as session:
            return [_admission(row) for row in session.scalars(query)]

    def _end(self, session: Session, tenant: str, tool: str, by: str, why: str, admission_id: str = "") -> str | None:
        """The id of the admission that this ended."""
        change = {"revoked_at": self._now(), "revoked_by": by, "revoked_why": storable(why)}
        theirs = (AdmissionRow.tenant == tenant, AdmissionRow.tool == storable(tool), AdmissionRow.revoked_at.is_(None))
        ended = update(AdmissionRow).where(*theirs).values(change)
        if admission_id:
            ended = ended.where(AdmissionRow.id == admission_id)
        return session.execute(ended.returning(AdmissionRow.id).execution_options(synchronize_session=False)).scalar()


def _tenant(principal: Principal, scope: Scope) -> str:
    return principal.tenant if scope == "tenant" else EVERYBODY


def _deed_of(action: str, by: Principal, row: AdmissionRow, reason: str) -> Deed:
    """What holds for everybody concerns the whole system, and is recorded there."""
    detail = {"server": row.server, "sha256": row.sha256, "effect": row.effect, "admission": row.id, "everybody": row.tenant == EVERYBODY}
    return Deed(action, by.model_copy(update={"tenant": row.tenant}), "mcp_tool", row.tool, reason=storable(reason), detail=detail)


def _admission(row: AdmissionRow) -> Admission:
    columns = {name: getattr(row, name) for name in Admission.model_fields if name not in ("declaration", "effect")}
    return Admission(declaration=decode(row.declaration), effect=next(known for known in EFFECTS if known == row.effect), **columns)
