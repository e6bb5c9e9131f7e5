"""What every HTTP door shares: who speaks, which platform, and the limits on a request."""

import secrets
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import NotAuthenticated, TooLarge, UserInputError
from domain.permissions import may, require
from domain.principal import Principal

from .assembly import Platform
from .identify import identify, settled
from .problems import problem_response

SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"SAMEORIGIN"),
]
NOTHING = b"default-src 'none'; frame-ancestors 'none'"
"""What an answer of the API may load when a browser shows it: nothing. Pages bring a policy of their own."""
STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")
"""Only under TLS, and for this very host: others of its domain are not ours to speak for."""
SINGLE = (b"host", b"authorization", b"content-length", b"content-type", b"origin", b"x-csrf-token")
"""Headers that say who, what or whence: twice, they could be read as two different things."""
PAGES = ("/chat/",)
"""What a page loads is not governed by a policy of its own."""
MULTIPART_SLACK = 1024 * 1024


def platform_of(request: Request) -> Platform:
    return request.app.state.platform


async def principal_of(request: Request) -> Principal:
    """Who asks. Single-user mode is the `local` principal; with an API key set, only its bearer is. With accounts, whoever proves it.

    Raises:
        NotAuthenticated: the credential is missing, doubled or wrong.
        NotAllowed: an initial password has to be changed first.
    """
    platform = platform_of(request)
    if platform.access is not None:
        principal = settled(await identify(platform.access, request)).principal
    else:
        check_key(request, platform.settings.api_key.get_secret_value())
        principal = platform.principal
    request.state.principal = principal
    return principal


def check_key(request: Request, key: str) -> None:
    """Single-user mode: whether the request carries the key, where one is set. Raises NotAuthenticated."""
    if not key:
        return
    given = request.headers.getlist("authorization")
    if len(given) != 1 or not secrets.compare_digest(given[0].removeprefix("Bearer ").strip().encode(), key.encode()):
        raise NotAuthenticated("访问密钥缺失或不对", where="Authorization", cure="在请求头里带上 Authorization: Bearer <SHUZHI_API_KEY>")


async def _speaker(request: Request) -> Principal:
    # a coroutine, because FastAPI sends plain functions through its thread pool
    return await principal_of(request)


async def _platform(request: Request) -> Platform:
    return platform_of(request)


Speaker = Annotated[Principal, Depends(_speaker)]
"""Anybody that we know."""
ThePlatform = Annotated[Platform, Depends(_platform)]


async def _asker(speaker: Speaker) -> Principal:
    return require(speaker, "assistant.use")


async def _keeper(speaker: Speaker) -> Principal:
    return require(speaker, "documents.manage_own")


async def _overseer(speaker: Speaker) -> Principal:
    return speaker if may(speaker, "settings.manage") else require(speaker, "tools.develop")


Asker = Annotated[Principal, Depends(_asker)]
"""May use the assistant."""
Keeper = Annotated[Principal, Depends(_keeper)]
"""May keep documents."""
Overseer = Annotated[Principal, Depends(_overseer)]
"""May look at how the service is doing."""


async def _refuse_doubled(name: str, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    error = UserInputError("请求头重复", where=name, cure=f"只带一个 {name}")
    await problem_response(error.problem(), 400)(scope, receive, send)


def added_headers(scope: Scope, message: Message) -> list[tuple[bytes, bytes]]:
    """What every answer carries besides its own."""
    given = {name.lower() for name, _ in message.get("headers", [])}
    added = [*SECURITY_HEADERS, *([STRICT_TRANSPORT] if scope.get("scheme") == "https" else [])]
    if b"content-security-policy" not in given and not scope["path"].startswith(PAGES):
        added.append((b"content-security-policy", NOTHING))
    return [header for header in added if header[0] not in given]


def host_name(address: str) -> str:
    """The name in a Host or Origin header; "" where there is none."""
    try:
        return urlsplit(address if "//" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""


class RequestGate:
    """Pure ASGI, so that it never buffers a stream: size limit, known hosts and origins, security headers.

    `hosts` keeps other web pages out while everybody on this machine is the `local` principal: neither a name that was made to
    point here (Host) nor a page that sends its visitors' browsers here (Origin) gets in.
    """

    def __init__(self, app: ASGIApp, largest_body: int, hosts: frozenset[str]) -> None:
        self._app = app
        self._largest = largest_body
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        doubled = next((name for name in SINGLE if sum(key == name for key, _ in scope["headers"]) > 1), None)
        if doubled is not None:
            await _refuse_doubled(doubled.decode(), scope, receive, send)
            return
        stranger = self._stranger(headers)
        if stranger and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if stranger:
            where, name = stranger
            error = NotAuthenticated(f"不接受来自主机名 {name!r} 的请求", where=where, cure="用 127.0.0.1 或 localhost 打开")
            await problem_response(error.problem(), 400)(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._largest + MULTIPART_SLACK:
            cure = f"把内容控制在 {self._largest // 1024 // 1024} MB 以内"
            await problem_response(TooLarge("请求太大", where="Content-Length", cure=cure).problem(), 413)(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *added_headers(scope, message)]}
            await send(message)

        await self._app(scope, self._counted(receive), with_headers)

    def _stranger(self, headers: dict[bytes, bytes]) -> tuple[str, str] | None:
        """The header and the host name in it that are not ours."""
        given = [("Host", headers.get(b"host", b""))] + ([("Origin", headers[b"origin"])] if b"origin" in headers else [])
        names = ((where, host_name(value.decode("latin-1"))) for where, value in given) if self._hosts else ()
        return next(((where, name) for where, name in names if name not in self._hosts), None)

    def _counted(self, receive: Receive) -> Receive:
        """A body without a declared length is cut off at the same limit."""
        total = 0

        async def counted() -> Message:
            nonlocal total
            message = await receive()
            if message["type"] == "http.request":
                total += len(message.get("body", b""))
                if total > self._largest + MULTIPART_SLACK:
                    raise TooLarge("请求太大", where="body", cure=f"把内容控制在 {self._largest // 1024 // 1024} MB 以内")
            return message

        return counted
