"""A user's own documents: upload, list, delete."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Form, UploadFile
from fastapi.responses import JSONResponse

from domain.errors import NotAllowed, TooLarge
from domain.permissions import may
from domain.principal import Level, own_label
from knowledge.ingest import Outcome, SourceFile

from ..direct import admitted
from ..doors import Keeper, ThePlatform

router = APIRouter(prefix="/v1", tags=["documents"])
PRIVATE_COLLECTION = "my"


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """One file's result, the same on HTTP and in the CLI."""
    return {
        "name": outcome.name,
        "document": outcome.document.model_dump(mode="json") if outcome.document else None,
        "unchanged": outcome.unchanged,
        "replaced": list(outcome.replaced),
        "missing": list(outcome.missing),
        "error": outcome.problem.model_dump(mode="json") if outcome.problem else None,
    }


@router.post("/documents", status_code=201, response_model=None)
async def upload(
    file: UploadFile,
    speaker: Keeper,
    platform: ThePlatform,
    collection: Annotated[str, Form()] = PRIVATE_COLLECTION,
    label: Annotated[Level, Form()] = "private",
) -> JSONResponse:
    """Read a file into the library; private to the uploader unless an operator says otherwise."""
    if label != "private" and not may(speaker, "documents.share"):
        raise NotAllowed("没有权限上传他人可见的文档", where="label", cure="改为 private，或请运营人员上传")
    name, collection = admitted(platform.screens, [file.filename or "未命名", collection], speaker)
    data = await file.read(platform.settings.largest_upload + 1)
    if len(data) > platform.settings.largest_upload:
        raise TooLarge("文件太大", where=name, cure=f"上限 {platform.settings.largest_upload // 1024 // 1024} MB")
    source = SourceFile(name=name, data=data)
    knowledge = platform.knowledge
    outcome = await asyncio.to_thread(knowledge.ingestor.ingest, source, speaker, own_label(speaker, label), collection, door="http")
    await asyncio.to_thread(knowledge.refresh)
    platform.metrics.documents.labels("failed" if outcome.problem else "unchanged" if outcome.unchanged else "stored").inc()
    return JSONResponse(outcome_json(outcome), status_code=422 if outcome.problem else 201)


@router.get("/documents")
async def list_documents(speaker: Keeper, platform: ThePlatform) -> dict[str, Any]:
    found = await asyncio.to_thread(platform.knowledge.library.documents, speaker)
    platform.people.documents(speaker, ((document.id, document.label.level) for document in found), "http")
    return {"documents": [document.model_dump(mode="json") for document in found]}


@router.delete("/documents/{document_id}", status_code=204)
async def delete_document(document_id: str, speaker: Keeper, platform: ThePlatform) -> None:
    await asyncio.to_thread(platform.knowledge.ingestor.forget, document_id, speaker, door="http")
    await asyncio.to_thread(platform.knowledge.refresh)
