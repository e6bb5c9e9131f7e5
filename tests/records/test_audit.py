import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from domain.errors import ConfigurationError, Conflict, NotAllowed, PlatformError, StorageError, TooLarge, UserInputError
from domain.principal import Principal
from records.audit import AuditLog, AuditQuery
from records.audit_chain import HASHES, HashName, hash_name
from records.audit_entries import HIDDEN, actions, without_secrets
from records.audit_rows import read_head, verify
from records.database import Database
from records.encoding import utc_now
from records.runs import NewRun, RunStore

from .chains import KEYS, OTHER_KEYS, Editor, chain, entry
from .people import ANNA, AUDITOR, CHIEF, NAMESAKE, SYSTEM_AUDITOR

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("algorithm", HASHES)
@pytest.mark.parametrize("keys", [None, KEYS], ids=["unsigned", "signed"])
def test_what_was_appended_is_a_whole_chain(database: Database, algorithm: HashName, keys: object) -> None:
    log = AuditLog(database, algorithm=algorithm, keys=KEYS if keys else None)
    assert log.append([entry(1), entry(2)]) == 2
    assert log.append(entry(3)) == 3
    verdict = verify(database, keys=KEYS if keys else None)
    assert (verdict.ok, verdict.entries, verdict.last_seq) == (True, 3, 3)
    assert verdict.last_hash.startswith(f"{algorithm}:")
    assert verdict.signatures == ("checked" if keys else "none")


def test_an_empty_chain_is_whole(database: Database) -> None:
    assert verify(database, keys=KEYS).ok
    assert AuditLog(database).append([]) == 0


def test_a_signed_chain_without_the_key_is_whole_but_says_that_signatures_were_not_checked(database: Database) -> None:
    AuditLog(database, keys=KEYS).append(entry())
    verdict = verify(database)
    assert (verdict.ok, verdict.signatures) == (True, "not checked")


def test_the_algorithm_may_change_in_the_middle(database: Database) -> None:
    AuditLog(database, algorithm="sha256", keys=KEYS).append(entry(1))
    AuditLog(database, algorithm="sm3", keys=KEYS).append(entry(2))
    assert verify(database, keys=KEYS).ok


def test_a_wrong_algorithm_is_the_operators_business() -> None:
    assert hash_name("SHA-256") == "sha256"
    assert hash_name("SM3") == "sm3"
    with pytest.raises(ConfigurationError, match="md5") as caught:
        hash_name("md5")
    assert "sha256" in caught.value.detail[0].cure


def test_several_writers_never_fork_or_gap_the_chain(url: str) -> None:
    databases = [Database(url, busy_seconds=30) for _ in range(2)]
    databases[0].upgrade()
    barrier = threading.Barrier(8)

    def write(number: int) -> list[int]:
        log = AuditLog(databases[number % 2], keys=KEYS)
        barrier.wait()
        return [log.append([entry(number)] * (1 + turn % 3)) for turn in range(15)]

    with ThreadPoolExecutor(8) as pool:
        seqs = [seq for written in pool.map(write, range(8)) for seq in written]
    assert len(set(seqs)) == 8 * 15
    verdict = verify(databases[0], keys=KEYS)
    assert (verdict.ok, verdict.last_seq) == (True, 8 * 30)
    for database in databases:
        database.close()


WRITE = """
import sys
from domain.principal import Principal
from records.audit import AuditLog
from records.audit_entries import NewEntry
from records.database import Database
log = AuditLog(Database(sys.argv[1], busy_seconds=30))
for _ in range(30):
    log.append(NewEntry(principal=Principal(id="p", tenant="t"), action="search.run", door="cli"))
"""


def test_several_processes_never_fork_or_gap_the_chain(database: Database, url: str) -> None:
    started = [subprocess.Popen([sys.executable, "-c", WRITE, url], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}) for _ in range(2)]
    assert [process.wait(60) for process in started] == [0, 0]
    verdict = verify(database)
    assert (verdict.ok, verdict.last_seq) == (True, 60)


def test_an_entry_shares_the_fate_of_what_it_records(database: Database) -> None:
    log, runs = AuditLog(database), RunStore(database)

    def ask(*, fails: bool) -> None:
        with database.transaction(write=True) as connection:
            runs.started(connection, NewRun(question="你好"), ANNA)
            log.append(entry(), connection)
            if fails:
                raise RuntimeError

    ask(fails=False)
    with pytest.raises(RuntimeError):
        ask(fails=True)
    assert verify(database).entries == 1
    with database.transaction() as connection:
        assert connection.execute(text("SELECT count(*) FROM runs")).scalar() == 1


def test_what_cannot_be_recorded_does_not_happen(database: Database) -> None:
    log, runs = AuditLog(database), RunStore(database)

    def ask() -> None:
        with database.transaction(write=True) as connection:
            runs.started(connection, NewRun(question="你好"), ANNA)
            log.append(entry().model_copy(update={"action": "未定义"}), connection)

    with pytest.raises(UserInputError, match="没有操作"):
        ask()
    with database.transaction() as connection:
        assert connection.execute(text("SELECT count(*) FROM runs")).scalar() == 0


def test_a_full_disk_fails_the_action_and_leaves_the_chain_whole() -> None:
    database = Database("sqlite://")
    database.upgrade()
    log = AuditLog(database)
    log.append(entry())
    with database.transaction() as connection:
        connection.execute(text("PRAGMA max_page_count = 1"))
    big = entry().model_copy(update={"detail": {"text": "满" * 2_000}})
    with pytest.raises(StorageError, match="磁盘已满"):
        log.append([big] * 50)
    assert (verify(database).ok, verify(database).entries) == (True, 1)
    database.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET reason = ''",
        "DELETE FROM audit_entries",
        "UPDATE audit_heads SET seq = 0",
        "UPDATE audit_heads SET chain = 'x'",
        "DELETE FROM audit_heads",
        "INSERT INTO audit_heads SELECT 'x', 0, '', 0, '' FROM audit_heads",
    ],
)
def test_the_database_itself_refuses_everything_but_an_append(database: Database, statement: str) -> None:
    AuditLog(database).append([entry(1), entry(2)])
    with pytest.raises(Conflict), database.transaction(write=True) as connection:
        connection.execute(text(statement))
    assert verify(database).ok


def test_an_entry_cannot_be_replaced_by_inserting_over_it(tmp_path: Path) -> None:
    database = chain(tmp_path / "a.db", 2)
    with pytest.raises(Conflict), database.transaction(write=True) as connection:
        connection.execute(text("INSERT OR REPLACE INTO audit_entries SELECT * FROM audit_entries WHERE seq = 1"))
    assert verify(database, keys=KEYS).ok
    database.close()


@pytest.mark.postgres
@pytest.mark.parametrize("url", ["postgres"], indirect=True)
@pytest.mark.parametrize("table", ["audit_entries", "audit_heads"])
def test_the_tables_cannot_be_emptied(database: Database, table: str) -> None:
    AuditLog(database).append(entry())
    with pytest.raises(Conflict), database.transaction(write=True) as connection:
        connection.execute(text(f"TRUNCATE {table}"))
    assert verify(database).entries == 1


def test_the_chain_does_not_care_about_the_clock(database: Database) -> None:
    times = [datetime(2026, 3, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)]
    remaining = iter([*times, *[utc_now()] * 9])
    log = AuditLog(database, now=lambda: next(remaining))
    for number in range(3):
        log.append(entry(number))
    assert verify(database).ok
    assert [each.at for each in log.entries(AUDITOR, door="cli")] == times[::-1]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"reason": "长" * 2_001}, TooLarge),
        ({"object_id": "长" * 2_001}, TooLarge),
        ({"detail": {"text": "大" * 3_000}}, TooLarge),
        ({"action": "document.raed"}, UserInputError),
    ],
)
def test_an_entry_beyond_its_limits_is_refused_whole(database: Database, change: dict[str, object], error: type[PlatformError]) -> None:
    with pytest.raises(error):
        AuditLog(database).append([entry(), entry().model_copy(update=change)])
    assert verify(database).entries == 0


def test_an_unknown_action_names_its_neighbours(database: Database) -> None:
    with pytest.raises(UserInputError) as caught:
        AuditLog(database).append(entry().model_copy(update={"action": "document.raed"}))
    assert "document.read" in caught.value.detail[0].cure


def test_the_vocabulary_has_chinese_names_and_marks_high_risk_operations() -> None:
    assert all(any("一" <= letter <= "龥" for letter in action.name) for action in actions().values())
    assert {"account.roles", "data.export", "key.drop", "audit.export"} <= {name for name, action in actions().items() if action.high_risk}


def test_what_is_called_a_secret_is_never_written_down(database: Database) -> None:
    log = AuditLog(database)
    detail = {"user": "anna", "password": "p1", "nested": [{"api_key": "p2", "访问口令": "p3", "tokens_used": 5}], "access_token": "p4"}
    log.append(entry().model_copy(update={"detail": detail}))
    [read] = log.entries(AUDITOR, door="cli")
    assert read.detail["user"] == "anna"
    assert read.detail["nested"] == [{"api_key": HIDDEN, "访问口令": HIDDEN, "tokens_used": 5}]
    with database.transaction() as connection:
        stored = connection.execute(text("SELECT detail FROM audit_entries WHERE seq = 1")).scalar_one()
    assert not any(secret in stored for secret in ("p1", "p2", "p3", "p4"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "甲", "\ud800"]), inner, max_size=3),
    max_leaves=8,
)


@given(detail=st.dictionaries(st.sampled_from(["a", "b", "甲"]), JSON, max_size=3), reason=st.text(max_size=10))
def test_whatever_is_recorded_verifies_and_reads_back(detail: dict[str, object], reason: str) -> None:
    database = Database("sqlite://")
    database.upgrade()
    log = AuditLog(database)
    new = entry().model_copy(update={"detail": detail, "reason": reason.replace("\x00", "")})
    log.append(new)
    assert verify(database).ok
    [read] = log.entries(AUDITOR, door="cli")
    assert read.detail == without_secrets(detail)
    database.close()


def test_reading_is_for_audit_administrators_and_is_recorded(database: Database) -> None:
    log = AuditLog(database)
    log.append(entry())
    reads: list[Callable[[Principal], object]] = [
        lambda who: log.entries(who, door="cli"),
        lambda who: log.anchor(who, door="cli"),
        lambda who: log.verify(who, door="cli"),
        lambda who: log.start_signing(who, door="cli"),
    ]
    for read in reads:
        for who in (ANNA, CHIEF, NAMESAKE):
            with pytest.raises(NotAllowed):
                read(who)
    assert read_head(database).seq == 1
    for read in reads[:3]:
        read(AUDITOR)
    trail = log.entries(AUDITOR, door="mcp")
    assert [each.action for each in trail] == ["audit.verify", "audit.anchor", "audit.read", "document.read"]
    assert log.entries(AUDITOR, door="http")[0].door == "mcp"


def test_an_auditor_reads_the_own_tenant_only(database: Database) -> None:
    log = AuditLog(database)
    elsewhere = entry().model_copy(update={"principal": NAMESAKE})
    system = entry().model_copy(update={"principal": Principal(id="platform", tenant=""), "action": "service.start", "door": "system"})
    log.append([entry(), elsewhere, system])
    assert {(each.tenant, each.actor) for each in log.entries(AUDITOR, door="cli")} == {("锻造厂", "anna")}
    assert [each.action for each in log.entries(SYSTEM_AUDITOR, door="cli")] == ["service.start"]


def test_entries_are_found_by_time_actor_action_object_and_outcome(database: Database) -> None:
    start = datetime(2026, 5, 1, tzinfo=UTC)
    clock = iter([*(start + timedelta(hours=hour) for hour in range(4)), *[start + timedelta(days=9)] * 20])
    log = AuditLog(database, now=lambda: next(clock))
    log.append(entry(0))
    log.append(entry(1).model_copy(update={"principal": CHIEF}))
    log.append(entry(2).model_copy(update={"action": "document.delete"}))
    log.append(entry(3).model_copy(update={"outcome": "refused"}))

    def found(**query: object) -> list[str]:
        chosen = AuditQuery.model_validate({"object_kind": "document", **query})
        return [each.object_id for each in log.entries(AUDITOR, chosen, door="cli")]

    assert found() == ["d3", "d2", "d1", "d0"]
    assert found(actor="chief") == ["d1"]
    assert found(action="document.delete") == ["d2"]
    assert found(object_id="d0") == ["d0"]
    assert found(outcome="refused") == ["d3"]
    assert found(since=start + timedelta(hours=1), until=start + timedelta(hours=3)) == ["d2", "d1"]


def test_older_entries_come_page_by_page(database: Database) -> None:
    log = AuditLog(database)
    log.append([entry(number) for number in range(5)])
    newest = log.entries(AUDITOR, door="cli", limit=2)
    older = log.entries(AUDITOR, door="cli", before=newest[-1].seq, limit=2)
    assert [each.object_id for each in newest + older] == ["d4", "d3", "d2", "d1"]


def test_a_key_for_a_chain_begun_without_one_waits_for_a_persons_word(database: Database) -> None:
    AuditLog(database).append([entry(1), entry(2)])
    signed = AuditLog(database, keys=KEYS)
    with pytest.raises(ConfigurationError, match="没有签名") as caught:
        signed.append(entry(3))
    assert "shuzhi audit sign" in caught.value.detail[0].cure
    assert not verify(database, keys=KEYS).ok
    assert signed.start_signing(AUDITOR, "cli") == 3
    signed.append(entry(4))
    verdict = verify(database, keys=KEYS)
    assert (verdict.ok, verdict.signed_from) == (True, 3)
    assert signed.entries(AUDITOR, door="cli")[1].action == "audit.sign"


def test_a_signed_chain_takes_nothing_unsigned(database: Database) -> None:
    AuditLog(database, keys=KEYS).append(entry())
    with pytest.raises(ConfigurationError, match="没有签名密钥"):
        AuditLog(database).append(entry())
    with pytest.raises(ConfigurationError, match="没有审计签名密钥"):
        AuditLog(database).start_signing(AUDITOR, "cli")


def test_a_foreign_key_neither_appends_nor_verifies(database: Database) -> None:
    AuditLog(database, keys=KEYS).append(entry())
    with pytest.raises(StorageError, match="签名不对"):
        AuditLog(database, keys=OTHER_KEYS).append(entry())
    assert not verify(database, keys=OTHER_KEYS).ok


def test_a_broken_chain_is_reported_even_where_it_takes_no_record(tmp_path: Path) -> None:
    database = chain(tmp_path / "a.db", 3)
    editor = Editor(tmp_path / "a.db")
    editor("UPDATE audit_heads SET hash = 'sha256:00'")
    editor.close()
    verdict = AuditLog(database, keys=KEYS).verify(AUDITOR, door="cli")
    assert not verdict.ok
    assert verify(database, keys=KEYS).entries == 3
    database.close()


def test_without_its_head_the_chain_neither_grows_nor_verifies(tmp_path: Path) -> None:
    database = chain(tmp_path / "a.db", 1)
    editor = Editor(tmp_path / "a.db")
    editor("DELETE FROM audit_heads")
    editor.close()
    with pytest.raises(StorageError, match="链头不见了"):
        AuditLog(database, keys=KEYS).append(entry())
    with pytest.raises(StorageError, match="链头不见了"):
        verify(database)
    database.close()
