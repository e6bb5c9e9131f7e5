"""A real server in this process."""

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from serving.api import create_app
from serving.assembly import open_platform
from serving.instance import announce, withdraw
from tools.contract import AnyTool

from .homes import settings_of
from .town import Town


@asynccontextmanager
async def listening(app: FastAPI, port: int = 0) -> AsyncGenerator[str]:
    """`app` on this port, or a free one; yields its address."""
    listener = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2))
    # not `serve`, which takes over the signals of the test run
    serving = asyncio.create_task(server._serve([listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    await serving
    listener.close()


@contextmanager
def owner_of(home: Path, extra_tools: list[AnyTool]) -> Iterator[str]:
    """The instance that owns `home`, in a thread of its own; commands find it."""
    started, stop, addresses = threading.Event(), threading.Event(), list[str]()

    async def own() -> None:
        platform = await open_platform(settings_of(home), extra_tools=extra_tools)
        app = create_app(platform.settings, platform=platform)
        app.state.platform = platform
        async with listening(app) as address:
            announce(home, address)
            addresses.append(address)
            started.set()
            await asyncio.to_thread(stop.wait)
            withdraw(home)
        await platform.close()

    thread = threading.Thread(target=asyncio.run, args=[own()])
    thread.start()
    assert started.wait(60)
    yield addresses[0]
    stop.set()
    thread.join()


@contextmanager
def served_by(
    opening: Callable[[], AbstractAsyncContextManager[Town]], settle: Callable[[Town], None], announced: Path | None = None, port: int = 0
) -> Iterator[tuple[str, Town]]:
    """A town on a real server, in a thread of its own. `announced`: the home in which commands find it."""
    started, stop, found = threading.Event(), threading.Event(), list[tuple[str, Town]]()

    async def own() -> None:
        async with opening() as town:
            settle(town)
            async with listening(town.app, port) as address:
                found.append((address, town))
                if announced is not None:
                    announce(announced, address)
                started.set()
                await asyncio.to_thread(stop.wait)
                if announced is not None:
                    withdraw(announced)

    thread = threading.Thread(target=asyncio.run, args=[own()])
    thread.start()
    assert started.wait(60)
    yield found[0]
    stop.set()
    thread.join()
