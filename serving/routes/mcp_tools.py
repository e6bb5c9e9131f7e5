"""Tools of other MCP servers, for those who may admit them: what there is, and the decision."""

import asyncio
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from domain.principal import Principal
from records.admissions import AdmittedEffect, Scope

from ..assembly import Platform
from ..doors import Speaker, ThePlatform

router = APIRouter(prefix="/v1/mcp/tools", tags=["mcp"])


class AdmitRequest(BaseModel):
    """Which declaration was seen, what effect the tool has here, and why it may be used."""

    model_config = ConfigDict(extra="forbid")

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    effect: AdmittedEffect = "external"
    reason: str = Field(min_length=1, max_length=2000)
    scope: Scope = "tenant"


class RevokeRequest(BaseModel):
    """Why the tool may no longer be used."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=2000)
    scope: Scope = "tenant"


@router.get("")
async def list_remote_tools(speaker: Speaker, platform: ThePlatform, refresh: bool = False) -> dict[str, Any]:
    """`refresh` asks the servers again first."""
    return await remote_tools(platform, speaker, refresh)


@router.post("/{name}/admit")
async def admit(name: str, request: AdmitRequest, speaker: Speaker, platform: ThePlatform) -> dict[str, Any]:
    given = (name, request.sha256, request.effect, request.reason, speaker)
    admitted = await asyncio.to_thread(platform.remote.admit, *given, door="http", scope=request.scope)
    return admitted.model_dump(mode="json")


@router.post("/{name}/revoke")
async def revoke(name: str, request: RevokeRequest, speaker: Speaker, platform: ThePlatform) -> dict[str, Any]:
    revoke_it = platform.remote.revoke
    return (await asyncio.to_thread(revoke_it, name, request.reason, speaker, door="http", scope=request.scope)).model_dump(mode="json")


async def remote_tools(platform: Platform, speaker: Principal, refresh: bool) -> dict[str, Any]:
    """Raises NotAllowed before any server is asked."""
    found = await asyncio.to_thread(platform.remote.listing, speaker)
    if refresh:
        await platform.remote.discover()
        found = await asyncio.to_thread(platform.remote.listing, speaker)
    return found
