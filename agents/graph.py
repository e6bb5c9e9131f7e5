"""The way of a question, on one screen (DESIGN §2)."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from domain.errors import ConfigurationError

from .deps import AssistantDeps
from .nodes.act import act
from .nodes.compose import compose
from .nodes.plan import plan
from .nodes.screen_input import screen_input
from .nodes.screen_output import screen_output
from .state import AssistantState, RunContext, Update

Assistant = CompiledStateGraph[AssistantState, RunContext, AssistantState, AssistantState]


class Node(Protocol):
    """One step of a question's way: what it changes of the state."""

    async def __call__(self, state: AssistantState, runtime: Runtime[RunContext]) -> Update: ...


def build_assistant(deps: AssistantDeps, checkpointer: BaseCheckpointSaver[Any] | None) -> Assistant:
    """Compile the assistant. The routers are coroutines: LangGraph runs plain functions in a thread.

    Raises:
        ConfigurationError: a tool needs approvals and there is no checkpointer to wait in.
    """
    waits = [tool.name for tool in deps.tools if tool.effect in ("write", "external")]
    if waits and checkpointer is None:
        raise ConfigurationError(f"工具 {'、'.join(waits)} 需要审批，必须配置检查点存储", where="checkpointer", cure="设置数据库后重启")
    graph = StateGraph(AssistantState, context_schema=RunContext)
    graph.add_node("question", in_one_step(screen_input(deps), plan(deps)))
    graph.add_node("act", act(deps))
    graph.add_node("plan", plan(deps))
    graph.add_node("answer", in_one_step(compose(deps), screen_output(deps)))
    graph.add_edge(START, "question")
    graph.add_conditional_edges("question", after_plan, ["act", "answer"])
    graph.add_conditional_edges("act", after_act(deps), ["act", "plan", "answer"])
    graph.add_conditional_edges("plan", after_plan, ["act", "answer"])
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=checkpointer)


def in_one_step(*nodes: Node) -> Node:
    """Nodes between which no run ever waits, as one step of the graph: a step of its own costs each of them 0.4 ms and a checkpoint."""

    async def node(state: AssistantState, runtime: Runtime[RunContext]) -> Update:
        update: Update = {}
        for each in nodes:
            update |= await each(cast("AssistantState", {**state, **update}), runtime)
        return update

    return node


async def after_plan(state: AssistantState) -> str:
    return "act" if state.get("calls") else "answer"


def after_act(deps: AssistantDeps) -> Callable[[AssistantState], Awaitable[str]]:
    """The calls that are left; then, where a model plans and rounds are left, its next look at what came of them."""

    async def decide(state: AssistantState) -> str:
        if state.get("calls"):
            return "act"
        return "plan" if state.get("steered") and state.get("rounds", 0) < deps.max_rounds else "answer"

    return decide
