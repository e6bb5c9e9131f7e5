"""Tools and search over HTTP, from the tools' own declarations."""

from typing import Any

from fastapi import APIRouter, Body

from tools.contract import AnyTool
from tools.search.tool import SearchInput

from ..direct import run_directly
from ..doors import Asker, ThePlatform

router = APIRouter(prefix="/v1", tags=["tools"])


def describe(tool: AnyTool) -> dict[str, Any]:
    """A tool as a client, a model or a reader of the documentation sees it."""
    return {
        "name": tool.name,
        "summary": tool.summary,
        "effect": tool.effect,
        "roles": sorted(tool.roles),
        "clauses": list(tool.clauses),
        "examples": list(tool.examples),
        "input": tool.input.model_json_schema(),
        "output": tool.output.model_json_schema(),
    }


@router.get("/tools")
async def list_tools(speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    return {"tools": [describe(tool) for tool in platform.tools.allowed(speaker)]}


@router.post("/tools/{name}")
async def run_tool(name: str, speaker: Asker, platform: ThePlatform, arguments: dict[str, Any] = Body(...)) -> dict[str, Any]:  # noqa: B008
    return await run_directly(platform, name, arguments, speaker, "http")


@router.post("/search")
async def search(request: SearchInput, speaker: Asker, platform: ThePlatform) -> dict[str, Any]:
    result = await run_directly(platform, "search_standards", request.model_dump(), speaker, "http")
    return result["data"]
