"""What every HTTP door shares: who speaks, which platform, and the limits on a request."""

import secrets
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import NotAuthenticated, TooLarge
from domain.principal import Principal

from .assembly import Platform
from .problems import problem_response

SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"SAMEORIGIN"),
]
MULTIPART_SLACK = 1024 * 1024


def platform_of(request: Request) -> Platform:
    return request.app.state.platform


def principal_of(request: Request) -> Principal:
    """Who asks. Single-user mode is the `local` principal; with an API key set, only its bearer is.

    Raises:
        NotAuthenticated: the key is missing or wrong.
    """
    platform = platform_of(request)
    key = platform.settings.api_key.get_secret_value()
    if key:
        given = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        if not secrets.compare_digest(given.encode(), key.encode()):
            raise NotAuthenticated(
                "访问密钥缺失或不对", where="Authorization", cure="在请求头里带上 Authorization: Bearer <SHUZHI_API_KEY>"
            )
    return platform.principal


async def _speaker(request: Request) -> Principal:
    # a coroutine, because FastAPI sends plain functions through its thread pool
    return principal_of(request)


async def _platform(request: Request) -> Platform:
    return platform_of(request)


Speaker = Annotated[Principal, Depends(_speaker)]
ThePlatform = Annotated[Platform, Depends(_platform)]


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
                message = {**message, "headers": [*message.get("headers", []), *SECURITY_HEADERS]}
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
