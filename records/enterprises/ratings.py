"""Ratings are proposed with their evidence, by the assistant or a person, and become facts only when a named person stands for them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from domain.errors import Conflict, NotAllowed, UserInputError
from domain.permissions import require
from domain.principal import Principal

from ..audit_entries import Door
from ..encoding import StoredText, new_id, storable
from .items import FACTUAL, NewRating, Rating, checked_item
from .ledger import Because, Ledger, expect_version
from .relations import FileItem, held, put, shown
from .tables import ITEMS
from .workspace import item_state

Decision = Literal["confirm", "correct", "withdraw"]
STATES: dict[Decision, Literal["confirmed", "corrected", "withdrawn"]] = {
    "confirm": "confirmed",
    "correct": "corrected",
    "withdraw": "withdrawn",
}
PEOPLES_DOORS: frozenset[Door] = frozenset({"chat", "http", "cli"})
"""Where a person decides. The platform itself and other programs' agents (system, mcp, openai) never do."""


class RatingDecision(BaseModel):
    """What a person says about a rating. A correction names the new value; a correction and a withdrawal their reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decision: Decision
    version: int
    """Of the rating as it was seen."""
    value: StoredText = Field(default="", max_length=200)
    reason: StoredText = Field(default="", max_length=500)


class RatingStore:
    """Methods raise NotAllowed and NotFound like `EnterpriseStore`'s."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def propose(self, file_id: str, fields: dict[str, Any], principal: Principal, *, door: Door, run_id: str = "") -> FileItem:
        """A rating that waits for a person. `run_id`: the assistant's run that proposes it on the principal's behalf."""
        new = checked_item("rating", fields, NewRating)
        body = Rating(**new.model_dump(), proposed_by=principal.id, run_id=storable(run_id)).model_dump(mode="json")
        source = f"run:{run_id[:200]}" if run_id else ""
        with self._ledger.change(principal, Because(source=source), door) as change:
            file = change.file(file_id)
            item = put(change, file, "rating", new_id(), body, None)
            change.note("rating.propose", file, item=item.id, run=run_id)
        return shown(item, self._ledger.now().date(), hide=False)

    def decide(
        self, file_id: str, rating_id: str, given: RatingDecision, principal: Principal, *, door: Door, run_id: str = ""
    ) -> FileItem:
        """Confirm, correct, or withdraw.

        Raises NotAllowed for who may not decide and for anything that is no person: a run of the assistant (`run_id`), a timer, another
        program's agent. Raises UserInputError for what a decision lacks, Conflict for another version and for a withdrawn rating.
        """
        require(principal, "ratings.confirm")
        if run_id or door not in PEOPLES_DOORS:
            raise NotAllowed("评级要由人确认，智能助手不能确认", where="decision", cure="请有确认权限的人在页面、接口或命令行确认")
        _explained(given)
        with self._ledger.change(principal, Because(why=given.reason), door, "enterprises.read") as change:
            file = self._ledger.state(change.connection, file_id, principal)
            change.workspace.load([file.id])
            item = held(change, file, "rating", rating_id)
            expect_version(item.version, given.version)
            before = Rating.model_validate(item.body)
            if before.state == "withdrawn" or file.status == "merged":
                raise Conflict("这项评级已撤回，或档案已并入另一份", where="rating_id", cure="重新提出评级")
            after = _decided(before, given, principal.id, self._ledger.now().isoformat())
            item = put(change, file, "rating", item.id, after.model_dump(mode="json"), item)
            change.note("rating.decide", file, item=item.id, decision=given.decision)
        return shown(item, self._ledger.now().date(), hide=False)

    def facts(self, file_id: str, principal: Principal) -> list[FileItem]:
        """The ratings that a report may state: those that a named person confirmed or corrected. Oldest first."""
        with self._ledger.reading(principal) as connection:
            file = self._ledger.row(connection, file_id, principal)
            chosen = ITEMS.c.enterprise == file["id"], ITEMS.c.kind == "rating", ITEMS.c.state.in_(sorted(FACTUAL))
            rows = connection.execute(select(ITEMS).where(*chosen).order_by(ITEMS.c.id)).mappings().all()
        return [shown(item_state(row, self._ledger.content), self._ledger.now().date(), hide=False) for row in rows]


def _explained(given: RatingDecision) -> None:
    value, reason = given.value.strip(), given.reason.strip()
    if given.decision == "correct" and not (value and reason):
        raise UserInputError("更正评级要写明新的等级和原因", where="value", cure="给出 value 和 reason")
    if given.decision == "withdraw" and not reason:
        raise UserInputError("撤回评级要写明原因", where="reason", cure="给出 reason")
    if given.decision == "confirm" and value:
        raise UserInputError("确认不能改变等级", where="value", cure="要改变等级，用 correct")


def _decided(before: Rating, given: RatingDecision, by: str, at: str) -> Rating:
    change: dict[str, Any] = {"state": STATES[given.decision], "decided_by": by, "decided_at": at, "reason": given.reason}
    if given.decision == "correct":
        change |= {"value": given.value.strip(), "proposed_value": before.proposed_value or before.value}
    return Rating.model_validate(before.model_dump() | change)
