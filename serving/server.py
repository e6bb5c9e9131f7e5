"""`shuzhi up`: one process with the API and the chat page on it."""

import errno
import gc
import importlib
import os
import socket
from typing import Any

import structlog
import uvicorn

from domain.errors import ConfigurationError, Conflict

from .api import Mount, create_app
from .instance import announce, running, withdraw
from .logs import configure_logging
from .settings import Settings
from .tls import secure

log = structlog.get_logger()
GARBAGE_THRESHOLD = 20_000
"""Objects made before the collector looks for cycles. A request makes some thousands; Python's own default looks several times in each."""
PAGE = "ui.mounted"
"""The chat page lives a floor above: it is found by name, so that this floor does not import it."""


def serve(settings: Settings) -> None:
    """Serve until stopped.

    Raises:
        Conflict: the port is in use, or another instance serves this home.
        ConfigurationError, StorageError, UpstreamUnavailable: from opening the platform.
    """
    configure_logging(settings.log_level)
    other = running(settings.home)
    if other is not None:
        raise Conflict(f"这个数据目录已有实例在运行：{other.url}", where=str(settings.home), cure="直接打开它，或先停止它")
    listener = _listen(settings.host, settings.port)
    port = listener.getsockname()[1]
    shown = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - compared, not bound
    url = f"{'https' if settings.tls.cert_file else 'http'}://{shown}:{port}"
    app = create_app(settings, mount=_page(settings))
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=5)
    secure(config, settings.tls)
    server = _Server(config, settings, url)
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()
    failure: Exception | None = getattr(app.state, "failure", None)
    if failure is not None:
        raise failure


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise Conflict(f"端口 {port} 已被占用", where=f"{host}:{port}", cure=f"换一个端口：shuzhi up --port {port + 1}") from error
        raise ConfigurationError(f"不能在 {host}:{port} 监听：{error.strerror}", where="SHUZHI_HOST", cure="检查地址与权限") from error
    return listener


def _page(settings: Settings) -> Mount:
    module: Any = importlib.import_module(PAGE)
    mount: Mount = module.mount_for(settings)
    return mount


class _Server(uvicorn.Server):
    """Announces itself once it is ready, and takes that back when it stops: after a signal, nothing behind `run` is reached."""

    def __init__(self, config: uvicorn.Config, settings: Settings, url: str) -> None:
        super().__init__(config)
        self._settings = settings
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.should_exit:
            return
        # the dictionary, the catalogue and the modules stay for good: the collector need not walk through them again and again
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_THRESHOLD)
        announce(self._settings.home, self._url, self._settings.tls.cert_file)
        log.info("ready", url=self._url, pid=os.getpid())
        print(f"\n  ShuZhi 数智助手已启动：{self._url}/chat\n  按 Ctrl+C 停止\n", flush=True)  # noqa: T201 - the user's first line

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        withdraw(self._settings.home)
        await super().shutdown(sockets)
