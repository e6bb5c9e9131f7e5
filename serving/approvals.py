"""The approvals table with the face that the act node knows."""

from typing import Any

from domain.principal import Principal
from records.approvals import ApprovalStore, NewApproval
from records.audit_entries import Door


class ApprovalDesk:
    """Files, looks up and claims approvals for running graphs."""

    def __init__(self, store: ApprovalStore) -> None:
        self._store = store
        self._owners: dict[str, Principal] = {}
        self._runs: dict[str, str] = {}
        self._doors: dict[str, Door] = {}

    def entered(self, run_id: str, door: Door) -> None:
        """A run is worked on; `door`: the way in by which it was begun or taken up again."""
        self._doors[run_id] = door

    def left(self, run_id: str) -> None:
        """Nobody works on the run any more."""
        self._doors.pop(run_id, None)

    def request(self, run_id: str, tool: str, args: dict[str, Any], effect: str, principal: Principal) -> str:
        new = NewApproval.model_validate({"run_id": run_id, "tool": tool, "args": args, "effect": effect, "summary": f"执行 {tool}"})
        approval = self._store.request(new, principal, door=self._doors.get(run_id, "system"))
        self._owners[approval.id] = principal
        self._runs[approval.id] = run_id
        return approval.id

    def is_approved(self, approval_id: str) -> bool | None:
        status = self._store.show(approval_id, self._owners[approval_id]).status
        return {"approved": True, "rejected": False, "withdrawn": False}.get(status)

    def claim(self, approval_id: str) -> bool:
        return self._store.claim(approval_id, door=self._doors.get(self._runs.get(approval_id, ""), "system"))

    def record(self, approval_id: str, outcome: dict[str, Any]) -> None:
        self._owners.pop(approval_id, None)
        self._runs.pop(approval_id, None)
        self._store.record_outcome(approval_id, outcome)

    def outcome(self, approval_id: str) -> dict[str, Any] | None:
        return self._store.show(approval_id, self._owners[approval_id]).outcome
