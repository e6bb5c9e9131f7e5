"""What the audit trail keeps of a run: who asked, through which door, how long the question was, which tools were used, how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.state import Emit
from domain.principal import Principal
from records.audit_entries import Door, NewEntry, Outcome

MOST_TOOLS = 40


@dataclass
class Asking:
    """One person's run while it is worked on. The question itself stays out of its entry."""

    principal: Principal
    door: Door
    question: str | None = None
    """None when it was asked of a process that is gone."""
    tools: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """Calls by id."""

    def noting(self, emit: Emit) -> Emit:
        """`emit` that also remembers the tools that were called; arguments and results stay out."""

        def noted(kind: str, data: dict[str, Any]) -> None:
            if kind == "tool_call":
                self.tools[str(data["id"])] = {"name": str(data["name"]), "outcome": "failed"}
            elif kind == "tool_result":
                self.tools[str(data["id"])] = {"name": str(data["name"]), "outcome": "failed" if data.get("error") else "done"}
            emit(kind, data)

        return noted

    def entry(
        self, run_id: str, status: str, answer: Mapping[str, Any] | None, data: Mapping[str, Any], effects: Mapping[str, str]
    ) -> NewEntry:
        """The run's entry: one each time it ends or begins to wait."""
        calls = list(self.tools.values())
        # a model may call what does not exist: only names of ours are written down
        used = [
            {**call, "name": call["name"] if call["name"] in effects else "", "effect": effects.get(call["name"], "")} for call in calls
        ]
        detail: dict[str, Any] = {
            "status": status,
            "question_length": None if self.question is None else len(self.question),
            "tools": used[:MOST_TOOLS],
        }
        if len(used) > MOST_TOOLS:
            detail["more_tools"] = len(used) - MOST_TOOLS
        if answer is not None:
            detail["refused"] = bool(answer.get("refused"))
        error: Any = data.get("error")
        if error:
            detail["error"] = error["type"]
        about: dict[str, Any] = {"object_kind": "run", "object_id": run_id, "outcome": _outcome(status, error), "detail": detail}
        return NewEntry(principal=self.principal, action="run.start", door=self.door, **about)


def _outcome(status: str, error: Any) -> Outcome:
    if status in ("done", "waiting"):
        return "done"
    return "refused" if error and error["type"] == "NotAllowed" else "failed"
