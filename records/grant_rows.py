"""Requests and grants as people see them, and what they are about."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.errors import UserInputError
from domain.principal import Level, Role, TargetKind

from .encoding import storable
from .grant_tables import GrantRequestRow, GrantRow

RequestStatus = Literal["pending", "granted", "refused", "withdrawn"]
LONGEST_PURPOSE = 500
LONGEST_DAYS = 366


@dataclass(frozen=True, slots=True)
class Asset:
    """A thing or collection that can be opened to somebody, and whose it is."""

    kind: TargetKind
    target: str
    level: Level
    tenant: str
    owner: str
    """Empty: the data stewards'."""


Assets = Callable[[TargetKind, str, str], Asset | None]
"""Kind, id or name, and tenant of whoever asks → the asset of that tenant, if there is one."""


class NewGrantRequest(BaseModel):
    """What somebody wants to read, what for, and how long."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: TargetKind
    target: str = Field(min_length=1, max_length=200)
    purpose: str = Field(max_length=4000)
    days: int


class GrantRequest(BaseModel):
    """A request and what became of it."""

    model_config = ConfigDict(frozen=True)

    id: str
    requested_by: str
    kind: str
    target: str
    level: str
    purpose: str
    days: int
    status: str
    created_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str


class GivenGrant(BaseModel):
    """An authorisation on record (授权记录)."""

    model_config = ConfigDict(frozen=True)

    id: str
    principal_id: str
    role: Role | None
    kind: str
    target: str
    purpose: str
    granted_by: str
    granted_at: datetime
    until: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    reason: str


def checked_period(purpose: str, days: int) -> tuple[str, int]:
    """Raises UserInputError for a missing purpose or an impossible period."""
    clean = " ".join(storable(purpose).split())
    if not clean or len(clean) > LONGEST_PURPOSE:
        raise UserInputError("没有写明用途，或写得太长", where="purpose", cure=f"用 1 到 {LONGEST_PURPOSE} 个字说明用途")
    if not 1 <= days <= LONGEST_DAYS:
        raise UserInputError("期限不对", where="days", cure=f"1 到 {LONGEST_DAYS} 天")
    return clean, days


def grant_request(row: GrantRequestRow) -> GrantRequest:
    return GrantRequest(**{name: getattr(row, name) for name in GrantRequest.model_fields})


def given_grant(row: GrantRow) -> GivenGrant:
    return GivenGrant(**{name: getattr(row, name) for name in GivenGrant.model_fields})
