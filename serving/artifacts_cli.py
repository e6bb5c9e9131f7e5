"""`shuzhi artifacts`: list the files that were made, and save one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .terminal import AsJson, show

if TYPE_CHECKING:
    from .session import Session
    from .settings import Settings

app = typer.Typer(help="生成的文件（报告等）", no_args_is_help=True)


@app.command("list")
def artifacts_list(as_json: AsJson = False) -> None:
    """列出可读的文件，新的在前。"""
    from .cli import run_in_session

    async def work(session: "Session", settings: "Settings") -> list[dict[str, Any]]:
        return await session.artifacts()

    found = run_in_session(work)
    lines = (f"{a['id']}  {a['created_at'][:16].replace('T', ' ')}  {a['size']:>9}  {a['name']}  [{a['label']['level']}]" for a in found)
    show({"artifacts": found}, as_json, lines)


@app.command("save")
def artifacts_save(
    artifact_id: str,
    out: Annotated[Path | None, typer.Option(help="写到哪个文件或目录；默认当前目录，用文件自己的名字")] = None,
    force: Annotated[bool, typer.Option("--force", help="覆盖已有的文件")] = False,
    as_json: AsJson = False,
) -> None:
    """把一个文件存到本机。"""
    from domain.errors import Conflict
    from records.replacing import replacing

    from .cli import run_in_session

    async def work(session: "Session", settings: "Settings") -> tuple[dict[str, Any], bytes]:
        return await session.artifact(artifact_id)

    about, data = run_in_session(work)
    target = out or Path()
    # the name is data: only its last part is ever used
    target = target / Path(about["name"].replace("\\", "/")).name if target.is_dir() else target
    if target.exists() and not force:
        raise Conflict("文件已经存在，没有改动", where=str(target), cure="用 --out 写到别处，或加 --force 覆盖")
    with replacing(target, "文件写不进去") as file:
        file.write(data)
    show(about | {"saved": str(target)}, as_json, [f"已存为 {target}"])
