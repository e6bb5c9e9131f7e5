"""The HTTP application: routes, errors in one shape, the chat page on the same server."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from .assembly import Platform, open_platform
from .doors import RequestGate, host_name
from .mcp import McpDoor
from .problems import add_problem_handlers
from .routes import accounts, approvals, artifacts, chat, documents, enterprises, health, interviews, mcp_tools, runs, tools
from .settings import LOOPBACK, Settings

Mount = Callable[[FastAPI], None]
"""Adds pages to the application (the chat): handed in from the floor above."""


def create_app(settings: Settings, *, platform: Platform | None = None, mount: Mount | None = None) -> FastAPI:
    """The application. Without a ready `platform` it opens one at start-up and closes it at the end."""

    door = McpDoor()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        try:
            app.state.platform = platform or await open_platform(settings)
        except Exception as error:
            app.state.failure = error
            raise
        app.state.access = app.state.platform.access
        app.state.platform.remote.start()
        try:
            yield
        finally:
            await door.close()
            if platform is None:
                await app.state.platform.close()

    app = FastAPI(title="ShuZhi 数智助手", version="0.1.0", lifespan=lifespan, docs_url=None, redoc_url=None)
    add_problem_handlers(app)
    for module in (chat, runs, tools, mcp_tools, documents, artifacts, approvals, enterprises, interviews, health):
        app.include_router(module.router)
    if settings.accounts:
        app.include_router(accounts.router)
    app.mount("/mcp", door)
    if mount is not None:
        mount(app)
    hosts = frozenset([*LOOPBACK, *map(host_name, settings.access.origins)]) if settings.host in LOOPBACK else frozenset[str]()
    app.add_middleware(RequestGate, largest_body=settings.largest_upload, hosts=hosts)
    return app
