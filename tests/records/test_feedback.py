import pytest

from records.database import Database
from records.feedback import FeedbackStore
from records.runs import NewRun, RunStore

from .people import ANNA


@pytest.fixture
def feedback(database: Database) -> FeedbackStore:
    return FeedbackStore(database)


def test_an_opinion_may_be_given_changed_and_taken_back(feedback: FeedbackStore, runs: RunStore) -> None:
    run = runs.start(NewRun(question="问"), ANNA).id
    assert feedback.of_run(run, ANNA) is None
    first = feedback.give(run, ANNA, "down", "引用\x00不对")
    assert (first.rating, first.comment) == ("down", "引用\ufffd不对")
    second = feedback.give(run, ANNA, "up", "改好了")
    assert feedback.of_run(run, ANNA) == second
    assert feedback.list_feedback(ANNA) == [second]
    feedback.withdraw(run, ANNA)
    feedback.withdraw(run, ANNA)
    assert feedback.of_run(run, ANNA) is None


def test_opinions_are_listed_newest_first_and_by_rating(feedback: FeedbackStore, runs: RunStore) -> None:
    ids = [runs.start(NewRun(question="问"), ANNA).id for _ in range(3)]
    for run, rating in zip(ids, ("up", "down", "up"), strict=True):
        feedback.give(run, ANNA, "up" if rating == "up" else "down")
    assert [each.run_id for each in feedback.list_feedback(ANNA)] == ids[::-1]
    assert [each.run_id for each in feedback.list_feedback(ANNA, rating="up")] == [ids[2], ids[0]]
