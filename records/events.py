"""Events of a run, and how text tokens are kept.

A live stream sends every token as its own `text` event with its own seq. The log keeps neighbouring tokens as one row that covers
`first_seq`..`seq` and remembers the tokens' lengths, so a replay may begin anywhere: a reader that has seen token n gets exactly the
text behind it. Joined together, the `text` of all events is the same live, replayed, or half and half.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import Connection, and_, bindparam, insert, or_, select, update

from domain.errors import Conflict

from .content import PLAIN_TEXT, TextColumn, event_row
from .encoding import StoredText, decode, encode
from .tables import EventRow, RunRow, table_of

RunStatus = Literal["running", "waiting", "done", "failed", "cancelled", "interrupted"]
"""waiting: for an approval. interrupted: the process died under it."""
Ending = Literal["done", "failed", "cancelled", "interrupted"]
"""The statuses a run cannot leave. Its last event has the same word as its type."""
OPEN: tuple[RunStatus, ...] = ("running", "waiting")
ENDINGS: tuple[Ending, ...] = ("done", "failed", "cancelled", "interrupted")
TEXT = "text"
"""Type of the events that carry the answer's text: data is exactly {"text": …}."""

EVENTS, RUNS = table_of(EventRow), table_of(RunRow)


ADVANCE = (
    update(RUNS)
    .where(
        and_(RUNS.c.id == bindparam("run"), RUNS.c.last_seq == bindparam("before")),
        or_(*(RUNS.c.status == status for status in OPEN)),
    )
    .values(last_seq=bindparam("last"))
)
"""Compare and set: a run whose newest seq is another than `before`, or that is closed, stays as it is."""
ADD = insert(EVENTS)


def _not_an_ending(word: str) -> str:
    if word in ENDINGS:
        raise ValueError(f"{word} is written by finish")
    return word


class NewEvent(BaseModel):
    """An event before it has its place in the log."""

    model_config = ConfigDict(frozen=True)

    type: Annotated[StoredText, AfterValidator(_not_an_ending)]
    data: dict[str, Any] = Field(default_factory=dict[str, Any])


class RunEvent(BaseModel):
    """One event of a run as readers see it."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    seq: int
    """From 1. As an SSE event id: whoever has seen `seq` has seen everything up to it."""
    first_seq: int
    """Smaller than `seq` where tokens were merged; one event's `first_seq` is always its predecessor's `seq` + 1."""
    type: str
    data: dict[str, Any]
    at: datetime

    @property
    def ends_run(self) -> bool:
        return self.type in ENDINGS


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event as it is stored; the fields are the columns of `run_events`."""

    run_id: str
    seq: int
    first_seq: int
    type: str
    data: str
    cuts: str | None
    at: datetime

    def columns(self, data: TextColumn = PLAIN_TEXT) -> dict[str, Any]:
        """The row to insert; `data`: how its content is kept."""
        row = {name: getattr(self, name) for name in self.__slots__}
        row["data"] = data.seal(event_row(self.run_id, self.seq), self.data)
        return row


def record(run_id: str, seq: int, event_type: str, data: dict[str, Any], at: datetime) -> EventRecord:
    """One event as one row."""
    return EventRecord(run_id, seq, seq, event_type, encode(data), None, at)


def merged(run_id: str, last_seq: int, tokens: Sequence[str], at: datetime) -> EventRecord:
    """Neighbouring text tokens, the last of which has `last_seq`, as one row."""
    cuts = encode([len(token) for token in tokens]) if len(tokens) > 1 else None
    return EventRecord(run_id, last_seq, last_seq - len(tokens) + 1, TEXT, encode({"text": "".join(tokens)}), cuts, at)


def stored_event(row: EventRow, after: int, data: TextColumn) -> RunEvent:
    """`replayed` for a row of the table, whose content is kept as `data` says."""
    opened = data.open(event_row(row.run_id, row.seq), row.data)
    return replayed(EventRecord(row.run_id, row.seq, row.first_seq, row.type, opened, row.cuts, row.at), after)


def replayed(row: EventRecord, after: int) -> RunEvent:
    """What a reader that has seen everything up to `after` still has to get of this row."""
    data, first = decode(row.data), row.first_seq
    if row.cuts is not None and after >= first:
        seen = after - first + 1
        data = {"text": data["text"][sum(decode(row.cuts)[:seen]) :]}
        first = after + 1
    return RunEvent(run_id=row.run_id, seq=row.seq, first_seq=first, type=row.type, data=data, at=row.at)


def store(connection: Connection, records: Sequence[EventRecord], data: TextColumn = PLAIN_TEXT) -> None:
    """Add events of any number of runs, all or none.

    Raises Conflict when one of the runs is missing or closed, or when its events are not the very next ones.
    """
    spans: dict[str, tuple[int, int]] = {}
    for each in records:
        first, last = spans.get(each.run_id, (each.first_seq, each.first_seq - 1))
        if each.first_seq != last + 1:
            raise Conflict("运行事件的序号不连续", where=each.run_id)
        spans[each.run_id] = (first, each.seq)
    moved = connection.execute(ADVANCE, [{"run": run, "before": first - 1, "last": last} for run, (first, last) in spans.items()])
    if moved.rowcount != len(spans):
        raise Conflict("运行不存在、已结束，或事件序号与记录对不上", where="、".join(list(spans)[:3]))
    connection.execute(ADD, [each.columns(data) for each in records])


def missing(connection: Connection, run_id: str, records: Sequence[EventRecord], data: TextColumn = PLAIN_TEXT) -> list[EventRecord]:
    """Those of a run's events that the log does not hold yet: after a lost connection a commit may have happened all the same."""
    query = select(EVENTS.c.seq, EVENTS.c.first_seq, EVENTS.c.type, EVENTS.c.data).where(
        EVENTS.c.run_id == run_id, EVENTS.c.seq.between(records[0].seq, records[-1].seq)
    )
    held = {(seq, first, kind, data.open(event_row(run_id, seq), kept)) for seq, first, kind, kept in connection.execute(query)}
    return [each for each in records if (each.seq, each.first_seq, each.type, each.data) not in held]
