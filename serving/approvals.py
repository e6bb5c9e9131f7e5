"""The approvals table with the face that the act node knows."""

from typing import Any

from domain.principal import Principal
from records.approvals import ApprovalStore, NewApproval


class ApprovalDesk:
    """Files, looks up and claims approvals for running graphs."""

    def __init__(self, store: ApprovalStore) -> None:
        self._store = store
        self._owners: dict[str, Principal] = {}

    def request(self, run_id: str, tool: str, args: dict[str, Any], effect: str, principal: Principal) -> str:
        new = NewApproval.model_validate({"run_id": run_id, "tool": tool, "args": args, "effect": effect, "summary": f"执行 {tool}"})
        approval = self._store.request(new, principal)
        self._owners[approval.id] = principal
        return approval.id

    def is_approved(self, approval_id: str) -> bool | None:
        status = self._store.show(approval_id, self._owners[approval_id]).status
        return {"approved": True, "rejected": False, "withdrawn": False}.get(status)

    def claim(self, approval_id: str) -> bool:
        self._owners.pop(approval_id, None)
        return self._store.claim(approval_id)
