"""`/mcp` (streamable HTTP): the tools' own declarations as MCP tools. The library loads at the first request, not at start-up."""

import asyncio
from contextvars import ContextVar
from typing import Any

import orjson
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from domain.errors import PlatformError, UserInputError
from domain.permissions import require
from domain.principal import Principal

from .assembly import Platform
from .direct import run_directly
from .doors import principal_of
from .problems import problem_response

SPEAKER: ContextVar[Principal] = ContextVar("speaker")
"""Who sent the request that a call belongs to; the library starts each call in a copy of the request's context."""


async def read_body(request: Request) -> bytes:
    """The body, written anew: what the library would stumble over, such as brackets without end, is no JSON here.

    Raises UserInputError, and TooLarge from the gate.
    """
    body = await request.body()
    if request.method != "POST":
        return body
    try:
        return orjson.dumps(orjson.loads(body))
    except (ValueError, TypeError) as error:
        raise UserInputError("请求的内容不是 JSON，或嵌套太深", where="body", cure="发送 UTF-8 编码的 JSON-RPC 消息") from error


def once(body: bytes) -> Receive:
    """`body` as a message; what comes after it never does, because an answer is one piece."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.Event().wait()
        raise AssertionError

    return receive


class McpDoor:
    """An ASGI application in front of a stateless MCP server; every call runs as the request's principal."""

    def __init__(self) -> None:
        self._opening = asyncio.Lock()
        self._manager: Any = None
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            SPEAKER.set(require(await principal_of(request), "assistant.use"))
            body = await read_body(request)
        except PlatformError as error:
            await problem_response(error.problem(), error.status_code)(scope, receive, send)
            return
        manager = await self._ready(request.app.state.platform)
        await manager.handle_request(scope, once(body), send)

    async def _ready(self, platform: Platform) -> Any:
        """The session manager, started once. It is stateless, so that no session outlives its request."""
        async with self._opening:
            if self._manager is None:
                manager = await asyncio.to_thread(_session_manager, platform)
                started = asyncio.Event()
                self._task = asyncio.create_task(_keep_running(manager, started))
                await started.wait()
                self._manager = manager
        return self._manager

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


async def _keep_running(manager: Any, started: asyncio.Event) -> None:
    """The manager's task group has to be entered and left by one task."""
    async with manager.run():
        started.set()
        await asyncio.Event().wait()


def _session_manager(platform: Platform) -> Any:
    from mcp import types  # noqa: PLC0415 - seconds to import
    from mcp.server.lowlevel import Server  # noqa: PLC0415
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager  # noqa: PLC0415

    server: Any = Server("shuzhi")

    async def list_tools() -> list[types.Tool]:
        usable = [tool for tool in platform.tools.allowed(SPEAKER.get()) if tool.effect in ("read", "compute")]
        return [types.Tool(name=t.name, description=t.summary, inputSchema=t.input.model_json_schema()) for t in usable]

    async def call_tool(name: str, arguments: dict[str, Any]) -> types.CallToolResult:
        try:
            result = await run_directly(platform, name, arguments, SPEAKER.get(), "mcp")
        except PlatformError as error:
            text = orjson.dumps({"error": error.problem().model_dump(mode="json")}).decode()
            return types.CallToolResult(content=[types.TextContent(type="text", text=text)], isError=True)
        content: list[types.ContentBlock] = [types.TextContent(type="text", text=result["summary"])]
        return types.CallToolResult(content=content, structuredContent=result, isError=False)

    server.list_tools()(list_tools)
    server.call_tool(validate_input=False)(call_tool)
    return StreamableHTTPSessionManager(app=server, json_response=True, stateless=True)
