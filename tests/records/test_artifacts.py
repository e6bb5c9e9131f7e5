import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.errors import NotAllowed, NotFound, StorageError, TooLarge, UserInputError
from domain.principal import PUBLIC, Grant, Label, Level, Principal, own_label
from records.artifacts import Artifact, ArtifactStore, NewArtifact, Vault, masters_of_files, rewrap_files
from records.audit import AuditLog, AuditQuery
from records.audit_entries import AuditEntry
from records.content import sealed_content
from records.database import Database
from records.keys import Keys, new_key_line, parse_keys
from records.sealing import Sealer

from .people import ANNA, AUDITOR, BORIS, NAMESAKE, NOBODY

TEXT = "恒温阀每 17 天更换一次。".encode() * 9000
"""Longer than a chunk of a sealed file."""


def a_file(of: Principal = ANNA, level: Level = "private", data: bytes = TEXT, name: str = "锻造厂 诊断报告.pdf") -> NewArtifact:
    return NewArtifact(kind="diagnosis", name=name, media_type="application/pdf", data=data, label=own_label(of, level), run_id="run")


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "artifacts")


@pytest.fixture
def store(database: Database, vault: Vault) -> ArtifactStore:
    return ArtifactStore(database, vault, audit=AuditLog(database))


def keys(*more: str) -> Keys:
    return parse_keys("".join([new_key_line()[1], *more]), "测试")


def trail(database: Database) -> list[AuditEntry]:
    found = AuditLog(database).entries(AUDITOR, AuditQuery(object_kind="artifact"), door="cli")
    return sorted(found, key=lambda entry: entry.seq)


def test_what_is_kept_comes_back_whole(store: ArtifactStore) -> None:
    [kept] = store.add([a_file()], ANNA)
    assert store.get(kept.id, ANNA) == kept
    assert store.read(kept.id, ANNA) == (kept, TEXT)
    assert (kept.name, kept.size, kept.tenant, kept.owner, kept.run_id) == ("锻造厂 诊断报告.pdf", len(TEXT), "锻造厂", "anna", "run")


@pytest.mark.parametrize("reader", [BORIS, NAMESAKE, NOBODY])
def test_somebody_elses_artifact_does_not_exist(store: ArtifactStore, reader: Principal) -> None:
    [kept] = store.add([a_file()], ANNA)
    for attempt in (store.get, store.read):
        with pytest.raises(NotFound, match="没有文件"):
            attempt(kept.id, reader)
    assert store.list_artifacts(reader).artifacts == []


def test_labels_decide_who_reads(store: ArtifactStore) -> None:
    [restricted, public] = store.add([a_file(level="restricted"), a_file(level="public").model_copy(update={"label": PUBLIC})], ANNA)
    assert {a.id for a in store.list_artifacts(BORIS).artifacts} == {restricted.id, public.id}
    assert {a.id for a in store.list_artifacts(NAMESAKE).artifacts} == {public.id}


def test_a_grant_opens_one_artifact_for_a_time(store: ArtifactStore) -> None:
    [first, second] = store.add([a_file(), a_file()], ANNA)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    grant = Grant(id="g", tenant="锻造厂", principal_id="boris", kind="object", target=first.id, until=tomorrow)
    granted = BORIS.model_copy(update={"grants": (grant,)})
    assert store.read(first.id, granted)[1] == TEXT
    with pytest.raises(NotFound):
        store.get(second.id, granted)


def test_nobody_keeps_something_in_anothers_name(store: ArtifactStore, vault: Vault) -> None:
    for label in (own_label(NAMESAKE), Label(level="restricted", tenant="纺织厂")):
        with pytest.raises(NotAllowed):
            store.add([a_file().model_copy(update={"label": label})], ANNA)
    with pytest.raises(NotAllowed):
        store.add([a_file(NOBODY)], NOBODY)
    assert vault.files() == []


def test_an_audit_administrator_sees_no_files(store: ArtifactStore) -> None:
    [kept] = store.add([a_file()], ANNA)
    for attempt in (lambda: store.get(kept.id, AUDITOR), lambda: store.list_artifacts(AUDITOR), lambda: store.add([a_file()], AUDITOR)):
        with pytest.raises(NotAllowed):
            attempt()


def test_keeping_and_handing_out_are_on_record_without_names(store: ArtifactStore, database: Database) -> None:
    [kept] = store.add([a_file()], ANNA, door="http")
    store.read(kept.id, ANNA, door="cli")
    written, read = trail(database)
    assert (written.action, written.door, written.object_id, written.level) == ("artifact.write", "http", kept.id, "private")
    assert (read.action, read.door, read.actor) == ("artifact.read", "cli", "anna")
    assert written.detail["sha256"] == kept.sha256
    assert "诊断报告" not in written.model_dump_json()


def test_what_cannot_be_recorded_is_not_kept(store: ArtifactStore, vault: Vault) -> None:
    long = a_file().model_copy(update={"run_id": "长" * 9000})
    with pytest.raises(TooLarge):
        store.add([a_file(), long], ANNA)
    assert vault.files() == []
    assert store.list_artifacts(ANNA).artifacts == []


@pytest.mark.parametrize("artifact_id", ["", "..", "../records.db", "/etc/passwd", "a" * 31, "A" * 32, "a" * 32 + "\n", "\x00"])
def test_an_id_is_never_a_path(store: ArtifactStore, artifact_id: str) -> None:
    for attempt in (store.get, store.read):
        with pytest.raises(NotFound):
            attempt(artifact_id, ANNA)


def test_a_name_is_never_a_path(store: ArtifactStore, vault: Vault) -> None:
    [kept] = store.add([a_file(name="../../外面.pdf")], ANNA)
    assert [path.name for path in vault.files()] == [kept.id]
    assert re.fullmatch("[0-9a-f]{32}", kept.id)
    assert vault.path(kept.id).stat().st_mode & 0o777 == 0o600


def test_a_changed_file_is_found(store: ArtifactStore, vault: Vault) -> None:
    [kept, gone] = store.add([a_file(), a_file()], ANNA)
    vault.path(kept.id).write_bytes(TEXT.replace(b"17", b"71", 1))
    vault.path(gone.id).unlink()
    for each in (kept, gone):
        with pytest.raises(StorageError):
            store.read(each.id, ANNA)


def test_half_written_files_go_at_the_next_start_and_whole_ones_stay(store: ArtifactStore, vault: Vault) -> None:
    [kept] = store.add([a_file()], ANNA)
    (vault.folder / ("f" * 32)).write_bytes(b"of a database that came later")
    (vault.folder / f".{'e' * 32}.tmp").write_bytes(b"half")
    assert vault.sweep() == 1
    assert [path.name for path in vault.files()] == sorted([kept.id, "f" * 32])
    assert store.read(kept.id, ANNA)[1] == TEXT


def sealed(database: Database, vault: Vault, masters: Keys) -> tuple[ArtifactStore, Vault]:
    locked = Vault(vault.folder, masters)
    return ArtifactStore(database, locked, content=sealed_content(Sealer(database, masters))), locked


def test_a_sealed_file_without_its_key_says_what_is_missing(database: Database, vault: Vault) -> None:
    masters = keys()
    content = sealed_content(Sealer(database, masters))
    [kept] = ArtifactStore(database, Vault(vault.folder, masters), content=content).add([a_file()], ANNA)
    with pytest.raises(StorageError, match="没有设置主密钥"):
        ArtifactStore(database, vault, content=content).read(kept.id, ANNA)


def test_with_a_master_key_only_public_files_lie_open(database: Database, vault: Vault) -> None:
    store, locked = sealed(database, vault, keys())
    public = a_file().model_copy(update={"label": PUBLIC})
    kept = store.add([a_file(), a_file(level="restricted"), public], ANNA)
    assert ["恒温阀".encode() in locked.path(each.id).read_bytes() for each in kept] == [False, False, True]
    assert [store.read(each.id, ANNA)[1] for each in kept] == [TEXT] * 3
    assert kept[0].name == store.get(kept[0].id, ANNA).name == "锻造厂 诊断报告.pdf"


def test_one_persons_sealed_file_does_not_open_as_anothers(database: Database, vault: Vault) -> None:
    store, locked = sealed(database, vault, keys())
    [first, second] = store.add([a_file(data=b"a" * 10), a_file(data=b"b" * 10)], ANNA)
    locked.path(second.id).write_bytes(locked.path(first.id).read_bytes())
    with pytest.raises(StorageError):
        store.read(second.id, ANNA)


def test_a_new_master_key_takes_over_the_files(database: Database, vault: Vault) -> None:
    line = new_key_line()[1]
    content = sealed_content(Sealer(database, parse_keys(line, "测试")))
    [kept] = ArtifactStore(database, Vault(vault.folder, parse_keys(line, "测试")), content=content).add([a_file()], ANNA)
    both = parse_keys(line + new_key_line()[1], "测试")
    assert rewrap_files(Vault(vault.folder, both)) == 1
    assert rewrap_files(Vault(vault.folder, both)) == 0
    assert masters_of_files(vault) == {both.newest[0]: 1}
    assert ArtifactStore(database, Vault(vault.folder, both), content=content).read(kept.id, ANNA)[1] == TEXT


def test_pages_go_from_newest_to_oldest_without_gap_or_repetition(database: Database, vault: Vault) -> None:
    moments = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=n // 2) for n in range(7))
    store = ArtifactStore(database, vault, now=lambda: next(moments))
    made = [store.add([a_file(data=b"x")], ANNA)[0] for _ in range(7)]
    seen: list[Artifact] = []
    mark = None
    while True:
        page = store.list_artifacts(ANNA, limit=3, before=mark)
        seen += page.artifacts
        mark = page.next
        if mark is None:
            break
    assert [a.id for a in seen] == [a.id for a in sorted(made, key=lambda a: (a.created_at, a.id), reverse=True)]
    with pytest.raises(UserInputError, match="分页标记"):
        store.list_artifacts(ANNA, before="昨天")
    assert store.list_artifacts(ANNA, kind="design").artifacts == []
