"""Guided interviews (TISC-7.3.1) over HTTP: begin, answer, attach, confirm, pause, go on, conclude."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Query, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from agents.interview.flow import Teller
from domain.errors import TooLarge
from domain.permissions import require
from domain.principal import Principal

from ..assembly import Platform
from ..direct import admitted
from ..doors import Asker, ThePlatform
from ..identify import no_store
from ..interviews import attach, say, told

router = APIRouter(prefix="/v1/interviews", tags=["interviews"], dependencies=[Depends(no_store)])
Respondent = Annotated[str, Field(max_length=60)]


class NewInterview(BaseModel):
    """By which assessment, about whom, with whom. Without a file or a name a new file is begun and the name asked for."""

    model_config = ConfigDict(extra="forbid")

    assessment: str = Field(default="", max_length=100)
    enterprise: str = Field(default="", max_length=64)
    name: str = Field(default="", max_length=200)
    participants: list[str] = Field(default_factory=list[str], max_length=50)
    """Ids of accounts that may answer too."""


class AnswerRequest(BaseModel):
    """What somebody says; `respondent` where one person types for another."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=200_000)
    respondent: Respondent = ""


class RatingRequest(BaseModel):
    """What a named person decides about a proposed rating; `respondent` where several contradict each other."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["confirm", "correct", "withdraw"] = "confirm"
    value: str = Field(default="", max_length=200)
    reason: str = Field(default="", max_length=500)
    respondent: Respondent = ""


class FactsRequest(BaseModel):
    """Fields to take over into the enterprise's file; all of them without."""

    model_config = ConfigDict(extra="forbid")

    fields: list[str] = Field(default_factory=list[str], max_length=50)


@router.post("", status_code=201)
async def start(given: NewInterview, speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    about = admitted(platform.screens, given.model_dump(), speaker)
    participants = tuple(about.pop("participants"))
    teller = Teller(speaker, "http")
    reply = await platform.interviewer.start(
        about["assessment"], teller, enterprise=about["enterprise"], name=about["name"], participants=participants
    )
    return await told(platform, reply, speaker, "http")


@router.get("")
async def list_interviews(
    speaker: Asker, platform: ThePlatform, enterprise: Annotated[str, Query(max_length=64)] = "", limit: int = 50
) -> dict[str, Any]:
    """Newest first: one's own, or all about one enterprise."""
    found = await asyncio.to_thread(platform.enterprises.interviews.list_interviews, speaker, enterprise=enterprise, limit=limit)
    return {"interviews": [each.model_dump(mode="json") for each in found]}


@router.get("/{interview_id}")
async def show(
    interview_id: str, speaker: Asker, platform: ThePlatform, respondent: Annotated[str, Query(max_length=60)] = ""
) -> dict[str, Any]:
    """Where it stands, for one respondent."""
    return {"interview": await platform.interviewer.show(interview_id, Teller(speaker, "http", respondent))}


@router.get("/{interview_id}/events")
async def events(interview_id: str, speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    """Everything that happened, from the beginning."""
    found = await asyncio.to_thread(platform.enterprises.interviews.events, interview_id, speaker)
    return {"events": [each.model_dump(mode="json") for each in found]}


@router.post("/{interview_id}/answers")
async def answer(interview_id: str, given: AnswerRequest, speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    return await say(platform, interview_id, given.text, speaker, door="http", respondent=given.respondent)


@router.post("/{interview_id}/attachments")
async def add_attachment(
    interview_id: str, file: UploadFile, speaker: Asker, platform: ThePlatform, respondent: Annotated[str, Form(max_length=60)] = ""
) -> dict[str, Any]:
    """A filled-in form: XLSX, DOCX, PDF or text."""
    limit = platform.settings.largest_upload
    data, name = await file.read(limit + 1), file.filename or "未命名"
    if len(data) > limit:
        raise TooLarge("文件太大", where="file", cure=f"上限 {limit // 1024 // 1024} MB")
    return await attach(platform, interview_id, data, name, speaker, door="http", respondent=respondent)


@router.post("/{interview_id}/ratings/{item}")
async def decide(interview_id: str, item: str, given: RatingRequest, speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    """Confirm, correct or withdraw, as a named person."""
    require(speaker, "ratings.confirm")
    decision = admitted(platform.screens, given.model_dump(exclude={"respondent"}), speaker)
    store = platform.enterprises.interviews
    await asyncio.to_thread(store.decide, interview_id, item, decision, speaker, door="http", respondent=given.respondent)
    return await _shown(interview_id, speaker, platform)


@router.post("/{interview_id}/profile")
async def confirm_profile(interview_id: str, given: FactsRequest, speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    """Take facts over into the enterprise's file."""
    store = platform.enterprises.interviews
    await asyncio.to_thread(store.confirm_profile, interview_id, given.fields, speaker, door="http")
    return await _shown(interview_id, speaker, platform)


@router.post("/{interview_id}/pause")
async def pause(interview_id: str, speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    return await told(platform, await platform.interviewer.mark(interview_id, "pause", Teller(speaker, "http")), speaker, "http")


@router.post("/{interview_id}/resume")
async def resume(interview_id: str, speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    """Go on, on whatever device: what was said and not understood yet is understood first."""
    return await told(platform, await platform.interviewer.mark(interview_id, "resume", Teller(speaker, "http")), speaker, "http")


@router.post("/{interview_id}/finish")
async def finish(interview_id: str, speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    """The diagnosis, from what is confirmed."""
    return await told(platform, await platform.interviewer.finish(interview_id, Teller(speaker, "http")), speaker, "http")


async def _shown(interview_id: str, speaker: Principal, platform: Platform) -> dict[str, Any]:
    return {"interview": await platform.interviewer.show(interview_id, Teller(speaker, "http"))}
