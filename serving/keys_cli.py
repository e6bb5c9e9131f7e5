"""`shuzhi keys …`: make and turn the keys of encryption at rest. They open the database themselves, also while the service runs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from .terminal import AsJson, show

if TYPE_CHECKING:
    from records.audit import AuditLog
    from records.database import Database
    from records.resealing import Resealed
    from records.sealing import Sealer

    from .settings import Settings

app = typer.Typer(help="加密用的密钥", no_args_is_help=True)
ResultT = TypeVar("ResultT")


@app.command()
def new(file: Annotated[Path, typer.Option(help="密钥文件，不能已经存在")], as_json: AsJson = False) -> None:
    """生成密钥文件（权限 0600）；也可用作审计签名的密钥，但请用另一个文件。"""
    from records.keys import new_key_file

    key_id = new_key_file(file)
    lines = [
        f"已生成密钥 {key_id}：{file}",
        f"启用加密：SHUZHI_SEALING__KEY_FILE={file}；或启用审计签名：SHUZHI_AUDIT__KEY_FILE={file}",
        "请把它备份到数据库之外的地方：没有它，加密的内容无法恢复。",
    ]
    show({"id": key_id, "file": str(file)}, as_json, lines)


@app.command()
def rotate(
    master: Annotated[bool, typer.Option("--master", help="换主密钥：密钥文件里加一把新的，重新包装数据密钥")] = False,
    index: Annotated[bool, typer.Option("--index", help="同时换盲索引的密钥")] = False,
    as_json: AsJson = False,
) -> None:
    """换一把新的数据密钥，把所有加密的列重新加密；服务不用停。有打不开的内容时退出码 1。"""
    from domain.errors import UserInputError

    if master and index:
        raise UserInputError("--master 与 --index 不能一起用", where="--index", cure="分两次运行")
    if master:
        found = _with_sealer(_rotate_master, before=_new_master)
        show(found, as_json, [f"主密钥 {found['master']}：重新包装了 {found['rewrapped']} 把数据密钥，内容没有改动"])
        return
    found = _with_sealer(lambda settings, database, audit, sealer: _rotate_data(database, audit, sealer, index))
    show(found, as_json, rotation_lines(found))
    if found["unreadable"]:
        raise typer.Exit(1)


@app.command()
def status(as_json: AsJson = False) -> None:
    """列出每一把数据密钥，以及有多少内容需要它。"""

    def work(settings: "Settings", database: "Database", audit: "AuditLog", sealer: "Sealer") -> dict[str, Any]:
        from records.artifacts import masters_of_files
        from records.resealing import masters_needed
        from records.resealing import status as key_status

        from .recording import artifact_vault

        keys = [key.model_dump(mode="json") for key in key_status(database, sealer)]
        files = masters_of_files(artifact_vault(settings, sealer))
        return {"algorithm": sealer.algorithm, "keys": keys, "masters": masters_needed(sealer), "files": dict(files)}

    found = _with_sealer(work)
    show(found, as_json, status_lines(found))


def rotation_lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"新的数据密钥 {found['key']}；重新加密 {found['sealed']} 项"
    for name, column in found["columns"].items():
        if column["unreadable"]:
            yield f"  {name}：{column['unreadable']} 项打不开，没有改动：{'、'.join(column['rows'][:5])}"


def status_lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"新内容的算法：{found['algorithm']}"
    for key in found["keys"]:
        use = "内容" if key["purpose"] == "data" else "盲索引"
        mark = "（当前）" if key["newest"] else ""
        yield f"  {key['id']}  {use}  {key['algorithm']}  主密钥 {key['master']}  需要它的有 {key['values']} 项{mark}"


def _rotate_data(database: "Database", audit: "AuditLog", sealer: "Sealer", index: bool) -> dict[str, Any]:
    """Recorded before and after: a walk that is cut short is seen as well."""
    from records.content import SEALED_COLUMNS
    from records.resealing import reseal

    if index:
        _record(audit, "key.rotate", {"purpose": "index", "key": sealer.rotate("index")})
    key = sealer.rotate()
    _record(audit, "key.rotate", {"purpose": "data", "key": key})
    columns: dict[str, Resealed] = {f"{each.table.name}.{each.column}": reseal(database, sealer, each) for each in SEALED_COLUMNS}
    counts = {name: {"sealed": done.sealed, "unreadable": done.unreadable} for name, done in columns.items()}
    unreadable = sum(done.unreadable for done in columns.values())
    _record(audit, "data.reseal", {"to": key, "columns": counts}, failed=bool(unreadable))
    return {
        "key": key,
        "sealed": sum(done.sealed for done in columns.values()),
        "unreadable": unreadable,
        "columns": {name: done.model_dump(mode="json") for name, done in columns.items()},
    }


def _new_master(settings: "Settings") -> None:
    """A file gets a new line; keys from elsewhere are made elsewhere, and their newest is used."""
    from records.keys import rotate_key_file

    if settings.sealing.key_file is not None:
        rotate_key_file(settings.sealing.key_file)


def _rotate_master(settings: "Settings", database: "Database", audit: "AuditLog", sealer: "Sealer") -> dict[str, Any]:
    from records.artifacts import rewrap_files

    from .recording import artifact_vault

    count = sealer.rewrap()
    masters = {key.master for key in sealer.ring()}
    newest = "、".join(sorted(masters))
    files = rewrap_files(artifact_vault(settings, sealer))
    _record(audit, "key.rotate", {"purpose": "master", "key": newest, "rewrapped": count, "files": files})
    return {"master": newest, "rewrapped": count, "files": files}


def _record(audit: "AuditLog", action: str, detail: dict[str, Any], *, failed: bool = False) -> None:
    from domain.principal import LOCAL_OPERATOR
    from records.audit_entries import NewEntry

    outcome: Any = "failed" if failed else "done"
    about = {name: value for name, value in detail.items() if name != "key"} | ({"id": detail["key"]} if "key" in detail else {})
    audit.append(NewEntry(principal=LOCAL_OPERATOR, action=action, door="cli", object_kind="key", outcome=outcome, detail=about))


def _with_sealer(
    work: "Callable[[Settings, Database, AuditLog, Sealer], ResultT]", before: "Callable[[Settings], None] | None" = None
) -> ResultT:
    """Do something with the keys of the home's database; `before` it is opened."""
    from domain.errors import ConfigurationError
    from records.audit import AuditLog
    from records.database import Database

    from .recording import audit_keys, open_sealer
    from .settings import load_settings

    settings = load_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    try:
        database.upgrade()
        audit = AuditLog(database, algorithm=settings.audit.hash, keys=audit_keys(settings))
        sealer = open_sealer(settings, database)
        if sealer is None:
            cure = "用 shuzhi keys new --file 生成密钥文件，写进 SHUZHI_SEALING__KEY_FILE"
            raise ConfigurationError("没有设置主密钥，内容没有加密", where="SHUZHI_SEALING__…", cure=cure)
        if before is not None:
            # only once everything fits together is a key made
            before(settings)
            sealer = open_sealer(settings, database) or sealer
        return work(settings, database, audit, sealer)
    finally:
        database.close()
