"""Authorisations, use of data, and alerts about it (GXDSL-8.1-3, -7, -8)."""

import asyncio
from typing import Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from domain.principal import Role, TargetKind
from records.grant_rows import NewGrantRequest

from ..identify import Person, Someone, TheAccess, no_store

router = APIRouter(prefix="/v1", tags=["grants"], dependencies=[Depends(no_store)])


class GrantDecision(BaseModel):
    """Grant, for fewer days perhaps, or refuse; with the reason."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["grant", "refuse"]
    reason: str = Field(default="", max_length=500)
    days: int | None = Field(default=None, ge=1, le=366)


class RoleGrant(BaseModel):
    """A restricted thing or collection for a role."""

    model_config = ConfigDict(extra="forbid")

    role: Role
    kind: TargetKind
    target: str = Field(min_length=1, max_length=200)
    purpose: str = Field(max_length=4000)
    days: int


class Handling(BaseModel):
    """What was found out about an alert."""

    model_config = ConfigDict(extra="forbid")

    note: str = Field(min_length=1, max_length=2000)


@router.get("/grants")
async def my_grants(someone: Someone, access: TheAccess) -> dict[str, Any]:
    """What is open to me."""
    return {"grants": [grant.model_dump(mode="json") for grant in await asyncio.to_thread(access.grants.my_grants, someone)]}


@router.get("/grants/given")
async def given_grants(person: Person, access: TheAccess) -> dict[str, Any]:
    """Authorisations on record about what is mine or what I look after."""
    return {"grants": [grant.model_dump(mode="json") for grant in await asyncio.to_thread(access.grants.given, person)]}


@router.post("/grants", status_code=201)
async def give_to_role(given: RoleGrant, person: Person, access: TheAccess) -> dict[str, Any]:
    arguments = (given.role, given.kind, given.target, given.purpose, given.days, person)
    return (await asyncio.to_thread(access.grants.give_to_role, *arguments)).model_dump(mode="json")


@router.delete("/grants/{grant_id}", status_code=204)
async def revoke(grant_id: str, person: Person, access: TheAccess, reason: str = "") -> None:
    """End it at once."""
    await asyncio.to_thread(access.grants.revoke, grant_id, person, reason)


@router.get("/grant-requests")
async def my_requests(someone: Someone, access: TheAccess) -> dict[str, Any]:
    """What I asked for."""
    return {"requests": [request.model_dump(mode="json") for request in await asyncio.to_thread(access.grants.my_requests, someone)]}


@router.get("/grant-requests/waiting")
async def waiting(person: Person, access: TheAccess) -> dict[str, Any]:
    """What waits for my decision."""
    return {"requests": [request.model_dump(mode="json") for request in await asyncio.to_thread(access.grants.waiting, person)]}


@router.post("/grant-requests", status_code=201)
async def request_access(given: NewGrantRequest, person: Person, access: TheAccess) -> dict[str, Any]:
    return (await asyncio.to_thread(access.grants.request, given, person)).model_dump(mode="json")


@router.post("/grant-requests/{request_id}")
async def decide(request_id: str, given: GrantDecision, person: Person, access: TheAccess) -> dict[str, Any]:
    """Decide once; the grant, or null for a refusal."""
    grant = await asyncio.to_thread(access.grants.decide, request_id, given.decision, person, reason=given.reason, days=given.days)
    return {"grant": grant.model_dump(mode="json") if grant else None}


@router.delete("/grant-requests/{request_id}", status_code=204)
async def withdraw(request_id: str, person: Person, access: TheAccess) -> None:
    await asyncio.to_thread(access.grants.withdraw, request_id, person)


@router.get("/usage")
async def list_uses(person: Person, access: TheAccess, principal_id: str = "", target: str = "") -> dict[str, Any]:
    """Who read what, for the security administrator."""
    found = await asyncio.to_thread(access.usage.list_uses, person, principal_id=principal_id, target=target)
    return {"uses": [use.model_dump(mode="json") for use in found]}


@router.get("/alerts")
async def list_alerts(person: Person, access: TheAccess, status: Literal["open", "handled"] | None = None) -> dict[str, Any]:
    found = await asyncio.to_thread(access.watch.list_alerts, person, status=status)
    return {"alerts": [alert.model_dump(mode="json") for alert in found]}


@router.post("/alerts/{alert_id}")
async def handle(alert_id: str, given: Handling, person: Person, access: TheAccess) -> dict[str, Any]:
    return (await asyncio.to_thread(access.watch.handle, alert_id, person, given.note)).model_dump(mode="json")
