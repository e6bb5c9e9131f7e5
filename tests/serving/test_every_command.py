"""Every command of `shuzhi`, against an instance with accounts: the same attacks, the same secret of another enterprise.

A command that is new has to be put into one of the lists below; the last test fails until it is.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from serving.cli import app as commands
from serving.doors import host_name
from serving.settings import LOOPBACK

from .attacks import ATTACKS, CLUE, KEY, SECRET
from .command import at_home, shuzhi
from .homes import copy_home
from .listening import served_by
from .town import CANARY, ELSEWHERE, Town, open_town, settle

ASKING_COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "ask": lambda words: [words],
    "search": lambda words: [words],
    "tools run": lambda words: ["get_clause", "--args", json.dumps({"clause_id": words})],
    "interview start": lambda words: [words],
}
FILE_COMMANDS = {"ingest", "enterprises import", "enterprises export"}
READING_COMMANDS = {"documents", "artifacts list", "doctor", "tools list", "approvals list"}
READING_COMMANDS |= {"enterprises list", "enterprises segments", "enterprises merge"}
BARE_COMMANDS = {"up", "artifacts save", "db upgrade", "tools show", "approvals show", "approvals approve", "approvals reject"}
BARE_COMMANDS |= {f"interview {name}" for name in ("answer", "show", "confirm", "finish")}
BARE_COMMANDS |= {f"enterprises {name}" for name in ("show", "create", "update", "history")}
"""They take a name or an id."""
MANAGING = {
    *{f"audit {name}" for name in ("anchor", "export", "list", "sign", "verify")},
    *{f"keys {name}" for name in ("new", "rotate", "status")},
}
"""They open the database on the machine itself."""
REMOTE_COMMANDS = {f"mcp {name}" for name in ("admit", "list", "revoke", "show")}
"""For a security administrator: which tools of other servers may be used."""
MACHINE_COMMANDS = {"guard", "users create", "users list", "users disable", "users password", "users role", "users key"} | MANAGING
"""For whoever owns the machine; they ask nobody and show no content."""


@pytest.fixture(scope="module")
def served(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Town]]:
    own = copy_home(home, tmp_path_factory.mktemp("doors") / "home")
    with served_by(lambda: open_town(own), settle, announced=own) as (address, town):
        assert host_name(address) in LOOPBACK
        yield own, town


@pytest.fixture
def as_oskar(served: tuple[Path, Town], monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    monkeypatch.setenv("SHUZHI_API_KEY", served[1].keys["oskar"])
    with at_home(served[0]):
        yield served[1]


def every_command() -> set[str]:
    def walk(command: Any, path: str) -> Iterator[str]:
        below: dict[str, Any] = getattr(command, "commands", {})
        if not below:
            yield path.strip()
        for name, each in below.items():
            yield from walk(each, f"{path} {name}")

    return set(walk(typer.main.get_command(commands), ""))


@pytest.mark.parametrize("command", ASKING_COMMANDS)
def test_commands_turn_attacks_away(as_oskar: Town, command: str) -> None:
    arguments = ASKING_COMMANDS[command]
    for words in ATTACKS.values():
        shown = shuzhi(*command.split(), *arguments(words), "--json")
        assert shown.code == (0 if command == "ask" else 2), shown
        assert shown.json["refused"] if command == "ask" else shown.json["error"]["type"] == "NotAllowed"
    assert KEY not in shuzhi(*command.split(), *arguments(SECRET), "--json").out.replace(SECRET, "")
    for words in (CLUE, "染缸的恒温阀多少天更换一次？"):
        shown = shuzhi(*command.split(), *arguments(words), "--json").out.replace(words, "")
        assert CANARY not in shown
        assert "17 天" not in shown


def test_files_on_the_command_line(as_oskar: Town, tmp_path: Path) -> None:
    for words in ATTACKS.values():
        file = tmp_path / f"{words}.md"
        file.write_text("# 点检\n\n1 总则\n\n1.1 每天点检一次。\n", encoding="utf-8")
        shown = shuzhi("ingest", str(file), "--json")
        assert shown.json["counts"]["failed"] == 1
        assert shown.json["failures"][0]["error"]["type"] == "NotAllowed"


@pytest.mark.parametrize("command", sorted(READING_COMMANDS))
def test_commands_that_list_show_nothing_of_another_enterprise(as_oskar: Town, command: str) -> None:
    shown = shuzhi(*command.split(), "--json")
    assert shown.code == 0
    assert CANARY not in shown.out
    assert ELSEWHERE not in shown.out


@pytest.mark.parametrize("command", [*ASKING_COMMANDS, *sorted(READING_COMMANDS - {"doctor"})])
def test_commands_without_a_key_are_strangers(served: tuple[Path, Town], command: str) -> None:
    with at_home(served[0]):
        shown = shuzhi(*command.split(), *ASKING_COMMANDS.get(command, lambda words: [])("块存储走什么协议？"), "--json")
    assert (shown.code, shown.json["error"]["type"]) == (2, "NotAuthenticated")


def test_every_command_is_in_one_list() -> None:
    listed = [*ASKING_COMMANDS, *FILE_COMMANDS, *READING_COMMANDS, *BARE_COMMANDS, *REMOTE_COMMANDS, *MACHINE_COMMANDS]
    assert sorted(listed) == sorted(every_command())
