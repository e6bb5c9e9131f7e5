"""Accounts and administrators, for those who manage them; also collects the neighbouring routers about access."""

import asyncio
from typing import Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from domain.principal import Role
from records.account_rows import AccountState
from records.accounts import NewAccount

from ..identify import Person, TheAccess, no_store
from . import grants, sign_in

router = APIRouter()
managing = APIRouter(prefix="/v1", tags=["accounts"], dependencies=[Depends(no_store)])


class RolesRequest(BaseModel):
    """Business roles."""

    model_config = ConfigDict(extra="forbid")

    roles: list[Role] = Field(max_length=8)


class AttributesRequest(BaseModel):
    """What restricted labels may ask for."""

    model_config = ConfigDict(extra="forbid")

    attributes: list[str] = Field(max_length=64)


class StateRequest(BaseModel):
    """A state and the reason for it."""

    model_config = ConfigDict(extra="forbid")

    state: AccountState
    reason: str = Field(default="", max_length=500)


class ProposalRequest(BaseModel):
    """Who is to become, or to stop being, which administrator."""

    model_config = ConfigDict(extra="forbid")

    account_id: str = Field(max_length=64)
    change: Literal["appoint", "dismiss"]
    role: Role
    reason: str = Field(default="", max_length=500)


class ProposalDecision(BaseModel):
    """Confirm or reject."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["confirm", "reject"]


@managing.get("/accounts")
async def list_accounts(person: Person, access: TheAccess, after: str = "", limit: int = 200) -> dict[str, Any]:
    """By name; `after` is the last name of the page before."""
    found = await asyncio.to_thread(access.accounts.list_accounts, person, limit=max(1, min(limit, 1000)), after=after)
    return {"accounts": [account.model_dump(mode="json") for account in found]}


@managing.post("/accounts", status_code=201)
async def create_account(given: NewAccount, person: Person, access: TheAccess) -> dict[str, Any]:
    """The initial password is in this answer and nowhere else."""
    account, password = await asyncio.to_thread(access.accounts.create, given, person)
    return account.model_dump(mode="json") | {"initial_password": password}


@managing.get("/accounts/{account_id}")
async def show_account(account_id: str, person: Person, access: TheAccess) -> dict[str, Any]:
    return (await asyncio.to_thread(access.accounts.get, account_id, person)).model_dump(mode="json")


@managing.put("/accounts/{account_id}/roles")
async def set_roles(account_id: str, given: RolesRequest, person: Person, access: TheAccess) -> dict[str, Any]:
    return (await asyncio.to_thread(access.accounts.set_roles, account_id, given.roles, person)).model_dump(mode="json")


@managing.put("/accounts/{account_id}/attributes")
async def set_attributes(account_id: str, given: AttributesRequest, person: Person, access: TheAccess) -> dict[str, Any]:
    return (await asyncio.to_thread(access.accounts.set_attributes, account_id, given.attributes, person)).model_dump(mode="json")


@managing.put("/accounts/{account_id}/state")
async def set_state(account_id: str, given: StateRequest, person: Person, access: TheAccess) -> dict[str, Any]:
    changed = await asyncio.to_thread(access.accounts.set_state, account_id, given.state, person, given.reason)
    return changed.model_dump(mode="json")


@managing.post("/accounts/{account_id}/password")
async def reset_password(account_id: str, person: Person, access: TheAccess) -> dict[str, Any]:
    """The new initial password is in this answer and nowhere else."""
    return {"initial_password": await asyncio.to_thread(access.accounts.reset_password, account_id, person)}


@managing.delete("/accounts/{account_id}/credentials", status_code=204)
async def end_credentials(account_id: str, person: Person, access: TheAccess) -> None:
    """End every session and key of an account."""
    await asyncio.to_thread(access.sessions.end_all, account_id, person)


@managing.get("/administrators/proposals")
async def list_proposals(
    person: Person, access: TheAccess, status: Literal["pending", "confirmed", "rejected"] | None = None
) -> dict[str, Any]:
    found = await asyncio.to_thread(access.administrators.list_proposals, person, status=status)
    return {"proposals": [proposal.model_dump(mode="json") for proposal in found]}


@managing.post("/administrators/proposals", status_code=201)
async def propose(given: ProposalRequest, person: Person, access: TheAccess) -> dict[str, Any]:
    arguments = (given.account_id, given.change, given.role, person, given.reason)
    return (await asyncio.to_thread(access.administrators.propose, *arguments)).model_dump(mode="json")


@managing.post("/administrators/proposals/{proposal_id}")
async def decide(proposal_id: str, given: ProposalDecision, person: Person, access: TheAccess) -> dict[str, Any]:
    return (await asyncio.to_thread(access.administrators.decide, proposal_id, given.decision, person)).model_dump(mode="json")


for each in (sign_in.router, managing, grants.router):
    router.include_router(each)
