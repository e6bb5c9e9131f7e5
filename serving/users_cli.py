"""`shuzhi users …`: accounts from the machine itself, the first administrators among them.

Whoever can run this can read the database, so there is no login; what is done is recorded as done by `console`. A running instance
sees it within seconds. Heavy imports wait for their command.
"""

import json
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from domain.principal import Principal, Role

    from .access import Access

app = typer.Typer(help="账号、角色、密码与访问密钥", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="输出 JSON")]
Tenant = Annotated[str, typer.Option("--tenant", help="企业；默认为设置里的企业")]
Name = Annotated[str, typer.Argument(help="账号名")]


@contextmanager
def _opened(tenant: str) -> "Generator[tuple[Access, Principal]]":
    # each of these takes a while to import, and `--help` needs none of them
    from domain.principal import Principal
    from knowledge.library import Library
    from records.audit import AuditLog
    from records.database import Database

    from .access import library_assets, open_access
    from .deeds import deeds_of
    from .recording import audit_keys
    from .settings import load_settings

    settings = load_settings()
    given = settings.access
    settings.home.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    try:
        database.upgrade()
        audit = AuditLog(database, algorithm=settings.audit.hash, keys=audit_keys(settings))
        access = open_access(database, given, library_assets(Library(database)), deeds_of(audit)).through("cli")
        try:
            yield access, Principal(id="console", tenant=tenant or given.tenant, roles=frozenset({"system_admin"}))
        finally:
            access.usage.close()
    finally:
        database.close()


def _show(data: dict[str, Any], as_json: bool, lines: Iterable[str]) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2) if as_json else "\n".join(lines))


@app.command("create")
def create(
    name: Name,
    role: Annotated[list[str] | None, typer.Option("--role", help="角色，可多次；管理员角色只能任命第一个")] = None,
    display_name: Annotated[str, typer.Option("--display-name", help="显示的名字")] = "",
    attribute: Annotated[list[str] | None, typer.Option("--attribute", help="属性，可多次")] = None,
    tenant: Tenant = "",
    as_json: AsJson = False,
) -> None:
    """建立账号，并给出只显示一次的初始密码。"""
    from domain.permissions import compatible_roles, known_role  # see _opened
    from domain.principal import ADMINISTRATIONS
    from records.accounts import NewAccount

    wanted = compatible_roles(known_role(each) for each in role or ["staff"])
    with _opened(tenant) as (access, by):
        for each in wanted & ADMINISTRATIONS:
            access.administrators.check_vacant(each, by)
        new = NewAccount(
            name=name[:256], display_name=display_name[:100], roles=wanted - ADMINISTRATIONS, attributes=frozenset(attribute or [])
        )
        account, password = access.accounts.create(new, by)
        for each in wanted & ADMINISTRATIONS:
            access.administrators.appoint_first(account.id, each, by)
        account = access.accounts.get(account.id, by)
    data = account.model_dump(mode="json") | {"initial_password": password}
    lines = [f"{account.name}  {'、'.join(sorted(account.roles))}  [{account.tenant}]", f"初始密码（只显示这一次）：{password}"]
    _show(data, as_json, lines)


@app.command("list")
def list_users(tenant: Tenant = "", as_json: AsJson = False) -> None:
    """列出账号。"""
    with _opened(tenant) as (access, by):
        found = access.accounts.list_accounts(by, limit=10_000)
    lines = (f"{a.name:20} {a.state:9} {'、'.join(sorted(a.roles)):30} {a.display_name}" for a in found)
    _show({"accounts": [account.model_dump(mode="json") for account in found]}, as_json, lines)


@app.command("disable")
def disable(
    name: Name,
    enable: Annotated[bool, typer.Option("--enable", help="重新启用")] = False,
    tenant: Tenant = "",
    as_json: AsJson = False,
) -> None:
    """停用账号：会话与密钥立即失效。"""
    with _opened(tenant) as (access, by):
        account = access.accounts.find(name, by)
        changed = access.accounts.set_state(account.id, "active" if enable else "disabled", by)
    _show(changed.model_dump(mode="json"), as_json, [f"{changed.name} {'已启用' if enable else '已停用'}"])


@app.command("password")
def password(name: Name, tenant: Tenant = "", as_json: AsJson = False) -> None:
    """重设密码：给出新的初始密码，只显示一次。"""
    with _opened(tenant) as (access, by):
        account = access.accounts.find(name, by)
        fresh = access.accounts.reset_password(account.id, by, at_console=True)
    _show({"id": account.id, "name": account.name, "initial_password": fresh}, as_json, [f"初始密码（只显示这一次）：{fresh}"])


@app.command("role")
def role(
    name: Name,
    add: Annotated[list[str] | None, typer.Option("--add", help="加上角色，可多次")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", help="去掉角色，可多次")] = None,
    tenant: Tenant = "",
    as_json: AsJson = False,
) -> None:
    """改变业务角色；管理员角色在没有人担任时任命，有人担任时提出任命，由安全管理员确认。"""
    from domain.errors import UserInputError  # see _opened
    from domain.permissions import known_role
    from domain.principal import ADMINISTRATIONS

    more: set[Role] = {known_role(each) for each in add or []}
    fewer: set[Role] = {known_role(each) for each in remove or []}
    if not more | fewer:
        raise UserInputError("没有说改变哪个角色", where="--add", cure="例如 --add operator，或 --remove expert")
    lines: list[str] = []
    with _opened(tenant) as (access, by):
        account = access.accounts.find(name, by)
        business: frozenset[Role] = (account.roles | more) - fewer - ADMINISTRATIONS
        if business != account.roles - ADMINISTRATIONS:
            access.accounts.set_roles(account.id, business, by)
        for each in more & ADMINISTRATIONS - account.roles:
            if access.administrators.is_vacant(each, by):
                access.administrators.appoint_first(account.id, each, by)
            else:
                access.administrators.propose(account.id, "appoint", each, by)
                lines.append(f"已提议任命 {each}，等待安全管理员确认")
        for each in fewer & ADMINISTRATIONS & account.roles:
            access.administrators.propose(account.id, "dismiss", each, by)
            lines.append(f"已提议撤换 {each}，等待安全管理员确认")
        account = access.accounts.get(account.id, by)
    data = account.model_dump(mode="json") | {"proposed": lines}
    _show(data, as_json, [f"{account.name}  {'、'.join(sorted(account.roles)) or '（无角色）'}", *lines])


@app.command("key")
def key(
    name: Name,
    scope: Annotated[list[str] | None, typer.Option("--scope", help="密钥带的角色，可多次")] = None,
    days: Annotated[int, typer.Option("--days", help="有效天数")] = 90,
    label: Annotated[str, typer.Option("--label", help="用途")] = "console",
    tenant: Tenant = "",
    as_json: AsJson = False,
) -> None:
    """为账号建立访问密钥，只显示一次。"""
    from domain.permissions import known_role  # see _opened

    scopes: set[Role] = {known_role(each) for each in scope or ["staff"]}
    with _opened(tenant) as (access, by):
        account = access.accounts.find(name, by)
        owner = by.model_copy(update={"id": account.id, "roles": account.roles})
        made, secret = access.keys.create(owner, label, scopes, days)
    lines = [f"{made.prefix}  {'、'.join(sorted(made.scopes))}  到 {made.expires_at:%Y-%m-%d}", f"密钥（只显示这一次）：{secret}"]
    _show(made.model_dump(mode="json") | {"secret": secret}, as_json, lines)


def main() -> None:
    """For running this group alone; `serving.cli` mounts it beside the others."""
    from domain.errors import PlatformError  # see _opened

    try:
        app()
    except PlatformError as error:
        typer.echo(json.dumps({"error": error.problem().model_dump(mode="json")}, ensure_ascii=False), err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
