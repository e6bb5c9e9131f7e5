"""Around the chat page: what a browser may load, who may speak to it, and who is let in without asking.

Pure ASGI, so that streams and web sockets pass untouched.
"""

import re
from collections.abc import Awaitable, Callable

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = re.compile(r"^[A-Za-z0-9.\-\[\]:]+$")
CLIENT_GONE = "No response returned."
"""What Starlette's middleware, which Chainlit uses, raises when a browser stops waiting."""
Greeting = Callable[[], str]
"""A fresh cookie value for a visitor who has none."""
Admit = Callable[[Scope], Awaitable[Scope | Response]]
"""The request as the page may see it, or the answer to a visitor who is not let in."""


class PageShell:
    """Everything under `path`."""

    def __init__(self, app: ASGIApp, path: str, cookie: str, greeting: Greeting | None, admit: Admit | None = None) -> None:
        self._app = app
        self._path = path
        self._cookie = cookie
        self._greeting = greeting
        self._admit = admit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not self._is_ours(scope["path"]):
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get(b"host", ""), headers.get(b"origin", "")
        if origin and origin.partition("://")[2] != host:
            await _refuse(scope, receive, send)
            return
        if self._admit is not None:
            admitted = await self._admit(scope)
            if isinstance(admitted, Response):
                await _answer(admitted, scope, receive, send)
                return
            scope = admitted
        greeted = self._greeting is None or f"{self._cookie}=" in headers.get(b"cookie", "")

        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_html(message):
                added = [(b"content-security-policy", security_policy(host).encode())]
                if self._greeting and not greeted:
                    added.append((b"set-cookie", f"{self._cookie}={self._greeting()}; Path=/; HttpOnly; SameSite=lax".encode()))
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        try:
            await self._app(scope, receive, with_policy)
        except RuntimeError as error:
            if str(error) != CLIENT_GONE:
                raise

    def _is_ours(self, path: str) -> bool:
        return path == self._path or path.startswith(f"{self._path}/")


async def _answer(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    else:
        await response(scope, receive, send)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """A page of another site: cookies or not, it has no business here."""
    await _answer(PlainTextResponse("cross-origin", status_code=403), scope, receive, send)


def _is_html(message: Message) -> bool:
    return any(name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in message.get("headers", ()))


def security_policy(host: str) -> str:
    """Nothing from elsewhere. `unsafe-eval`: Chainlit compiles custom elements in the browser; `unsafe-inline`: its page needs it."""
    sockets = f" ws://{host} wss://{host}" if HOST.match(host) else ""
    return (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'{sockets}; worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
    )
