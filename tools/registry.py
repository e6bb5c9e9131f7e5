"""Which tools there are: the built-in list handed in by the composition root, and third parties' by entry point."""

from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from typing import Any

from domain.errors import ConfigurationError, NotAllowed, NotFound, known_names
from domain.principal import Principal

from .contract import AnyTool, ToolContext, ToolResult

ENTRY_POINT_GROUP = "shuzhi.tools"


class ToolRegistry:
    """Tools by name. A name belongs to one tool."""

    def __init__(self, tools: Iterable[AnyTool]) -> None:
        self._tools: dict[str, AnyTool] = {}
        for tool in tools:
            if tool.name in self._tools:
                raise ConfigurationError(f"工具名 {tool.name!r} 重复", where="shuzhi.tools", cure="改掉其中一个的名字")
            self._tools[tool.name] = tool

    def __iter__(self) -> Iterator[AnyTool]:
        return iter(self._tools.values())

    def get(self, name: str) -> AnyTool:
        try:
            return self._tools[name]
        except KeyError:
            raise NotFound(f"没有名为 {name!r} 的工具", where="name", cure=known_names(name, list(self._tools))) from None

    def allowed(self, principal: Principal) -> list[AnyTool]:
        """Tools that one of the principal's roles may use; no role, no tool."""
        return [tool for tool in self if tool.roles & principal.roles]

    async def run(self, name: str, arguments: dict[str, Any], context: ToolContext) -> ToolResult[Any]:
        """Validate, check the role, run. Effects are the caller's to approve before this.

        Raises:
            NotFound, NotAllowed, UserInputError, ToolFailed.
        """
        tool = self.get(name)
        if not tool.roles & context.principal.roles:
            raise NotAllowed(f"当前角色不能使用工具 {name}", where="roles", cure="请管理员授予相应角色")
        return await tool.run(tool.parse(arguments), context)


def installed_tools() -> list[AnyTool]:
    """Tools of other installed packages: each entry point is a function without arguments that returns tools."""
    found: list[AnyTool] = []
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        try:
            found.extend(entry.load()())
        except Exception as error:
            raise ConfigurationError(f"扩展工具 {entry.name!r} 加载失败：{error}", where=entry.value, cure="修复或卸载该扩展包") from error
    return found
