"""Every way to read a record, tried by everybody it does not belong to."""

from collections.abc import Callable

import pytest

from domain.errors import NotAllowed, NotFound
from domain.principal import Principal
from records.approvals import ApprovalStore, NewApproval
from records.database import Database
from records.events import NewEvent
from records.feedback import FeedbackStore
from records.live import LiveRuns
from records.runs import NewRun, RunStore
from records.threads import ThreadStore
from records.writer import EventWriter

from .people import ANNA, AUDITOR, BORIS, CHIEF, NAMESAKE, NOBODY

Read = Callable[[Principal], object]


@pytest.fixture
def reads(database: Database) -> tuple[list[Read], list[Read]]:
    """Reads of one record of ANNA's, and reads of lists."""
    runs, threads, approvals, feedback = RunStore(database), ThreadStore(database), ApprovalStore(database), FeedbackStore(database)
    thread = threads.create(ANNA, "机密").id
    run = runs.start(NewRun(thread_id=thread, question="机密"), ANNA).id
    runs.append(run, [NewEvent(type="text", data={"text": "机密"})])
    approval = approvals.request(NewApproval(run_id=run, tool="publish_demand", args={}, effect="write"), ANNA).id
    feedback.give(run, ANNA, "up", "机密")
    single: list[Read] = [
        lambda who: runs.get(run, who),
        lambda who: runs.events_after(run, 0, who),
        lambda who: runs.page(run, 0, who),
        lambda who: runs.list_runs(thread, who),
        lambda who: runs.start(NewRun(thread_id=thread, question="插嘴"), who),
        lambda who: threads.get(thread, who),
        lambda who: threads.history(thread, who),
        lambda who: threads.rename(thread, who, "改名"),
        lambda who: threads.delete(thread, who),
        lambda who: approvals.show(approval, who),
        lambda who: approvals.decide(approval, who, "approve"),
        lambda who: feedback.of_run(run, who),
        lambda who: feedback.give(run, who, "down"),
        lambda who: feedback.withdraw(run, who),
    ]
    lists: list[Read] = [
        lambda who: threads.list_threads(who).threads,
        lambda who: approvals.list_approvals(who),
        lambda who: approvals.list_approvals(who, run_id=run),
        lambda who: feedback.list_feedback(who),
    ]
    return single, lists


@pytest.mark.parametrize("stranger", [BORIS, NAMESAKE, NOBODY], ids=["colleague", "same id elsewhere", "no identity"])
def test_for_everybody_else_a_record_does_not_exist(reads: tuple[list[Read], list[Read]], stranger: Principal) -> None:
    single, lists = reads
    for read in single:
        with pytest.raises(NotFound):
            read(stranger)
    assert [read(stranger) for read in lists] == [[]] * len(lists)


def test_an_audit_administrator_reads_no_content(reads: tuple[list[Read], list[Read]]) -> None:
    for read in (*reads[0], *reads[1]):
        with pytest.raises(NotAllowed, match="审计管理员"):
            read(AUDITOR)


def test_an_approver_sees_the_request_and_nothing_else(reads: tuple[list[Read], list[Read]]) -> None:
    visible = 0
    for read in reads[0]:
        try:
            read(CHIEF)
        except NotFound:
            continue
        visible += 1
    assert visible == 2
    assert [bool(read(CHIEF)) for read in reads[1]] == [False, True, True, False]


async def test_a_stream_is_as_private_as_its_run(database: Database) -> None:
    runs, writer = RunStore(database), EventWriter(database)
    live = LiveRuns(runs, writer)
    run = runs.start(NewRun(question="机密"), ANNA).id
    await live.open(run)
    for stranger in (BORIS, NAMESAKE, NOBODY):
        with pytest.raises(NotFound):
            await anext(live.subscribe(run, stranger))
    with pytest.raises(NotAllowed):
        await anext(live.subscribe(run, AUDITOR))
    await live.close()
    writer.close()
