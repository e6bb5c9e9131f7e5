"""Pages of our own beside the chat: plain forms that work without script and load nothing.

A form carries the session's own token, as every change with a cookie must.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import unquote_to_bytes

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from domain.errors import NotAuthenticated, PlatformError, TooLarge
from records.speakers import Speaker
from records.tokens import csrf_token
from serving.access import Access
from serving.identify import access_of
from serving.routes.sign_in import present_session

from .visitor import speaker_of
from .wording import Wording

FOLDER = Path(__file__).parent / "login"
LARGEST_FORM = 16 * 1024


class PlainPage:
    """One template filled with escaped words."""

    def __init__(self, words: Wording, language: str) -> None:
        self._words = words
        self._language = language
        self._page = Template((FOLDER / "page.html").read_text(encoding="utf-8"))
        self._style = (FOLDER / "style.css").read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        self._policy = f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

    def shown(self, title: str, body: str, error: str = "", status: int = 200) -> Response:
        """`body` is HTML, everything else words."""
        problem = f'<p class="problem" role="alert">{escape(error)}</p>' if error else ""
        filled = {"language": self._language, "name": escape(self._words("name")), "title": escape(title), "style": self._style}
        page = self._page.substitute(filled, body=body, problem=problem)
        # without any referrer a browser does not say either whose form it sends, and the origin is what we go by
        headers = {"content-security-policy": self._policy, "cache-control": "no-store", "referrer-policy": "same-origin"}
        return HTMLResponse(page, status_code=status, headers=headers)


def access_for_page(request: Request) -> Access:
    return access_of(request).through("chat")


async def present(request: Request) -> Speaker | None:
    access = access_for_page(request)
    credential = present_session(access, request)
    try:
        return await speaker_of(access, credential) if credential else None
    except NotAuthenticated:
        return None


async def proved(request: Request, form: Mapping[str, str]) -> Speaker:
    """Whoever sent a form of ours. Raises NotAuthenticated for a form of another page, or of a session that has ended."""
    access, headers = access_for_page(request), request.scope["headers"]
    access.reader.check_origin(headers, required=True)
    credential = access.reader.cookie(headers, access.reader.cookies.session)
    if not credential or not hmac.compare_digest(form.get("csrf", "").encode(), csrf_token(credential).encode()):
        raise NotAuthenticated("页面已过期，操作没有执行", where="csrf", cure="重新登录")
    return await speaker_of(access, credential)


def csrf_of(request: Request) -> str:
    return csrf_token(present_session(access_for_page(request), request))


async def read_form(request: Request) -> dict[str, str]:
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


def led(there: str) -> RedirectResponse:
    return RedirectResponse(there, status_code=303, headers={"cache-control": "no-store"})


def said(error: PlatformError) -> str:
    cure = next((spot.cure for spot in error.detail if spot.cure), "")
    return "。".join(filter(None, (error.message, cure)))


def text_field(name: str, label: str, kind: str, value: str, complete: str, *, required: bool = False, focus: bool = False) -> str:
    marks = " required" * required + " autofocus" * focus
    return (
        f'<label>{escape(label)}<input name="{name}" type="{kind}" value="{escape(value)}" autocomplete="{complete}" '
        f'maxlength="256" autocapitalize="none" spellcheck="false"{marks}></label>'
    )


def hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


def form_html(action: str, fields: list[str], button: str) -> str:
    return f'<form method="post" action="{action}">{"".join(fields)}<button>{escape(button)}</button></form>'
