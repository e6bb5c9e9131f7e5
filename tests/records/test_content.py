"""Content sealed and opened by the stores, and audit entries in the transactions of what they record."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select, text

from domain.errors import NotAllowed, NotFound, StorageError, UserInputError
from records.approvals import ApprovalStore, NewApproval
from records.audit import AuditLog
from records.audit_entries import NewEntry
from records.content import SEALED_COLUMNS, Content, sealed_content
from records.database import Database
from records.events import NewEvent
from records.feedback import FeedbackStore
from records.keys import new_key_line, parse_keys
from records.live import LiveRuns
from records.resealing import reseal
from records.runs import NewRun, RunStore
from records.sealing import Sealer, key_of
from records.threads import ThreadStore
from records.writer import EventWriter

from .people import ANNA, AUDITOR, BORIS, CHIEF

SECRET = "炉温配方"


@pytest.fixture
def sealer(database: Database) -> Sealer:
    return Sealer(database, parse_keys(new_key_line()[1], "test"))


@pytest.fixture
def content(sealer: Sealer) -> Content:
    return sealed_content(sealer)


def stored(database: Database) -> list[str]:
    """Every value of every column that holds content."""
    with database.transaction() as connection:
        return [value for each in SEALED_COLUMNS for (value,) in connection.execute(select(each.table.c[each.column])) if value]


def fill(database: Database, content: Content) -> str:
    """A value in every column with content; the conversation's id."""
    runs, threads, approvals = (
        RunStore(database, content=content),
        ThreadStore(database, content=content),
        ApprovalStore(database, content=content),
    )
    thread = threads.create(ANNA).id
    run = runs.start(NewRun(thread_id=thread, question=SECRET), ANNA).id
    runs.append(run, [NewEvent(type="text", data={"text": SECRET})])
    asked = approvals.request(NewApproval(run_id=run, tool="publish", args={"text": SECRET}, effect="write"), ANNA)
    approvals.decide(asked.id, CHIEF, "approve")
    assert approvals.claim(asked.id)
    approvals.record_outcome(asked.id, {"summary": SECRET})
    runs.finish(run, "done", {"text": SECRET})
    FeedbackStore(database, content=content).give(run, ANNA, "up", SECRET)
    return thread


def read(database: Database, content: Content, thread: str) -> list[Any]:
    runs, threads = RunStore(database, content=content), ThreadStore(database, content=content)
    [run] = runs.list_runs(thread, ANNA)
    [approval] = ApprovalStore(database, content=content).list_approvals(ANNA)
    opinion = FeedbackStore(database, content=content).of_run(run.id, ANNA)
    said = [event.data["text"] for event in runs.events_after(run.id, 0, ANNA) if event.type == "text"]
    turns = [turn.content for turn in threads.history(thread, ANNA)]
    return [
        run.question,
        run.answer,
        said,
        turns,
        threads.get(thread, ANNA).title,
        approval.args,
        approval.outcome,
        opinion and opinion.comment,
    ]


EVERYTHING = [SECRET, {"text": SECRET}, [SECRET], [SECRET, SECRET], SECRET, {"text": SECRET}, {"summary": SECRET}, SECRET]


def test_every_column_with_content_is_sealed_and_reads_as_before(database: Database, content: Content) -> None:
    thread = fill(database, content)
    values = stored(database)
    assert len(values) == 8
    assert all(key_of(value) for value in values)
    assert read(database, content, thread) == EVERYTHING


def test_content_from_before_the_key_is_read_and_then_sealed(database: Database, sealer: Sealer, content: Content) -> None:
    thread = fill(database, Content())
    untitled = ThreadStore(database).create(ANNA).id
    assert not any(key_of(value) for value in stored(database))
    assert read(database, content, thread) == EVERYTHING
    assert sum(reseal(database, sealer, each).sealed for each in SEALED_COLUMNS) == 8
    assert all(key_of(value) for value in stored(database))
    assert read(database, content, thread) == EVERYTHING
    RunStore(database, content=content).start(NewRun(thread_id=untitled, question="下一问"), ANNA)
    assert ThreadStore(database, content=content).get(untitled, ANNA).title == "下一问"


def test_rotation_keeps_everything_readable(database: Database, sealer: Sealer, content: Content) -> None:
    thread = fill(database, content)
    newest = sealer.rotate()
    assert sum(reseal(database, sealer, each).sealed for each in SEALED_COLUMNS) == 8
    assert {key_of(value) for value in stored(database)} == {newest}
    assert read(database, content, thread) == EVERYTHING


def test_a_request_that_is_made_again_finds_its_sealed_first_one(database: Database, content: Content) -> None:
    approvals = ApprovalStore(database, content=content)
    new = NewApproval(run_id="r", tool="publish", args={"text": SECRET}, effect="write")
    assert approvals.request(new, ANNA) == approvals.request(new, ANNA)


def test_a_sealed_value_moved_to_another_row_does_not_open(database: Database, content: Content) -> None:
    runs = RunStore(database, content=content)
    one, other = (runs.start(NewRun(question=question), ANNA).id for question in (SECRET, "别的"))
    with database.transaction(write=True) as connection:
        moved = "UPDATE runs SET question = (SELECT question FROM runs WHERE id = :one) WHERE id = :other"
        connection.execute(text(moved), {"one": one, "other": other})
    with pytest.raises(StorageError, match="密文打不开"):
        runs.get(other, ANNA)
    assert runs.get(one, ANNA).question == SECRET


async def test_a_stream_is_sealed_in_the_log_and_plain_for_its_readers(database: Database, content: Content) -> None:
    writer = EventWriter(database, data=content.event)
    live = LiveRuns(RunStore(database, content=content), writer)
    run = await live.start(NewRun(question=SECRET), ANNA)
    for character in SECRET * 3:
        live.publish_now(run.id, "text", {"text": character})
    await live.finish(run.id, "done", {"text": SECRET * 3})
    writer.close()
    assert all(key_of(value) for value in stored(database))
    seen = [event async for event in live.subscribe(run.id, ANNA, 5)]
    assert "".join(event.data["text"] for event in seen if event.type == "text") == (SECRET * 3)[5:]


def entry(**changed: Any) -> NewEntry:
    return NewEntry.model_validate({"principal": ANNA, "action": "run.start", "door": "http", **changed})


def actions(log: AuditLog) -> list[str]:
    return [each.action for each in log.entries(AUDITOR, door="cli") if each.action != "audit.read"][::-1]


async def test_what_ends_together_is_appended_together_and_alone_when_one_cannot(database: Database) -> None:
    log = AuditLog(database)
    writer = EventWriter(database, audit=log)
    good = [writer.record(entry(action=action)) for action in ("run.start", "tool.run", "search.run")]
    results = await asyncio.gather(*good, writer.record(entry(action="run.dance")), return_exceptions=True)
    assert [type(result) for result in results] == [type(None)] * 3 + [UserInputError]
    assert sorted(actions(log)) == ["run.start", "search.run", "tool.run"]
    assert log.verify(AUDITOR, door="cli").ok
    writer.close()


async def test_a_run_whose_entry_cannot_be_written_stays_open(database: Database) -> None:
    log = AuditLog(database)
    writer, runs = EventWriter(database, audit=log), RunStore(database, audit=log)
    live = LiveRuns(runs, writer)
    run = await live.start(NewRun(question="你好"), ANNA)
    with pytest.raises(UserInputError):
        await live.finish(run.id, "done", {"text": "好"}, {}, [entry(action="run.dance")])
    assert runs.get(run.id, ANNA).status == "running"
    await live.finish(run.id, "done", {"text": "好"}, {}, [entry()])
    assert runs.get(run.id, ANNA).status == "done"
    assert actions(log) == ["run.start"]
    writer.close()


def test_decisions_claims_opinions_and_deletions_leave_entries(database: Database) -> None:
    log = AuditLog(database)
    runs, threads = RunStore(database, audit=log), ThreadStore(database, audit=log)
    approvals, feedback = ApprovalStore(database, audit=log), FeedbackStore(database, audit=log)
    thread = threads.create(ANNA).id
    run = runs.start(NewRun(thread_id=thread, question="发布"), ANNA).id
    new = NewApproval(run_id=run, tool="publish", args={"text": SECRET}, effect="write")
    asked = approvals.request(new, ANNA, door="chat")
    approvals.request(new, ANNA, door="chat")
    with pytest.raises(NotAllowed):
        approvals.decide(asked.id, ANNA, "approve", door="http")
    with pytest.raises(NotFound):
        approvals.decide(asked.id, BORIS, "approve", door="http")
    approvals.decide(asked.id, CHIEF, "approve", SECRET[:2], door="http")
    assert approvals.claim(asked.id, door="chat")
    assert not approvals.claim(asked.id, door="chat")
    runs.interrupted()
    feedback.give(run, ANNA, "down", SECRET, door="chat")
    feedback.withdraw(run, ANNA, door="chat")
    feedback.withdraw(run, ANNA, door="chat")
    threads.delete(thread, ANNA, door="chat")
    found = log.entries(AUDITOR, door="cli")[::-1]
    assert [(each.action, each.actor, each.door, each.outcome) for each in found] == [
        ("approval.request", "anna", "chat", "done"),
        ("approval.decide", "anna", "http", "refused"),
        ("approval.decide", "chief", "http", "done"),
        ("effect.carry_out", "anna", "chat", "done"),
        ("run.start", "anna", "system", "failed"),
        ("feedback.give", "anna", "chat", "done"),
        ("feedback.give", "anna", "chat", "done"),
        ("thread.delete", "anna", "chat", "done"),
    ]
    assert not any(SECRET in each.model_dump_json() for each in found)


def test_nothing_is_stored_when_its_entry_cannot_be(database: Database) -> None:
    log = AuditLog(database)
    approvals = ApprovalStore(database, audit=log)
    asked = approvals.request(NewApproval(run_id="r", tool="publish", args={}, effect="write"), ANNA)
    with pytest.raises(UserInputError):
        approvals.decide(asked.id, CHIEF, "approve", "理由" * 1_001)
    assert approvals.show(asked.id, CHIEF).status == "pending"
