"""In front of the chat page where people have accounts: nobody gets past without a session of ours.

Chainlit knows people by a token of its own. Here it is made anew for each request from the session that came with it, and one that a
browser sends is dropped: there is one login, one lockout, and one place where a session ends.
"""

import asyncio
from dataclasses import dataclass
from urllib.parse import quote

import chainlit as cl
from chainlit.auth import create_jwt
from fastapi import FastAPI
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import Scope

from domain.errors import NotAllowed, PlatformError
from records.speakers import Speaker
from serving.access import Access
from serving.credentials import SAFE_METHODS, Headers, Purpose
from serving.problems import problem_response
from serving.routes.sign_in import take_cookies

from .visitor import CREDENTIAL, speaker_of, user_of

LOGIN = "/login"
CHANGE = "/login/password"
Admission = Scope | Response
"""The request as Chainlit may see it, or the answer to it."""


@dataclass(frozen=True)
class PageGuard:
    """`path`: of the page; `cookie`: Chainlit's."""

    app: FastAPI
    path: str
    cookie: str

    @property
    def _access(self) -> Access:
        return self.app.state.access

    async def admit(self, scope: Scope) -> Admission:
        """Sets whom the page is served to. A page is led to the login; anything else gets the one problem shape."""
        access, headers = self._access, scope["headers"]
        try:
            credential = access.reader.read(headers, _purpose(scope))
            speaker = await speaker_of(access, credential)
            if speaker.via != "session":
                raise NotAllowed("对话页面要本人登录后使用", where="Authorization", cure="用账号和密码登录")
            if _is(scope, f"{self.path}/logout", "POST"):
                return await self._leave(access, speaker)
            principal = user_of(speaker)
        except PlatformError as error:
            return self._turned_away(scope, error)
        if _is(scope, f"{self.path}/login", "GET"):
            return RedirectResponse(f"{self.path}/", status_code=303)
        CREDENTIAL.set(credential)
        account = await asyncio.to_thread(access.accounts.get, principal.id, principal)
        token = create_jwt(cl.User(identifier=principal.id, display_name=account.display_name))
        return {**scope, "headers": own_headers(headers, self.cookie, token)}

    async def _leave(self, access: Access, speaker: Speaker) -> Response:
        await asyncio.to_thread(access.sessions.end, speaker.credential_id, speaker.principal)
        response = JSONResponse({"success": True})
        take_cookies(access, response)
        return response

    def _turned_away(self, scope: Scope, error: PlatformError) -> Response:
        wants_page = scope["type"] == "http" and scope["method"] in SAFE_METHODS and _accepts_html(scope["headers"])
        if not wants_page:
            return problem_response(error.problem(), error.status_code)
        there = scope["path"] if scope["path"] != f"{self.path}/login" else f"{self.path}/"
        return RedirectResponse(f"{LOGIN}?return_to={quote(there)}", status_code=303, headers={"cache-control": "no-store"})


def _purpose(scope: Scope) -> Purpose:
    """Chainlit's own script cannot repeat our token; every change, like every socket, must come from our own page's origin instead."""
    return "read" if scope["type"] == "http" and scope["method"] in SAFE_METHODS else "socket"


def _is(scope: Scope, path: str, method: str) -> bool:
    return scope["type"] == "http" and scope["path"] == path and scope["method"] == method


def _accepts_html(headers: Headers) -> bool:
    return any(name == b"accept" and b"text/html" in value for name, value in headers)


def own_headers(headers: Headers, cookie: str, token: str) -> list[tuple[bytes, bytes]]:
    """`headers` with Chainlit's token from us and from nobody else."""
    kept = [(name, value) for name, value in headers if name not in (b"cookie", b"authorization")]
    given = b";".join(value for name, value in headers if name == b"cookie").split(b";")
    others = [part.strip() for part in given if part.strip() and not part.strip().startswith(cookie.encode())]
    return [*kept, (b"cookie", b"; ".join([*others, f"{cookie}={token}".encode()]))]
