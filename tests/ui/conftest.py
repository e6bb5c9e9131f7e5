"""Chainlit may be imported in this process once, and only after its folder is there."""

import importlib
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from serving.assembly import Platform, open_platform
from serving.settings import Settings
from ui.page_home import prepare
from ui.wording import Wording, load_wording


@pytest.fixture(scope="session")
def chainlit_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("chainlit")
    prepare(Settings(home=home), "/chat")
    return home


@pytest.fixture
def records_layer(chainlit_home: Path) -> Any:
    """The class, imported here because importing Chainlit reads the environment."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Chainlit's dependencies' own
        return importlib.import_module("ui.data_layer").RecordsLayer


@pytest.fixture
def login_module(chainlit_home: Path) -> Any:
    """Imported here for the same reason."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("ui.login_page")


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    platform = await open_platform(Settings(home=tmp_path / "platform"))
    yield platform
    await platform.close()


@pytest.fixture
def words() -> Wording:
    return load_wording("zh-CN")
