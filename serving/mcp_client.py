"""Tools of other MCP servers: found, quarantined, used once a named person has admitted them, and quarantined again when they change."""

import asyncio
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import orjson
import structlog
from pydantic import BaseModel, ConfigDict, RootModel

from domain.errors import Conflict, NotAllowed, NotFound, PlatformError, UpstreamUnavailable, UserInputError, known_names
from domain.permissions import may
from domain.principal import LOCAL, Principal
from records.admissions import EVERYBODY, Admission, AdmissionStore, AdmittedEffect, NewAdmission, Rights, Scope
from records.audit_entries import Door
from tools.contract import AnyTool, Reading, Tool, ToolContext, ToolResult

from .clock import utc_now
from .mcp_answers import RemoteAnswer, result_of
from .mcp_declarations import Declaration, input_model, read_declarations
from .mcp_wire import call_tool, list_tools, talk
from .settings import McpServerSettings

log = structlog.get_logger()
State = Literal["admitted", "quarantined", "gone"]
CHANGED = "声明与准入时不同"


class RemoteTool(BaseModel):
    """A tool of another server as the person who decides sees it."""

    model_config = ConfigDict(frozen=True)

    name: str
    server: str
    remote: str
    state: State
    sha256: str
    description: str
    input: dict[str, Any]
    concerns: list[str]
    effect: AdmittedEffect | None = None
    everybody: bool = False
    """Admitted for all tenants."""
    admitted_by: str | None = None
    admitted_at: datetime | None = None
    reason: str = ""
    ended: str = ""
    """Who ended the last admission and why, when none is in force."""


@dataclass
class Found:
    """What is known of one server."""

    declared: dict[str, Declaration] = field(default_factory=dict[str, Declaration])
    problems: list[str] = field(default_factory=list[str])
    answered_at: datetime | None = None


def admission_rights(home: str) -> Rights:
    """For a tenant its security administrator; for everybody the system administrator of the tenant that runs the deployment, `home`.
    In single-user mode the one user there is decides both."""

    def rights(principal: Principal, scope: Scope) -> bool:
        if principal == LOCAL:
            return True
        if scope == "tenant":
            return may(principal, "remote_tools.admit")
        return principal.tenant == home and may(principal, "remote_tools.admit_all")

    return rights


class RemoteTools:
    """A source of the tool registry. What is admitted is known from the records, so that a server that is down breaks no start."""

    def __init__(self, servers: Sequence[McpServerSettings], stores: Callable[[Door], AdmissionStore], search_path: str) -> None:
        self._servers = {server.name: server for server in servers}
        self._stores = stores
        self._store = stores("system")
        self._path = search_path
        self._found = {server.name: Found() for server in servers}
        self._tools: Mapping[str, Mapping[str, AnyTool]] = {}
        """By tenant."""
        self._turn = threading.Lock()
        self._task: asyncio.Task[None] | None = None
        if servers:
            self._rebuild()

    def tools(self, tenant: str) -> Mapping[str, AnyTool]:
        everybodys, own = self._tools.get(EVERYBODY, {}), self._tools.get(tenant, {}) if tenant else {}
        return {**everybodys, **own}

    def start(self) -> None:
        """Ask every server in the background."""
        if self._servers and self._task is None:
            self._task = asyncio.create_task(self.discover())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def discover(self) -> None:
        """Ask every server what it has. A server that does not answer keeps what was known of it, and the reason is listed."""
        await asyncio.gather(*(self._ask(server) for server in self._servers.values()))
        await asyncio.to_thread(self._settle)

    async def _ask(self, server: McpServerSettings) -> None:
        found = self._found[server.name]
        try:
            listed = await talk(server, self._path, list_tools)
        except PlatformError as error:
            log.warning("mcp server does not answer", server=server.name, problem=type(error).__name__)
            self._found[server.name] = Found(found.declared, [error.message], found.answered_at)
            return
        declared, problems = read_declarations(server.name, listed)
        self._found[server.name] = Found({each.name: each for each in declared}, problems, utc_now())

    def _settle(self) -> None:
        """End the admissions of tools that no longer are what was admitted."""
        for admission in self._store.in_force():
            found = self._found.get(admission.server)
            now = found.declared.get(admission.tool) if found else None
            if now is not None and now.sha256 != admission.sha256:
                self._store.withdraw(admission, CHANGED)
                log.warning("mcp tool changed and is quarantined again", tool=admission.tool)
        self._rebuild()

    def _rebuild(self) -> None:
        with self._turn:
            made: dict[str, dict[str, AnyTool]] = {}
            for each in self._store.in_force():
                if each.server in self._servers:
                    made.setdefault(each.tenant, {})[each.tool] = self._tool(each)
            self._tools = made

    def listing(self, principal: Principal) -> dict[str, Any]:
        """Every tool and every server as JSON, as it is for the principal's tenant; for those who may admit. Raises NotAllowed."""
        history = self._store.history(principal)
        # a tenant's own decision goes before everybody's
        current = {each.tool: each for each in sorted(history, key=lambda each: each.tenant) if each.revoked_at is None}
        ended: dict[str, Admission] = {}
        for each in history:
            ended.setdefault(each.tool, each)
        rows = [
            _row(declaration, current.get(name), ended.get(name), "quarantined")
            for found in self._found.values()
            for name, declaration in found.declared.items()
        ]
        listed = {row.name for row in rows}
        rows += [_row(_declared(each), each, None, "gone") for name, each in current.items() if name not in listed]
        servers = [
            {"name": name, "problems": found.problems, "answered_at": _iso(found.answered_at)} for name, found in self._found.items()
        ]
        return {"tools": [row.model_dump(mode="json") for row in sorted(rows, key=lambda row: row.name)], "servers": servers}

    def admit(
        self, name: str, sha256: str, effect: AdmittedEffect, reason: str, principal: Principal, *, door: Door, scope: Scope = "tenant"
    ) -> Admission:
        """Use the tool from now on, as it was shown: `sha256` is the declaration's that the person saw.

        Raises:
            NotAllowed, NotFound, Conflict: it has another declaration by now, or somebody else decides at this moment.
        """
        self._store.check(principal, scope)
        declared = {n: d for found in self._found.values() for n, d in found.declared.items()}
        declaration = declared.get(name)
        if declaration is None:
            raise NotFound(
                f"没有发现外部工具 {name!r}", where="name", cure=known_names(name, list(declared)) if declared else "先连上服务器"
            )
        if declaration.sha256 != sha256:
            raise Conflict(f"{name} 的声明与所给的摘要不同", where="sha256", cure="用 shuzhi mcp show 重新查看后再决定")
        new = NewAdmission(
            tool=name, server=declaration.server, sha256=sha256, declaration=declaration.model_dump(), effect=effect, reason=_said(reason)
        )
        admission = self._stores(door).admit(new, principal, scope)
        self._rebuild()
        return admission

    def revoke(self, name: str, reason: str, principal: Principal, *, door: Door, scope: Scope = "tenant") -> Admission:
        """Raises NotAllowed, NotFound."""
        ended = self._stores(door).revoke(name, principal, _said(reason), scope)
        self._rebuild()
        return ended

    def _tool(self, admission: Admission) -> AnyTool:
        declaration = _declared(admission)

        async def run(given: RootModel[dict[str, Any]], context: ToolContext) -> ToolResult[RemoteAnswer]:
            return await self._run(admission, declaration, given.root)

        return Tool(
            name=admission.tool,
            summary=declaration.offered,
            input=input_model(declaration),
            output=RemoteAnswer,
            run=run,  # pyright: ignore[reportArgumentType] - the input is this very model
            examples=(),
            effect=admission.effect,
            read_arguments=lambda text: called_by_name(admission.tool, text),
            foreign=True,
        )

    async def _run(self, admission: Admission, declaration: Declaration, arguments: dict[str, Any]) -> ToolResult[RemoteAnswer]:
        """One conversation: what the tool is now is what was admitted, and then the call.

        Raises:
            NotAllowed, UpstreamUnavailable, ToolFailed.
        """
        if not await asyncio.to_thread(self._store.holds, admission.id):
            raise NotAllowed(f"外部工具 {admission.tool} 的准入已撤销", where=admission.tool, cure="请安全管理员重新准入")

        async def work(session: Any) -> dict[str, Any]:
            listed, _ = read_declarations(declaration.server, await list_tools(session))
            now = next((each for each in listed if each.name == declaration.name), None)
            if now is None:
                raise UpstreamUnavailable(f"MCP 服务器 {declaration.server} 不再提供工具 {declaration.name}", where=declaration.name)
            if now.sha256 != admission.sha256:
                await self._quarantine(admission, now)
            return await call_tool(session, declaration.remote, arguments)

        answer = await talk(self._servers[declaration.server], self._path, work)
        return result_of(declaration, answer)

    async def _quarantine(self, admission: Admission, now: Declaration) -> None:
        """Raises NotAllowed, once the admission is ended."""
        self._found[admission.server].declared[admission.tool] = now
        await asyncio.to_thread(self._settle)
        what = f"外部工具 {admission.tool} 的声明与准入时不同，已重新隔离，未执行"
        raise NotAllowed(what, where=admission.tool, cure="请安全管理员查看新的声明后重新准入")


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _said(reason: str) -> str:
    """Raises UserInputError for a decision without a reason."""
    if not reason.strip():
        raise UserInputError("没有写理由", where="reason", cure="写明为什么")
    return reason.strip()


def _declared(admission: Admission) -> Declaration:
    return Declaration.model_validate(admission.declaration)


def _row(declaration: Declaration, current: Admission | None, last: Admission | None, otherwise: State) -> RemoteTool:
    in_force = current is not None and current.sha256 == declaration.sha256 and otherwise != "gone"
    ended = f"{last.revoked_by}：{last.revoked_why}" if last is not None and last.revoked_at is not None else ""
    return RemoteTool(
        name=declaration.name,
        server=declaration.server,
        remote=declaration.remote,
        state="admitted" if in_force else otherwise,
        sha256=declaration.sha256,
        description=declaration.description,
        input=declaration.input_schema,
        concerns=declaration.concerns,
        effect=current.effect if current else None,
        everybody=current is not None and current.tenant == EVERYBODY,
        admitted_by=current.admitted_by if current else None,
        admitted_at=current.admitted_at if current else None,
        reason=current.reason if current else "",
        ended=ended,
    )


def called_by_name(name: str, text: str) -> Reading | None:
    """A question that is nothing but the tool's name and a JSON object: only that means a stranger's tool without a model."""
    match = re.fullmatch(rf"\s*(?:调用|运行|使用)?\s*{re.escape(name)}\s*(\{{.*\}})?\s*", text, re.DOTALL)
    if match is None:
        return None
    try:
        arguments = orjson.loads(match[1] or "{}")
    except orjson.JSONDecodeError:
        return Reading({}, 1.0, f'{name} 的参数不是 JSON。写成 {name} {{"名称": "值"}}。')
    return Reading(arguments, 1.0)
