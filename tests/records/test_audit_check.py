"""Whoever edits the database file past the triggers is found, and the place is named."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import StorageError
from records.audit import AuditLog
from records.audit_check import Verdict
from records.audit_rows import read_head, verify
from records.database import Database

from .chains import COLUMNS, KEYS, Editor, chain, entry
from .people import AUDITOR

COUNT = 12


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.db"


@pytest.fixture
def audited(path: Path) -> Iterator[Database]:
    database = chain(path, COUNT)
    yield database
    database.close()


@pytest.fixture
def edit(audited: Database, path: Path) -> Iterator[Editor]:
    assert verify(audited, keys=KEYS).ok
    editor = Editor(path)
    yield editor
    editor.close()


def kinds(verdict: Verdict) -> list[tuple[str, int, int]]:
    return [(each.kind, each.seq, each.last_seq) for each in verdict.findings]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("seq", [1, 5, COUNT])
def test_one_changed_byte_in_any_column_names_its_row(audited: Database, edit: Editor, column: str, seq: int) -> None:
    value = edit.bytes_of(seq, column)
    if not value:
        assert (column, seq) == ("previous", 1)
        edit.write_bytes(seq, column, b"x")
    else:
        edit.flip(seq, column, len(value) // 2, 0)
    verdict = verify(audited, keys=KEYS)
    expected = {"hash": "hash_changed", "previous": "hash_changed", "mac": "signature_wrong"}.get(column, "content_changed")
    assert kinds(verdict) == [(expected, seq, seq)]
    assert (verdict.ok, verdict.first_broken, verdict.entries) == (False, seq, COUNT)


def test_a_changed_seq_is_a_missing_and_a_strange_row(audited: Database, edit: Editor) -> None:
    edit.renumber(5, 5, 4096)
    assert kinds(verify(audited, keys=KEYS)) == [("row_inserted", 4101, 4101), ("row_missing", 5, 5)]


@pytest.fixture(scope="module")
def long_lived() -> Iterator[tuple[Database, Editor]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audit.db"
        database = chain(path, 6)
        editor = Editor(path)
        yield database, editor
        editor.close()
        database.close()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seq=st.integers(1, 6), column=st.sampled_from(COLUMNS), at=st.integers(0, 200), bit=st.integers(0, 7))
def test_any_single_flipped_bit_is_found(long_lived: tuple[Database, Editor], seq: int, column: str, at: int, bit: int) -> None:
    database, edit = long_lived
    before = edit.bytes_of(seq, column)
    if not before:
        return
    edit.flip(seq, column, at, bit)
    try:
        verdict = verify(database, keys=KEYS)
        assert [(each.seq, each.last_seq) for each in verdict.findings] == [(seq, seq)]
    finally:
        edit.write_bytes(seq, column, before)
    assert verify(database, keys=KEYS).ok


@pytest.mark.parametrize("column", ["seq", "hash", "signed_from", "mac", "chain"])
def test_a_changed_head_is_found(audited: Database, edit: Editor, column: str) -> None:
    changed = {"seq": COUNT - 1, "hash": "sha256:00", "signed_from": 2, "mac": "k:00", "chain": "0" * 32}[column]
    edit(f"UPDATE audit_heads SET {column} = ?", (changed,))
    verdict = verify(audited, keys=KEYS)
    assert not verdict.ok
    assert verdict.findings[0].kind in ("head_changed", "row_inserted")


def test_a_head_that_is_no_head_any_more_is_said_to_be_broken(audited: Database, edit: Editor) -> None:
    edit("UPDATE audit_heads SET seq = 'x'")
    with pytest.raises(StorageError, match="链头不见了或被改坏"):
        verify(audited, keys=KEYS)


def test_missing_rows_are_named(audited: Database, edit: Editor) -> None:
    edit("DELETE FROM audit_entries WHERE seq IN (3, 7, 8)")
    assert kinds(verify(audited, keys=KEYS)) == [("row_missing", 3, 3), ("row_missing", 7, 8)]


def test_a_missing_row_is_named_also_where_the_rest_was_numbered_anew(audited: Database, edit: Editor) -> None:
    edit("DELETE FROM audit_entries WHERE seq = 4")
    edit.renumber(5, COUNT, -1)
    assert kinds(verify(audited)) == [("row_missing", 4, 4), ("order_changed", 4, COUNT - 1), ("tail_truncated", COUNT, COUNT)]


def test_an_inserted_row_is_named(audited: Database, edit: Editor) -> None:
    edit.renumber(6, COUNT, 1)
    edit("INSERT INTO audit_entries SELECT 6, at, tenant, 'boris', roles, action, object_kind, object_id, level, reason, door, outcome, "
         "detail, hash, 'sha256:00', mac FROM audit_entries WHERE seq = 5")  # fmt: skip
    found = kinds(verify(audited))
    assert ("row_inserted", 6, 6) in found
    assert ("order_changed", 7, COUNT) in found


@pytest.mark.parametrize(("one", "other"), [(4, 5), (2, 11)])
def test_swapped_rows_are_named(audited: Database, edit: Editor, one: int, other: int) -> None:
    edit.swap(one, other)
    found = kinds(verify(audited, keys=KEYS))
    assert {seq for kind, first, last in found if kind == "order_changed" for seq in range(first, last + 1)} == {one, other}
    assert {kind for kind, _, _ in found} == {"order_changed"}


def test_a_cut_off_tail_is_named(audited: Database, edit: Editor) -> None:
    edit("DELETE FROM audit_entries WHERE seq > 9")
    assert kinds(verify(audited, keys=KEYS)) == [("tail_truncated", 10, COUNT)]


def test_a_cut_off_tail_with_its_head_put_back_is_found_by_the_signature_and_by_the_anchor(audited: Database, edit: Editor) -> None:
    anchor = read_head(audited)
    edit("DELETE FROM audit_entries WHERE seq > 9")
    edit("UPDATE audit_heads SET seq = 9, hash = (SELECT hash FROM audit_entries WHERE seq = 9)")
    assert kinds(verify(audited, keys=KEYS)) == [("head_changed", 9, 9)]
    assert kinds(verify(audited)) == []
    assert kinds(verify(audited, anchor=anchor)) == [("tail_truncated", 10, COUNT)]


def test_an_older_state_that_was_put_back_whole_is_found_by_the_anchor_only(path: Path) -> None:
    database = chain(path, 5)
    [old] = Editor(path)("SELECT chain, seq, hash, signed_from, mac FROM audit_heads")
    AuditLog(database, keys=KEYS).append([entry(6), entry(7)])
    anchor = read_head(database)
    edit = Editor(path)
    edit("DELETE FROM audit_entries WHERE seq > 5")
    edit("UPDATE audit_heads SET seq = ?, hash = ?, signed_from = ?, mac = ?", old[1:])
    edit.close()
    assert verify(database, keys=KEYS).ok
    assert kinds(verify(database, keys=KEYS, anchor=anchor)) == [("tail_truncated", 6, 7)]
    database.close()


def test_rows_changed_together_with_their_hash_are_named(audited: Database, edit: Editor) -> None:
    edit("UPDATE audit_entries SET actor = 'boris' WHERE seq = 5")
    [(following,)] = edit("SELECT previous FROM audit_entries WHERE seq = 6")
    [(end,)] = edit("SELECT hash FROM audit_heads")
    edit.rehash(5, 5)
    edit("UPDATE audit_heads SET seq = ?, hash = ?", (COUNT, end))
    assert following
    assert kinds(verify(audited)) == [("content_changed", 5, 5)]
    assert kinds(verify(audited, keys=KEYS)) == [("signature_wrong", 5, 5)]


@pytest.mark.parametrize("forge", [lambda edit: edit("UPDATE audit_entries SET actor = 'boris' WHERE seq = 5")])
def test_a_chain_made_anew_is_found_by_signatures_and_by_an_anchor(
    audited: Database, edit: Editor, forge: Callable[[Editor], None]
) -> None:
    anchor = read_head(audited)
    forge(edit)
    edit.rehash(5, COUNT)
    assert verify(audited).ok
    assert kinds(verify(audited, keys=KEYS)) == [("head_changed", COUNT, COUNT), ("signature_wrong", 5, COUNT)]
    assert kinds(verify(audited, anchor=anchor)) == [("anchor_differs", COUNT, COUNT)]


def test_taking_all_signatures_off_is_found_with_the_key_and_nothing_is_appended(audited: Database, edit: Editor) -> None:
    edit("UPDATE audit_entries SET actor = 'boris', mac = ''")
    edit.rehash(1, COUNT)
    edit("UPDATE audit_heads SET mac = '', signed_from = 0")
    assert verify(audited).ok
    assert kinds(verify(audited, keys=KEYS))[0] == ("head_changed", COUNT, COUNT)
    with pytest.raises(Exception, match="没有签名"):
        AuditLog(audited, keys=KEYS).append(entry())


def test_an_anchor_of_the_same_chain_fits_later_and_a_foreign_one_does_not(audited: Database, tmp_path: Path) -> None:
    anchor = AuditLog(audited, keys=KEYS).anchor(AUDITOR, door="cli")
    AuditLog(audited, keys=KEYS).append([entry(1), entry(2)])
    assert verify(audited, keys=KEYS, anchor=anchor).ok
    other = chain(tmp_path / "b.db", COUNT + 1)
    assert not verify(other, keys=KEYS, anchor=anchor).ok
    forged = anchor.model_copy(update={"seq": 3, "hash": "sha256:00"})
    assert {each.kind for each in verify(audited, keys=KEYS, anchor=forged).findings} == {"anchor_differs"}
    other.close()


def test_rows_behind_the_head_and_before_the_first_are_found(audited: Database, edit: Editor) -> None:
    for seq in (0, COUNT + 1):
        edit(f"INSERT INTO audit_entries SELECT {seq}, {', '.join(COLUMNS)} FROM audit_entries WHERE seq = 5")
    assert kinds(verify(audited, keys=KEYS)) == [("row_inserted", COUNT + 1, COUNT + 1), ("row_inserted", 0, 0)]


def test_every_broken_place_is_listed_and_the_chain_behind_it_still_checked(audited: Database, edit: Editor) -> None:
    edit("UPDATE audit_entries SET reason = 'x' WHERE seq IN (2, 9)")
    edit.flip(4, "hash", 20, 0)
    edit("DELETE FROM audit_entries WHERE seq = 6")
    verdict = verify(audited, keys=KEYS)
    assert kinds(verdict) == [("content_changed", 2, 2), ("hash_changed", 4, 4), ("row_missing", 6, 6), ("content_changed", 9, 9)]
    assert "第 2 条内容被改" in verdict.findings[0].message


def test_a_damaged_entry_is_not_read_as_if_it_were_whole(audited: Database, edit: Editor) -> None:
    edit.write_bytes(5, "reason", b"\xff\xfe")
    with pytest.raises(StorageError, match="读不出来"):
        AuditLog(audited, keys=KEYS).entries(AUDITOR, door="cli")
