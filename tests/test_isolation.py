"""The walls that `conftest.py` and `pytest-socket` put around every test."""

import os
import socket
import sqlite3
from pathlib import Path

import pytest
from pytest_socket import SocketConnectBlockedError


class TestNetwork:
    @pytest.mark.filterwarnings("ignore:A test tried to use socket")
    def test_other_machines_cannot_be_reached(self) -> None:
        with socket.socket() as outside, pytest.raises(SocketConnectBlockedError):
            outside.connect(("192.0.2.1", 443))

    def test_this_machine_can(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
            pass


class TestFiles:
    def test_nothing_is_written_outside_temporary_folders(self) -> None:
        here = Path(__file__).parent
        with pytest.raises(PermissionError, match="outside tmp_path"):
            (here / "stray.txt").write_text("x", encoding="utf-8")
        with pytest.raises(PermissionError, match="outside tmp_path"):
            (here / "stray").mkdir()
        with pytest.raises(PermissionError, match="outside tmp_path"):
            sqlite3.connect(str(here / "stray.db"))

    def test_temporary_folders_are_writable_and_everything_is_readable(self, tmp_path: Path) -> None:
        (tmp_path / "own.txt").write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")


def test_no_settings_come_from_outside(tmp_path: Path) -> None:
    assert {name: value for name, value in os.environ.items() if name.startswith("SHUZHI_")} == {"SHUZHI_HOME": str(tmp_path / "home")}
