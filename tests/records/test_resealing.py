import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, insert, select, update

from domain.errors import Conflict, NotFound
from records.database import Database
from records.encoding import utc_now
from records.keys import Keys, keys_from_file, new_key_file
from records.resealing import SealedColumn, drop, masters_needed, reseal, status
from records.sealing import Place, SealedText, Sealer, key_of

ROOT = Path(__file__).parents[2]
PEOPLE = Table(
    "people",
    MetaData(),
    Column("tenant", Text, primary_key=True),
    Column("id", Integer, primary_key=True),
    Column("phone", Text),
    Column("phone_index", Text),
)
COUNT = 25


def later() -> datetime:
    return utc_now() + timedelta(hours=1)


@pytest.fixture
def masters(tmp_path: Path) -> Keys:
    new_key_file(tmp_path / "master")
    return keys_from_file(tmp_path / "master")


@pytest.fixture
def sealer(database: Database, masters: Keys) -> Iterator[Sealer]:
    with database.transaction(write=True) as connection:
        PEOPLE.create(connection)
    sealer = Sealer(database, masters)
    fill(database, sealer, "甲", COUNT)
    return sealer


def fill(database: Database, sealer: Sealer, tenant: str, count: int, *, plain: bool = False) -> None:
    column = SealedText(sealer, "people", "phone")
    rows = [
        {
            "tenant": tenant,
            "id": number,
            "phone": f"138{number}" if plain else column.seal(f'["{tenant}","{number}"]', f"138{number}"),
            "phone_index": None if plain else column.index(f"138{number}"),
        }
        for number in range(count)
    ]
    with database.transaction(write=True) as connection:
        connection.execute(insert(PEOPLE), rows)


def stored(database: Database) -> list[str]:
    with database.transaction() as connection:
        return list(connection.scalars(select(PEOPLE.c.phone).where(PEOPLE.c.phone.is_not(None)).order_by(PEOPLE.c.tenant, PEOPLE.c.id)))


def opened(database: Database, sealer: Sealer) -> list[str]:
    column = SealedText(sealer, "people", "phone")
    with database.transaction() as connection:
        rows = connection.execute(select(PEOPLE).order_by(PEOPLE.c.tenant, PEOPLE.c.id)).all()
    return [column.open(f'["{row.tenant}","{row.id}"]', row.phone) for row in rows]


PHONES = SealedColumn(PEOPLE, "phone", index="phone_index")


@pytest.mark.parametrize("batch", [1, 7, 500])
def test_after_a_walk_every_value_has_the_newest_key_and_reads_the_same(database: Database, sealer: Sealer, batch: int) -> None:
    before = opened(database, sealer)
    new = sealer.rotate()
    assert reseal(database, sealer, PHONES, batch=batch).model_dump() == {"sealed": COUNT, "unreadable": 0, "rows": []}
    assert {key_of(token) for token in stored(database)} == {new}
    assert opened(database, sealer) == before
    assert reseal(database, sealer, PHONES, batch=batch).sealed == 0


def test_old_values_stay_readable_while_the_walk_is_under_way(database: Database, sealer: Sealer) -> None:
    sealer.rotate()
    fill(database, sealer, "乙", 3)
    assert len({key_of(token) for token in stored(database)}) == 2
    assert sorted(opened(database, sealer)) == sorted(f"138{number}" for number in (*range(3), *range(COUNT)))


def test_an_index_key_is_rotated_too_and_look_ups_go_on(database: Database, sealer: Sealer) -> None:
    column = SealedText(sealer, "people", "phone")

    def find() -> list[int]:
        with database.transaction() as connection:
            return list(connection.scalars(select(PEOPLE.c.id).where(PEOPLE.c.phone_index.in_(column.indexes("1387")))))

    assert find() == [7]
    sealer.rotate("index")
    assert find() == [7]
    assert reseal(database, sealer, PHONES).sealed == COUNT
    assert find() == [7]
    with database.transaction() as connection:
        assert connection.scalar(select(PEOPLE.c.id).where(PEOPLE.c.phone_index == column.index("1387"))) == 7


def test_plain_text_from_before_is_sealed_only_where_it_is_expected(database: Database, sealer: Sealer) -> None:
    fill(database, sealer, "丙", 2, plain=True)
    refused = reseal(database, sealer, PHONES)
    assert (refused.sealed, refused.unreadable, refused.rows) == (0, 2, ['["丙","0"]', '["丙","1"]'])
    assert reseal(database, sealer, SealedColumn(PEOPLE, "phone", index="phone_index", plain=True)).sealed == 2
    assert all(key_of(token) for token in stored(database))


def test_a_damaged_value_is_named_and_left_and_keeps_its_key(database: Database, sealer: Sealer) -> None:
    [old] = [key.id for key in sealer.ring() if key.purpose == "data"]
    damaged = stored(database)[4][:-2] + "AA"
    with database.transaction(write=True) as connection:
        connection.execute(update(PEOPLE).where(PEOPLE.c.id == 4).values(phone=damaged))
    sealer.rotate()
    done = reseal(database, sealer, PHONES, batch=2)
    assert (done.sealed, done.unreadable, done.rows) == (COUNT - 1, 1, ['["甲","4"]'])
    assert damaged in stored(database)
    with pytest.raises(Conflict, match="还有 1 个值"):
        drop(database, sealer, old, now=later)


def test_a_key_goes_only_when_nothing_needs_it(database: Database, sealer: Sealer) -> None:
    [old] = [key.id for key in sealer.ring() if key.purpose == "data"]
    with pytest.raises(Conflict, match="正在使用"):
        drop(database, sealer, old, now=later)
    new = sealer.rotate()
    with pytest.raises(Conflict, match="刚刚换过密钥"):
        drop(database, sealer, old)
    with pytest.raises(Conflict, match=f"还有 {COUNT} 个值需要数据密钥 {old}"):
        drop(database, sealer, old, now=later)
    assert {each.id: each.values for each in status(database, sealer) if each.purpose == "data"} == {old: COUNT, new: 0}
    reseal(database, sealer, PHONES)
    drop(database, sealer, old, now=later)
    assert [each.id for each in status(database, sealer) if each.purpose == "data"] == [new]
    assert len(opened(database, sealer)) == COUNT
    with pytest.raises(NotFound):
        drop(database, sealer, old, now=later)


def test_a_value_in_a_column_that_nobody_named_keeps_its_key_too(database: Database, sealer: Sealer) -> None:
    [old] = [key.id for key in sealer.ring() if key.purpose == "data"]
    hidden = Table("hidden", MetaData(), Column("id", Integer, primary_key=True), Column("note", Text))
    with database.transaction(write=True) as connection:
        hidden.create(connection)
        connection.execute(insert(hidden), {"id": 1, "note": f'{{"sealed": "{sealer.seal("x", Place("hidden", "note", "1"))}"}}'})
    sealer.rotate()
    reseal(database, sealer, PHONES)
    with pytest.raises(Conflict, match="还有 1 个值"):
        drop(database, sealer, old, now=later)


def test_every_master_key_says_what_needs_it(sealer: Sealer, masters: Keys) -> None:
    assert masters_needed(sealer) == {masters.newest[0]: 2}


WALK = """
import sys, time
from pathlib import Path
from records.database import Database
from records.keys import keys_from_file
from records.resealing import reseal
from records.sealing import Sealer
from tests.records.test_resealing import PHONES
database = Database(sys.argv[1])
class Slow(Sealer):
    def seal(self, text, place):
        print("sealing", flush=True)
        time.sleep(0.01)
        return super().seal(text, place)
reseal(database, Slow(database, keys_from_file(Path(sys.argv[2]))), PHONES, batch=4)
"""


def test_a_walk_that_was_killed_goes_on_where_it_stopped(database: Database, url: str, sealer: Sealer, tmp_path: Path) -> None:
    before = opened(database, sealer)
    new = sealer.rotate()
    command = [sys.executable, "-c", WALK, url, str(tmp_path / "master")]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert child.stdout is not None
    with child.stdout as lines:
        for _ in range(14):
            assert next(lines)
        child.send_signal(signal.SIGKILL)
    assert child.wait(10) == -signal.SIGKILL
    done = sum(key_of(token) == new for token in stored(database))
    assert 0 < done < COUNT
    assert reseal(database, sealer, PHONES).sealed == COUNT - done
    assert opened(database, sealer) == before


@pytest.mark.postgres
@pytest.mark.parametrize("url", ["postgres"], indirect=True)
def test_a_value_that_was_changed_meanwhile_stays_as_changed(database: Database, sealer: Sealer, masters: Keys) -> None:
    """SQLite has one writer at a time; on PostgreSQL somebody may write between the walk's reading and its writing."""
    column = SealedText(sealer, "people", "phone")
    changed: list[str] = []

    class Interrupted(Sealer):
        def open(self, token: str, place: Place) -> str:
            if place.row == '["甲","3"]' and not changed:
                changed.append(column.seal(place.row, "新号码"))
                with database.transaction(write=True) as connection:
                    connection.execute(update(PEOPLE).where(PEOPLE.c.id == 3).values(phone=changed[0]))
            return super().open(token, place)

    sealer.rotate()
    reseal(database, Interrupted(database, masters), PHONES)
    assert opened(database, sealer)[3] == "新号码"
