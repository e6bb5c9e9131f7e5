"""The chat page on the platform's server. Importing this costs nothing; Chainlit is imported when the page is mounted."""

import importlib
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from serving.settings import Settings

from .page_home import prepare

PAGE = "ui.chat"
PATH = "/chat"


def mount_for(settings: Settings) -> Callable[[FastAPI], None]:
    """What adds the page to an application. One page a process: Chainlit keeps its configuration in its modules.

    The returned function raises StorageError when the page's folder cannot be written.
    """

    def mount(app: FastAPI) -> None:
        prepare(settings, PATH)
        module: Any = importlib.import_module(PAGE)
        module.mount_chat(app, settings, PATH)

    return mount
