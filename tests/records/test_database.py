import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from domain.clause import Passage
from domain.errors import ConfigurationError, Conflict, StorageError, UpstreamUnavailable
from domain.principal import own_label
from knowledge.library import Document, Library
from records import account_tables, grant_tables
from records.admissions_table import AdmissionRow
from records.artifacts_table import ArtifactRow
from records.audit_tables import ENTRIES, HEADS
from records.database import Database
from records.encoding import new_id
from records.enterprises import tables as enterprise_tables
from records.interviews.tables import INTERVIEW_EVENTS, INTERVIEWS
from records.runs import NewRun, RunStore
from records.sealing_tables import DATA_KEYS
from records.tables import Base

from .people import ANNA, BORIS

ACCESS_TABLES = {"accounts", "administrator_proposals", "sessions", "api_keys", "login_attempts", "sign_ins"}
ACCESS_TABLES |= {"grant_requests", "grants", "access_usage", "access_alerts"}
ENTERPRISE_TABLES = {"enterprises", "enterprise_events", "enterprise_items", "enterprise_contacts", "enterprise_search"}
OUR_TABLES = {
    *("threads", "runs", "run_events", "approvals", "feedback", "documents", "passages", "alembic_version"),
    *(ENTRIES.name, HEADS.name, DATA_KEYS.name, AdmissionRow.__tablename__, ArtifactRow.__tablename__),
    *ACCESS_TABLES,
    *ENTERPRISE_TABLES,
    INTERVIEWS.name,
    INTERVIEW_EVENTS.name,
}
TABLE_MODULES = (account_tables, grant_tables, enterprise_tables)
"""Imported so that their tables are compared too."""


def tables(database: Database) -> set[str]:
    """Without those that SQLite's full-text search keeps for itself."""
    with database.transaction() as connection:
        return {name for name in inspect(connection).get_table_names() if not name.startswith("enterprise_search_")}


def test_upgrade_makes_the_tables_that_the_code_uses(database: Database) -> None:
    assert tables(database) == OUR_TABLES
    only_ours = {"include_name": lambda name, kind, parents: kind != "table" or name in Base.metadata.tables, "compare_type": True}
    with database.transaction() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=only_ours), Base.metadata) == []


def test_upgrade_of_an_upgraded_database_changes_nothing(database: Database) -> None:
    run = RunStore(database).start(NewRun(question="什么是智能工厂"), ANNA)
    before = database.revision()
    database.upgrade()
    assert database.revision() == before
    assert RunStore(database).get(run.id, ANNA) == run


def test_several_processes_may_upgrade_at_the_same_time(url: str) -> None:
    databases = [Database(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Database.upgrade, databases))
    assert all(database.revision() == databases[0].revision() for database in databases)
    assert tables(databases[0]) == OUR_TABLES
    for database in databases:
        database.close()


def test_a_database_of_a_newer_program_is_left_alone(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("CREATE TABLE from_the_future (id INTEGER)"))
    with pytest.raises(ConfigurationError, match="更新版本的程序") as caught:
        database.upgrade()
    assert "9999" in caught.value.detail[0].where
    assert "升级 ShuZhi" in caught.value.detail[0].cure
    assert database.revision() == "9999"
    assert tables(database) == OUR_TABLES | {"from_the_future"}


def test_a_migration_that_cannot_finish_leaves_nothing_behind(url: str) -> None:
    database = Database(url)
    with database.transaction() as connection:
        connection.execute(text("CREATE TABLE passages (id INTEGER)"))
    with pytest.raises(ConfigurationError):
        database.upgrade()
    assert tables(database) == {"passages"}
    database.close()


def test_a_database_that_was_never_upgraded_says_how(url: str) -> None:
    database = Database(url)
    assert database.revision() is None
    with pytest.raises(ConfigurationError) as caught:
        RunStore(database).start(NewRun(question="你好"), ANNA)
    assert "shuzhi db upgrade" in caught.value.detail[0].cure
    database.close()


def test_a_failed_transaction_leaves_no_trace(database: Database) -> None:
    run = RunStore(database).start(NewRun(question="你好"), ANNA)

    def change_and_fail() -> None:
        with database.transaction(write=True) as connection:
            connection.execute(text("UPDATE runs SET status = 'done'"))
            for _ in range(2):
                connection.execute(text("INSERT INTO threads SELECT id, tenant, owner, '', created_at, created_at FROM runs"))

    with pytest.raises(Conflict):
        change_and_fail()
    assert RunStore(database).get(run.id, ANNA).status == "running"


def test_a_full_disk_is_a_storage_error_and_loses_nothing_stored() -> None:
    database = Database("sqlite://")
    database.upgrade()
    store = RunStore(database)
    run = store.start(NewRun(question="装得下"), ANNA)
    with database.transaction() as connection:
        connection.execute(text("PRAGMA max_page_count = 1"))
    with pytest.raises(StorageError, match="磁盘已满") as caught:
        store.start(NewRun(question="装不下" * 100_000), ANNA)
    assert caught.value.status_code == 507
    assert store.get(run.id, ANNA) == run
    database.close()


def test_a_locked_database_is_a_storage_error(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a.db'}", busy_seconds=0.1)
    database.upgrade()
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="正忙"):
        RunStore(database).start(NewRun(question="你好"), ANNA)
    other.close()
    RunStore(database).start(NewRun(question="你好"), ANNA)
    database.close()


def test_writing_inside_another_write_fails_instead_of_hanging(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a.db'}", busy_seconds=0.1)
    database.upgrade()
    with database.transaction(write=True), pytest.raises(StorageError, match="正忙"):
        RunStore(database).start(NewRun(question="你好"), ANNA)
    database.close()


def test_a_file_that_is_no_database_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("这不是数据库" * 1000)
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")
    with pytest.raises(StorageError, match="不是有效的数据库"):
        database.upgrade()
    database.close()


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="打不开"):
        Database(f"sqlite:///{tmp_path / 'file' / 'a.db'}")


def test_the_database_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'new' / 'a.db'}")
    database.upgrade()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()} == {0o600}
    database.close()


@pytest.mark.parametrize("url", ["mysql://app:geheim@host/x", "postgresql://app:geheim@host:port/x", "geheim"])
def test_an_address_that_cannot_work_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Database(url)
    assert "geheim" not in repr(caught.value.problem())
    assert "postgresql://" in caught.value.detail[0].cure


def test_an_unreachable_server_is_upstream_trouble_and_the_password_stays_secret(tmp_path: Path) -> None:
    database = Database(f"postgresql://app:geheim@/x?host={tmp_path}")
    with pytest.raises(UpstreamUnavailable, match="连不上数据库") as caught:
        database.upgrade()
    assert "geheim" not in repr(caught.value.problem()) + str(caught.value.__cause__)
    database.close()


@pytest.mark.postgres
def test_a_database_that_the_server_does_not_have_is_the_operators_business(postgres_server: Path) -> None:
    database = Database(f"postgresql://app@/missing?host={postgres_server}")
    with pytest.raises(ConfigurationError, match="没有这个库"):
        database.upgrade()
    database.close()


def test_errors_do_not_quote_what_was_being_stored(database: Database) -> None:
    store = RunStore(database)
    secret = NewRun(id=new_id(), question="我们厂的机密")
    store.start(secret, ANNA)
    with pytest.raises(Conflict) as caught:
        store.start(secret, ANNA)
    assert "机密" not in str(caught.value.problem()) + str(caught.value.__cause__)


def test_the_database_in_memory_serves_several_threads() -> None:
    database = Database("sqlite://")
    database.upgrade()
    store = RunStore(database)
    barrier = threading.Barrier(4)

    def ask(number: int) -> str:
        barrier.wait()
        return [store.start(NewRun(question=f"问题{number}"), ANNA).id for _ in range(20)][-1]

    with ThreadPoolExecutor(4) as pool:
        assert [store.get(run, ANNA).question for run in pool.map(ask, range(4))] == [f"问题{number}" for number in range(4)]
    database.close()


def test_the_library_works_on_the_migrated_tables(database: Database) -> None:
    library = Library(database)
    label = own_label(ANNA)
    document = Document(
        id="d1",
        key="手册",
        title="手册",
        collection="",
        name="手册.md",
        content_hash="1",
        state="indexing",
        label=label,
        created_at=datetime.now(UTC),
    )
    passage = Passage(
        id="d1#1", clause_id="手册-1", document_id="d1", title="手册", path=["手册"], text="联网率", source="document", order=0, label=label
    )
    library.add(document, [passage])
    library.mark_ready(document)
    assert [found.state for found in library.documents(ANNA)] == ["ready"]
    assert library.documents(BORIS) == []
    assert list(library.passages_of(document)) == [passage]
    with database.transaction() as connection:
        connection.execute(text("DELETE FROM documents"))
        assert connection.execute(text("SELECT count(*) FROM passages")).scalar() == 0
