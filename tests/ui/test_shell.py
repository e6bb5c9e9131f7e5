"""The page's shell: policy on pages, other sites' pages kept out, streams untouched."""

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from ui.shell import PageShell, security_policy


async def page(request: Any) -> HTMLResponse:
    return HTMLResponse("<p>hi</p>")


async def data(request: Any) -> JSONResponse:
    return JSONResponse({})


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hi")
    await socket.close()


def client(greeting: str | None = "token") -> TestClient:
    routes = [Route("/chat/", page), Route("/chat/data", data), Route("/other", page), WebSocketRoute("/chat/ws", echo)]
    app = PageShell(Starlette(routes=routes), "/chat", "cookie_name", None if greeting is None else lambda: greeting)
    return TestClient(app)


def test_pages_carry_the_policy_and_others_do_not() -> None:
    answer = client().get("/chat/")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "ws://testserver" in answer.headers["content-security-policy"]
    for path in ("/chat/data", "/other"):
        assert "content-security-policy" not in client().get(path).headers


def test_policy_lets_nothing_out() -> None:
    policy = security_policy("127.0.0.1:8000")
    assert "https:" not in policy
    assert "*" not in policy
    assert "ws:" not in security_policy("evil.example; script-src *")


def test_a_visitor_is_greeted_once() -> None:
    answer = client().get("/chat/")
    assert answer.headers["set-cookie"] == "cookie_name=token; Path=/; HttpOnly; SameSite=lax"
    assert "set-cookie" not in client().get("/chat/", headers={"cookie": "cookie_name=older"}).headers
    assert "set-cookie" not in client(greeting=None).get("/chat/").headers
    assert "set-cookie" not in client().get("/chat/data").headers


def test_pages_of_other_sites_are_kept_out() -> None:
    assert client().get("/chat/data", headers={"origin": "http://testserver"}).status_code == 200
    assert client().get("/chat/data", headers={"origin": "http://evil.example"}).status_code == 403
    assert client().get("/chat/data", headers={"origin": "null"}).status_code == 403
    with client().websocket_connect("/chat/ws") as socket:
        assert socket.receive_text() == "hi"
    with pytest.raises(WebSocketDisconnect), client().websocket_connect("/chat/ws", headers={"origin": "http://evil.example"}):
        pass


@pytest.mark.parametrize(("message", "passes"), [("No response returned.", True), ("something else", False)])
def test_a_browser_that_left_is_no_error(message: str, passes: bool) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError(message)

    async def call() -> None:
        shell = PageShell(broken, "/chat", "cookie_name", None)
        scope: Scope = {"type": "http", "path": "/chat/", "headers": []}
        await shell(scope, None, None)  # type: ignore[arg-type]

    if passes:
        asyncio.run(call())
    else:
        with pytest.raises(RuntimeError, match=message):
            asyncio.run(call())
