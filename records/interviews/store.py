"""Interviews as they are kept. What is said is committed before anybody looks at it; what follows from it is committed as one."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, RowMapping, insert, select, update

from domain.errors import Conflict, NotAllowed, NotFound, UserInputError
from domain.permissions import may
from domain.principal import Principal

from ..audit_entries import Door
from ..encoding import decode, encode, new_id, storable
from ..enterprises.items import NewRating, Rating, checked_item
from ..enterprises.ledger import Because, Change, Ledger, may_write
from ..enterprises.profile import checked_profile
from ..enterprises.projection import FileState
from ..enterprises.ratings import RatingDecision, RatingStore
from ..enterprises.relations import put
from ..enterprises.store import begin, own_files_label, revise
from ..enterprises.tables import ITEMS
from ..sealing import row_of
from .state import CONVERSATION, Event, EventKind, Fact, Interview, Proposal, replay
from .tables import INTERVIEW_EVENTS, INTERVIEWS

LONGEST_SAID = 200_000
LONGEST_RESPONDENT = 60
DECIDED: dict[str, EventKind] = {"confirm": "rating_confirmed", "correct": "rating_corrected", "withdraw": "rating_rejected"}


class Note(BaseModel):
    """An event about to be recorded."""

    model_config = ConfigDict(frozen=True)

    kind: EventKind
    payload: dict[str, Any] = {}


class Listed(BaseModel):
    """An interview in a list."""

    model_config = ConfigDict(frozen=True)

    id: str
    enterprise: str
    assessment: str
    version: str
    owner: str
    status: str
    created_at: datetime
    updated_at: datetime


class InterviewStore:
    """Every method raises NotFound for an interview about a file that the principal may not read, NotAllowed for who may not take part."""

    def __init__(self, ledger: Ledger, ratings: RatingStore) -> None:
        self._ledger, self._ratings = ledger, ratings

    # reading

    def get(self, interview_id: str, principal: Principal) -> Interview:
        with self._ledger.reading(principal) as connection:
            return self._read(connection, self._row(connection, interview_id, principal))

    def events(self, interview_id: str, principal: Principal) -> list[Event]:
        with self._ledger.reading(principal) as connection:
            return self._events(connection, self._row(connection, interview_id, principal)["id"])

    def list_interviews(self, principal: Principal, *, enterprise: str = "", limit: int = 50) -> list[Listed]:
        """Newest first: those one began, or with `enterprise` all about that file."""
        with self._ledger.reading(principal) as connection:
            query = select(INTERVIEWS).where(INTERVIEWS.c.tenant == principal.tenant)
            if enterprise:
                query = query.where(INTERVIEWS.c.enterprise == self._ledger.row(connection, enterprise, principal)["id"])
            else:
                query = query.where(INTERVIEWS.c.owner == principal.id)
            rows = connection.execute(query.order_by(INTERVIEWS.c.id.desc()).limit(max(1, min(limit, 200)))).mappings().all()
        return [Listed(status=row["state"], **{n: row[n] for n in Listed.model_fields if n != "status"}) for row in rows]

    def of_thread(self, thread_id: str, principal: Principal) -> tuple[str, str]:
        """Id and status of the unfinished interview in a conversation of the principal's own; empty where there is none."""
        if not thread_id or not may(principal, "enterprises.read"):
            return "", ""
        with self._ledger.reading(principal) as connection:
            own = INTERVIEWS.c.tenant == principal.tenant, INTERVIEWS.c.owner == principal.id
            going_on = INTERVIEWS.c.thread == thread_id, INTERVIEWS.c.state != "finished"
            query = select(INTERVIEWS.c.id, INTERVIEWS.c.state).where(*going_on, *own)
            found = connection.execute(query.order_by(INTERVIEWS.c.id.desc()).limit(1)).one_or_none()
        return (found.id, found.state) if found is not None else ("", "")

    # beginning

    def start(
        self,
        assessment: str,
        version: str,
        principal: Principal,
        *,
        door: Door,
        enterprise: str = "",
        name: str = "",
        thread: str = "",
        participants: Sequence[str] = (),
    ) -> Interview:
        """Begin one about a file that the principal may write, or about a new file of that `name`."""
        if bool(enterprise) == bool(name):
            raise UserInputError("enterprise 与 name 应给出一个", where="enterprise", cure="写已有档案的编号，或写企业名称以新建档案")
        with self._ledger.change(principal, Because(), door) as change:
            file_id = (
                change.file(enterprise).id if enterprise else begin(change, checked_profile({"name": name}), own_files_label(principal))
            )
            row: dict[str, Any] = {
                "id": new_id(),
                "enterprise": file_id,
                "tenant": principal.tenant,
                "owner": principal.id,
                "assessment": assessment,
                "version": version,
                "thread": storable(thread),
                "state": "open",
                "last_seq": 0,
                "created_at": change.at,
                "updated_at": change.at,
            }
            change.connection.execute(insert(INTERVIEWS).values(row))
            note = Note(kind="started", payload={"participants": [storable(each)[:64] for each in participants]})
            self._append(change, row["id"], principal.id, door, [note])
            change.note("interview.start", change.workspace.file(file_id), interview=row["id"], assessment=assessment)
            head = _head(row)
            events = self._events(change.connection, row["id"])
        return replay(head, events)

    # going on

    def say(
        self, interview_id: str, text: str, principal: Principal, *, door: Door, respondent: str = "", source: str = CONVERSATION
    ) -> int:
        """Commit what somebody said, or what a file of theirs contains; its number in the interview."""
        if not text.strip():
            raise UserInputError("没有内容", where="text", cure="写一句回答")
        if len(text) > LONGEST_SAID:
            raise UserInputError(f"内容太长（{len(text)} 个字）", where="text", cure=f"不超过 {LONGEST_SAID} 个字，分几次说")
        with self._taking_part(interview_id, principal, door) as taking:
            now = taking.interview
            if now.status == "finished":
                raise Conflict("这次访谈已经结束", where="interview_id", cure="开始一次新的访谈")
            who = _respondent(respondent, principal)
            question = now.questions.get(who)
            said = {"text": storable(text), "source": storable(source)[:200], "question": question.item if question else ""}
            taking.change.note("interview.answer", taking.file, interview=now.id, length=len(text))
            return self._append(taking.change, now.id, who, door, [Note(kind="said", payload=said)])

    def record(
        self, interview_id: str, respondent: str, notes: Sequence[Note], principal: Principal, *, door: Door, run_id: str = ""
    ) -> bool:
        """What follows from something said: all of it, with the ratings in the enterprise's file, or none.

        False, and nothing recorded, where the same saying was understood by another turn meanwhile. Raises Conflict after the end.
        """
        because = Because(source=f"run:{run_id[:200]}" if run_id else "")
        with self._taking_part(interview_id, principal, door, because) as taking:
            if taking.interview.status == "finished":
                raise Conflict("这次访谈已经结束", where="interview_id", cure="开始一次新的访谈")
            if any(note.kind == "understood" and note.payload["said"] not in taking.interview.waiting for note in notes):
                return False
            kept: list[Note] = []
            for note in notes:
                if note.kind == "rating_proposed":
                    note = Note(kind=note.kind, payload={**note.payload, "rating": self._rate(taking, note.payload, respondent, run_id)})
                kept.append(note)
            self._append(taking.change, taking.interview.id, respondent, door, kept)
        return True

    def _rate(self, taking: "_Taking", given: Mapping[str, Any], respondent: str, run_id: str) -> str:
        """The rating in the file: the respondent's own proposal brought up to date while nobody has decided on it, else a new one."""
        now, change = taking.interview, taking.change
        own = next((each for each in now.on(given["item"]) if each.respondent == respondent and each.state == "proposed"), None)
        fields = {name: given[name] for name in ("item", "value", "evidence")}
        fields |= {"assessment": now.assessment, "version": now.version, "source": _source(now.id, given), "respondent": respondent}
        new = checked_item("rating", fields, NewRating)
        body = Rating(**new.model_dump(), proposed_by=change.principal.id, run_id=run_id).model_dump(mode="json")
        before = change.workspace.item(own.rating, "rating") if own else None
        item = put(change, taking.file, "rating", before.id if before else new_id(), body, before)
        change.note("rating.propose", taking.file, item=item.id, run=run_id, interview=now.id)
        return item.id

    # what only people do

    def decide(
        self, interview_id: str, item: str, decision: Mapping[str, str], principal: Principal, *, door: Door, respondent: str = ""
    ) -> Interview:
        """A named person confirms, corrects or withdraws a proposed rating. Raises what `RatingStore.decide` raises, and UserInputError
        where respondents contradict each other and it is not said whose rating is meant."""
        now = self.get(interview_id, principal)
        found = [each for each in now.on(item) if not respondent or each.respondent == respondent]
        found = [each for each in found if each.state == "proposed"] or found
        if not found:
            raise NotFound(f"没有待确认的评级 {item[:40]!r}", where="item", cure="先列出再选择")
        kind, value = decision.get("decision", "confirm"), decision.get("value", "")
        if len({each.value for each in found}) > 1 and kind != "correct":
            who = "、".join(f"{each.respondent}：{each.value}" for each in found)
            raise UserInputError(f"几位答复人说法不同（{who}）", where="respondent", cure="写明采纳谁的，或更正为一个值")
        chosen = found[-1]
        with self._ledger.reading(principal) as connection:
            version = connection.execute(select(ITEMS.c.version).where(ITEMS.c.id == chosen.rating)).scalar() or 0
        given = RatingDecision.model_validate({"decision": kind, "version": version, "value": value, "reason": decision.get("reason", "")})
        self._ratings.decide(now.enterprise, chosen.rating, given, principal, door=door)
        payload = {"item": item, "rating": chosen.rating, "was": chosen.value, "value": value or chosen.value}
        with self._ledger.change(principal, Because(why=given.reason), door, "ratings.confirm") as change:
            self._append(change, now.id, principal.id, door, [Note(kind=DECIDED[kind], payload=payload)])
        return self.get(interview_id, principal)

    def confirm_profile(self, interview_id: str, fields: Sequence[str], principal: Principal, *, door: Door) -> Interview:
        """Take facts over into the enterprise's file, as somebody who may change it."""
        with self._taking_part(interview_id, principal, door, Because(why="访谈中确认")) as taking:
            facts = [each for each in taking.interview.facts if not each.confirmed and (not fields or each.field in fields)]
            if facts:
                file = taking.change.file(taking.file.id)
                revise(taking.change, file, {each.field: _merged(each, file.profile.get(each.field)) for each in facts})
                payload = {"fields": [each.field for each in facts]}
                self._append(taking.change, taking.interview.id, principal.id, door, [Note(kind="profile_confirmed", payload=payload)])
        return self.get(interview_id, principal)

    # inside

    @contextmanager
    def _taking_part(self, interview_id: str, principal: Principal, door: Door, because: Because | None = None) -> Generator["_Taking"]:
        """A transaction of whoever may take part: those who may write the file, and those who were asked in."""
        with self._ledger.change(principal, because or Because(), door) as change:
            row = self._row(change.connection, interview_id, principal)
            # locks the file: whoever takes part in its interviews takes turns
            change.workspace.load([row["enterprise"]])
            file = self._ledger.state(change.connection, row["enterprise"], principal)
            now = self._read(change.connection, row)
            if file.status == "merged":
                raise Conflict("这份档案已并入另一份", where="enterprise_id", cure=f"改用 {file.merged_into}")
            if not may_write(principal, file) and principal.id not in now.participants:
                raise NotAllowed("没有受邀参加这次访谈", where="interview_id", cure="请发起人把您加入答复人")
            yield _Taking(change, file, now)

    def _row(self, connection: Connection, interview_id: str, principal: Principal) -> RowMapping:
        found = connection.execute(select(INTERVIEWS).where(INTERVIEWS.c.id == storable(interview_id))).mappings().one_or_none()
        try:
            if found is not None and found["tenant"] == principal.tenant:
                self._ledger.row(connection, found["enterprise"], principal)
                return found
        except NotFound:
            pass
        raise NotFound(f"没有访谈 {interview_id[:40]!r}", where="interview_id", cure="先列出再选择")

    def _events(self, connection: Connection, interview_id: str) -> list[Event]:
        query = select(INTERVIEW_EVENTS).where(INTERVIEW_EVENTS.c.interview == interview_id).order_by(INTERVIEW_EVENTS.c.seq)
        opened = self._ledger.content.interview_event
        return [
            Event(
                payload=decode(opened.open(row_of((interview_id, row["seq"])), row["payload"])),
                **{name: row[name] for name in Event.model_fields if name != "payload"},
            )
            for row in connection.execute(query).mappings()
        ]

    def _read(self, connection: Connection, row: RowMapping) -> Interview:
        """The interview, its ratings as they stand in the file: they may have been decided there."""
        now = replay(_head(dict(row)), self._events(connection, row["id"]))
        ids = [each.rating for each in now.proposals]
        found = connection.execute(select(ITEMS.c.id, ITEMS.c.body).where(ITEMS.c.id.in_(ids))).all() if ids else ()
        bodies = {each.id: Rating.model_validate(decode(each.body)) for each in found}
        return now.model_copy(update={"proposals": [_decided(each, bodies.get(each.rating)) for each in now.proposals]})

    def _append(self, change: Change, interview_id: str, respondent: str, door: Door, notes: Sequence[Note]) -> int:
        """Number and store events; the number of the first."""
        values: dict[str, Any] = {"last_seq": INTERVIEWS.c.last_seq + len(notes), "updated_at": change.at}
        for note in notes:
            values |= {"state": state} if (state := {"paused": "paused", "resumed": "open", "finished": "finished"}.get(note.kind)) else {}
        moved = update(INTERVIEWS).where(INTERVIEWS.c.id == interview_id).values(values).returning(INTERVIEWS.c.last_seq)
        first = change.connection.execute(moved).scalar_one() - len(notes) + 1
        seal = self._ledger.content.interview_event.seal
        rows = [
            {
                "interview": interview_id,
                "seq": seq,
                "kind": note.kind,
                "payload": seal(row_of((interview_id, seq)), encode(note.payload)),
                "respondent": storable(respondent),
                "by": change.principal.id,
                "door": door,
                "at": change.at,
            }
            for seq, note in enumerate(notes, first)
        ]
        if rows:
            change.connection.execute(insert(INTERVIEW_EVENTS), rows)
        return first


@dataclass(frozen=True)
class _Taking:
    """Somebody's step in an interview, inside one transaction."""

    change: Change
    file: FileState
    interview: Interview


def _head(row: Mapping[Any, Any]) -> Interview:
    return Interview(**{name: row[name] for name in ("id", "enterprise", "owner", "assessment", "version", "thread")})


def _decided(proposal: Proposal, rating: Rating | None) -> Proposal:
    if rating is None:
        return proposal
    return proposal.model_copy(update={"value": rating.value, "state": rating.state, "decided_by": rating.decided_by})


def _source(interview_id: str, given: Mapping[str, Any]) -> str:
    place = "" if given["source"] == CONVERSATION else f" {given['source']}"
    return f"访谈 {interview_id}{place} #{given['said']}:{given['start']}-{given['end']}"[:200]


def _respondent(given: str, principal: Principal) -> str:
    name = " ".join(storable(given).split()) or principal.id
    if len(name) > LONGEST_RESPONDENT:
        raise UserInputError("答复人的名字太长", where="respondent", cure=f"不超过 {LONGEST_RESPONDENT} 个字")
    return name


def _merged(fact: Fact, before: Any) -> Any:
    """Lists grow; everything else is replaced."""
    if isinstance(fact.value, list) and isinstance(before, list):
        return list(dict.fromkeys([*cast("list[str]", before), *cast("list[str]", fact.value)]))
    return fact.value
