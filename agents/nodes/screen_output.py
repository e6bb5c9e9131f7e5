"""Last node: may this answer pass? What it blocks is replaced by a refusal that says so."""

from langgraph.runtime import Runtime

from domain.answer import Answer, Sentence
from guardrails.chain import blocked

from ..deps import AssistantDeps
from ..state import AssistantState, RunContext, Update


def screen_output(deps: AssistantDeps):
    async def node(state: AssistantState, runtime: Runtime[RunContext]) -> Update:
        run = runtime.context
        text = state.get("blocked", "")
        if text:
            answer = Answer(text=text, sentences=[Sentence(text=text)], refused=True, reason=text, run_id=run.run_id)
            run.emit("sentence", answer.sentences[0].model_dump(mode="json"))
            return {"answer": answer.model_dump(mode="json")}
        answer = Answer.model_validate(state.get("answer"))
        _, verdicts = deps.output_guard.check(answer.text, run.principal)
        for verdict in verdicts:
            run.emit("guard", {"stage": "output", "rule": verdict.rule, "action": verdict.action, "reason": verdict.reason})
        stop = blocked(verdicts)
        if not stop:
            return {}
        refusal = Answer(text=stop.reason, sentences=[Sentence(text=stop.reason)], refused=True, reason=stop.reason, run_id=run.run_id)
        return {"answer": refusal.model_dump(mode="json")}

    return node
