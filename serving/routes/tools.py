"""Tools and search over HTTP, from the tools' own declarations."""

from typing import Any

from fastapi import APIRouter, Body

from domain.errors import ApprovalRequired
from tools.contract import AnyTool, ToolContext
from tools.search.tool import SearchInput

from ..clock import utc_now
from ..doors import Speaker, ThePlatform

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
async def list_tools(speaker: Speaker, platform: ThePlatform) -> dict[str, Any]:
    return {"tools": [describe(tool) for tool in platform.tools.allowed(speaker)]}


@router.post("/tools/{name}")
async def run_tool(name: str, speaker: Speaker, platform: ThePlatform, arguments: dict[str, Any] = Body(...)) -> dict[str, Any]:  # noqa: B008
    """Run one tool. An effect needs an approved run, so tools with one are refused here."""
    tool = platform.tools.get(name)
    if tool.effect in ("write", "external"):
        raise ApprovalRequired(f"{name} 有外部影响，需要审批", where=name, cure="在对话里提出，由负责人批准后执行")
    result = await platform.tools.run(name, arguments, ToolContext(principal=speaker, now=utc_now))
    return result.model_dump(mode="json")


@router.post("/search")
async def search(request: SearchInput, speaker: Speaker, platform: ThePlatform) -> dict[str, Any]:
    result = await platform.tools.run("search_standards", request.model_dump(), ToolContext(principal=speaker, now=utc_now))
    return result.data.model_dump(mode="json")
