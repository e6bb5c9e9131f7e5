"""What to look up or compute next. Plain questions go straight to retrieval; a model is asked only when tools may be needed."""

from collections.abc import Awaitable, Callable, Sequence
from functools import cache

from langgraph.runtime import Runtime
from pydantic import BaseModel

from domain.errors import UpstreamUnavailable
from guardrails.pseudonyms import Pseudonyms
from knowledge.lexicon import asked_tokens, token_set
from tools.contract import AnyTool

from ..deps import AssistantDeps
from ..model import Message, ToolRequest
from ..prompts.load import prompt
from ..speech import Speaker
from ..state import AssistantState, CallResult, PlannedCall, RunContext, Update

SEARCH = "search_standards"
READ = "get_clause"
FOREIGN = "外部工具已返回，内容只给用户看。"
ALIKE = 0.6
"""Overlap with an example from which a question counts as that tool's."""


def plan(deps: AssistantDeps):
    async def node(state: AssistantState, runtime: Runtime[RunContext]) -> Update:
        if state.get("blocked"):
            return {}
        run = runtime.context
        run.cancellation.raise_if_cancelled()
        rounds = state.get("rounds", 0) + 1
        tools = deps.tools.allowed(run.principal)
        if rounds > 1:
            calls = await _model_calls(deps, state, tools, run)
            return {"calls": calls, "rounds": rounds, "steered": bool(calls)}
        calls, ask = read_calls(state["question"], tools)
        steered = False
        if not calls and not ask and deps.model is not None and _may_need_tools(state["question"]):
            calls = await _model_calls(deps, state, tools, run)
            steered = bool(calls)
        if not ask and not any(call["name"] == SEARCH for call in calls):
            calls = [*calls, search_call(deps, state, len(calls))]
        return {"calls": calls, "ask": ask, "rounds": rounds, "steered": steered}

    return node


def read_calls(question: str, tools: Sequence[AnyTool]) -> tuple[list[PlannedCall], str]:
    """The calls that the tools' own extractors read from the question, or what has to be asked first."""
    readings = [(tool, reading) for tool in tools if tool.read_arguments and (reading := tool.read_arguments(question))]
    if not readings:
        return _by_example(question, tools), ""
    tool, best = max(readings, key=lambda pair: pair[1].confidence)
    if best.question:
        return [], best.question
    return [PlannedCall(id="call-0", name=tool.name, arguments=dict(best.arguments))], ""


def _by_example(question: str, tools: Sequence[AnyTool]) -> list[PlannedCall]:
    """A tool without an extractor is meant when the question resembles one of its examples and it wants one text only."""
    likely = [(likeness(question, tool.examples), tool, field) for tool in tools if not tool.read_arguments and (field := _only_text(tool))]
    score, tool, field = max(likely, key=lambda row: row[0], default=(0.0, None, ""))
    if tool is None or score < ALIKE:
        return []
    return [PlannedCall(id="call-0", name=tool.name, arguments={field: question})]


def likeness(question: str, examples: Sequence[str]) -> float:
    """The largest overlap (Dice) between the question's words and an example's."""
    own = {token for token in asked_tokens(question) if len(token) > 1}
    others = [{token for token in token_set(example) if len(token) > 1} for example in examples]
    return max((2 * len(own & other) / (len(own) + len(other)) for other in others if own and other), default=0.0)


def _only_text(tool: AnyTool) -> str:
    """The name of a tool's single required field when that is a text; retrieval and reading are planned elsewhere."""
    return "" if tool.name in (SEARCH, READ) else _only_required_text(tool.input)


@cache
def _only_required_text(model: type[BaseModel]) -> str:
    """Making a schema takes as long as everything else in this file; a tool's input does not change."""
    schema = model.model_json_schema()
    required = schema.get("required", [])
    return required[0] if len(required) == 1 and schema["properties"][required[0]].get("type") == "string" else ""


def search_call(deps: AssistantDeps, state: AssistantState, number: int) -> PlannedCall:
    earlier = [turn["content"] for turn in state.get("turns", []) if turn["role"] == "user"]
    return PlannedCall(id=f"call-{number}", name=SEARCH, arguments={"query": state["question"], "earlier": earlier[-3:], "k": deps.hits})


def _may_need_tools(question: str) -> bool:
    """Numbers to compute with, or an explicit wish: otherwise a plain look-up needs no planning by a model."""
    return any(char.isdigit() for char in question) or any(
        word in question for word in ("计算", "算一下", "帮我算", "评估", "排产", "匹配")
    )


async def _model_calls(deps: AssistantDeps, state: AssistantState, tools: Sequence[AnyTool], run: RunContext) -> list[PlannedCall]:
    """The attached model's choice of tools, in the light of what its earlier ones gave; it is validated like anybody's when it runs."""
    assert deps.model is not None
    earlier = state.get("results", [])
    history = [Message(role=t["role"], content=t["content"]) for t in state.get("turns", [])[-6:]]
    asked = [Message(role="system", content=prompt("plan")), *history, Message(role="user", content=state["question"])]
    offered = {tool.name: tool.schema for tool in tools if tool.effect in ("read", "compute") and tool.name != SEARCH}
    try:
        speaker = Speaker(deps, run, Pseudonyms(state.get("pseudonyms")), state["question"])
        completion = await deps.model.complete([*asked, *await _seen(earlier, tools, speaker.shown)], tools=list(offered.values()))
    except UpstreamUnavailable as error:
        run.emit("fallback", {"where": "plan", "reason": error.message})
        return []
    done = [(result["name"], result["arguments"]) for result in earlier]
    wanted = [r for r in completion.tool_requests if r.name in offered and (r.name, r.arguments) not in done]
    return [PlannedCall(id=f"call-{n}", name=r.name, arguments=r.arguments) for n, r in enumerate(wanted, len(earlier))]


async def _seen(results: Sequence[CallResult], tools: Sequence[AnyTool], shown: Callable[[str], Awaitable[str]]) -> list[Message]:
    """What came of earlier calls, as a model is told it. A search is left out: texts that were found call no tools.

    Nor do a stranger's words: of a foreign tool a model learns that it ran.
    """
    told = [result for result in results if result["name"] != SEARCH]
    if not told:
        return []
    own = {tool.name for tool in tools if not tool.foreign}
    requests = tuple(ToolRequest(result["id"], result["name"], result["arguments"]) for result in told)
    texts = [await shown(result["error"] or result["summary"]) if result["name"] in own else FOREIGN for result in told]
    answers = [Message(role="tool", content=text, tool_call_id=result["id"]) for result, text in zip(told, texts, strict=True)]
    return [Message(role="assistant", content="", tool_calls=requests), *answers]
