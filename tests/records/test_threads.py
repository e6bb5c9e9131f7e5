import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import Conflict, NotFound, UserInputError
from records.approvals import ApprovalStore, NewApproval
from records.database import Database
from records.events import Ending
from records.feedback import FeedbackStore
from records.runs import NewRun, RunStore
from records.threads import ThreadStore

from .people import ANNA, BORIS


@pytest.fixture
def threads(database: Database) -> ThreadStore:
    return ThreadStore(database)


def ask(runs: RunStore, thread: str, question: str, answer: str | None, status: Ending = "done") -> str:
    run = runs.start(NewRun(thread_id=thread, question=question), ANNA).id
    runs.finish(run, status, None if answer is None else {"text": answer})
    return run


def test_a_conversation_is_named_after_its_first_question(threads: ThreadStore, runs: RunStore) -> None:
    thread = threads.create(ANNA)
    assert threads.get(thread.id, ANNA) == thread
    ask(runs, thread.id, "  智能工厂\n分几级？" + "很长" * 50, "五级")
    ask(runs, thread.id, "第二个问题", "……")
    titled = threads.get(thread.id, ANNA)
    assert titled.title.startswith("智能工厂 分几级？很长")
    assert len(titled.title) == 40
    assert titled.updated_at > thread.updated_at


def test_a_given_name_stays(threads: ThreadStore, runs: RunStore) -> None:
    named, renamed = threads.create(ANNA, "诊断"), threads.create(ANNA)
    assert threads.rename(renamed.id, ANNA, " 改 名 ").title == "改 名"
    for thread, title in ((named, "诊断"), (renamed, "改 名")):
        ask(runs, thread.id, "问题", "回答")
        assert threads.get(thread.id, ANNA).title == title


@pytest.mark.parametrize("title", ["", "  ", "长" * 201])
def test_names_are_one_to_two_hundred_characters(threads: ThreadStore, title: str) -> None:
    thread = threads.create(ANNA)
    with pytest.raises(UserInputError):
        threads.rename(thread.id, ANNA, title)


def test_pages_go_from_latest_to_oldest_without_gap_or_repetition(database: Database) -> None:
    moments: Iterator[datetime] = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=n // 3) for n in range(10))
    threads = ThreadStore(database, now=lambda: next(moments))
    made = [threads.create(ANNA, f"{n}") for n in range(10)]
    threads_of_boris = ThreadStore(database).create(BORIS)
    seen, mark = [], None
    while True:
        page = threads.list_threads(ANNA, limit=3, before=mark)
        seen += page.threads
        mark = page.next
        if mark is None:
            break
        assert len(page.threads) == 3
    assert sorted(seen, key=lambda thread: (thread.updated_at, thread.id), reverse=True) == seen
    assert {thread.id for thread in seen} == {thread.id for thread in made}
    assert len(seen) == 10
    assert threads_of_boris not in seen


def test_a_new_question_brings_a_conversation_to_the_top(threads: ThreadStore, runs: RunStore) -> None:
    old, new = threads.create(ANNA, "旧"), threads.create(ANNA, "新")
    ask(runs, old.id, "还有问题", "好")
    assert [thread.id for thread in threads.list_threads(ANNA).threads] == [old.id, new.id]


@pytest.mark.parametrize("mark", ["", "x", "2026-01-01~", "2026-01-01T00:00:00~id", "~"])
def test_an_invented_page_mark_is_refused(threads: ThreadStore, mark: str) -> None:
    with pytest.raises(UserInputError, match="分页标记"):
        threads.list_threads(ANNA, before=mark)


def test_the_history_is_what_was_asked_and_answered(threads: ThreadStore, runs: RunStore) -> None:
    thread = threads.create(ANNA).id
    first = ask(runs, thread, "问一", "答一")
    ask(runs, thread, "没答成", None, "failed")
    ask(runs, thread, "停掉了", None, "cancelled")
    second = ask(runs, thread, "问二", "答二")
    runs.start(NewRun(thread_id=thread, question="还在答"), ANNA)
    turns = threads.history(thread, ANNA)
    assert [(turn.role, turn.content, turn.run_id) for turn in turns] == [
        ("user", "问一", first),
        ("assistant", "答一", first),
        ("user", "问二", second),
        ("assistant", "答二", second),
    ]
    assert threads.history(thread, ANNA, limit=1) == turns[2:]


def test_deleting_a_conversation_deletes_what_was_said_in_it(database: Database, threads: ThreadStore, runs: RunStore) -> None:
    thread = threads.create(ANNA).id
    run = ask(runs, thread, "问", "答")
    feedback = FeedbackStore(database)
    feedback.give(run, ANNA, "up")
    threads.delete(thread, ANNA)
    for attempt in (lambda: threads.get(thread, ANNA), lambda: runs.get(run, ANNA), lambda: runs.events_after(run, 0, ANNA)):
        with pytest.raises(NotFound):
            attempt()
    assert feedback.list_feedback(ANNA) == []


def test_a_conversation_cannot_be_deleted_under_a_running_answer(threads: ThreadStore, runs: RunStore) -> None:
    thread = threads.create(ANNA).id
    run = runs.start(NewRun(thread_id=thread, question="问"), ANNA).id
    with pytest.raises(Conflict, match="正在进行"):
        threads.delete(thread, ANNA)
    runs.finish(run, "cancelled")
    threads.delete(thread, ANNA)


def test_what_waits_for_approval_in_a_deleted_conversation_is_withdrawn(database: Database, threads: ThreadStore, runs: RunStore) -> None:
    approvals = ApprovalStore(database)
    thread = threads.create(ANNA).id
    run = runs.start(NewRun(thread_id=thread, question="发布"), ANNA).id
    approval = approvals.request(NewApproval(run_id=run, tool="publish_demand", args={}, effect="write"), ANNA)
    with pytest.raises(Conflict):
        threads.delete(thread, ANNA)
    assert approvals.show(approval.id, ANNA).status == "pending"
    runs.wait(run)
    threads.delete(thread, ANNA)
    assert approvals.show(approval.id, ANNA).status == "withdrawn"


def test_a_question_that_races_with_the_deletion_is_either_refused_or_protected(threads: ThreadStore, runs: RunStore) -> None:
    for _ in range(20):
        thread = threads.create(ANNA).id
        barrier = threading.Barrier(2)

        def start(thread: str = thread, barrier: threading.Barrier = barrier) -> str:
            barrier.wait()
            try:
                runs.start(NewRun(thread_id=thread, question="问"), ANNA)
            except NotFound:
                return "refused"
            return "started"

        def delete(thread: str = thread, barrier: threading.Barrier = barrier) -> str:
            barrier.wait()
            try:
                threads.delete(thread, ANNA)
            except Conflict:
                return "kept"
            return "deleted"

        with ThreadPoolExecutor(2) as pool:
            outcome = tuple(future.result() for future in (pool.submit(start), pool.submit(delete)))
        assert outcome in {("refused", "deleted"), ("started", "kept")}


def test_a_question_goes_into_ones_own_conversation_only(threads: ThreadStore, runs: RunStore) -> None:
    thread = threads.create(ANNA).id
    for foreign in (thread, "没有", "\x00"):
        with pytest.raises(NotFound, match="没有会话"):
            runs.start(NewRun(thread_id=foreign, question="问"), BORIS)
