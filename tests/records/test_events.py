from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import Conflict
from records.database import Database
from records.events import NewEvent, merged, record, replayed, store
from records.runs import NewRun, RunStore

from .people import ANNA

NOW = datetime(2026, 11, 21, tzinfo=UTC)
TOKENS = st.lists(st.text(max_size=4), min_size=1, max_size=12)


@given(tokens=TOKENS, before=st.integers(0, 50), data=st.data())
def test_a_merged_row_replays_exactly_the_tokens_a_reader_has_not_seen(tokens: list[str], before: int, data: st.DataObject) -> None:
    row = merged("r", before + len(tokens), tokens, NOW)
    assert row.first_seq == before + 1
    seen = data.draw(st.integers(0, len(tokens) - 1))
    event = replayed(row, before + seen)
    assert event.data == {"text": "".join(tokens[seen:])}
    assert (event.first_seq, event.seq) == (before + seen + 1, before + len(tokens))


def test_a_reader_from_the_start_gets_a_merged_row_whole() -> None:
    assert replayed(merged("r", 3, ["智", "", "能"], NOW), 0).data == {"text": "智能"}


def test_endings_are_written_by_finish_only() -> None:
    with pytest.raises(ValidationError, match="written by finish"):
        NewEvent(type="done")


def test_events_of_many_runs_are_stored_all_or_none(database: Database, runs: RunStore) -> None:
    first, second = (runs.start(NewRun(question="你好"), ANNA).id for _ in range(2))
    with pytest.raises(Conflict), database.transaction() as connection:
        store(connection, [record(first, 1, "tool", {}, NOW), record(second, 2, "tool", {}, NOW)])
    assert runs.events_after(first, 0, ANNA) == []
    with database.transaction() as connection:
        store(connection, [record(first, 1, "tool", {}, NOW), record(second, 1, "tool", {}, NOW), record(first, 2, "tool", {}, NOW)])
    assert [event.seq for event in runs.events_after(first, 0, ANNA)] == [1, 2]
    assert runs.get(first, ANNA).last_seq == 2


@pytest.mark.parametrize("seqs", [[2], [1, 3], [1, 1], [0]])
def test_a_log_with_a_gap_or_a_repetition_cannot_be_written(database: Database, runs: RunStore, seqs: list[int]) -> None:
    run = runs.start(NewRun(question="你好"), ANNA).id
    with pytest.raises(Conflict), database.transaction() as connection:
        store(connection, [record(run, seq, "tool", {}, NOW) for seq in seqs])
    assert runs.get(run, ANNA).last_seq == 0
