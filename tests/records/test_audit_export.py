import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import NotAllowed, NotFound, StorageError, UserInputError
from domain.principal import Principal
from records.audit import AuditLog, AuditQuery
from records.audit_export import Exporter, verify_export
from records.audit_rows import read_head
from records.database import Database

from .chains import KEYS, OTHER_KEYS, Editor, chain, entry
from .people import ANNA, AUDITOR, NAMESAKE


@pytest.fixture
def audited(tmp_path: Path) -> Iterator[Database]:
    database = chain(tmp_path / "audit.db", 4)
    AuditLog(database, keys=KEYS).append([entry(5).model_copy(update={"principal": NAMESAKE, "reason": "别家的事"}), entry(6)])
    yield database
    database.close()


def export(database: Database, path: Path, who: Principal = AUDITOR, query: AuditQuery | None = None, **span: int) -> Path:
    Exporter(database, AuditLog(database, keys=KEYS), keys=KEYS).export(path, who, query, door="cli", **span)
    return path


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_an_export_is_checked_without_the_database(audited: Database, tmp_path: Path) -> None:
    path = export(audited, tmp_path / "audit.jsonl")
    head = read_head(audited)
    audited.close()
    verdict = verify_export(path, keys=KEYS, anchor=head)
    assert (verdict.ok, verdict.entries, verdict.signatures) == (True, 7, "checked")
    assert verify_export(path).signatures == "not checked"
    header = lines(path)[0]
    assert (header["algorithm"], header["chain"], header["first_seq"], header["last_seq"]) == ("sha256", head.chain, 1, 7)
    assert header["last_hash"] == head.hash
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_export_itself_is_the_last_thing_recorded_in_it(audited: Database, tmp_path: Path) -> None:
    assert lines(export(audited, tmp_path / "a.jsonl"))[-2]["action"] == "audit.export"


def test_other_tenants_are_links_without_content(audited: Database, tmp_path: Path) -> None:
    path = export(audited, tmp_path / "a.jsonl")
    assert [line["seq"] for line in lines(path)[1:-1] if line.get("withheld")] == [5]
    assert "别家的事" not in path.read_text(encoding="utf-8")


def test_a_filtered_stretch_is_still_a_whole_chain(audited: Database, tmp_path: Path) -> None:
    path = export(audited, tmp_path / "a.jsonl", query=AuditQuery(object_id="d3"), first=2, last=6)
    assert [line["seq"] for line in lines(path)[1:-1] if not line.get("withheld")] == [3]
    verdict = verify_export(path, keys=KEYS)
    assert (verdict.ok, verdict.entries) == (True, 5)


def test_only_audit_administrators_export(audited: Database, tmp_path: Path) -> None:
    with pytest.raises(NotAllowed):
        export(audited, tmp_path / "a.jsonl", who=ANNA)
    assert not (tmp_path / "a.jsonl").exists()


def test_an_empty_stretch_and_an_unwritable_file_are_said_so(audited: Database, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="没有第 99"):
        export(audited, tmp_path / "a.jsonl", first=99)
    with pytest.raises(StorageError, match="写不进去"):
        export(audited, tmp_path / "missing" / "a.jsonl")
    with pytest.raises(StorageError, match="写不进去"):
        export(audited, Path("/dev/full/a.jsonl"))


def test_a_chain_with_a_hole_is_exported_with_the_hole(audited: Database, tmp_path: Path) -> None:
    Editor(tmp_path / "audit.db")("DELETE FROM audit_entries WHERE seq = 3")
    verdict = verify_export(export(audited, tmp_path / "a.jsonl"), keys=KEYS)
    assert [(each.kind, each.seq) for each in verdict.findings] == [("row_missing", 3)]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("export")
    database = chain(folder / "audit.db", 3)
    path = export(database, folder / "a.jsonl")
    database.close()
    return path.read_bytes()


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_single_flipped_bit_of_an_export_is_found(exported: bytes, tmp_path: Path, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(exported) - 1))
    damaged = bytearray(exported)
    damaged[at] ^= 1 << data.draw(st.integers(0, 7))
    (tmp_path / "a.jsonl").write_bytes(damaged)
    try:
        assert not verify_export(tmp_path / "a.jsonl", keys=KEYS).ok
    except UserInputError:
        assert at < exported.index(b"\n") + 1


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_export_that_breaks_off_is_found(exported: bytes, tmp_path: Path, data: st.DataObject) -> None:
    length = data.draw(st.integers(0, len(exported) - 1))
    (tmp_path / "a.jsonl").write_bytes(exported[:length])
    try:
        assert not verify_export(tmp_path / "a.jsonl").ok
    except UserInputError:
        assert length < exported.index(b"\n") + 1


def test_lines_taken_out_swapped_or_added_are_found(exported: bytes, tmp_path: Path) -> None:
    header, first, second, third, fourth, end = exported.splitlines(keepends=True)
    damaged = {
        "row_missing": [header, first, third, fourth, end],
        "order_changed": [header, first, third, second, fourth, end],
        "tail_truncated": [header, first, second, third, end],
        "file_changed": [header, first, second, third, fourth, end, first],
    }
    for kind, parts in damaged.items():
        (tmp_path / "a.jsonl").write_bytes(b"".join(parts))
        assert kind in {each.kind for each in verify_export(tmp_path / "a.jsonl").findings}


def test_an_export_made_anew_without_the_key_is_found(exported: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(exported)
    assert not verify_export(tmp_path / "a.jsonl", keys=OTHER_KEYS).ok


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"{}\n", b"[1]\n", b'{"format": "other"}\n'])
def test_a_file_that_is_no_export_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jsonl").write_bytes(content)
    with pytest.raises(UserInputError, match="不是审计导出文件"):
        verify_export(tmp_path / "a.jsonl")
    with pytest.raises(UserInputError, match="打不开"):
        verify_export(tmp_path / "missing.jsonl")
