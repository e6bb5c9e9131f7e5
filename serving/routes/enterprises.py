"""Enterprise files (企业档案, TISC-7.2.4): as a whole, in tables, many at a glance; also collects the router of what belongs to one."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from domain.errors import TooLarge
from records.enterprises.importing import Mode
from records.enterprises.ledger import Because
from records.enterprises.search import EnterpriseQuery
from records.enterprises.store import FileLevel

from ..direct import admitted
from ..doors import Speaker, ThePlatform
from ..identify import no_store
from . import enterprise_items

router = APIRouter()
files = APIRouter(prefix="/v1/enterprises", tags=["enterprises"], dependencies=[Depends(no_store)])
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class NewFile(BaseModel):
    """An enterprise, and who may read its file."""

    model_config = ConfigDict(extra="forbid")

    profile: dict[str, JsonValue]
    level: FileLevel = "restricted"
    attributes: list[str] = Field(default_factory=list[str], max_length=20)
    because: Because = Because()


class FileChange(BaseModel):
    """Fields as they are to be, null to take one away; or a new person who is responsible."""

    model_config = ConfigDict(extra="forbid")

    version: int
    profile: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    owner: str = Field(default="", max_length=64)
    because: Because


class MergeRequest(BaseModel):
    """Which file goes into which; or, with `undo`, the merge that was wrong."""

    model_config = ConfigDict(extra="forbid")

    keep: str = Field(default="", max_length=64)
    other: str = Field(default="", max_length=64)
    undo: str = Field(default="", max_length=64)
    because: Because


class FilesAsked(EnterpriseQuery):
    """A question and the page of its answer."""

    after: str = Field(default="", max_length=64)
    limit: int = 50


@files.get("")
async def list_files(speaker: Speaker, platform: ThePlatform, asked: Annotated[FilesAsked, Query()]) -> dict[str, Any]:
    """Newest first; `next` of a page is the `after` of the one behind it."""
    query = EnterpriseQuery(**asked.model_dump(exclude={"after", "limit"}))
    page = await asyncio.to_thread(platform.enterprises.files.search, query, speaker, after=asked.after, limit=asked.limit)
    platform.people.documents(speaker, ((each.id, each.level) for each in page.enterprises), "http")
    return page.model_dump(mode="json")


@files.post("", status_code=201)
async def create_file(given: NewFile, speaker: Speaker, platform: ThePlatform) -> dict[str, Any]:
    fields = admitted(platform.screens, given.profile, speaker)
    more: dict[str, Any] = {"level": given.level, "attributes": frozenset(given.attributes), "door": "http"}
    made = await asyncio.to_thread(platform.enterprises.files.create, fields, speaker, given.because, **more)
    return made.model_dump(mode="json")


@files.get("/segments")
async def segments(speaker: Speaker, platform: ThePlatform) -> dict[str, Any]:
    """How many files are in each segment of each axis (分层)."""
    return {"segments": await asyncio.to_thread(platform.enterprises.overview.segments, speaker)}


@files.get("/funnel")
async def funnel(speaker: Speaker, platform: ThePlatform) -> dict[str, Any]:
    """Opportunities by stage, and how many went on."""
    return (await asyncio.to_thread(platform.enterprises.overview.funnel, speaker)).model_dump(mode="json")


@files.get("/alerts")
async def alerts(
    speaker: Speaker, platform: ThePlatform, owner: Annotated[str, Query(max_length=64)] = "", limit: int = 200
) -> dict[str, Any]:
    """Touches that are overdue, or say too little about what comes next."""
    found = await asyncio.to_thread(platform.enterprises.overview.alerts, speaker, owner=owner, limit=limit)
    return {"alerts": [each.model_dump(mode="json") for each in found]}


@files.get("/duplicates")
async def duplicates(speaker: Speaker, platform: ThePlatform) -> dict[str, Any]:
    """Files that are likely one enterprise."""
    found = await asyncio.to_thread(platform.enterprises.merging.duplicates, speaker)
    return {"duplicates": [each.model_dump(mode="json") for each in found]}


@files.post("/merge")
async def merge(given: MergeRequest, speaker: Speaker, platform: ThePlatform) -> dict[str, Any]:
    """The event by which a merge can be undone; or what was undone."""
    desk = platform.enterprises.merging
    if given.undo:
        await asyncio.to_thread(desk.undo, given.undo, speaker, given.because, door="http")
        return {"undone": given.undo}
    return {"event": await asyncio.to_thread(desk.merge, given.keep, given.other, speaker, given.because, door="http")}


@files.post("/import")
async def import_table(
    file: UploadFile,
    speaker: Speaker,
    platform: ThePlatform,
    mode: Annotated[Mode, Form()] = "all",
    dry_run: Annotated[bool, Form()] = False,
) -> dict[str, Any]:
    """A table (XLSX) becomes files; each bad cell is named."""
    name = admitted(platform.screens, file.filename or "未命名.xlsx", speaker)
    largest = platform.settings.largest_upload
    data = await file.read(largest + 1)
    if len(data) > largest:
        raise TooLarge("文件太大", where=name, cure=f"上限 {largest // 1024 // 1024} MB")
    importer = platform.enterprises.importer
    report = await asyncio.to_thread(importer.run, data, name, speaker, mode=mode, door="http", dry_run=dry_run)
    return report.model_dump(mode="json")


@files.get("/export", response_class=Response, responses={200: {"content": {XLSX: {}}}})
async def export_table(speaker: Speaker, platform: ThePlatform, query: Annotated[EnterpriseQuery, Query()]) -> Response:
    """What fits and what the speaker may read, as a table (XLSX)."""
    data = await asyncio.to_thread(platform.enterprises.exporter.run, query, speaker, door="http")
    return _table(data, "enterprises.xlsx")


@files.get("/template", response_class=Response, responses={200: {"content": {XLSX: {}}}})
async def template(speaker: Speaker, platform: ThePlatform) -> Response:
    """An empty table to fill in, with an explanation of its columns."""
    return _table(await asyncio.to_thread(platform.enterprises.exporter.template), "template.xlsx")


@files.get("/{enterprise_id}")
async def show_file(enterprise_id: str, speaker: Speaker, platform: ThePlatform) -> dict[str, Any]:
    """The fields, size and segments with their rules and facts, and the portrait."""
    found = await asyncio.to_thread(platform.enterprises.files.get, enterprise_id, speaker)
    platform.people.documents(speaker, [(found.id, found.level)], "http")
    return found.model_dump(mode="json")


@files.patch("/{enterprise_id}")
async def change_file(enterprise_id: str, given: FileChange, speaker: Speaker, platform: ThePlatform) -> dict[str, Any]:
    store = platform.enterprises.files
    fields = admitted(platform.screens, given.profile, speaker)
    if given.owner:
        await asyncio.to_thread(store.assign, enterprise_id, given.owner, speaker, given.because, door="http")
        if not fields:
            return (await asyncio.to_thread(store.get, enterprise_id, speaker)).model_dump(mode="json")
    changed = await asyncio.to_thread(store.update, enterprise_id, fields, speaker, given.because, version=given.version, door="http")
    return changed.model_dump(mode="json")


@files.get("/{enterprise_id}/history")
async def history(
    enterprise_id: str, speaker: Speaker, platform: ThePlatform, before: Annotated[str, Query(max_length=64)] = "", limit: int = 100
) -> dict[str, Any]:
    """Who said what, when, why and from where; newest first."""
    found = await asyncio.to_thread(platform.enterprises.files.history, enterprise_id, speaker, before=before, limit=limit)
    return {"history": [each.model_dump(mode="json") for each in found]}


def _table(data: bytes, name: str) -> Response:
    return Response(data, media_type=XLSX, headers={"content-disposition": f'attachment; filename="{name}"'})


router.include_router(files)
router.include_router(enterprise_items.router)
