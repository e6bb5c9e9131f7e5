"""Home folders with the catalogue indexed, for tests."""

import shutil
from pathlib import Path
from typing import Any

from serving.assembly import open_knowledge
from serving.settings import Settings, load_settings


def make_home(folder: Path) -> Path:
    """A home in which everything that takes time has been done."""
    open_knowledge(settings_of(folder)).close()
    return folder


def copy_home(home: Path, folder: Path) -> Path:
    """A home of one's own, to write into."""
    shutil.copytree(home, folder)
    return folder


def settings_of(home: Path, **changed: Any) -> Settings:
    return load_settings(home=home, **changed)
