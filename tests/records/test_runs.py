import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC

import pytest

from domain.errors import Conflict, NotFound
from records.approvals import ApprovalStore, NewApproval
from records.database import Database
from records.events import NewEvent
from records.runs import NewRun, RunStore
from records.threads import ThreadStore

from .people import ANNA, CHIEF


def test_a_run_lives_from_question_to_answer(runs: RunStore) -> None:
    run = runs.start(NewRun(question="联网率怎么算"), ANNA)
    assert (run.status, run.answer, run.last_seq, run.owner, run.tenant) == ("running", None, 0, "anna", "锻造厂")
    runs.append(run.id, [NewEvent(type="plan"), NewEvent(type="text", data={"text": "联网率"})])
    ending = runs.finish(run.id, "done", {"text": "联网率…", "refused": False})
    closed = runs.get(run.id, ANNA)
    assert (closed.status, closed.answer, closed.last_seq) == ("done", {"text": "联网率…", "refused": False}, 3)
    assert closed.finished_at is not None
    assert closed.finished_at.tzinfo is UTC
    assert (ending.type, ending.seq, ending.data) == ("done", 3, {"status": "done"})
    assert [(event.seq, event.type) for event in runs.events_after(run.id, 0, ANNA)] == [(1, "plan"), (2, "text"), (3, "done")]


def test_what_was_returned_is_what_is_read(runs: RunStore) -> None:
    run = runs.start(NewRun(question="你好"), ANNA)
    assert runs.get(run.id, ANNA) == run
    written = runs.append(run.id, [NewEvent(type="tool", data={"名": ["值", 1.5, None]}), NewEvent(type="text", data={"text": "…"})])
    assert runs.events_after(run.id, 0, ANNA) == written
    assert runs.events_after(run.id, 1, ANNA) == written[1:]
    assert runs.events_after(run.id, 0, ANNA, limit=1) == written[:1]
    assert runs.append(run.id, []) == []


@pytest.mark.parametrize("ugly", ["NUL\x00里面", "半个\ud800字", "𠮷😀", "'; DROP TABLE runs; --"])
def test_any_text_can_be_recorded(runs: RunStore, ugly: str) -> None:
    run = runs.start(NewRun(question=ugly), ANNA)
    runs.append(run.id, [NewEvent(type="text", data={"text": ugly})])
    runs.finish(run.id, "done", {"text": ugly})
    assert runs.get(run.id, ANNA).answer == {"text": ugly}
    assert runs.events_after(run.id, 0, ANNA)[0].data == {"text": ugly}


def test_a_closed_run_stays_closed(runs: RunStore) -> None:
    run = runs.start(NewRun(question="你好"), ANNA).id
    runs.finish(run, "cancelled")
    for attempt in (
        lambda: runs.append(run, [NewEvent(type="text")]),
        lambda: runs.finish(run, "done"),
        lambda: runs.wait(run),
        lambda: runs.resume(run),
    ):
        with pytest.raises(Conflict, match="已经结束（cancelled）"):
            attempt()
    assert runs.get(run, ANNA).last_seq == 1


def test_a_run_that_never_was_is_not_found(runs: RunStore) -> None:
    for attempt in (
        lambda: runs.append("无", [NewEvent(type="text")]),
        lambda: runs.finish("无", "done"),
        lambda: runs.get("无\x00", ANNA),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_an_id_is_used_once(runs: RunStore) -> None:
    new = NewRun(question="你好")
    runs.start(new, ANNA)
    with pytest.raises(Conflict):
        runs.start(new, ANNA)


def test_writers_that_race_leave_one_gapless_log(runs: RunStore) -> None:
    run = runs.start(NewRun(question="你好"), ANNA).id
    barrier = threading.Barrier(4)

    def write(number: int) -> None:
        barrier.wait()
        for _ in range(10):
            runs.append(run, [NewEvent(type="tool", data={"writer": number})] * 2)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert [event.seq for event in runs.events_after(run, 0, ANNA)] == list(range(1, 81))


def test_only_one_of_two_finishes_counts(runs: RunStore) -> None:
    for _ in range(10):
        run = runs.start(NewRun(question="你好"), ANNA).id
        barrier = threading.Barrier(2)

        def finish(status: str, run: str = run, barrier: threading.Barrier = barrier) -> bool:
            barrier.wait()
            try:
                runs.finish(run, "done" if status == "done" else "cancelled")
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(finish, ["done", "cancelled"])) == [False, True]
        assert len(runs.events_after(run, 0, ANNA)) == 1


def test_start_up_closes_what_the_dead_process_was_running_and_nothing_else(database: Database) -> None:
    here, elsewhere = RunStore(database, instance="a"), RunStore(database, instance="b")
    running, waiting, done = (here.start(NewRun(question="你好"), ANNA).id for _ in range(3))
    foreign = elsewhere.start(NewRun(question="你好"), ANNA).id
    here.append(running, [NewEvent(type="text", data={"text": "说到一"})])
    here.wait(waiting)
    here.finish(done, "done")
    assert RunStore(database, instance="a").interrupted() == [running]
    statuses = {run: here.get(run, ANNA).status for run in (running, waiting, done, foreign)}
    assert statuses == {running: "interrupted", waiting: "waiting", done: "done", foreign: "running"}
    assert [(event.seq, event.type) for event in here.events_after(running, 0, ANNA)] == [(1, "text"), (2, "interrupted")]
    assert here.interrupted() == []


def test_a_waiting_run_goes_on_where_it_stopped(database: Database) -> None:
    first, second = RunStore(database, instance="a"), RunStore(database, instance="b")
    run = first.start(NewRun(question="你好"), ANNA).id
    first.append(run, [NewEvent(type="approval")])
    first.wait(run)
    assert second.resume(run) == 1
    resumed = second.get(run, ANNA)
    assert (resumed.status, resumed.instance) == ("running", "b")


def test_approvals_that_nobody_used_end_with_their_run(database: Database, runs: RunStore) -> None:
    approvals = ApprovalStore(database)
    run = runs.start(NewRun(question="发布需求"), ANNA).id
    asked, approved, used = (
        approvals.request(NewApproval(run_id=run, tool="publish_demand", args={"n": n}, effect="write"), ANNA).id for n in range(3)
    )
    for approval in (approved, used):
        approvals.decide(approval, CHIEF, "approve")
    assert approvals.claim(used)
    runs.finish(run, "cancelled")
    assert [approvals.show(each, ANNA).status for each in (asked, approved, used)] == ["withdrawn", "withdrawn", "approved"]
    assert not approvals.claim(approved)


def test_the_runs_of_a_conversation_are_listed_oldest_first(database: Database, runs: RunStore) -> None:
    thread = ThreadStore(database).create(ANNA).id
    ids = [runs.start(NewRun(thread_id=thread, question=f"问{n}"), ANNA).id for n in range(5)]
    assert [run.id for run in runs.list_runs(thread, ANNA)] == ids
    assert [run.id for run in runs.list_runs(thread, ANNA, limit=2)] == ids[-2:]


def test_a_page_tells_whether_more_can_come(runs: RunStore) -> None:
    run = runs.start(NewRun(question="你好"), ANNA).id
    assert (runs.page(run, 0, ANNA).status, runs.page(run, 0, ANNA).events) == ("running", [])
    runs.finish(run, "failed", data={"message": "模型没有响应"})
    page = runs.page(run, 0, ANNA)
    assert (page.status, page.last_seq) == ("failed", 1)
    assert page.events[0].data == {"message": "模型没有响应", "status": "failed"}
    assert page.events[0].ends_run
