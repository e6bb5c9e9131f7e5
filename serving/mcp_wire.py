"""One conversation with another MCP server: connected for it, bounded in time and bytes, and over when it is over.

Nothing of one person's call is left in a connection for the next one. A program is started without a shell, sees PATH and nothing
else of our environment, and is killed with everything that it started.
"""

import contextlib
import logging
import os
import signal
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio
import httpx
from pydantic import BaseModel, ConfigDict

from domain.errors import PlatformError, UpstreamUnavailable

from .settings import McpServerSettings

ResultT = TypeVar("ResultT")
CHUNK = 65_536
GRACE_S = 0.5
"""What a program is given to end by itself when its input is closed."""
MOST_PAGES = 20


class RawAnswer(BaseModel):
    """Whatever a server answers; its parts are looked at one by one, so that one bad part does not hide the others."""

    model_config = ConfigDict(extra="allow")


class Quota:
    """Bytes that a server may still send; beyond that the conversation is cut off."""

    def __init__(self, largest: int, scope: anyio.CancelScope) -> None:
        self._left = largest
        self._scope = scope
        self.over = False

    def take(self, size: int) -> None:
        """Raises httpx.ReadError beyond the limit, and ends the whole conversation."""
        self._left -= size
        if self._left < 0:
            self.over = True
            self._scope.cancel()
            raise httpx.ReadError("too much")


async def talk(server: McpServerSettings, search_path: str, work: Callable[[Any], Awaitable[ResultT]]) -> ResultT:
    """What `work` makes of a session with `server`.

    Raises:
        UpstreamUnavailable: the server is down, silent, too talkative, or speaks something else.
        PlatformError: what `work` raises.
    """
    outcome: list[ResultT] = []
    failure: list[PlatformError] = []
    trouble: BaseException | None = None
    _hush()
    scope = anyio.move_on_after(server.timeout_s)
    quota = Quota(server.largest_answer, scope)
    with scope:
        try:
            async with _session(server, search_path, quota) as session:
                try:
                    outcome.append(await work(session))
                except PlatformError as error:
                    failure.append(error)
        except Exception as error:  # noqa: BLE001 - whatever a stranger's server and the library make of it is one error of ours
            trouble = error
    if failure:
        raise failure[0]
    if outcome:
        return outcome[0]
    raise _unavailable(server, quota.over, scope.cancelled_caught, trouble) from trouble


def _unavailable(server: McpServerSettings, over: bool, late: bool, trouble: BaseException | None) -> UpstreamUnavailable:
    where = f"mcp_servers.{server.name}"
    if over:
        what = f"MCP 服务器 {server.name} 发来的内容超过 {server.largest_answer} 字节，已中断"
        return UpstreamUnavailable(what, where=where, cure="缩小查询范围，或调大 largest_answer")
    if late:
        what = f"MCP 服务器 {server.name} 在 {server.timeout_s:g} 秒内没有完成应答"
        return UpstreamUnavailable(what, where=where, cure="检查该服务器，或调大 timeout_s")
    kind = type(_innermost(trouble)).__name__
    what = f"MCP 服务器 {server.name} 连不上，或应答不合协议（{kind}）"
    return UpstreamUnavailable(what, where=where, cure="检查地址或命令，确认该服务器在运行")


def _innermost(error: BaseException | None) -> BaseException | None:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return error  # pyright: ignore[reportUnknownVariableType]


class _NotTheLibrary(logging.Filter):
    """Drops what the library says to the root logger."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.pathname.replace(os.sep, "/").endswith("mcp/shared/session.py")


_NOT_THE_LIBRARY = _NotTheLibrary()


def _hush() -> None:
    """The library logs what it received; logs hold no content."""
    logging.getLogger().addFilter(_NOT_THE_LIBRARY)
    for name in ("mcp.client", "mcp.shared", "client"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


@asynccontextmanager
async def _session(server: McpServerSettings, search_path: str, quota: Quota) -> AsyncGenerator[Any]:
    from mcp import ClientSession  # noqa: PLC0415 - a second to import

    streams = _at_address(server, quota) if server.url else _program(server.command, search_path, quota)
    async with streams as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        yield session


@asynccontextmanager
async def _at_address(server: McpServerSettings, quota: Quota) -> AsyncGenerator[tuple[Any, Any]]:
    from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415

    token = server.token.get_secret_value()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = CountedTransport(quota)
    timeout = httpx.Timeout(server.timeout_s)
    async with (
        httpx.AsyncClient(transport=transport, headers=headers, timeout=timeout, trust_env=False) as client,
        streamable_http_client(server.url, http_client=client) as (read, write, _),
    ):
        yield read, write


class CountedTransport(httpx.AsyncBaseTransport):
    """Plain HTTP whose answers are counted as they come in. Compressed ones, which could grow without end, are refused."""

    def __init__(self, quota: Quota) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self._quota = quota

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["accept-encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise httpx.DecodingError("compressed answer", request=request)
        return httpx.Response(
            response.status_code, headers=response.headers, stream=_Counted(response, self._quota), extensions=response.extensions
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Counted(httpx.AsyncByteStream):
    def __init__(self, response: httpx.Response, quota: Quota) -> None:
        self._response = response
        self._quota = quota

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.aiter_raw():
            self._quota.take(len(chunk))
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


@asynccontextmanager
async def _program(command: tuple[str, ...], search_path: str, quota: Quota) -> AsyncGenerator[tuple[Any, Any]]:
    """The library's own starts programs with more of our environment, and keeps a line of any length."""
    from mcp.shared.message import SessionMessage  # noqa: PLC0415
    from mcp.types import JSONRPCMessage  # noqa: PLC0415

    process = await anyio.open_process(
        list(command), stderr=subprocess.DEVNULL, env={"PATH": search_path}, start_new_session=os.name == "posix"
    )
    came, read = anyio.create_memory_object_stream[Any](0)
    write, going = anyio.create_memory_object_stream[Any](0)

    async def receive() -> None:
        assert process.stdout is not None
        rest = b""
        async with came:
            async for chunk in process.stdout:
                quota.take(len(chunk))
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    try:
                        message = JSONRPCMessage.model_validate_json(line)
                    except ValueError:
                        continue  # something else that it printed; it is counted
                    await came.send(SessionMessage(message))

    async def send() -> None:
        assert process.stdin is not None
        async with going:
            async for message in going:
                await process.stdin.send(message.message.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n")

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_until_closed, receive)
            group.start_soon(_until_closed, send)
            yield read, write
            group.cancel_scope.cancel()
    finally:
        for stream in (came, read, write, going):
            stream.close()
        with anyio.CancelScope(shield=True):
            await _end(process)


async def _until_closed(work: Callable[[], Awaitable[None]]) -> None:
    """A pipe or stream whose other end is gone ends its worker; the session notices by itself."""
    try:
        await work()
    except (anyio.BrokenResourceError, anyio.ClosedResourceError, httpx.ReadError, OSError):
        return


async def _end(process: Any) -> None:
    """Its input is closed; then it and what it started are killed."""
    with contextlib.suppress(anyio.BrokenResourceError, OSError):
        await process.stdin.aclose()
        with anyio.move_on_after(GRACE_S):
            await process.wait()
    # also after it ended: its children may be there still
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.returncode is None:
        process.kill()
    await process.aclose()


async def list_tools(session: Any) -> list[Any]:
    """All declarations, as they came.

    Raises:
        UpstreamUnavailable: the answer is no list, or has no end.
    """
    from mcp import types  # noqa: PLC0415

    found: list[Any] = []
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        params = types.PaginatedRequestParams(cursor=cursor) if cursor else None
        answer = await session.send_request(types.ClientRequest(types.ListToolsRequest(params=params)), RawAnswer)
        told: dict[str, Any] = answer.model_dump()
        page, following = told.get("tools"), told.get("nextCursor")
        if not isinstance(page, list) or not (following is None or isinstance(following, str)):
            raise UpstreamUnavailable("MCP 服务器的工具列表不合协议", cure="请该服务器的维护者修正")
        found.extend(page)  # pyright: ignore[reportUnknownArgumentType]
        cursor = following
        if not cursor:
            return found
    raise UpstreamUnavailable(f"MCP 服务器的工具列表超过 {MOST_PAGES} 页", cure="请该服务器的维护者修正")


async def call_tool(session: Any, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The answer to a call, as it came."""
    from mcp import types  # noqa: PLC0415

    params = types.CallToolRequestParams(name=name, arguments=arguments)
    answer = await session.send_request(types.ClientRequest(types.CallToolRequest(params=params)), RawAnswer)
    return answer.model_dump()
