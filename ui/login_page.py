"""Logging in, changing the initial password, leaving: plain forms that work without script and load nothing.

The forms carry the session's own token, as every change with a cookie must; the answer to a wrong login is the same whatever was wrong.
"""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote, unquote_to_bytes

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from domain.errors import NotAllowed, NotAuthenticated, PlatformError, TooLarge
from records.speakers import Speaker
from records.tokens import csrf_token
from serving.access import Access
from serving.identify import access_of
from serving.oidc import local_path
from serving.routes.sign_in import give_cookies, present_session, take_cookies
from serving.settings import Settings

from .page_guard import CHANGE, LOGIN
from .visitor import speaker_of, user_of
from .wording import Wording, load_wording

FOLDER = Path(__file__).parent / "login"
LARGEST_FORM = 16 * 1024
LOGOUT = "/logout"


def add_login(app: FastAPI, settings: Settings, home: str) -> None:
    """Put the pages on `app`; `home`: where somebody who did not say is led."""
    pages = LoginPages(load_wording(settings.language), settings.language, home)
    for path, method, handler in (
        (LOGIN, "GET", pages.ask),
        (LOGIN, "POST", pages.log_in),
        (CHANGE, "GET", pages.ask_change),
        (CHANGE, "POST", pages.change),
        (LOGOUT, "POST", pages.leave),
    ):
        app.add_api_route(path, handler, methods=[method], include_in_schema=False, response_model=None)


class LoginPages:
    """Every page is one template filled with escaped words."""

    def __init__(self, words: Wording, language: str, home: str) -> None:
        self._words = words
        self._language = language
        self._home = home
        self._page = Template((FOLDER / "page.html").read_text(encoding="utf-8"))
        self._style = (FOLDER / "style.css").read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        self._policy = f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

    # logging in

    async def ask(self, request: Request) -> Response:
        access, there = _access(request), self._there(request.query_params.get("return_to", ""))
        speaker = await _present(request)
        if speaker is None:
            return self._login(access, there, {}, "")
        if speaker.must_change:
            return _led(f"{CHANGE}?return_to={quote(there)}")
        try:
            user_of(speaker)
        except NotAllowed as error:
            return self._no_user(request, error)
        return _led(there)

    async def log_in(self, request: Request) -> Response:
        access = _access(request)
        try:
            form = await _form(request)
        except TooLarge as error:
            return self._login(access, self._home, {}, error.message, error.status_code)
        there = self._there(form.get("return_to", ""))
        try:
            access.reader.check_origin(request.scope["headers"], required=True)
            tenant, before = form.get("tenant", "").strip() or access.settings.tenant, present_session(access, request)
            name, password = form.get("name", ""), form.get("password", "")
            login = await asyncio.to_thread(access.login.log_in, tenant, name, password, door="chat", replacing=before)
        except NotAuthenticated as error:
            return self._login(access, there, form, _said(error), 401)
        response = _led(f"{CHANGE}?return_to={quote(there)}" if login.must_change else f"{LOGIN}?return_to={quote(there)}")
        give_cookies(access, response, login)
        return response

    def _login(self, access: Access, there: str, form: Mapping[str, str], error: str, status: int = 200) -> Response:
        words = self._words
        fields = [
            _field("name", words("sign_in.name"), "text", form.get("name", ""), "username", required=True, focus=True),
            _field("password", words("sign_in.password"), "password", "", "current-password", required=True),
            _field("tenant", words("sign_in.tenant", usual=access.settings.tenant), "text", form.get("tenant", ""), "organization"),
            _hidden("return_to", there),
        ]
        provider = ""
        if access.oidc is not None:
            address = f"/v1/auth/oidc?return_to={quote(there)}"
            provider = f'<p class="or"><a class="button" href="{escape(address)}">{escape(words("sign_in.provider"))}</a></p>'
        body = _form_html(LOGIN, fields, words("sign_in.enter")) + provider + f"<p class=hint>{escape(words('sign_in.hint'))}</p>"
        return self._shown(words("sign_in.title"), body, error, status)

    # changing the password

    async def ask_change(self, request: Request) -> Response:
        there = self._there(request.query_params.get("return_to", ""))
        speaker = await _present(request)
        if speaker is None:
            return _led(f"{LOGIN}?return_to={quote(there)}")
        return self._change(request, there, "")

    async def change(self, request: Request) -> Response:
        access = _access(request)
        try:
            form = await _form(request)
        except TooLarge as error:
            return self._change(request, self._home, error.message, error.status_code)
        there = self._there(form.get("return_to", ""))
        try:
            speaker = await _proved(request, form)
        except NotAuthenticated as error:
            return self._login(access, there, {}, _said(error), 401)
        if form.get("new", "") != form.get("again", ""):
            return self._change(request, there, self._words("sign_in.differ"), 422)
        old, new = form.get("old", ""), form.get("new", "")
        try:
            login = await asyncio.to_thread(access.login.change_password, speaker.principal, old, new, door="chat")
        except PlatformError as error:
            return self._change(request, there, _said(error), error.status_code)
        response = _led(f"{LOGIN}?return_to={quote(there)}")
        give_cookies(access, response, login)
        return response

    def _change(self, request: Request, there: str, error: str, status: int = 200) -> Response:
        words = self._words
        fields = [
            _field("old", words("sign_in.old"), "password", "", "current-password", required=True, focus=True),
            _field("new", words("sign_in.new"), "password", "", "new-password", required=True),
            _field("again", words("sign_in.again"), "password", "", "new-password", required=True),
            _hidden("return_to", there),
            _hidden("csrf", _csrf(request)),
        ]
        body = f"<p class=hint>{escape(words('sign_in.change_hint'))}</p>" + _form_html(CHANGE, fields, words("sign_in.change"))
        return self._shown(words("sign_in.change_title"), body, error, status)

    # leaving

    async def leave(self, request: Request) -> Response:
        access = _access(request)
        try:
            speaker = await _proved(request, await _form(request))
        except PlatformError as error:
            return self._login(access, self._home, {}, _said(error), error.status_code)
        await asyncio.to_thread(access.sessions.end, speaker.credential_id, speaker.principal)
        response = _led(LOGIN)
        take_cookies(access, response)
        return response

    def _no_user(self, request: Request, error: NotAllowed) -> Response:
        """Administrators manage; what is asked here is none of their business (三员分立)."""
        words = self._words
        form = _form_html(LOGOUT, [_hidden("csrf", _csrf(request))], words("sign_in.leave"))
        return self._shown(words("sign_in.no_user"), f"<p>{escape(words('sign_in.no_user_hint'))}</p>{form}", _said(error), 403)

    def _shown(self, title: str, body: str, error: str, status: int) -> Response:
        problem = f'<p class="problem" role="alert">{escape(error)}</p>' if error else ""
        filled = {"language": self._language, "name": escape(self._words("name")), "title": escape(title), "style": self._style}
        page = self._page.substitute(filled, body=body, problem=problem)
        # without any referrer a browser does not say either whose form it sends, and the origin is what we go by
        headers = {"content-security-policy": self._policy, "cache-control": "no-store", "referrer-policy": "same-origin"}
        return HTMLResponse(page, status_code=status, headers=headers)

    def _there(self, path: str) -> str:
        there = local_path(path) if path else self._home
        # back to the login would go round in circles
        return self._home if there == "/" or there.startswith((LOGIN, LOGOUT)) else there


def _access(request: Request) -> Access:
    return access_of(request).through("chat")


async def _present(request: Request) -> Speaker | None:
    access = _access(request)
    credential = present_session(access, request)
    try:
        return await speaker_of(access, credential) if credential else None
    except NotAuthenticated:
        return None


async def _proved(request: Request, form: Mapping[str, str]) -> Speaker:
    """Whoever sent a form of ours. Raises NotAuthenticated for a form of another page, or of a session that has ended."""
    access, headers = _access(request), request.scope["headers"]
    access.reader.check_origin(headers, required=True)
    credential = access.reader.cookie(headers, access.reader.cookies.session)
    if not credential or not hmac.compare_digest(form.get("csrf", "").encode(), csrf_token(credential).encode()):
        raise NotAuthenticated("页面已过期，操作没有执行", where="csrf", cure="重新登录")
    return await speaker_of(access, credential)


def _csrf(request: Request) -> str:
    return csrf_token(present_session(_access(request), request))


async def _form(request: Request) -> dict[str, str]:
    """Raises TooLarge for what none of our forms would send."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise TooLarge("提交的内容太长", where="form", cure="检查后重新填写")
    return fields_of(bytes(body))


def fields_of(body: bytes) -> dict[str, str]:
    """A form as browsers send it; of a doubled field neither counts, and what is no UTF-8 is no field."""
    found: dict[str, list[str]] = {}
    for part in body.split(b"&")[:16]:
        name, _, value = (unquote_to_bytes(side.replace(b"+", b" ")) for side in part.partition(b"="))
        try:
            found.setdefault(name.decode(), []).append(value.decode())
        except UnicodeDecodeError:
            continue
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _led(there: str) -> RedirectResponse:
    return RedirectResponse(there, status_code=303, headers={"cache-control": "no-store"})


def _said(error: PlatformError) -> str:
    cure = next((spot.cure for spot in error.detail if spot.cure), "")
    return "。".join(filter(None, (error.message, cure)))


def _field(name: str, label: str, kind: str, value: str, complete: str, *, required: bool = False, focus: bool = False) -> str:
    marks = " required" * required + " autofocus" * focus
    return (
        f'<label>{escape(label)}<input name="{name}" type="{kind}" value="{escape(value)}" autocomplete="{complete}" '
        f'maxlength="256" autocapitalize="none" spellcheck="false"{marks}></label>'
    )


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


def _form_html(action: str, fields: list[str], button: str) -> str:
    return f'<form method="post" action="{action}">{"".join(fields)}<button>{escape(button)}</button></form>'
