"""The HTTP interface for commands: the running instance's, or that of the stores opened here, called in this process."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from domain.errors import Problem, UpstreamUnavailable

from .assembly import open_platform
from .instance import running
from .session import RemoteError
from .settings import Settings

HERE = "http://127.0.0.1"


@asynccontextmanager
async def open_client(settings: Settings) -> AsyncGenerator[httpx.AsyncClient]:
    """A client with the command's key. Raises what `open_platform` raises."""
    instance, key = running(settings.home), settings.api_key.get_secret_value()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if instance is not None:
        remote = {"base_url": instance.url, "timeout": 300.0, "trust_env": False, "verify": instance.verify}
        async with httpx.AsyncClient(headers=headers, **remote) as client:  # pyright: ignore[reportArgumentType]
            yield client
        return
    from .api import create_app  # noqa: PLC0415 - only a command without an instance needs the application

    platform = await open_platform(settings, door="cli")
    try:
        app = create_app(settings, platform=platform)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=HERE, headers=headers, timeout=300.0) as client:
                yield client
    finally:
        await platform.close()


async def call(client: httpx.AsyncClient, method: str, path: str, **more: Any) -> httpx.Response:
    """The answer. Raises PlatformError for what the interface refuses, UpstreamUnavailable when it does not answer."""
    try:
        response = await client.request(method, path, **more)
        error = response.json().get("error") if response.status_code >= 400 else None
    except (httpx.HTTPError, ValueError, AttributeError) as failure:
        raise UpstreamUnavailable("正在运行的实例没有应答", where=path, cure="重启 shuzhi up 后再试") from failure
    if error is not None:
        raise RemoteError(Problem.model_validate(error), response.status_code)
    return response
