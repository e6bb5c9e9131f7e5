"""Around the chat page: what a browser may load, who may speak to it from a page, and where a citation mark's code lies.

Pure ASGI, so that streams and web sockets pass untouched.
"""

import re

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answer_view import CLAUSE

HOST = re.compile(r"^[A-Za-z0-9.\-\[\]:]+$")
MARK_ELEMENT = re.compile(r"^(?P<folder>.*/public/elements/)\[\d{1,2}\]\.jsx$")
"""A mark in the text is an element named like the mark, and Chainlit looks for its code under that name."""


class PageShell:
    """Everything under `path`."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app = app
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not self._is_ours(scope["path"]):
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get(b"host", ""), headers.get(b"origin", "")
        if origin and origin.partition("://")[2] != host:
            await _refuse(scope, receive, send)
            return
        mark = MARK_ELEMENT.match(scope["path"])
        if mark:
            path = f"{mark['folder']}{CLAUSE}.jsx"
            scope = {**scope, "path": path, "raw_path": path.encode()}

        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_html(message):
                policy = (b"content-security-policy", security_policy(host).encode())
                message = {**message, "headers": [*message["headers"], policy]}
            await send(message)

        await self._app(scope, receive, with_policy)

    def _is_ours(self, path: str) -> bool:
        return path == self._path or path.startswith(f"{self._path}/")


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """A page of another site: cookies or not, it has no business here."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    else:
        await PlainTextResponse("cross-origin", status_code=403)(scope, receive, send)


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
