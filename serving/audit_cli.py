"""`shuzhi audit …`: check, read and export the audit trail. These commands open the database themselves, also while the service runs.

Whoever sits at this machine's command line is the audit administrator `LOCAL_AUDITOR`, who reads one tenant at a time; all of it is
recorded in turn.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from .terminal import AsJson, show

if TYPE_CHECKING:
    from domain.principal import Principal
    from records.audit import AuditLog, AuditQuery
    from records.audit_chain import Anchor
    from records.audit_check import Verdict
    from records.audit_entries import AuditEntry
    from records.audit_export import Exporter

app = typer.Typer(help="审计记录", no_args_is_help=True)
ResultT = TypeVar("ResultT")

AnchorFile = Annotated[Path | None, typer.Option(help="保存在别处的锚点文件")]


@dataclass(frozen=True)
class Choice:
    """Whose entries, and which of them: the options that `list` and `export` share."""

    actor: Annotated[str, typer.Option(help="谁")] = ""
    action: Annotated[str, typer.Option(help="做了什么，例如 document.delete")] = ""
    object_kind: Annotated[str, typer.Option(help="对象的种类，例如 run、document、thread")] = ""
    object_id: Annotated[str, typer.Option(help="对象的编号")] = ""
    outcome: Annotated[str, typer.Option(help="done | refused | failed")] = ""
    since: Annotated[str, typer.Option(help="从何时起（含），例如 2026-01-01T00:00:00+08:00")] = ""
    until: Annotated[str, typer.Option(help="到何时止（不含）")] = ""
    tenant: Annotated[str, typer.Option(help="看哪个租户的记录")] = "local"
    system: Annotated[bool, typer.Option("--system", help="看整个系统的记录（启动、密钥、校验），而不是某个租户的")] = False

    @property
    def reader(self) -> "Principal":
        from domain.principal import auditor_of

        return auditor_of("" if self.system else self.tenant)

    @property
    def query(self) -> "AuditQuery":
        """Raises UserInputError."""
        from domain.errors import UserInputError, known_names
        from records.audit import AuditQuery
        from records.audit_entries import actions

        if self.action and self.action not in actions():
            cure = known_names(self.action, list(actions()))
            raise UserInputError(f"审计没有操作 {self.action[:60]!r}", where="--action", cure=cure)
        if self.outcome not in ("", "done", "refused", "failed"):
            raise UserInputError(f"没有结果 {self.outcome[:20]!r}", where="--outcome", cure="用 done、refused 或 failed")
        times: dict[str, Any] = {"since": _instant(self.since, "--since"), "until": _instant(self.until, "--until")}
        about = {"actor": self.actor, "action": self.action, "object_kind": self.object_kind, "object_id": self.object_id}
        return AuditQuery(outcome=self.outcome or None, **about, **times)  # pyright: ignore[reportArgumentType] - checked above


def chosen(command: Callable[..., None]) -> Callable[..., None]:
    """`command` with the options of `Choice` in place of its parameter `choice`."""
    own = inspect.signature(command, eval_str=True).parameters
    options = inspect.signature(Choice, eval_str=True).parameters

    @wraps(command)
    def called(**given: Any) -> None:
        choice = Choice(**{name: given.pop(name) for name in options})
        command(choice=choice, **given)

    parameters = [*(each for name, each in own.items() if name != "choice"), *options.values()]
    named = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
    vars(called).update(__signature__=inspect.Signature(named))
    called.__annotations__ = {each.name: each.annotation for each in named}
    del called.__wrapped__  # typer would read the options of that one
    return called


@app.command()
def verify(
    anchor: AnchorFile = None,
    file: Annotated[Path | None, typer.Option(help="校验导出的文件，不需要数据库")] = None,
    as_json: AsJson = False,
) -> None:
    """校验整条审计链；有一处不对就退出码 1。"""
    from domain.principal import LOCAL_AUDITOR
    from records.audit_export import verify_export

    from .recording import audit_keys
    from .settings import load_settings

    kept = None if anchor is None else _read_anchor(anchor)
    if file is not None:
        verdict = verify_export(file, keys=audit_keys(load_settings()), anchor=kept)
    else:
        verdict = _with_log(lambda log, exporter: log.verify(LOCAL_AUDITOR, door="cli", anchor=kept))
    show(verdict.model_dump(mode="json"), as_json, verdict_lines(verdict))
    if not verdict.ok:
        raise typer.Exit(1)


@app.command("list")
@chosen
def list_entries(
    choice: Choice,
    before: Annotated[int | None, typer.Option(help="只看序号更小的，用来翻页")] = None,
    limit: Annotated[int, typer.Option(help="条数", min=1, max=10_000)] = 100,
    as_json: AsJson = False,
) -> None:
    """列出审计记录，最新的在前。"""
    query = choice.query
    found = _with_log(lambda log, exporter: log.entries(choice.reader, query, door="cli", before=before, limit=limit))
    show({"entries": [entry.model_dump(mode="json") for entry in found]}, as_json, map(entry_line, found))


@app.command()
@chosen
def export(
    choice: Choice,
    out: Annotated[Path, typer.Option(help="写到哪个文件（JSONL）")],
    first: Annotated[int, typer.Option(help="从第几条", min=1)] = 1,
    last: Annotated[int | None, typer.Option(help="到第几条，默认到最后")] = None,
    as_json: AsJson = False,
) -> None:
    """导出成一个不用数据库也能校验的文件；其他租户和没选中的记录只留下哈希。"""
    query = choice.query
    header = _with_log(lambda log, exporter: exporter.export(out, choice.reader, query, door="cli", first=first, last=last))
    lines = [f"已导出第 {header.first_seq} 到 {header.last_seq} 条：{out}", f"校验：shuzhi audit verify --file {out}"]
    show(header.model_dump(mode="json") | {"file": str(out)}, as_json, lines)


@app.command()
def sign(as_json: AsJson = False) -> None:
    """给没有签名就开始的审计链启用签名；先运行 verify。"""
    from domain.principal import LOCAL_AUDITOR

    seq = _with_log(lambda log, exporter: log.start_signing(LOCAL_AUDITOR, "cli"))
    show({"signed_from": seq}, as_json, [f"从第 {seq} 条起签名"])


@app.command()
def anchor(
    out: Annotated[Path | None, typer.Option(help="写到哪个文件，默认打印出来")] = None,
    as_json: AsJson = False,
) -> None:
    """取出锚点；请保存到数据库管理员写不到的地方。"""
    from domain.errors import UserInputError
    from domain.principal import LOCAL_AUDITOR

    taken = _with_log(lambda log, exporter: log.anchor(LOCAL_AUDITOR, door="cli"))
    text = taken.model_dump_json()
    if out is None:
        show(taken.model_dump(mode="json"), as_json, [text])
        return
    try:
        out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UserInputError(f"写不了文件：{error.strerror}", where=str(out), cure="检查目录与权限") from error
    show(taken.model_dump(mode="json") | {"file": str(out)}, as_json, [f"第 {taken.seq} 条的锚点已写入 {out}；请保存到别处"])


def verdict_lines(verdict: "Verdict") -> Iterator[str]:
    """A verdict for a terminal: whole or not, and every broken place."""
    signatures = {"checked": "签名已核对", "not checked": "链有签名，但没有密钥可以核对", "none": "没有签名"}[verdict.signatures]
    if verdict.ok:
        yield f"审计链完整：{verdict.entries} 条，到第 {verdict.last_seq} 条；{signatures}"
        return
    yield f"审计链被改动：查了 {verdict.entries} 条，有 {len(verdict.findings) + verdict.more} 处不对；{signatures}"
    for finding in verdict.findings:
        yield f"  {finding.kind:18} {finding.message}"
    if verdict.more:
        yield f"  另有 {verdict.more} 处"


def entry_line(entry: "AuditEntry") -> str:
    about = f"{entry.object_kind} {entry.object_id}".strip()
    why = f"（{entry.reason}）" if entry.reason else ""
    return f"{entry.seq:6}  {entry.at:%Y-%m-%d %H:%M:%S}  {entry.actor:14} {entry.action:18} {entry.outcome:8} {entry.door:7} {about}{why}"


def _instant(given: str, option: str) -> datetime | None:
    from domain.errors import UserInputError

    if not given:
        return None
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise UserInputError(f"时间的写法不对：{given[:40]!r}", where=option, cure="带上时区，例如 2026-01-01T00:00:00+08:00")
    return at


def _read_anchor(path: Path) -> "Anchor":
    from domain.errors import UserInputError
    from records.audit_chain import Anchor

    try:
        return Anchor.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserInputError("读不了锚点文件", where=str(path), cure="用 shuzhi audit anchor --out 取出的文件") from error


def _with_log(work: "Callable[[AuditLog, Exporter], ResultT]") -> ResultT:
    """Do something with the chain of the home's database."""
    from records.audit import AuditLog
    from records.audit_export import Exporter
    from records.database import Database

    from .recording import audit_keys
    from .settings import load_settings

    settings = load_settings()
    keys = audit_keys(settings)
    settings.home.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    try:
        database.upgrade()
        log = AuditLog(database, algorithm=settings.audit.hash, keys=keys)
        return work(log, Exporter(database, log, algorithm=settings.audit.hash, keys=keys))
    finally:
        database.close()
