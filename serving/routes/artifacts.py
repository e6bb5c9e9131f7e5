"""Files that the platform made for people: list, look at, download."""

import asyncio
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Response

from domain.principal import Principal
from records.artifacts import Artifact
from records.audit_entries import Door

from ..assembly import Platform
from ..doors import Asker, ThePlatform

router = APIRouter(prefix="/v1", tags=["artifacts"])
MOST = 200
FALLBACK = "file"
"""What an old client that does not read RFC 5987 saves a file without a Latin name as."""


def disposition(name: str) -> str:
    """Always a download, never shown in the page; the name as it is for whoever reads RFC 5987, in ASCII for whoever does not."""
    stem, dot, ending = name.rpartition(".")
    plain = ending if dot and ending.isascii() and ending.isalnum() else ""
    latin = stem if stem.isascii() and stem.replace("-", "").replace("_", "").replace(".", "").isalnum() else FALLBACK
    return f"attachment; filename=\"{latin}{'.' + plain if plain else ''}\"; filename*=UTF-8''{quote(name, safe='')}"


async def listed_artifacts(
    platform: Platform, speaker: Principal, door: Door, *, kind: str = "", limit: int = 50, before: str | None = None
) -> dict[str, Any]:
    """One page; that these names were shown is on record where people have accounts."""
    page = await asyncio.to_thread(platform.artifacts.list_artifacts, speaker, kind=kind, limit=limit, before=before)
    platform.people.documents(speaker, ((artifact.id, artifact.label.level) for artifact in page.artifacts), door)
    return page.model_dump(mode="json")


async def handed_out(platform: Platform, artifact_id: str, speaker: Principal, door: Door) -> tuple[Artifact, bytes]:
    """The file itself. Raises NotFound for what the speaker may not read."""
    platform.people.check_room()
    artifact, data = await asyncio.to_thread(platform.artifacts.read, artifact_id, speaker, door=door)
    platform.people.documents(speaker, [(artifact.id, artifact.label.level)], door)
    return artifact, data


@router.get("/artifacts")
async def list_artifacts(
    speaker: Asker,
    platform: ThePlatform,
    kind: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    before: Annotated[str | None, Query(max_length=100)] = None,
) -> dict[str, Any]:
    return await listed_artifacts(platform, speaker, "http", kind=kind, limit=limit, before=before)


@router.get("/artifacts/{artifact_id}")
async def show_artifact(artifact_id: str, speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    artifact = await asyncio.to_thread(platform.artifacts.get, artifact_id, speaker)
    platform.people.documents(speaker, [(artifact.id, artifact.label.level)], "http")
    return artifact.model_dump(mode="json")


@router.get("/artifacts/{artifact_id}/content", response_class=Response)
async def download(artifact_id: str, speaker: Asker, platform: ThePlatform) -> Response:
    artifact, data = await handed_out(platform, artifact_id, speaker, "http")
    headers = {
        "Content-Disposition": disposition(artifact.name),
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
        "ETag": f'"{artifact.sha256}"',
    }
    return Response(data, media_type=artifact.media_type, headers=headers)
