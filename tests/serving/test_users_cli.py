"""`shuzhi users …` as people at the machine use it."""

import json
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from domain.errors import Conflict, NotFound, PlatformError, UserInputError
from records.audit_tables import ENTRIES
from records.database import Database
from serving.settings import load_settings
from serving.users_cli import app

RUNNER = CliRunner()


def run(*arguments: str) -> dict[str, Any]:
    result = RUNNER.invoke(app, [*arguments, "--json"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_the_first_administrators_and_a_person() -> None:
    for name, role in (("chief", "system_admin"), ("guard", "security_admin"), ("auditor", "audit_admin")):
        assert run("create", name, "--role", role)["roles"] == [role]
    anna = run("create", "Anna", "--role", "operator", "--role", "expert", "--attribute", "钢铁", "--display-name", "安娜")
    assert (anna["must_change"], anna["attributes"], len(anna["initial_password"])) == (True, ["钢铁"], 20)
    assert [account["name"] for account in run("list")["accounts"]] == ["Anna", "auditor", "chief", "guard"]
    with pytest.raises(Conflict, match="已经有系统管理员"):
        run("create", "second", "--role", "system_admin")
    assert len(run("list")["accounts"]) == 4


def test_a_second_administrator_is_proposed() -> None:
    run("create", "chief", "--role", "system_admin")
    run("create", "anna")
    answer = run("role", "anna", "--add", "system_admin", "--add", "operator")
    assert answer["roles"] == ["operator", "staff"]
    assert "等待安全管理员确认" in answer["proposed"][0]
    assert run("role", "anna", "--remove", "operator")["roles"] == ["staff"]
    assert run("role", "anna", "--add", "audit_admin")["roles"] == ["audit_admin", "staff"]


def test_disabling_and_passwords() -> None:
    run("create", "anna")
    assert run("disable", "ANNA")["state"] == "disabled"
    assert run("disable", "anna", "--enable")["state"] == "active"
    one, other = run("password", "anna"), run("password", "anna")
    assert one["initial_password"] != other["initial_password"]
    run("create", "guard", "--role", "security_admin")
    assert run("password", "guard")["initial_password"]


def test_a_key_works_and_is_shown_once() -> None:
    run("create", "anna", "--role", "expert")
    made = run("key", "anna", "--scope", "expert", "--days", "3", "--label", "持续集成")
    assert made["secret"].startswith(made["prefix"])
    from records.speakers import Speakers

    database = Database(load_settings().database)
    assert Speakers(database).identify(made["secret"]).principal.roles == {"expert"}
    database.close()


def test_tenants_are_apart() -> None:
    run("create", "anna", "--tenant", "锻造厂")
    run("create", "anna", "--tenant", "纺织厂")
    assert len(run("list", "--tenant", "锻造厂")["accounts"]) == 1
    assert run("list")["accounts"] == []
    with pytest.raises(NotFound):
        run("disable", "anna")


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "anna", "--role", "root"),
        ("create", "anna", "--role", "system_admin", "--role", "audit_admin"),
        ("create", "аnna"),
        ("role", "anna"),
        ("key", "anna", "--scope", "root"),
    ],
)
def test_what_cannot_be_is_said(arguments: tuple[str, ...]) -> None:
    with pytest.raises(UserInputError):
        run(*arguments)


def test_what_happens_at_the_machine_is_in_the_audit() -> None:
    run("create", "anna")
    database = Database(load_settings().database)
    with database.transaction() as connection:
        [row] = connection.execute(select(ENTRIES).where(ENTRIES.c.action == "account.create")).mappings()
    database.close()
    assert (row["actor"], row["door"], "accounts.create" in row["detail"]) == ("console", "cli", True)


def test_people_read_lines() -> None:
    made = RUNNER.invoke(app, ["create", "anna"])
    assert "初始密码（只显示这一次）" in made.output
    listed = RUNNER.invoke(app, ["list"])
    assert listed.output.startswith("anna ")
    again = RUNNER.invoke(app, ["create", "ANNA"])
    assert isinstance(again.exception, PlatformError)
