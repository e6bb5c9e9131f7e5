"""A tool called by name, outside a conversation: the one rule for HTTP, MCP and the command line."""

from typing import Any

from domain.errors import NotAllowed
from domain.principal import Principal
from tools.contract import ToolContext, ToolResult
from tools.registry import ToolRegistry

from .clock import utc_now


async def run_directly(tools: ToolRegistry, name: str, arguments: dict[str, Any], speaker: Principal) -> ToolResult[Any]:
    """Run a reading or computing tool. An effect needs the approval of a run, so tools with one are refused.

    Raises:
        NotFound, NotAllowed, UserInputError, ToolFailed.
    """
    if tools.get(name).effect in ("write", "external"):
        raise NotAllowed(f"{name} 有外部影响，需要审批", where=name, cure="在对话里提出，由负责人批准后执行")
    return await tools.run(name, arguments, ToolContext(principal=speaker, now=utc_now))
