"""Logging in, changing the initial password, leaving: plain forms that work without script and load nothing.

The forms carry the session's own token, as every change with a cookie must; the answer to a wrong login is the same whatever was wrong.
"""

import asyncio
from collections.abc import Mapping
from html import escape
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import Response

from domain.errors import NotAllowed, NotAuthenticated, PlatformError, TooLarge
from serving.access import Access
from serving.oidc import local_path
from serving.routes.sign_in import give_cookies, present_session, take_cookies
from serving.settings import Settings

from .page_guard import CHANGE, LOGIN
from .plain_page import PlainPage, access_for_page, csrf_of, form_html, hidden, led, present, proved, read_form, said, text_field
from .visitor import user_of
from .wording import Wording, load_wording

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
        self._page = PlainPage(words, language)

    # logging in

    async def ask(self, request: Request) -> Response:
        access, there = access_for_page(request), self._there(request.query_params.get("return_to", ""))
        speaker = await present(request)
        if speaker is None:
            return self._login(access, there, {}, "")
        if speaker.must_change:
            return led(f"{CHANGE}?return_to={quote(there)}")
        try:
            user_of(speaker)
        except NotAllowed as error:
            return self._no_user(request, error)
        return led(there)

    async def log_in(self, request: Request) -> Response:
        access = access_for_page(request)
        try:
            form = await read_form(request)
        except TooLarge as error:
            return self._login(access, self._home, {}, error.message, error.status_code)
        there = self._there(form.get("return_to", ""))
        try:
            access.reader.check_origin(request.scope["headers"], required=True)
            tenant, before = form.get("tenant", "").strip() or access.settings.tenant, present_session(access, request)
            name, password = form.get("name", ""), form.get("password", "")
            login = await asyncio.to_thread(access.login.log_in, tenant, name, password, door="chat", replacing=before)
        except NotAuthenticated as error:
            return self._login(access, there, form, said(error), 401)
        response = led(f"{CHANGE}?return_to={quote(there)}" if login.must_change else f"{LOGIN}?return_to={quote(there)}")
        give_cookies(access, response, login)
        return response

    def _login(self, access: Access, there: str, form: Mapping[str, str], error: str, status: int = 200) -> Response:
        words = self._words
        fields = [
            text_field("name", words("sign_in.name"), "text", form.get("name", ""), "username", required=True, focus=True),
            text_field("password", words("sign_in.password"), "password", "", "current-password", required=True),
            text_field("tenant", words("sign_in.tenant", usual=access.settings.tenant), "text", form.get("tenant", ""), "organization"),
            hidden("return_to", there),
        ]
        provider = ""
        if access.oidc is not None:
            address = f"/v1/auth/oidc?return_to={quote(there)}"
            provider = f'<p class="or"><a class="button" href="{escape(address)}">{escape(words("sign_in.provider"))}</a></p>'
        body = form_html(LOGIN, fields, words("sign_in.enter")) + provider + f"<p class=hint>{escape(words('sign_in.hint'))}</p>"
        return self._shown(words("sign_in.title"), body, error, status)

    # changing the password

    async def ask_change(self, request: Request) -> Response:
        there = self._there(request.query_params.get("return_to", ""))
        speaker = await present(request)
        if speaker is None:
            return led(f"{LOGIN}?return_to={quote(there)}")
        return self._change(request, there, "")

    async def change(self, request: Request) -> Response:
        access = access_for_page(request)
        try:
            form = await read_form(request)
        except TooLarge as error:
            return self._change(request, self._home, error.message, error.status_code)
        there = self._there(form.get("return_to", ""))
        try:
            speaker = await proved(request, form)
        except NotAuthenticated as error:
            return self._login(access, there, {}, said(error), 401)
        if form.get("new", "") != form.get("again", ""):
            return self._change(request, there, self._words("sign_in.differ"), 422)
        old, new = form.get("old", ""), form.get("new", "")
        try:
            login = await asyncio.to_thread(access.login.change_password, speaker.principal, old, new, door="chat")
        except PlatformError as error:
            return self._change(request, there, said(error), error.status_code)
        response = led(f"{LOGIN}?return_to={quote(there)}")
        give_cookies(access, response, login)
        return response

    def _change(self, request: Request, there: str, error: str, status: int = 200) -> Response:
        words = self._words
        fields = [
            text_field("old", words("sign_in.old"), "password", "", "current-password", required=True, focus=True),
            text_field("new", words("sign_in.new"), "password", "", "new-password", required=True),
            text_field("again", words("sign_in.again"), "password", "", "new-password", required=True),
            hidden("return_to", there),
            hidden("csrf", csrf_of(request)),
        ]
        body = f"<p class=hint>{escape(words('sign_in.change_hint'))}</p>" + form_html(CHANGE, fields, words("sign_in.change"))
        return self._shown(words("sign_in.change_title"), body, error, status)

    # leaving

    async def leave(self, request: Request) -> Response:
        access = access_for_page(request)
        try:
            speaker = await proved(request, await read_form(request))
        except PlatformError as error:
            return self._login(access, self._home, {}, said(error), error.status_code)
        await asyncio.to_thread(access.sessions.end, speaker.credential_id, speaker.principal)
        response = led(LOGIN)
        take_cookies(access, response)
        return response

    def _no_user(self, request: Request, error: NotAllowed) -> Response:
        """Administrators manage; what is asked here is none of their business (三员分立)."""
        words = self._words
        form = form_html(LOGOUT, [hidden("csrf", csrf_of(request))], words("sign_in.leave"))
        return self._shown(words("sign_in.no_user"), f"<p>{escape(words('sign_in.no_user_hint'))}</p>{form}", said(error), 403)

    def _shown(self, title: str, body: str, error: str, status: int) -> Response:
        return self._page.shown(title, body, error, status)

    def _there(self, path: str) -> str:
        there = local_path(path) if path else self._home
        # back to the login would go round in circles
        return self._home if there == "/" or there.startswith((LOGIN, LOGOUT)) else there
