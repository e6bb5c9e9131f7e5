"""What holds for every test: no network beyond this machine, no settings from outside, no file written outside temporary folders.

`pytest-socket` (on by `addopts`) refuses connections to other machines. Generated examples are new in every run, and the same in every run
of CI: what it says of a commit does not change.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("repository", database=None, deadline=None)
settings.register_profile("same for everybody", settings.get_profile("repository"), derandomize=True)
settings.load_profile("same for everybody" if os.environ.get("CI") else "repository")

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
RELATIVE_EVENTS = ("os.mkdir", "os.rename", "os.remove", "os.rmdir")
FOLDER_EVENTS = (*RELATIVE_EVENTS, "sqlite3.connect")


CHECKOUT = str(Path(__file__).parent.parent) + os.sep
"""Never written to, also where the checkout itself lies in a temporary folder."""


class _WriteGuard:
    """Raises where a test is about to write outside the temporary folders. It stays for the life of the process: audit hooks cannot go."""

    def __init__(self) -> None:
        self.allowed: tuple[str, ...] = ()
        self.active = False

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.active:
            return
        if event == "open":
            path, mode, flags = arguments
            writes = bool(flags & WRITING) if isinstance(flags, int) else any(c in str(mode) for c in "wax+")
        else:
            path, writes = arguments[0] if arguments else "", event in FOLDER_EVENTS
            if event in RELATIVE_EVENTS and arguments[-1] != -1:
                return  # relative to an open folder, which was checked when it was made
        if writes and isinstance(path, str | bytes | os.PathLike):
            self._check(os.fsdecode(path))

    def _check(self, path: str) -> None:
        full = os.path.abspath(path)
        if "__pycache__" in full or path in (":memory:", "") or path.startswith("file:"):
            return
        if full.startswith(self.allowed) and not full.startswith(CHECKOUT):
            return
        raise PermissionError(f"a test writes outside tmp_path: {path}")


_guard = _WriteGuard()
sys.addaudithook(_guard)


@pytest.fixture(scope="session", autouse=True)
def _temporary_folders(tmp_path_factory: pytest.TempPathFactory) -> None:
    roots = {tempfile.gettempdir(), str(tmp_path_factory.getbasetemp())}
    _guard.allowed = (*(os.path.realpath(root) for root in roots), *roots, "/dev/", "/proc/")


@pytest.fixture(autouse=True)
def _only_temporary_files(_temporary_folders: None) -> Iterator[None]:
    _guard.active = True
    yield
    _guard.active = False


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A developer's own SHUZHI_… variables change no test; a command that is started finds an empty home."""
    for name in os.environ:
        if name.startswith("SHUZHI_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SHUZHI_HOME", str(tmp_path / "home"))
