"""What belongs to an enterprise's file: contacts, ratings, and the records of services, needs, opportunities, touches and assessments."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, JsonValue

from records.enterprises.items import ItemKind
from records.enterprises.ledger import Because
from records.enterprises.ratings import RatingDecision

from ..direct import admitted
from ..doors import Speaker, ThePlatform
from ..identify import no_store

router = APIRouter(prefix="/v1/enterprises/{enterprise_id}", tags=["enterprises"], dependencies=[Depends(no_store)])
Plural = Literal["contacts", "services", "needs", "opportunities", "touches", "assessments"]
KINDS: dict[Plural, ItemKind] = {
    "contacts": "contact",
    "services": "service",
    "needs": "need",
    "opportunities": "opportunity",
    "touches": "touch",
    "assessments": "assessment",
}
After = Annotated[str, Query(max_length=64)]


class NewItem(BaseModel):
    """The fields of the kind that is added."""

    model_config = ConfigDict(extra="forbid")

    content: dict[str, JsonValue]
    because: Because = Because()


class ItemChange(BaseModel):
    """Fields as they are to be."""

    model_config = ConfigDict(extra="forbid")

    version: int
    content: dict[str, JsonValue]
    because: Because = Because()


class NewRatingRequest(BaseModel):
    """A rating with its evidence. It waits for a person."""

    model_config = ConfigDict(extra="forbid")

    content: dict[str, JsonValue]


@router.get("/ratings")
async def list_ratings(
    enterprise_id: str, speaker: Speaker, platform: ThePlatform, facts: bool = False, after: After = "", limit: int = 100
) -> dict[str, Any]:
    """All of them, or with `facts` those that a named person stands for."""
    if facts:
        found = await asyncio.to_thread(platform.enterprises.ratings.facts, enterprise_id, speaker)
    else:
        more: dict[str, Any] = {"after": after, "limit": limit}
        found = await asyncio.to_thread(platform.enterprises.relations.items, enterprise_id, "rating", speaker, **more)
    return {"ratings": [each.model_dump(mode="json") for each in found]}


@router.post("/ratings", status_code=201)
async def propose_rating(enterprise_id: str, given: NewRatingRequest, speaker: Speaker, platform: ThePlatform) -> dict[str, Any]:
    fields = admitted(platform.screens, given.content, speaker)
    return (await asyncio.to_thread(platform.enterprises.ratings.propose, enterprise_id, fields, speaker, door="http")).model_dump(
        mode="json"
    )


@router.post("/ratings/{rating_id}")
async def decide_rating(
    enterprise_id: str, rating_id: str, given: RatingDecision, speaker: Speaker, platform: ThePlatform
) -> dict[str, Any]:
    """Confirm, correct or withdraw."""
    decide = platform.enterprises.ratings.decide
    return (await asyncio.to_thread(decide, enterprise_id, rating_id, given, speaker, door="http")).model_dump(mode="json")


@router.delete("/contacts/{contact_id}", status_code=204)
async def remove_contact(
    enterprise_id: str, contact_id: str, speaker: Speaker, platform: ThePlatform, why: Annotated[str, Query(max_length=500)] = ""
) -> None:
    remove = platform.enterprises.relations.remove_contact
    await asyncio.to_thread(remove, enterprise_id, contact_id, speaker, Because(why=why), door="http")


@router.get("/{kind}")
async def list_items(
    enterprise_id: str, kind: Plural, speaker: Speaker, platform: ThePlatform, after: After = "", limit: int = 100
) -> dict[str, Any]:
    """Oldest first. How contacts are reached is shown in full only to those who may change them."""
    more: dict[str, Any] = {"after": after, "limit": limit}
    found = await asyncio.to_thread(platform.enterprises.relations.items, enterprise_id, KINDS[kind], speaker, **more)
    return {kind: [each.model_dump(mode="json") for each in found]}


@router.post("/{kind}", status_code=201)
async def add_item(enterprise_id: str, kind: Plural, given: NewItem, speaker: Speaker, platform: ThePlatform) -> dict[str, Any]:
    fields = admitted(platform.screens, given.content, speaker)
    add = platform.enterprises.relations.add
    return (await asyncio.to_thread(add, enterprise_id, KINDS[kind], fields, speaker, given.because, door="http")).model_dump(mode="json")


@router.patch("/{kind}/{item_id}")
async def change_item(
    enterprise_id: str, kind: Plural, item_id: str, given: ItemChange, speaker: Speaker, platform: ThePlatform
) -> dict[str, Any]:
    fields = admitted(platform.screens, given.content, speaker)
    arguments = (enterprise_id, KINDS[kind], item_id, fields, speaker, given.because)
    changed = await asyncio.to_thread(platform.enterprises.relations.change, *arguments, version=given.version, door="http")
    return changed.model_dump(mode="json")
