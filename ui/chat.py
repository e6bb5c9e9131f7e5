"""The chat page: what happens when somebody writes, stops, opens a clause, decides an approval, or comes back.

The platform is spoken to in this process, as the principal; there is no HTTP to ourselves.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Literal, cast

import chainlit as cl
from chainlit.auth import create_jwt
from chainlit.element import Element
from chainlit.server import sio
from chainlit.session import WebsocketSession
from chainlit.types import Starter, StarterCategory, ThreadDict
from chainlit.utils import mount_chainlit
from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from starlette.datastructures import Headers

from agents.state import Turn
from domain.answer import Answer
from domain.errors import NotAllowed, NotAuthenticated, NotFound, PlatformError
from domain.principal import Principal
from serving.assembly import Platform
from serving.direct import run_directly
from serving.settings import Settings
from tools.search.tool import ClauseOutput

from .answer_view import problem_props
from .approvals_page import add_approvals
from .clause_view import clause_props
from .conversation import RunView, element, problem_of, show_problem
from .data_layer import RecordsLayer
from .history import AUTHOR, UPLOAD_RUN, answer_elements
from .interview_actions import InterviewActions, read_form
from .login_page import add_login
from .page_guard import PageGuard
from .page_home import COOKIE
from .prose import markdown
from .shell import PageShell
from .uploads import take_in
from .visitor import visitor
from .wording import Wording, load_wording

HISTORY = 20
"""Earlier runs a question is read with."""
WRONG_KEY_S = 1.0
"""How long a wrong access key is thought about."""
RESUMED_S = 0.3
"""A resumed page gets its conversation before what is still being said."""


def mount_chat(app: FastAPI, settings: Settings, path: str) -> None:
    """Register the callbacks, mount Chainlit at `path`, lead `/` there."""
    logging.getLogger("chainlit").setLevel(logging.WARNING)
    page = ChatPage(app, settings, load_wording(settings.language), path)
    page.register()

    async def home() -> RedirectResponse:
        return RedirectResponse(f"{path}/")

    app.add_api_route("/", home, methods=["GET", "HEAD"], include_in_schema=False)
    mount_chainlit(app, target=str(Path(__file__).with_name("chainlit_entry.py")), path=path)
    if settings.accounts:
        add_login(app, settings, f"{path}/")
        add_approvals(app, settings, f"{path}/")
        app.add_middleware(PageShell, path=path, cookie=COOKIE, greeting=None, admit=PageGuard(app, path, COOKIE).admit)
        return
    app.add_middleware(PageShell, path=path, cookie=COOKIE, greeting=None if settings.api_key.get_secret_value() else page.greeting)


def _as_file(mime_type: str) -> Literal["file"]:
    """An uploaded file is a name to click, whatever it holds: Chainlit's PDF preview looks for its worker outside of `path`."""
    return "file"


class ChatPage:
    """Chainlit's callbacks over one platform."""

    def __init__(self, app: FastAPI, settings: Settings, words: Wording, path: str) -> None:
        self._app = app
        self._accounts = settings.accounts
        self._key = settings.api_key.get_secret_value()
        self._words = words
        self._path = path
        self._layer = RecordsLayer(lambda: self._platform, words)
        self._active: dict[str, str] = {}
        """Run being worked on, by session."""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def _platform(self) -> Platform:
        return self._app.state.platform

    def register(self) -> None:
        cl.data_layer(lambda: self._layer)
        if self._accounts:
            pass  # whoever gets here has logged in: ui/page_guard.py
        elif self._key:
            cl.password_auth_callback(self.enter_with_key)
        else:
            cl.header_auth_callback(self.enter)
        cl.set_starter_categories(self.starters)
        cl.on_message(self.answer)
        cl.on_chat_resume(self.come_back)
        cl.action_callback("read_clause")(self.read_clause)
        cl.action_callback("decide")(self.decide)
        for name, act in InterviewActions(lambda: self._platform, self._who, self._words).callbacks():
            cl.action_callback(name)(act)
        Element.infer_type_from_mime = _as_file
        handle: Any = sio.on
        handle("stop", self.stop)  # Chainlit's own says so in English and leaves the run running

    # who is there

    async def _who(self) -> Principal:
        """Whoever is on this page now. Raises NotAuthenticated when that is not who opened it."""
        principal = await visitor(self._platform)
        user = cl.context.session.user
        if user is None or user.identifier != principal.id:
            raise NotAuthenticated(self._words("problem.other"), where="-", cure=self._words("problem.other_cure"))
        return principal

    async def enter(self, headers: Headers) -> cl.User | None:
        """Single-user mode: whoever reaches this machine's loopback is its user."""
        return cl.User(identifier=self._platform.principal.id)

    def greeting(self) -> str:
        """The same user before the page asks, so that nobody sees a login page flash by."""
        return create_jwt(cl.User(identifier=self._platform.principal.id))

    async def enter_with_key(self, name: str, key: str) -> cl.User | None:
        if not secrets.compare_digest(key.encode(), self._key.encode()):
            await asyncio.sleep(WRONG_KEY_S)
            return None
        return cl.User(identifier=self._platform.principal.id, display_name=name[:40])

    async def starters(self, user: cl.User | None, language: str | None, chat_profile: str | None) -> list[StarterCategory]:
        """Examples, one group a kind of user."""
        groups = cast("list[dict[str, Any]]", self._words.section("starters"))
        return [
            StarterCategory(
                label=group["label"],
                icon=f"{self._path}/public/icons/{group['icon']}.svg",
                starters=[Starter(label=question, message=question) for question in group["questions"]],
            )
            for group in groups
        ]

    # a message

    async def answer(self, message: cl.Message) -> None:
        """Files first, each into the sender's own collection; then the question, if there is one."""
        step = cl.context.current_run
        parent_id = step.id if step else None
        files = [(each.name, Path(each.path)) for each in message.elements or [] if each.path]
        try:
            principal = await self._who()
            first_words = message.content or "、".join(name for name, _ in files)
            thread_id = await self._layer.adopt(cl.context.session, first_words)
            await cl.send_window_message({"shuzhi_thread": thread_id})
            for name, path in files:
                await self._read_file(principal, thread_id, name, path, parent_id)
            if message.content.strip() or not files:
                turns = await asyncio.to_thread(self._turns, principal, thread_id)
                run = await self._platform.runs.start(principal, message.content, door="chat", thread_id=thread_id, turns=turns)
                await self._follow(principal, run.id, parent_id, parent_id)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is shown in the one shape, with a cure
            await show_problem(problem_of(error, self._words), self._words)

    async def _read_file(self, principal: Principal, thread_id: str, name: str, path: Path, parent_id: str | None) -> None:
        run, outcome = await take_in(self._platform, principal, thread_id, name, path, self._words)
        if parent_id:
            self._layer.remember(parent_id, run.id)
        if isinstance(outcome, Answer) and (form := await read_form(self._platform, principal, thread_id, name, path, self._words)):
            outcome = form
        if isinstance(outcome, Answer):
            elements = [element(*shown) for shown in answer_elements(outcome, self._words)]
            await cl.Message(content=markdown(outcome.text), author=AUTHOR, elements=elements).send()
        else:
            await show_problem(outcome, self._words)

    def _turns(self, principal: Principal, thread_id: str) -> list[Turn]:
        """The conversation's questions and answers; files that were read are not part of what is talked about."""
        runs = self._platform.run_store.list_runs(thread_id, principal, limit=HISTORY)
        turns: list[Turn] = []
        for run in runs:
            if run.answer is not None and run.kind != UPLOAD_RUN:
                said = str(run.answer.get("text", ""))
                turns += [Turn(role="user", content=run.question), Turn(role="assistant", content=said)]
        return turns

    async def _follow(self, principal: Principal, run_id: str, parent_id: str | None, step_id: str | None, after: int = 0) -> None:
        """Draw a run and let the stop button reach it."""
        session_id = cl.context.session.id
        self._active[session_id] = run_id
        if step_id:
            self._layer.remember(step_id, run_id)
        try:
            await RunView(self._platform, principal, self._words, run_id, parent_id).follow(after)
        finally:
            self._active.pop(session_id, None)

    async def stop(self, sid: str) -> None:
        """The stop button. The run ends as `cancelled`, and the page that follows it draws that."""
        session = WebsocketSession.get(sid)
        run_id = self._active.get(session.id) if session else None
        if run_id is not None:
            with contextlib.suppress(NotFound, NotAuthenticated, NotAllowed):  # it has just ended, or the session has
                await self._platform.runs.cancel(run_id, await visitor(self._platform), door="chat")

    # coming back

    async def come_back(self, thread: ThreadDict) -> None:
        """The conversation itself comes from the data layer; a run that is still going on is followed from here."""
        principal = await self._who()
        runs = await asyncio.to_thread(self._platform.run_store.list_runs, thread["id"], principal)
        for run in runs:
            if run.status == "running":
                self._in_background(self._follow_later(principal, run.id))

    async def _follow_later(self, principal: Principal, run_id: str) -> None:
        await asyncio.sleep(RESUMED_S)
        await self._follow(principal, run_id, run_id, None)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        emitter = cl.context.emitter

        async def watched() -> None:
            await emitter.task_start()
            try:
                await work
            except Exception as error:  # noqa: BLE001 - nobody awaits this task; the page is told
                await show_problem(problem_of(error, self._words), self._words)
            finally:
                await emitter.task_end()

        task = asyncio.create_task(watched())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # what the page's elements ask for; their answers go back to the element

    async def read_clause(self, action: cl.Action) -> dict[str, Any]:
        """A clause as the principal may read it."""
        platform = self._platform
        given: dict[str, Any] = action.payload
        quotes = [quote for quote in cast("list[object]", given.get("quotes") or []) if isinstance(quote, str)]
        try:
            wanted = {"clause_id": given.get("clause_id")}
            result = await run_directly(platform, "get_clause", wanted, await self._who(), "chat")
        except PlatformError as error:
            return {"problem": problem_props(error.problem(), self._words)}
        known = frozenset(platform.knowledge.catalogue.clauses)
        return {"clause": clause_props(ClauseOutput.model_validate(result["data"]), quotes, self._words, known)}

    async def decide(self, action: cl.Action) -> dict[str, Any]:
        """Approve or reject, once; the waiting run goes on and is drawn where it stopped."""
        platform, given = self._platform, cast("dict[str, Any]", action.payload)
        decision = "approve" if given.get("decision") == "approve" else "reject"
        try:
            principal = await self._who()
            decided = await asyncio.to_thread(platform.approvals.decide, str(given.get("approval_id")), principal, decision, door="chat")
            await platform.runs.resume(decided.run_id, door="chat")
        except PlatformError as error:
            return {"problem": problem_props(error.problem(), self._words)}
        parent_id, seen = str(given.get("parent_id") or "") or None, int(given.get("seen") or 0)
        self._in_background(self._follow(principal, decided.run_id, parent_id, parent_id, seen))
        return {"status": decided.status}
