"""Asking the compiled graph, and what is seen while it answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from agents.answerable import Vocabulary
from agents.deps import AssistantDeps
from agents.graph import Assistant, build_assistant
from agents.model import ChatModel
from agents.state import RunContext, Turn
from domain.answer import Answer
from domain.principal import LOCAL, Principal
from guardrails.screens import Screens
from knowledge.catalogue import Catalogue
from knowledge.frequencies import count
from records.approvals import ApprovalStore
from records.database import Database
from serving.approvals import ApprovalDesk
from serving.assembly import Knowledge, assistant_deps, built_in_tools, make_screens
from serving.settings import Settings
from tools.contract import AnyTool
from tools.registry import ToolRegistry


@dataclass
class Asked:
    """The nodes in the order they ran, the events, and the answer when there is one."""

    nodes: list[str]
    events: list[tuple[str, dict[str, Any]]]
    answer: Answer | None

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [data for name, data in self.events if name == kind]

    @property
    def said(self) -> str:
        """What a reader of the stream has seen."""
        return "\n".join(sentence["text"] for sentence in self.of("sentence"))


@dataclass
class Asker:
    """A compiled assistant and where it keeps its approvals."""

    assistant: Assistant
    approvals: ApprovalStore

    async def ask(self, question: str, *, who: Principal = LOCAL, turns: Sequence[Turn] = (), run_id: str = "run-1") -> Asked:
        return await self.go({"question": question, "turns": list(turns)}, who, run_id)

    async def resume(self, *, who: Principal = LOCAL, run_id: str = "run-1") -> Asked:
        return await self.go(Command(resume=True), who, run_id)

    async def go(self, given: Any, who: Principal, run_id: str) -> Asked:
        asked = Asked([], [], None)
        context = RunContext(who, run_id, lambda kind, data: asked.events.append((kind, data)))
        config: Any = {"configurable": {"thread_id": run_id}}
        async for update in self.assistant.astream(given, config, context=context, stream_mode="updates", durability="exit"):
            for node, change in update.items():
                if node == "__interrupt__":
                    continue
                asked.nodes.append(node)
                if change and change.get("answer"):
                    asked.answer = Answer.model_validate(change["answer"])
        return asked


def make_deps(knowledge: Knowledge, database: Database, *, model: ChatModel | None = None, tools: Sequence[AnyTool] = ()) -> AssistantDeps:
    registry = ToolRegistry([*built_in_tools(knowledge), *tools])
    deps = assistant_deps(knowledge, registry, ApprovalDesk(ApprovalStore(database, allow_self=True)), model, screens())
    return replace(deps, judge=replace(deps.judge, vocabulary=vocabulary(knowledge.catalogue)))


@cache
def screens() -> Screens:
    """Without state, half a second's work: once for all tests."""
    return make_screens(Settings())


@cache
def vocabulary(catalogue: Catalogue) -> Vocabulary:
    """Derived from the catalogue, half a second's work: once for all tests."""
    return Vocabulary(catalogue, count(catalogue))


def asker(
    knowledge: Knowledge, database: Database, *, model: ChatModel | None = None, tools: Sequence[AnyTool] = (), **changed: Any
) -> Asker:
    deps = replace(make_deps(knowledge, database, model=model, tools=tools), **changed)
    return Asker(build_assistant(deps, InMemorySaver()), ApprovalStore(database, allow_self=True))
