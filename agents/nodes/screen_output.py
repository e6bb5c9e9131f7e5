"""Last node: may this answer pass as a whole? What it blocks is replaced by a refusal that says so."""

from typing import Any

from langgraph.runtime import Runtime

from domain.answer import Answer, Sentence

from ..deps import AssistantDeps
from ..state import AssistantState, RunContext, Update

NOTHING_LEFT = "回答没有通过安全检查，已全部拦截。请换一种问法，或联系管理员查看运行记录"


def screen_output(deps: AssistantDeps):
    async def node(state: AssistantState, runtime: Runtime[RunContext]) -> Update:
        run = runtime.context
        text = state.get("blocked", "")
        if text:
            refusal = _refusal(text, run.run_id)
            run.emit("sentence", refusal.sentences[0].model_dump(mode="json"))
            return {"answer": refusal.model_dump(mode="json")}
        answer: dict[str, Any] = state.get("answer", {})
        decision = deps.screens.stream.check(answer.get("text", ""), run.principal, known=_known(state))
        for event in decision.events():
            run.emit("guard", {"stage": "output", **event})
        if decision.blocked:
            return {"answer": _refusal(decision.reason, run.run_id).model_dump(mode="json")}
        if not decision.text.strip():
            refusal = _refusal(NOTHING_LEFT, run.run_id)
            run.emit("sentence", refusal.sentences[0].model_dump(mode="json"))
            trace = {name: answer[name] for name in ("tool_calls", "retrieved") if name in answer}
            return {"answer": refusal.model_dump(mode="json") | trace}
        return {} if decision.text == answer.get("text") else {"answer": answer | {"text": decision.text}}

    return node


def _known(state: AssistantState) -> str:
    """What the principal has before it anyway: its question as it was put, and the quotes it may read."""
    answer = state.get("answer", {})
    quotes = [citation["quote"] for sentence in answer.get("sentences", []) for citation in sentence["citations"]]
    return "\n".join([state["question"], *state.get("pseudonyms", {}).values(), *quotes])


def _refusal(text: str, run_id: str) -> Answer:
    return Answer(text=text, sentences=[Sentence(text=text)], refused=True, reason=text, run_id=run_id)
