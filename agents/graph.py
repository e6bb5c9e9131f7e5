"""The way of a question, on one screen (DESIGN §2)."""

from collections.abc import Awaitable, Callable
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from domain.errors import ConfigurationError

from .deps import AssistantDeps
from .nodes.act import act
from .nodes.compose import compose
from .nodes.plan import plan
from .nodes.screen_input import screen_input
from .nodes.screen_output import screen_output
from .state import AssistantState, RunContext

Assistant = CompiledStateGraph[AssistantState, RunContext, AssistantState, AssistantState]


def build_assistant(deps: AssistantDeps, checkpointer: BaseCheckpointSaver[Any] | None) -> Assistant:
    """Compile the assistant. The routers are coroutines: LangGraph runs plain functions in a thread.

    Raises:
        ConfigurationError: a tool needs approvals and there is no checkpointer to wait in.
    """
    waits = [tool.name for tool in deps.tools if tool.effect in ("write", "external")]
    if waits and checkpointer is None:
        raise ConfigurationError(f"工具 {'、'.join(waits)} 需要审批，必须配置检查点存储", where="checkpointer", cure="设置数据库后重启")
    graph = StateGraph(AssistantState, context_schema=RunContext)
    graph.add_node("screen_input", screen_input(deps))
    graph.add_node("plan", plan(deps))
    graph.add_node("act", act(deps))
    graph.add_node("compose", compose(deps))
    graph.add_node("screen_output", screen_output(deps))
    graph.add_edge(START, "screen_input")
    graph.add_conditional_edges("screen_input", after_screening, ["plan", "screen_output"])
    graph.add_conditional_edges("plan", after_plan, ["act", "compose"])
    graph.add_conditional_edges("act", after_act(deps), ["act", "plan", "compose"])
    graph.add_edge("compose", "screen_output")
    graph.add_edge("screen_output", END)
    return graph.compile(checkpointer=checkpointer)


async def after_screening(state: AssistantState) -> str:
    return "screen_output" if state.get("blocked") else "plan"


async def after_plan(state: AssistantState) -> str:
    return "act" if state.get("calls") else "compose"


def after_act(deps: AssistantDeps) -> Callable[[AssistantState], Awaitable[str]]:
    """The calls that are left; then another round of planning, only when a call failed and rounds are left."""

    async def decide(state: AssistantState) -> str:
        if state.get("calls"):
            return "act"
        failed = any(result["error"] for result in state.get("results", []))
        return "plan" if failed and state.get("rounds", 0) < deps.max_rounds else "compose"

    return decide
