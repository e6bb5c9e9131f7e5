"""The platform as a command sees it: the running instance over HTTP, or the stores opened here. Both answer alike."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from agents.state import Turn
from domain.answer import Answer
from domain.errors import DocumentError, NotAuthenticated, PlatformError, Problem, UpstreamUnavailable
from domain.permissions import require
from domain.principal import Level, Principal, own_label
from knowledge.ingest import SourceFile, contents, expand
from records.admissions import AdmittedEffect, Scope

from .assembly import Platform, open_platform
from .direct import admitted, run_directly
from .identify import settled
from .instance import Instance, running
from .routes.artifacts import handed_out, listed_artifacts
from .routes.documents import outcome_json
from .routes.mcp_tools import remote_tools
from .routes.tools import describe
from .settings import Settings

KEY_CURE = "用 shuzhi users key <账号名> 建立访问密钥"
Progress = Callable[[int, int, str], None]


class Session(Protocol):
    """What commands can do. Every method raises PlatformError."""

    async def ask(self, question: str, turns: Sequence[Turn]) -> Answer: ...
    async def run_tool(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]: ...
    async def list_tools(self) -> list[dict[str, Any]]: ...
    def ingest(self, paths: Sequence[Path], collection: str, label: Level, progress: Progress) -> AsyncIterator[dict[str, Any]]: ...
    async def documents(self) -> list[dict[str, Any]]: ...
    async def artifacts(self) -> list[dict[str, Any]]: ...
    async def artifact(self, artifact_id: str) -> tuple[dict[str, Any], bytes]: ...
    async def approvals(self) -> list[dict[str, Any]]: ...
    async def decide(self, approval_id: str, decision: str, reason: str) -> dict[str, Any]: ...
    async def remote_tools(self) -> dict[str, Any]: ...
    async def admit(self, name: str, sha256: str, effect: AdmittedEffect, reason: str, scope: Scope) -> dict[str, Any]: ...
    async def revoke(self, name: str, reason: str, scope: Scope) -> dict[str, Any]: ...
    async def ready(self) -> dict[str, Any]: ...


class LocalSession:
    """Stores opened in this process."""

    def __init__(self, platform: Platform, key: str = "") -> None:
        self._platform = platform
        self._key = key

    def _speaker(self, permission: str | None = "assistant.use") -> Principal:
        """Who commands: the single user, or the account whose key it is. Raises NotAuthenticated, NotAllowed."""
        access = self._platform.access
        if access is None:
            return self._platform.principal
        if not self._key:
            raise NotAuthenticated("启用了账号，命令也要带访问密钥", where="SHUZHI_API_KEY", cure=f"{KEY_CURE}，再设置 SHUZHI_API_KEY")
        speaker = settled(access.speakers.identify(self._key)).principal
        return require(speaker, permission) if permission else speaker

    async def ask(self, question: str, turns: Sequence[Turn]) -> Answer:
        return await self._platform.runs.ask(self._speaker(), question, door="cli", turns=turns)

    async def run_tool(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return await run_directly(self._platform, name, arguments, self._speaker(), "cli")

    async def list_tools(self) -> list[dict[str, Any]]:
        return [describe(tool) for tool in self._platform.tools.allowed(self._speaker())]

    async def ingest(self, paths: Sequence[Path], collection: str, label: Level, progress: Progress) -> AsyncIterator[dict[str, Any]]:
        knowledge, principal = self._platform.knowledge, self._speaker("documents.manage_own")
        if label != "private":
            require(principal, "documents.share")
        admitted(self._platform.screens, [collection, *(path.name for path in paths)], principal)
        outcomes = knowledge.ingestor.ingest_paths(paths, principal, own_label(principal, label), collection, progress, door="cli")
        while (outcome := await asyncio.to_thread(next, outcomes, None)) is not None:
            yield outcome_json(outcome)
        knowledge.refresh()

    async def documents(self) -> list[dict[str, Any]]:
        speaker = self._speaker("documents.manage_own")
        found = self._platform.knowledge.library.documents(speaker)
        self._platform.people.documents(speaker, ((document.id, document.label.level) for document in found), "cli")
        return [document.model_dump(mode="json") for document in found]

    async def artifacts(self) -> list[dict[str, Any]]:
        page = await listed_artifacts(self._platform, self._speaker(), "cli")
        return page["artifacts"]

    async def artifact(self, artifact_id: str) -> tuple[dict[str, Any], bytes]:
        artifact, data = await handed_out(self._platform, artifact_id, self._speaker(), "cli")
        return artifact.model_dump(mode="json"), data

    async def approvals(self) -> list[dict[str, Any]]:
        found = self._platform.approvals.list_approvals(self._speaker())
        return [approval.model_dump(mode="json") for approval in found]

    async def decide(self, approval_id: str, decision: str, reason: str) -> dict[str, Any]:
        decided = self._platform.approvals.decide(approval_id, self._speaker(), _decision(decision), reason, door="cli")
        await self._platform.runs.resume(decided.run_id, door="cli")
        await self._platform.runs.settled(decided.run_id)
        return decided.model_dump(mode="json")

    async def remote_tools(self) -> dict[str, Any]:
        return await remote_tools(self._platform, self._speaker(None), refresh=True)

    async def admit(self, name: str, sha256: str, effect: AdmittedEffect, reason: str, scope: Scope) -> dict[str, Any]:
        await self._platform.remote.discover()
        given = (name, sha256, effect, reason, self._speaker(None))
        return self._platform.remote.admit(*given, door="cli", scope=scope).model_dump(mode="json")

    async def revoke(self, name: str, reason: str, scope: Scope) -> dict[str, Any]:
        return self._platform.remote.revoke(name, reason, self._speaker(None), door="cli", scope=scope).model_dump(mode="json")

    async def ready(self) -> dict[str, Any]:
        documents, passages = self._platform.knowledge.library.count()
        checks = {"documents": documents, "passages": passages, "vectors": self._platform.knowledge.index.count()}
        return {"ready": True, "mode": self._platform.mode, "model": self._platform.model_name, "checks": checks}


class RemoteSession:
    """The instance that owns the state, over its HTTP API."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(self, question: str, turns: Sequence[Turn]) -> Answer:
        messages = [*turns, {"role": "user", "content": question}]
        body = await self._call("POST", "/v1/chat/completions", json={"model": "shuzhi", "messages": messages})
        return Answer.model_validate({**body["shuzhi"], "text": body["choices"][0]["message"]["content"]})

    async def run_tool(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return await self._call("POST", f"/v1/tools/{name}", json=arguments)

    async def list_tools(self) -> list[dict[str, Any]]:
        return (await self._call("GET", "/v1/tools"))["tools"]

    async def ingest(self, paths: Sequence[Path], collection: str, label: Level, progress: Progress) -> AsyncIterator[dict[str, Any]]:
        files = [file for path in paths for file in expand(path)]
        for number, file in enumerate(files):
            progress(number, len(files), file.name)
            try:
                for source in contents(file):
                    yield await self._upload(source, collection, label)
            except PlatformError as error:
                yield {"name": file.name, "document": None, "error": error.problem().model_dump(mode="json")}
        progress(len(files), len(files), "")

    async def _upload(self, source: SourceFile, collection: str, label: Level) -> dict[str, Any]:
        form, files = {"collection": collection, "label": label}, {"file": (source.name, source.data)}
        try:
            return await self._call("POST", "/v1/documents", data=form, files=files)
        except RemoteError as error:
            return {"name": source.name, "document": None, "error": error.problem().model_dump(mode="json")}

    async def documents(self) -> list[dict[str, Any]]:
        return (await self._call("GET", "/v1/documents"))["documents"]

    async def artifacts(self) -> list[dict[str, Any]]:
        return (await self._call("GET", "/v1/artifacts"))["artifacts"]

    async def artifact(self, artifact_id: str) -> tuple[dict[str, Any], bytes]:
        about = await self._call("GET", f"/v1/artifacts/{quote(artifact_id, safe='')}")
        path = f"/v1/artifacts/{about['id']}/content"
        try:
            response = await self._client.get(path)
        except httpx.HTTPError as error:
            raise _silent(path) from error
        if response.status_code != 200:
            raise RemoteError(Problem.model_validate(response.json()["error"]), response.status_code)
        return about, response.content

    async def approvals(self) -> list[dict[str, Any]]:
        return (await self._call("GET", "/v1/approvals"))["approvals"]

    async def decide(self, approval_id: str, decision: str, reason: str) -> dict[str, Any]:
        return await self._call("POST", f"/v1/approvals/{approval_id}", json={"decision": decision, "reason": reason})

    async def remote_tools(self) -> dict[str, Any]:
        return await self._call("GET", "/v1/mcp/tools", params={"refresh": True})

    async def admit(self, name: str, sha256: str, effect: AdmittedEffect, reason: str, scope: Scope) -> dict[str, Any]:
        decision = {"sha256": sha256, "effect": effect, "reason": reason, "scope": scope}
        return await self._call("POST", f"/v1/mcp/tools/{name}/admit", json=decision)

    async def revoke(self, name: str, reason: str, scope: Scope) -> dict[str, Any]:
        return await self._call("POST", f"/v1/mcp/tools/{name}/revoke", json={"reason": reason, "scope": scope})

    async def ready(self) -> dict[str, Any]:
        return await self._call("GET", "/readyz")

    async def _call(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        try:
            response = await self._client.request(method, path, **kwargs)
            body = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise _silent(path) from error
        if isinstance(body, dict) and "error" in body and response.status_code >= 400:
            raise RemoteError(Problem.model_validate(body["error"]), response.status_code)
        return body  # pyright: ignore[reportUnknownVariableType]


def _silent(path: str) -> UpstreamUnavailable:
    return UpstreamUnavailable("正在运行的实例没有应答", where=path, cure="重启 shuzhi up 后再试")


class RemoteError(PlatformError):
    """An error that the instance reported, passed on as it was."""

    def __init__(self, problem: Problem, status_code: int) -> None:
        super().__init__(problem.message, detail=list(problem.detail))
        self.status_code = status_code
        self.exit_code = 2 if status_code < 500 else 1
        self._type = problem.type

    def problem(self, run_id: str | None = None) -> Problem:
        return super().problem(run_id).model_copy(update={"type": self._type})


def _decision(word: str) -> Any:
    if word not in ("approve", "reject"):
        raise DocumentError("决定只能是 approve 或 reject", where="decision")
    return word


@asynccontextmanager
async def open_session(settings: Settings) -> AsyncGenerator[Session]:
    """The running instance when there is one, else the stores themselves."""
    instance: Instance | None = running(settings.home)
    if instance is None:
        platform = await open_platform(settings, door="cli")
        try:
            yield LocalSession(platform, settings.api_key.get_secret_value())
        finally:
            await platform.close()
        return
    key = settings.api_key.get_secret_value()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(base_url=instance.url, headers=headers, timeout=300.0, trust_env=False, verify=instance.verify) as client:
        yield RemoteSession(client)
