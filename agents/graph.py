"""The way of a question, on one screen (DESIGN §2).

A step of LangGraph ends where a run may have to wait for a person, and only there: what lies between two waits is done without a
checkpoint anyway, and every step costs 0.4 ms. So the nodes up to the next effect, or to the answer, make one step.
"""

from typing import Any, Protocol, cast

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from domain.errors import ConfigurationError

from .deps import AssistantDeps
from .nodes.act import act, effects_of
from .nodes.compose import compose
from .nodes.plan import plan
from .nodes.screen_input import screen_input
from .nodes.screen_output import screen_output
from .nodes.talk import remind, talk
from .state import AssistantState, RunContext, Update

Assistant = CompiledStateGraph[AssistantState, RunContext, AssistantState, AssistantState]


class Node(Protocol):
    """One stretch of a question's way: what it changes of the state."""

    async def __call__(self, state: AssistantState, runtime: Runtime[RunContext]) -> Update: ...


def build_assistant(deps: AssistantDeps, checkpointer: BaseCheckpointSaver[Any] | None) -> Assistant:
    """Compile the assistant. Its router is a coroutine: LangGraph runs plain functions in a thread.

    Raises:
        ConfigurationError: a tool needs approvals and there is no checkpointer to wait in.
    """
    waits = effects_of(deps.tools)
    if waits and checkpointer is None:
        raise ConfigurationError(
            f"工具 {'、'.join(sorted(waits))} 需要审批，必须配置检查点存储", where="checkpointer", cure="设置数据库后重启"
        )
    graph = StateGraph(AssistantState, context_schema=RunContext)
    graph.add_node("work", work(deps))
    graph.add_node("effect", act(deps))
    graph.add_edge(START, "work")
    graph.add_conditional_edges("work", after_work, ["effect", END])
    graph.add_edge("effect", "work")
    return graph.compile(checkpointer=checkpointer)


def work(deps: AssistantDeps) -> Node:
    """`screen_input → plan ⇄ act → compose → screen_output`; ends early, its call still in the state, where an effect comes next.

    What belongs to the conversation's interview is answered by it, before anything is planned.
    """
    screened, planned, acted, answered = screen_input(deps), plan(deps), act(deps), (compose(deps), remind(deps), screen_output(deps))
    talked, shown = talk(deps), screen_output(deps)

    async def node(state: AssistantState, runtime: Runtime[RunContext]) -> Update:
        update: Update = {}

        async def take(*nodes: Node) -> None:
            for each in nodes:
                update.update(await each(cast("AssistantState", {**state, **update}), runtime))

        def now(key: str) -> Any:
            return update.get(key, state.get(key))

        if now("rounds") is None:
            await take(screened, talked)
            if update.get("answer"):
                await take(shown)
                return update
            await take(planned)
        while now("calls") or (now("steered") and now("rounds") < deps.max_rounds):
            if not now("calls"):
                await take(planned)
            elif now("calls")[0]["name"] in effects_of(deps.tools.known(runtime.context.principal).values()):
                return update
            else:
                await take(acted)
        await take(*answered)
        return update

    return node


async def after_work(state: AssistantState) -> str:
    return "effect" if state.get("calls") else END
