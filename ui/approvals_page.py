"""What waits for somebody's approval, for those who may decide: who asked for what and since when, approve or reject with a reason."""

import asyncio
from html import escape
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import Response

from domain.errors import NotAllowed, NotAuthenticated, PlatformError
from domain.permissions import require
from domain.principal import Principal
from records.approvals import Approval
from serving.assembly import Platform
from serving.settings import Settings
from tools.contract import AnyTool

from .page_guard import LOGIN
from .plain_page import PlainPage, access_for_page, csrf_of, hidden, led, present, proved, read_form, said
from .visitor import user_of
from .wording import load_wording

APPROVALS = "/approvals"
LONGEST_REASON = 500
LONGEST_VALUE = 4_000
"""Characters of an argument that are shown; a longer one is cut, and says so."""


def add_approvals(app: FastAPI, settings: Settings, home: str) -> None:
    """Put the page on `app`; `home`: the chat."""
    page = ApprovalsPage(settings, home)
    app.add_api_route(APPROVALS, page.ask, methods=["GET"], include_in_schema=False, response_model=None)
    app.add_api_route(APPROVALS, page.decide, methods=["POST"], include_in_schema=False, response_model=None)


class ApprovalsPage:
    """Arguments are business content: only who may approve in this tenant sees them, and never their own."""

    def __init__(self, settings: Settings, home: str) -> None:
        self._words = load_wording(settings.language)
        self._page = PlainPage(self._words, settings.language)
        self._home = home

    async def ask(self, request: Request) -> Response:
        speaker = await present(request)
        if speaker is None:
            return led(f"{LOGIN}?return_to={APPROVALS}")
        try:
            approver = require(user_of(speaker), "approvals.decide")
        except NotAllowed as error:
            return self._page.shown(self._words("approvals.title"), self._back(), said(error), 403)
        return await self._list(request, approver)

    async def decide(self, request: Request) -> Response:
        """Once: of a form that is sent again, or by two people, the first counts and the others are told."""
        platform: Platform = request.app.state.platform
        try:
            form = await read_form(request)
            approver = require(user_of(await proved(request, form)), "approvals.decide")
        except NotAuthenticated:
            return led(f"{LOGIN}?return_to={APPROVALS}")
        except PlatformError as error:
            return self._page.shown(self._words("approvals.title"), self._back(), said(error), error.status_code)
        decision, reason = form.get("decision", ""), form.get("reason", "").strip()
        if decision not in ("approve", "reject") or len(reason) > LONGEST_REASON or not reason:
            return await self._list(request, approver, self._words("approvals.reason_missing", most=LONGEST_REASON), 422)
        try:
            chosen = "approve" if decision == "approve" else "reject"
            decided = await asyncio.to_thread(platform.approvals.decide, form.get("approval", ""), approver, chosen, reason, door="chat")
            await platform.runs.resume(decided.run_id, door="chat")
        except PlatformError as error:
            return await self._list(request, approver, said(error), error.status_code)
        return led(f"{APPROVALS}?done={decided.status}")

    async def _list(self, request: Request, approver: Principal, error: str = "", status: int = 200) -> Response:
        platform: Platform = request.app.state.platform
        found = await asyncio.to_thread(platform.approvals.list_approvals, approver, status="pending")
        waiting = [approval for approval in reversed(found) if approval.requested_by != approver.id]
        askers = {approval.requested_by for approval in waiting}
        names = await asyncio.to_thread(access_for_page(request).accounts.display_names, askers, approver)
        tools, csrf = platform.tools.known(approver), csrf_of(request)
        cards = "".join(self._card(each, tools.get(each.tool), names.get(each.requested_by, each.requested_by), csrf) for each in waiting)
        done = request.query_params.get("done", "")
        told = f'<p class="told" role="status">{escape(self._words(f"approval.{done}"))}</p>' if done in ("approved", "rejected") else ""
        body = told + (cards or f"<p>{escape(self._words('approvals.none'))}</p>") + self._back()
        return self._page.shown(self._words("approvals.title"), body, error, status)

    def _card(self, approval: Approval, tool: AnyTool | None, asker: str, csrf: str) -> str:
        words = self._words
        since = approval.created_at.astimezone().strftime("%Y-%m-%d %H:%M")
        about = tool.summary if tool is not None else approval.tool
        rows = "".join(f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in readable(approval.args, tool))
        box = f'<textarea name="reason" rows="2" maxlength="{LONGEST_REASON}" required></textarea>'
        reason = f"<label>{escape(words('approvals.reason'))}{box}</label>"
        buttons = "".join(
            f'<button name="decision" value="{value}" class="{value}">{escape(words(f"approval.{value}"))}</button>'
            for value in ("approve", "reject")
        )
        form = hidden("csrf", csrf) + hidden("approval", approval.id) + reason + f'<div class="pair">{buttons}</div>'
        return (
            f'<section class="card"><h2>{escape(about)}</h2>'
            f'<p class="hint">{escape(approval.tool)} · {escape(words(f"approval.{approval.effect}"))}</p>'
            f"<p>{escape(words('approvals.asked', who=asker, since=since))}</p>"
            f'<dl>{rows}</dl><form method="post" action="{APPROVALS}">{form}</form></section>'
        )

    def _back(self) -> str:
        return f'<p class="or"><a class="button" href="{escape(self._home)}">{escape(self._words("approvals.back"))}</a></p>'


def readable(arguments: dict[str, Any], tool: AnyTool | None) -> list[tuple[str, str]]:
    """Arguments as a person reads them: each under what the tool says that it means."""
    fields = tool.input.model_fields if tool is not None else {}
    rows: list[tuple[str, str]] = []
    for name, value in arguments.items():
        meaning = fields[name].description if name in fields else None
        text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
        cut = text[:LONGEST_VALUE] + (f" ……（{len(text)}）" if len(text) > LONGEST_VALUE else "")
        rows.append((f"{meaning}（{name}）" if meaning else name, cut))
    return rows
