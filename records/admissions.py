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
from .encoding import StoredText, decode, encode, new_id, storable, utc_now

AdmittedEffect = Literal["read", "external"]
EFFECTS: tuple[AdmittedEffect, ...] = ("read", "external")
PLATFORM = "platform"
"""Who takes an admission back when a tool no longer is what was admitted."""
Admitter = Callable[[Principal], bool]


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
    admitted_by: str
    admitted_at: datetime
    reason: str
    revoked_by: str | None
    revoked_at: datetime | None
    revoked_why: str | None


class AdmissionStore:
    """At most one admission of a tool is in force. `may_admit` says who decides; what is in force holds for the whole deployment."""

    def __init__(self, database: Database, may_admit: Admitter, *, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._may_admit = may_admit
        self._now = now

    def check(self, principal: Principal) -> None:
        """Raises NotAllowed for everybody who may not admit tools."""
        if not self._may_admit(principal):
            raise NotAllowed("没有准入外部工具的权限", where="principal", cure="请安全管理员（security_admin）决定")

    def admit(self, new: NewAdmission, principal: Principal) -> Admission:
        """The admission in force from now on; it ends an earlier one of the same tool.

        Raises:
            NotAllowed, Conflict: somebody else admits the same tool at this moment.
        """
        self.check(principal)
        row = AdmissionRow(
            id=new_id(),
            declaration=encode(new.declaration),
            tenant=principal.tenant,
            admitted_by=principal.id,
            admitted_at=self._now(),
            **new.model_dump(exclude={"declaration"}),
        )
        with self._database.session(write=True) as session:
            self._end(session, new.tool, principal.id, "由新的准入取代")
            try:
                with session.begin_nested():
                    session.add(row)
            except IntegrityError as error:
                raise Conflict(f"工具 {new.tool} 正由另一人准入", where="name", cure="刷新列表后再试") from error
        return _admission(row)

    def revoke(self, tool: str, principal: Principal, reason: str) -> Admission:
        """The admission that was in force. Raises NotAllowed, NotFound."""
        self.check(principal)
        with self._database.session(write=True) as session:
            ended = self._end(session, tool, principal.id, reason)
            if ended is None:
                raise NotFound(f"工具 {tool!r} 没有生效的准入", where="name", cure="用 shuzhi mcp list 查看")
            return _admission(session.scalars(select(AdmissionRow).where(AdmissionRow.id == ended)).one())

    def withdraw(self, tool: str, admission_id: str, why: str) -> None:
        """The platform's own end of one admission; nothing when it is over already."""
        with self._database.session(write=True) as session:
            self._end(session, tool, PLATFORM, why, admission_id)

    def in_force(self) -> list[Admission]:
        """All, by tool."""
        query = select(AdmissionRow).where(AdmissionRow.revoked_at.is_(None)).order_by(AdmissionRow.tool)
        with self._database.session() as session:
            return [_admission(row) for row in session.scalars(query)]

    def current(self, tool: str) -> Admission | None:
        """The tool's admission that is in force."""
        query = select(AdmissionRow).where(AdmissionRow.tool == storable(tool), AdmissionRow.revoked_at.is_(None))
        with self._database.session() as session:
            row = session.scalar(query)
            return _admission(row) if row is not None else None

    def history(self, principal: Principal, *, limit: int = 500) -> list[Admission]:
        """Newest first. Raises NotAllowed."""
        self.check(principal)
        query = select(AdmissionRow).order_by(AdmissionRow.admitted_at.desc(), AdmissionRow.id.desc()).limit(limit)
        with self._database.session() as session:
            return [_admission(row) for row in session.scalars(query)]

    def _end(self, session: Session, tool: str, by: str, why: str, admission_id: str = "") -> str | None:
        """The id of the admission that this ended."""
        change = {"revoked_at": self._now(), "revoked_by": by, "revoked_why": storable(why)}
        ended = update(AdmissionRow).where(AdmissionRow.tool == storable(tool), AdmissionRow.revoked_at.is_(None)).values(change)
        if admission_id:
            ended = ended.where(AdmissionRow.id == admission_id)
        return session.execute(ended.returning(AdmissionRow.id).execution_options(synchronize_session=False)).scalar()


def _admission(row: AdmissionRow) -> Admission:
    columns = {name: getattr(row, name) for name in Admission.model_fields if name not in ("declaration", "effect")}
    return Admission(declaration=decode(row.declaration), effect=next(known for known in EFFECTS if known == row.effect), **columns)
