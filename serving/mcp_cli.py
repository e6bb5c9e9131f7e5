"""`shuzhi mcp`: tools of other MCP servers, and the decision whether they may be used."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import typer

mcp_app = typer.Typer(help="其他 MCP 服务器的工具：查看、准入、撤销", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="输出 JSON")]
Everybody = Annotated[bool, typer.Option("--everybody", help="对所有企业；默认只对本企业")]
STATES = {"admitted": "已准入", "quarantined": "隔离中", "gone": "已不在"}


@mcp_app.command("list")
def mcp_list(as_json: AsJson = False) -> None:
    """列出各服务器的工具与状态。"""
    from .cli import show

    found = _found()
    show(found, as_json, _lines(found))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    for tool in found["tools"]:
        yield f"{tool['name']:40} {STATES[tool['state']]}  {tool['effect'] or '-':8} {'；'.join(tool['concerns'])}"
    for server in found["servers"]:
        for problem in server["problems"]:
            yield f"  {server['name']}：{problem}"


@mcp_app.command("show")
def mcp_show(name: str, as_json: AsJson = False) -> None:
    """查看一个工具的完整声明与摘要。"""
    from .cli import show

    show(_one(name), True, [])


@mcp_app.command("admit")
def mcp_admit(
    name: str,
    sha256: Annotated[str, typer.Option(help="所看到的声明的摘要，见 shuzhi mcp show")],
    reason: Annotated[str, typer.Option(help="准入的理由")],
    effect: Annotated[str, typer.Option(help="external：每次执行须审批 | read：只读，直接执行")] = "external",
    everybody: Everybody = False,
    as_json: AsJson = False,
) -> None:
    """准许使用一个工具。"""
    from domain.errors import UserInputError

    from .cli import run_in_session, show

    if effect not in ("read", "external"):
        raise UserInputError(f"没有这种影响 {effect!r}", where="--effect", cure="用 read 或 external")
    found = run_in_session(lambda session, settings: session.admit(name, sha256, effect, reason, _scope(everybody)))
    show(found, as_json, [f"{name} 已准入（{found['effect']}）"])


@mcp_app.command("revoke")
def mcp_revoke(
    name: str, reason: Annotated[str, typer.Option(help="撤销的理由")], everybody: Everybody = False, as_json: AsJson = False
) -> None:
    """撤销准入。"""
    from .cli import run_in_session, show

    found = run_in_session(lambda session, settings: session.revoke(name, reason, _scope(everybody)))
    show(found, as_json, [f"{name} 已撤销"])


def _scope(everybody: bool) -> Literal["tenant", "everybody"]:
    return "everybody" if everybody else "tenant"


def _found() -> dict[str, Any]:
    from .cli import run_in_session

    return run_in_session(lambda session, settings: session.remote_tools())


def _one(name: str) -> dict[str, Any]:
    from domain.errors import NotFound, known_names

    found = {tool["name"]: tool for tool in _found()["tools"]}
    if name not in found:
        raise NotFound(f"没有发现外部工具 {name!r}", where="name", cure=known_names(name, list(found)))
    return found[name]
