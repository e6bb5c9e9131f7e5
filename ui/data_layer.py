"""Chainlit's storage interface over our own records: conversations, runs, thumbs. There is no second database.

Messages, steps and elements that Chainlit wants to store are dropped: the run that made them holds all of it.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from chainlit.context import context
from chainlit.data.base import BaseDataLayer
from chainlit.element import Element, ElementDict
from chainlit.session import BaseSession
from chainlit.step import StepDict
from chainlit.types import Feedback, PageInfo, PaginatedResponse, Pagination, ThreadDict, ThreadFilter
from chainlit.user import PersistedUser, User
from fastapi import HTTPException

from domain.errors import NotAllowed, NotAuthenticated, NotFound, PlatformError, UserInputError
from domain.principal import Principal
from records.runs import TITLE_LENGTH
from records.threads import Thread, ThreadPage
from serving.assembly import Platform

from .history import Entry, read_back, thread_head
from .visitor import visitor
from .wording import Wording

SCANNED = 500
"""Conversations whose titles a search looks at."""
REMEMBERED = 2000
"""Steps of open pages whose runs are known."""


class RecordsLayer(BaseDataLayer):
    """The conversations of whoever is on the page. `platform` is asked for at each call: it opens after the page is built."""

    def __init__(self, platform: Callable[[], Platform], words: Wording) -> None:
        self._platform = platform
        self._words = words
        self._adopting = asyncio.Lock()
        self._runs_of_steps: dict[str, str] = {}

    async def _who(self) -> Principal:
        return await _answered(visitor(self._platform()))

    def remember(self, step_id: str, run_id: str) -> None:
        """A fresh page knows a run by the step it showed it in."""
        self._runs_of_steps[step_id] = run_id
        while len(self._runs_of_steps) > REMEMBERED:
            self._runs_of_steps.pop(next(iter(self._runs_of_steps)))

    async def adopt(self, session: BaseSession, first_words: str) -> str:
        """The session's conversation, made when the first thing is said.

        Chainlit gives every visit a UUID of its own (with dashes); ours has none, and takes its place in the session.
        """
        async with self._adopting:
            if "-" in session.thread_id:
                title = " ".join(first_words.split())[:TITLE_LENGTH]
                thread = await asyncio.to_thread(self._platform().threads.create, await self._who(), title)
                session.thread_id = thread.id
        return session.thread_id

    # users

    async def get_user(self, identifier: str) -> PersistedUser | None:
        principal = await self._who()
        if identifier != principal.id:
            return None
        return PersistedUser(id=principal.id, identifier=principal.id, createdAt="2025-01-01T00:00:00Z")

    async def create_user(self, user: User) -> PersistedUser | None:
        return await self.get_user(user.identifier)

    # thumbs

    async def upsert_feedback(self, feedback: Feedback) -> str:
        run_id = self._runs_of_steps.get(feedback.forId, feedback.forId)
        rating = "up" if feedback.value else "down"
        store = self._platform().feedback
        await _answered(asyncio.to_thread(store.give, run_id, await self._who(), rating, feedback.comment or "", door="chat"))
        return run_id

    async def delete_feedback(self, feedback_id: str) -> bool:
        await _answered(asyncio.to_thread(self._platform().feedback.withdraw, feedback_id, await self._who(), door="chat"))
        return True

    # conversations

    async def get_thread_author(self, thread_id: str) -> str:
        principal = await self._who()
        try:
            await asyncio.to_thread(self._platform().threads.get, thread_id, principal)
        except NotFound:
            return ""
        return principal.id

    async def list_threads(self, pagination: Pagination, filters: ThreadFilter) -> PaginatedResponse[ThreadDict]:
        principal = await self._who()
        if filters.search:
            found, following = await asyncio.to_thread(self._search, principal, filters.search, pagination.first), None
        else:
            page = await _answered(asyncio.to_thread(self._page, principal, pagination.first, pagination.cursor))
            found, following = page.threads, page.next
        rows = [cast(ThreadDict, thread_head(thread, principal)) for thread in found]
        info = PageInfo(hasNextPage=following is not None, startCursor=pagination.cursor, endCursor=following)
        return PaginatedResponse(pageInfo=info, data=rows)

    def _page(self, principal: Principal, limit: int, before: str | None) -> ThreadPage:
        return self._platform().threads.list_threads(principal, limit=limit, before=before)

    def _search(self, principal: Principal, wanted: str, limit: int) -> list[Thread]:
        page = self._page(principal, SCANNED, None)
        return [thread for thread in page.threads if wanted.casefold() in thread.title.casefold()][:limit]

    async def get_thread(self, thread_id: str) -> ThreadDict | None:
        principal = await self._who()
        try:
            return cast(ThreadDict, await asyncio.to_thread(self._read, thread_id, principal))
        except NotFound:
            return None

    def _read(self, thread_id: str, principal: Principal) -> dict[str, Any]:
        platform = self._platform()
        thread = platform.threads.get(thread_id, principal)
        thumbs = {given.run_id: given for given in platform.feedback.list_feedback(principal, limit=1000)}
        entries: list[Entry] = []
        for run in platform.run_store.list_runs(thread_id, principal):
            bare = run.answer is None and run.status != "running"
            events = platform.run_store.events_after(run.id, 0, principal) if bare else []
            pending = platform.approvals.list_approvals(principal, status="pending", run_id=run.id) if run.status == "waiting" else []
            entries.append(Entry(run, thumbs.get(run.id), events, pending))
        return read_back(thread, entries, principal, self._words)

    async def update_thread(
        self,
        thread_id: str,
        name: str | None = None,
        user_id: str | None = None,
        metadata: dict[str, Any] | None = None,
        tags: list[str] | None = None,
    ) -> None:
        """The first words of a fresh page make its conversation; a name for one of ours renames it; nothing else is kept."""
        if name is None:
            return
        if "-" in thread_id:
            await self.adopt(context.session, name)
        elif user_id is None:
            await _answered(asyncio.to_thread(self._platform().threads.rename, thread_id, await self._who(), name))

    async def delete_thread(self, thread_id: str) -> None:
        await _answered(asyncio.to_thread(self._platform().threads.delete, thread_id, await self._who(), door="chat"))

    async def get_element(self, thread_id: str, element_id: str) -> ElementDict | None:
        thread = await self.get_thread(thread_id)
        elements = (thread or {}).get("elements") or []
        return next((element for element in elements if element.get("id") == element_id), None)

    # what runs hold already

    async def create_element(self, element: Element) -> None:
        return None

    async def delete_element(self, element_id: str, thread_id: str | None = None) -> None:
        return None

    async def create_step(self, step_dict: StepDict) -> None:
        return None

    async def update_step(self, step_dict: StepDict) -> None:
        return None

    async def delete_step(self, step_id: str) -> None:
        return None

    async def get_favorite_steps(self, user_id: str) -> list[StepDict]:
        return []

    async def build_debug_url(self) -> str:
        return ""

    async def close(self) -> None:
        return None


async def _answered(work: Any) -> Any:
    """Our errors in the shape that Chainlit's routes pass on to the page: the message with its cure."""
    try:
        return await work
    except PlatformError as error:
        cure = next((spot.cure for spot in error.detail if spot.cure), "")
        status = error.status_code if isinstance(error, UserInputError | NotAuthenticated | NotAllowed) else 500
        raise HTTPException(status_code=status, detail="：".join(filter(None, (error.message, cure)))) from error
