"""Approvals: what waits for a named person, and the decision."""

import asyncio
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from ..doors import Asker, ThePlatform

router = APIRouter(prefix="/v1/approvals", tags=["approvals"])


class DecisionRequest(BaseModel):
    """Approve or reject, with the reason."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["approve", "reject"]
    reason: str = Field(default="", max_length=2000)


@router.get("")
async def list_approvals(speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    found = await asyncio.to_thread(platform.approvals.list_approvals, speaker)
    return {"approvals": [approval.model_dump(mode="json") for approval in found]}


@router.get("/{approval_id}")
async def show_approval(approval_id: str, speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    return (await asyncio.to_thread(platform.approvals.show, approval_id, speaker)).model_dump(mode="json")


@router.post("/{approval_id}")
async def decide(approval_id: str, request: DecisionRequest, speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    """Decide once; the waiting run goes on."""
    decided = await asyncio.to_thread(platform.approvals.decide, approval_id, speaker, request.decision, request.reason, door="http")
    await platform.runs.resume(decided.run_id, door="http")
    return decided.model_dump(mode="json")
