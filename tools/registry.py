"""Which tools there are: the built-in list handed in by the composition root, third parties' by entry point, and sources that change."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Protocol

from pydantic import BaseModel

from domain.errors import ConfigurationError, NotAllowed, NotFound, ToolFailed, known_names
from domain.principal import Principal

from .contract import AnyTool, ToolContext, ToolResult

ENTRY_POINT_GROUP = "shuzhi.tools"


class ToolSource(Protocol):
    """Tools that come and go while the platform runs."""

    def tools(self, tenant: str) -> Mapping[str, AnyTool]:
        """Those that people of the tenant may use now, by name. Asked at every look-up, so it is a look at what is known, never work."""
        ...


class CallPolicy(Protocol):
    """What a call may be and cost. Every method raises a PlatformError for what it refuses."""

    def fits(self, tool: str, arguments: Mapping[str, Any]) -> None:
        """Before anything is done with the arguments; counts nothing."""
        ...

    def check(self, tool: str, principal: Principal, run_id: str, arguments: Mapping[str, Any]) -> None:
        """Just before the call, which it counts."""
        ...

    def seconds(self, tool: str) -> float | None:
        """How long the call may take."""
        ...

    def result_fits(self, tool: str, data: BaseModel) -> None:
        """After the call."""
        ...


@dataclass(frozen=True)
class PreparedCall:
    """A call whose caller may use the tool and whose arguments are valid."""

    tool: AnyTool
    given: BaseModel
    arguments: Mapping[str, Any]


def at_once() -> None:
    """For calls that need no decision before they begin."""


class ToolRegistry:
    """Tools by name. A name belongs to one tool; what a source calls the same stays hidden."""

    def __init__(self, tools: Iterable[AnyTool], *, sources: Sequence[ToolSource] = (), policy: CallPolicy | None = None) -> None:
        self._tools: dict[str, AnyTool] = {}
        self._sources = list(sources)
        self._policy = policy
        for tool in tools:
            if tool.name in self._tools:
                raise ConfigurationError(f"工具名 {tool.name!r} 重复", where="shuzhi.tools", cure="改掉其中一个的名字")
            self._tools[tool.name] = tool

    def __iter__(self) -> Iterator[AnyTool]:
        """The tools that everybody has; those of a source are one tenant's or another's."""
        return iter(self._tools.values())

    def known(self, principal: Principal) -> Mapping[str, AnyTool]:
        """All that there are in the principal's tenant, whatever its roles, by name."""
        if not self._sources:
            return self._tools
        found: dict[str, AnyTool] = {}
        for source in reversed(self._sources):
            found |= source.tools(principal.tenant)
        return self._tools | {name: tool for name, tool in found.items() if name not in self._tools}

    def get(self, name: str, principal: Principal) -> AnyTool:
        known = self.known(principal)
        try:
            return known[name]
        except KeyError:
            raise NotFound(f"没有名为 {name!r} 的工具", where="name", cure=known_names(name, list(known))) from None

    def allowed(self, principal: Principal) -> list[AnyTool]:
        """Tools that one of the principal's roles may use; no role, no tool."""
        return [tool for tool in self.known(principal).values() if tool.roles & principal.roles]

    def prepare(self, name: str, arguments: Mapping[str, Any], principal: Principal) -> PreparedCall:
        """The tool with its validated input, once role and size are checked. Effects are the caller's to approve before it goes on.

        Raises:
            NotFound, NotAllowed, TooLarge, UserInputError.
        """
        tool = self.get(name, principal)
        if not tool.roles & principal.roles:
            raise NotAllowed(f"当前角色不能使用工具 {name}", where="roles", cure="请管理员授予相应角色")
        if self._policy is not None:
            self._policy.fits(name, arguments)
        return PreparedCall(tool, tool.parse(dict(arguments)), arguments)

    async def execute(self, call: PreparedCall, context: ToolContext, begin: Callable[[], None] = at_once) -> ToolResult[Any]:
        """The one way to a tool's function: budgets, then `begin` (the claim of an approved effect), then the function in its time.

        Raises:
            TooLarge, TooMany, what `begin` raises, ToolFailed (also for a call out of time), and what the tool itself raises.
        """
        tool, policy = call.tool, self._policy
        if policy is None:
            begin()
            return await tool.run(call.given, context)
        policy.check(tool.name, context.principal, context.run_id, call.arguments)
        begin()
        seconds = policy.seconds(tool.name)
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                result = await tool.run(call.given, context)
        except TimeoutError as error:
            if not limit.expired():
                raise
            cure = "缩小问题后再试，或请管理员放宽时限"
            raise ToolFailed(f"工具 {tool.name} 超过 {seconds:g} 秒没有完成", where=tool.name, cure=cure) from error
        policy.result_fits(tool.name, result.data)
        return result

    async def run(self, name: str, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult[Any]:
        """`prepare`, then `execute`; raises what they raise."""
        return await self.execute(self.prepare(name, arguments, context.principal), context)


def installed_tools() -> list[AnyTool]:
    """Tools of other installed packages: each entry point is a function without arguments that returns tools."""
    found: list[AnyTool] = []
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        try:
            found.extend(entry.load()())
        except Exception as error:
            raise ConfigurationError(f"扩展工具 {entry.name!r} 加载失败：{error}", where=entry.value, cure="修复或卸载该扩展包") from error
    return found
