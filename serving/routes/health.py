"""`/healthz` alive, `/readyz` able to answer, `/metrics` counters."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from domain.errors import PlatformError

from ..doors import Overseer, ThePlatform, principal_of

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request, platform: ThePlatform) -> Response:
    """Ready when the database and the vector store answer and the event log keeps up. With accounts, strangers learn only whether."""
    checks: dict[str, Any] = {}
    try:
        checks["database"] = await asyncio.to_thread(platform.knowledge.database.revision)
        checks["vectors"] = await asyncio.to_thread(platform.knowledge.index.count)
    except PlatformError as error:
        checks["problem"] = error.problem().model_dump(mode="json")
    health = platform.writer.health()
    checks["event_log"] = health.model_dump(mode="json")
    ready = "problem" not in checks and bool(checks.get("vectors")) and health.alive and not health.failing_for
    status = 200 if ready else 503
    if platform.access is not None:
        try:
            await principal_of(request)
        except PlatformError:
            return JSONResponse({"ready": ready}, status_code=status)
    return JSONResponse({"ready": ready, "mode": platform.mode, "model": platform.model_name, "checks": checks}, status_code=status)


@router.get("/metrics")
async def metrics(speaker: Overseer, platform: ThePlatform) -> Response:
    return Response(platform.metrics.render(), media_type="text/plain; version=0.0.4")
