"""The `shuzhi` command. Every command has `--json`; exit 0 ok, 2 bad input, 1 failure. Heavy imports wait for their command."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .artifacts_cli import app as artifacts_app
from .audit_cli import app as audit_app
from .enterprises_cli import app as enterprises_app
from .guard_cli import guard
from .interviews_cli import app as interviews_app
from .keys_cli import app as keys_app
from .mcp_cli import mcp_app
from .terminal import AsJson, show
from .users_cli import app as users_app

if TYPE_CHECKING:
    from domain.answer import Answer

    from .session import Session
    from .settings import Settings

app = typer.Typer(
    help="ShuZhi 数智助手：向五项标准提问，每句话都有核对过的出处。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
tools_app = typer.Typer(help="查看与运行工具", no_args_is_help=True)
approvals_app = typer.Typer(help="审批", no_args_is_help=True)
db_app = typer.Typer(help="数据库", no_args_is_help=True)
app.add_typer(tools_app, name="tools")
app.add_typer(approvals_app, name="approvals")
app.add_typer(db_app, name="db")
app.add_typer(artifacts_app, name="artifacts")
app.add_typer(mcp_app, name="mcp")
app.add_typer(audit_app, name="audit")
app.add_typer(keys_app, name="keys")
app.add_typer(users_app, name="users")
app.add_typer(enterprises_app, name="enterprises")
app.add_typer(interviews_app, name="interview")
app.command("guard")(guard)


def main() -> None:
    """Entry point: our errors become one printed problem and an exit code, never a traceback."""
    from domain.errors import PlatformError

    try:
        app()
    except PlatformError as error:
        show_problem(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


def show_problem(error: Any) -> None:
    problem = error.problem()
    if "--json" in sys.argv:
        print(json.dumps({"error": problem.model_dump(mode="json")}, ensure_ascii=False))
        return
    print(f"错误：{problem.message}", file=sys.stderr)
    for detail in problem.detail[:20]:
        what = "" if detail.what == problem.message else f"{detail.what}；"
        print(f"  位置：{detail.where}；{what}处理办法：{detail.cure or '—'}", file=sys.stderr)


def run_in_session(work: "Callable[[Session, Settings], Awaitable[Any]]") -> Any:
    """Open a session, do the work, close it."""
    from .logs import configure_logging
    from .session import open_session
    from .settings import load_settings

    settings = load_settings()
    configure_logging(settings.log_level, to_stderr=True)

    async def body() -> Any:
        async with open_session(settings) as session:
            return await work(session, settings)

    return asyncio.run(body())


@app.command()
def up(
    host: Annotated[str | None, typer.Option(help="监听地址，默认 127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="端口，默认 8000")] = None,
) -> None:
    """启动助手：对话页面与接口，一个进程，内嵌存储。"""
    from .server import serve
    from .settings import load_settings

    given = {"host": host, "port": port}
    serve(load_settings(**{name: value for name, value in given.items() if value is not None}))


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="要问的话")] = "",
    batch: Annotated[Path | None, typer.Option(help="JSONL：每行 {id, question, turns?}")] = None,
    out: Annotated[Path | None, typer.Option(help="结果写入的 JSONL")] = None,
    as_json: AsJson = False,
) -> None:
    """提一个问题，或批量提问。"""
    from domain.errors import UserInputError

    if batch is not None:
        run_in_session(lambda session, settings: _ask_batch(session, batch, out, settings))
        return
    if question == "-":
        question = sys.stdin.read()
    if not question.strip():
        raise UserInputError("没有问题", where="question", cure='写在命令后面：shuzhi ask "问题"，或用 --batch 给出文件')
    answer = run_in_session(lambda session, settings: session.ask(question, []))
    data = answer.model_dump(mode="json") | {"citations": [c.model_dump(mode="json") for c in answer.citations]}
    show(data, as_json, answer_lines(answer))


def answer_lines(answer: "Answer") -> Iterator[str]:
    """An answer for a terminal: the text, then where each mark leads."""
    yield answer.text
    if answer.citations:
        yield ""
        yield "最接近的条款：" if answer.refused else "依据："
    for citation in answer.citations:
        source = "标准原文" if citation.source == "official" else "目录表述" if citation.source == "catalogue" else "文档"
        yield f"  {citation.clause_id}  {citation.standard}  {' › '.join(citation.path[1:])}  （{source}，已核对）"


async def _ask_batch(session: "Session", batch: Path, out: Path | None, settings: "Settings") -> None:
    records = list(_records(batch))
    with _writer(out) as write:
        for record in records:
            started = time.perf_counter()
            answer = await _answer(session, str(record.get("question", "")), record.get("turns") or [])
            write(batch_row(record["id"], answer, (time.perf_counter() - started) * 1000))


async def _answer(session: "Session", question: str, turns: Any) -> "Answer":
    """An item that cannot be asked becomes a refusal with the reason, so that one bad line does not lose the batch."""
    from domain.answer import Answer
    from domain.errors import PlatformError

    try:
        return await session.ask(question, turns)
    except PlatformError as error:
        return Answer(text=error.message, refused=True, reason=error.message)


def batch_row(item_id: Any, answer: "Answer", milliseconds: float) -> dict[str, Any]:
    return {
        "id": item_id,
        "answer": answer.text,
        "citations": [{"clause_id": c.clause_id, "quote": c.quote, "source": c.source, "verified": c.verified} for c in answer.citations],
        "retrieved": answer.retrieved,
        "tool_calls": [{"name": c.name, "args": c.args, "result": c.result} for c in answer.tool_calls],
        "refused": answer.refused,
        "values": answer.values,
        "latency_ms": round(milliseconds, 2),
    }


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="要查的话")] = "",
    k: Annotated[int, typer.Option("-k", help="条数")] = 10,
    batch: Annotated[Path | None, typer.Option(help="JSONL：每行 {id, question}")] = None,
    out: Annotated[Path | None, typer.Option(help="结果写入的 JSONL")] = None,
    as_json: AsJson = False,
) -> None:
    """检索条款。"""
    if batch is not None:
        run_in_session(lambda session, settings: _search_batch(session, batch, out, k))
        return
    found = run_in_session(lambda session, settings: session.run_tool("search_standards", {"query": query, "k": k}))["data"]["hits"]
    lines = (f"{h['score']:8.2f}  {h['clause_id']:22} {' › '.join(h['path'][1:])}\n          {h['text'][:120]}" for h in found)
    show({"hits": found}, as_json, lines)


async def _search_batch(session: "Session", batch: Path, out: Path | None, k: int) -> None:
    records = list(_records(batch))
    with _writer(out) as write:
        for record in records:
            earlier = [str(turn["content"]) for turn in record.get("turns") or [] if turn.get("role") == "user"]
            arguments = {"query": str(record.get("question") or record.get("query") or ""), "k": k, "earlier": earlier}
            result = await session.run_tool("search_standards", arguments)
            hits = [{"clause_id": h["clause_id"], "score": h["score"], "text": h["text"]} for h in result["data"]["hits"]]
            write({"id": record["id"], "hits": hits})


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="文件或目录；.jsonl 每行一份 {file, text}")],
    collection: Annotated[str, typer.Option(help="文档集")] = "my",
    label: Annotated[str, typer.Option(help="public | restricted | private")] = "private",
    as_json: AsJson = False,
) -> None:
    """把文档读入文档库。"""
    from domain.errors import UserInputError

    if label not in ("public", "restricted", "private"):
        raise UserInputError(f"没有数据等级 {label!r}", where="--label", cure="用 public、restricted 或 private")
    counts = {"stored": 0, "unchanged": 0, "failed": 0, "clauses": 0, "lost": 0}
    failures: list[dict[str, Any]] = []

    async def work(session: "Session", settings: "Settings") -> None:
        with _progress(as_json) as progress:
            async for outcome in session.ingest(paths, collection, label, progress):  # pyright: ignore[reportArgumentType]
                _count(outcome, counts, failures)

    run_in_session(work)
    lines = [
        f"入库 {counts['stored']} 份，未变 {counts['unchanged']} 份，失败 {counts['failed']} 份；",
        f"条款 {counts['clauses']} 条，丢失 {counts['lost']} 处。",
        *(line for failure in failures[:50] for line in failure_lines(failure)),
    ]
    show({"counts": counts, "failures": failures}, as_json, lines)
    if failures and not counts["stored"] and not counts["unchanged"]:
        raise typer.Exit(2)


def failure_lines(failure: dict[str, Any]) -> Iterator[str]:
    """A file that was not stored: what was wrong, where, and the cure."""
    yield f"  失败：{failure['name']}：{failure['error']['message']}"
    for detail in failure["error"]["detail"][:3]:
        yield f"    位置：{detail['where']}；处理办法：{detail['cure'] or '—'}"


def _count(outcome: dict[str, Any], counts: dict[str, int], failures: list[dict[str, Any]]) -> None:
    if outcome["error"]:
        counts["failed"] += 1
        failures.append({"name": outcome["name"], "error": outcome["error"]})
        return
    counts["unchanged" if outcome["unchanged"] else "stored"] += 1
    counts["clauses"] += outcome["document"]["clause_count"]
    counts["lost"] += outcome["document"]["lost_count"]


@app.command()
def documents(as_json: AsJson = False) -> None:
    """列出可读的文档。"""

    async def work(session: "Session", settings: "Settings") -> list[dict[str, Any]]:
        return await session.documents()

    found = run_in_session(work)
    show(
        {"documents": found},
        as_json,
        (f"{d['id']}  {d['title']}  {d['version']}  {d['clause_count']} 条  [{d['label']['level']}]" for d in found),
    )


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """检查安装与存储是否正常。"""

    async def work(session: "Session", settings: "Settings") -> dict[str, Any]:
        return await session.ready() | {"home": str(settings.home.absolute()), "python": sys.version.split()[0]}

    found = run_in_session(work)
    show(found, as_json, (f"{name}：{value}" for name, value in found.items()))


@tools_app.command("list")
def tools_list(as_json: AsJson = False) -> None:
    """列出工具。"""
    found = run_in_session(lambda session, settings: session.list_tools())
    show({"tools": found}, as_json, (f"{t['name']:20} {t['effect']:8} {t['summary']}" for t in found))


@tools_app.command("show")
def tools_show(name: str, as_json: AsJson = False) -> None:
    """查看一个工具的输入、输出与例句。"""
    from domain.errors import NotFound, known_names

    found = {tool["name"]: tool for tool in run_in_session(lambda session, settings: session.list_tools())}
    if name not in found:
        raise NotFound(f"没有名为 {name!r} 的工具", where="name", cure=known_names(name, list(found)))
    show(found[name], True, [])


@tools_app.command("run")
def tools_run(name: str, args: Annotated[str, typer.Option("--args", help="JSON，或 @文件")] = "{}", as_json: AsJson = False) -> None:
    """运行一个工具。"""
    from domain.errors import UserInputError

    try:
        raw = Path(args[1:]).read_text(encoding="utf-8") if args.startswith("@") else args
        arguments = json.loads(raw)
    except (OSError, ValueError) as error:
        raise UserInputError(f"参数不是 JSON：{error}", where="--args", cure='例如 --args \'{"query": "…"}\'') from error
    if not isinstance(arguments, dict):
        raise UserInputError("参数应为 JSON 对象", where="--args", cure="用花括号包住各个参数")
    found = run_in_session(lambda session, settings: session.run_tool(name, arguments))  # pyright: ignore[reportUnknownArgumentType]
    show(found, as_json, [found["summary"]])


@approvals_app.command("list")
def approvals_list(as_json: AsJson = False) -> None:
    """列出审批。"""
    found = run_in_session(lambda session, settings: session.approvals())
    show({"approvals": found}, as_json, (f"{a['id']}  {a['status']:9} {a['tool']}  {a['summary']}" for a in found))


@approvals_app.command("show")
def approvals_show(approval_id: str, as_json: AsJson = False) -> None:
    """查看一项审批。"""
    from domain.errors import NotFound

    found = next((a for a in run_in_session(lambda session, settings: session.approvals()) if a["id"] == approval_id), None)
    if found is None:
        raise NotFound(f"没有审批 {approval_id!r}", where="approval_id", cure="用 shuzhi approvals list 查看")
    show(found, True, [])


@approvals_app.command("approve")
def approvals_approve(approval_id: str, reason: str = "", as_json: AsJson = False) -> None:
    """批准。"""
    found = run_in_session(lambda session, settings: session.decide(approval_id, "approve", reason))
    show(found, as_json, [f"{approval_id} 已批准"])


@approvals_app.command("reject")
def approvals_reject(approval_id: str, reason: str = "", as_json: AsJson = False) -> None:
    """驳回。"""
    found = run_in_session(lambda session, settings: session.decide(approval_id, "reject", reason))
    show(found, as_json, [f"{approval_id} 已驳回"])


@db_app.command("upgrade")
def db_upgrade(as_json: AsJson = False) -> None:
    """把数据库升级到当前版本。"""
    from records.audit import AuditLog
    from records.database import Database

    from .recording import audit_keys, record_upgrade
    from .settings import load_settings

    settings = load_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    try:
        before = database.revision()
        database.upgrade()
        revision = database.revision()
        record_upgrade(AuditLog(database, algorithm=settings.audit.hash, keys=audit_keys(settings)), before, revision)
    finally:
        database.close()
    show({"revision": revision}, as_json, [f"数据库版本：{revision}"])


def _records(path: Path) -> Iterator[dict[str, Any]]:
    """Objects of a JSONL file; a bad line is named."""
    from domain.errors import UserInputError

    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UserInputError(f"读不了文件：{error.strerror}", where=str(path), cure="检查路径") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise UserInputError("不是 UTF-8 编码的 JSON", where=f"{path} 第 {number} 行", cure="每行一个 JSON 对象") from error
        if not isinstance(record, dict) or "id" not in record:
            raise UserInputError("缺少 id", where=f"{path} 第 {number} 行", cure="每行需要 id 与 question")
        yield record  # pyright: ignore[reportUnknownVariableType]


class _writer:
    """Rows to a file, complete or not at all replaced; without a file, to standard output."""

    def __init__(self, out: Path | None) -> None:
        self._out = out
        self._part = out.with_suffix(out.suffix + ".part") if out else None

    def __enter__(self) -> Callable[[dict[str, Any]], None]:
        from domain.errors import UserInputError

        try:
            self._stream = self._part.open("w", encoding="utf-8") if self._part else sys.stdout
        except OSError as error:
            raise UserInputError(f"写不了文件：{error.strerror}", where=str(self._out), cure="检查目录与权限") from error
        return lambda row: print(json.dumps(row, ensure_ascii=False), file=self._stream)

    def __exit__(self, kind: object, *rest: object) -> None:
        if self._part and self._out:
            self._stream.close()
            if kind is None:
                self._part.replace(self._out)


class _progress:
    """A progress bar on standard error, silent for JSON output."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet

    def __enter__(self) -> Callable[[int, int, str], None]:
        if self._quiet:
            return lambda done, total, name: None
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("入库"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.start()
        task = self._bar.add_task("", total=None)
        return lambda done, total, name: self._bar.update(task, completed=done, total=total or None, description=name[:40])

    def __exit__(self, *rest: object) -> None:
        if not self._quiet:
            self._bar.stop()
