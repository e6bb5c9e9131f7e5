"""`shuzhi enterprises …`: the enterprise files from the command line, through the same interface as everybody. Heavy imports wait."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from .terminal import AsJson, show

app = typer.Typer(help="企业档案", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="档案编号")]
Why = Annotated[str, typer.Option("--why", help="原因")]
Source = Annotated[str, typer.Option("--source", help="来源，例如 document:年报2025")]
Filter = Annotated[list[str] | None, typer.Option("--filter", help="条件，可多次：region=江苏、industry=C34、size=中型、demand=质量控制…")]
Set = Annotated[list[str] | None, typer.Option("--set", help="字段=内容，可多次；列表与模式写成 JSON，空内容表示清除")]


def _call(method: str, path: str, **more: Any) -> Any:
    from .client import call, open_client
    from .logs import configure_logging
    from .settings import load_settings

    settings = load_settings()
    configure_logging(settings.log_level, to_stderr=True)

    async def body() -> Any:
        async with open_client(settings) as client:
            return await call(client, method, path, **more)

    return asyncio.run(body())


def _pairs(given: list[str] | None, where: str) -> dict[str, str]:
    from domain.errors import UserInputError

    pairs = [each.partition("=") for each in given or []]
    if bad := next((name for name, sign, _ in pairs if not sign or not name), None):
        raise UserInputError(f"写法不对：{bad[:60]}", where=where, cure="写成 名称=内容")
    return {name: value for name, _, value in pairs}


def _fields(given: list[str] | None) -> dict[str, Any]:
    def value(text: str) -> Any:
        if text[:1] in "[{" and text:
            try:
                return json.loads(text)
            except ValueError:
                return text
        return text or None

    return {name: value(text) for name, text in _pairs(given, "--set").items()}


def _read(path: Path) -> bytes:
    from domain.errors import UserInputError

    try:
        return path.read_bytes()
    except OSError as error:
        raise UserInputError(f"读不了文件：{error.strerror}", where=str(path), cure="检查路径") from error


def _write(path: Path, data: bytes) -> None:
    from domain.errors import UserInputError

    try:
        path.write_bytes(data)
    except OSError as error:
        raise UserInputError(f"写不了文件：{error.strerror}", where=str(path), cure="检查路径和权限") from error


@app.command("list")
def list_files(
    text: Annotated[str, typer.Argument(help="名称、信用代码、地区、产品、痛点里的任何一段")] = "",
    filters: Filter = None,
    after: Annotated[str, typer.Option(help="上一页的 next")] = "",
    limit: Annotated[int, typer.Option(help="条数")] = 50,
    as_json: AsJson = False,
) -> None:
    """查找企业档案。"""
    params = {**_pairs(filters, "--filter"), "text": text, "after": after, "limit": limit}
    found = _call("GET", "/v1/enterprises", params=params).json()
    lines = (f"{e['id']}  {e['name']}  {e['region'] or '—'}  {e['industry'] or '—'}  {e['size']}" for e in found["enterprises"])
    show(found, as_json, lines)


@app.command("show")
def show_file(enterprise_id: Id, as_json: AsJson = False) -> None:
    """查看一份档案：内容、规模、分层与画像。"""
    found = _call("GET", f"/v1/enterprises/{enterprise_id}").json()
    lines = [f"{found['profile']['name']}  第 {found['version']} 版  负责人 {found['owner']}"]
    for group in found["portrait"]:
        lines += [f"{group['name']}：", *(f"  {name}：{value}" for name, value in group["known"].items())]
        lines += [f"  未知：{'、'.join(group['missing'])}"] if group["missing"] else []
    lines += [f"{each['name']}：{'、'.join(each['values'])}" for each in found["segments"].values()]
    show(found, as_json, lines)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="企业名称")],
    fields: Set = None,
    level: Annotated[str, typer.Option(help="restricted | private")] = "restricted",
    why: Why = "",
    source: Source = "",
    as_json: AsJson = False,
) -> None:
    """建立档案。"""
    body = {"profile": _fields(fields) | {"name": name}, "level": level, "because": {"why": why, "source": source}}
    made = _call("POST", "/v1/enterprises", json=body).json()
    show(made, as_json, [made["id"]])


@app.command("update")
def update(
    enterprise_id: Id,
    fields: Set = None,
    version: Annotated[int, typer.Option(help="看到的版本；默认为现在的版本")] = 0,
    owner: Annotated[str, typer.Option(help="新的负责人")] = "",
    why: Why = "",
    source: Source = "",
    as_json: AsJson = False,
) -> None:
    """修改档案，要写明原因。"""
    path = f"/v1/enterprises/{enterprise_id}"
    seen = version or _call("GET", path).json()["version"]
    body = {"version": seen, "profile": _fields(fields), "owner": owner, "because": {"why": why, "source": source}}
    changed = _call("PATCH", path, json=body).json()
    show(changed, as_json, [f"{changed['profile']['name']} 已是第 {changed['version']} 版"])


@app.command("history")
def history(enterprise_id: Id, limit: Annotated[int, typer.Option(help="条数")] = 100, as_json: AsJson = False) -> None:
    """谁在什么时候为什么改了什么。"""
    found = _call("GET", f"/v1/enterprises/{enterprise_id}/history", params={"limit": limit}).json()
    lines: list[str] = []
    for entry in found["history"]:
        lines.append(f"{entry['at'][:19]}  {entry['by']}  {entry['what']}  {entry['why']}  [{entry['source']}]  {entry['id']}")
        lines += [f"    {change['name']}：{change['old']} → {change['new']}" for change in entry["changes"]]
    show(found, as_json, lines)


@app.command("import")
def import_table(
    file: Annotated[Path, typer.Argument(help="XLSX 表格")],
    mode: Annotated[str, typer.Option(help="all：一行不对就都不导入；good：导入对的行")] = "all",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查")] = False,
    as_json: AsJson = False,
) -> None:
    """从表格导入；同一份表格再导入一次不会重复。"""
    files, form = {"file": (file.name, _read(file))}, {"mode": mode, "dry_run": str(dry_run).lower()}
    report = _call("POST", "/v1/enterprises/import", files=files, data=form).json()
    lines = [f"新建 {report['created']}，更新 {report['updated']}，未变 {report['unchanged']}，不对 {report['failed']} 行"]
    lines += [f"  {each['where']}：{each['what']}；处理办法：{each['cure']}" for each in report["problems"]]
    lines += [f"  没有用到：{each}" for each in report["ignored"]]
    show(report, as_json, lines)


@app.command("export")
def export_table(
    out: Annotated[Path, typer.Argument(help="写到哪个 XLSX 文件")],
    filters: Filter = None,
    template: Annotated[bool, typer.Option("--template", help="只要空的模板")] = False,
    as_json: AsJson = False,
) -> None:
    """导出可读的档案，或导入用的模板。"""
    params = _pairs(filters, "--filter")
    data = _call("GET", f"/v1/enterprises/{'template' if template else 'export'}", params=params).content
    _write(out, data)
    show({"file": str(out), "bytes": len(data)}, as_json, [f"已写到 {out}"])


@app.command("merge")
def merge(
    keep: Annotated[str, typer.Argument(help="保留的档案；与 --undo 一起用时不写")] = "",
    other: Annotated[str, typer.Argument(help="并入的档案")] = "",
    undo: Annotated[str, typer.Option("--undo", help="要撤销的合并记录")] = "",
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """合并两份档案，或撤销合并；什么都不写时列出可能重复的。"""
    if not (keep or other or undo):
        found = _call("GET", "/v1/enterprises/duplicates").json()
        show(found, as_json, (f"{g['key']}：" + "、".join(f"{f['id']} {f['name']}" for f in g["files"]) for g in found["duplicates"]))
        return
    done = _call("POST", "/v1/enterprises/merge", json={"keep": keep, "other": other, "undo": undo, "because": {"why": why}}).json()
    show(done, as_json, [f"合并记录 {done['event']}" if "event" in done else f"已撤销 {done['undone']}"])


@app.command("segments")
def segments(as_json: AsJson = False) -> None:
    """四个维度上各有多少企业。"""
    found = _call("GET", "/v1/enterprises/segments").json()
    show(
        found,
        as_json,
        (f"{axis}：" + "、".join(f"{name} {count}" for name, count in counts.items()) for axis, counts in found["segments"].items()),
    )
