"""A running platform for all API tests, in a home whose catalogue is indexed once."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from agents.prompts.load import PROMPTS, prompt
from serving.api import create_app
from serving.assembly import Platform, open_platform
from tests.agents.board import NoticeBoard

from .attacks import KEY, MOBILE
from .homes import copy_home, make_home, settings_of
from .toolbox import broken_tool, patient_tool, talkative_tool
from .town import Town, open_town, settle

BASE = "http://127.0.0.1:8000"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Indexed and closed; copy it."""
    return make_home(tmp_path_factory.mktemp("serving") / "home")


@pytest.fixture
def own_home(home: Path, tmp_path: Path) -> Path:
    return copy_home(home, tmp_path / "home")


@pytest.fixture(scope="session")
def board() -> NoticeBoard:
    return NoticeBoard()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(home: Path, tmp_path_factory: pytest.TempPathFactory, board: NoticeBoard) -> AsyncIterator[Platform]:
    """The whole product, with three more tools: one with an effect, one that takes its time, one that breaks."""
    settings = settings_of(copy_home(home, tmp_path_factory.mktemp("api") / "home"), heartbeat_s=0.05, largest_upload=20_000)
    platform = await open_platform(settings, extra_tools=[board.tool(), patient_tool(), broken_tool()])
    yield platform
    await platform.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def app(platform: Platform) -> AsyncIterator[FastAPI]:
    async with started(platform) as app:
        yield app


@pytest_asyncio.fixture(loop_scope="session")
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def town(home: Path, tmp_path_factory: pytest.TempPathFactory, board: NoticeBoard) -> AsyncIterator[Town]:
    """The whole product with accounts, and people of two enterprises in it."""
    own = copy_home(home, tmp_path_factory.mktemp("town") / "home")
    talkative = talkative_tool(f"陈工的手机是 {MOBILE}", f"密钥是 {KEY}", prompt(PROMPTS[0]))
    async with open_town(own, board.tool(), talkative, largest_upload=20_000) as town:
        settle(town)
        yield town


@asynccontextmanager
async def started(platform: Platform) -> AsyncGenerator[FastAPI]:
    """The application on a platform that is already open."""
    app = create_app(platform.settings, platform=platform)
    async with app.router.lifespan_context(app):
        yield app


def client_of(app: FastAPI, **options: object) -> httpx.AsyncClient:
    """Straight into the application; what it raises is what a server would answer."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url=BASE, **options)  # pyright: ignore
