import base64
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from domain.errors import ConfigurationError, StorageError
from records.ciphers import CODES, Algorithm
from records.database import Database
from records.keys import Keys, new_key_line, parse_keys
from records.sealing import Place, SealedText, Sealer, key_of, row_of

PLACE = Place("people", "phone", "p1")


def fresh(*more: str) -> tuple[Keys, str]:
    lines = "".join((*more, new_key_line()[1]))
    return parse_keys(lines, "测试"), lines


@pytest.fixture(scope="module", params=sorted(CODES))
def sealer(request: pytest.FixtureRequest) -> Iterator[Sealer]:
    database = Database("sqlite://")
    database.upgrade()
    yield Sealer(database, fresh()[0], algorithm=request.param)
    database.close()


@given(value=st.text(), row=st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_what_was_sealed_opens_in_its_place(sealer: Sealer, value: str, row: str) -> None:
    place = Place("people", "phone", row)
    token = sealer.seal(value, place)
    assert token.isascii()
    assert sealer.open(token, place) == value
    assert sealer.seal(value, place) != token


@pytest.mark.parametrize("place", [Place("people", "phone", "p2"), Place("people", "name", "p1"), Place("other", "phone", "p1")])
def test_a_value_that_was_moved_elsewhere_does_not_open(sealer: Sealer, place: Place) -> None:
    with pytest.raises(StorageError, match="从别处移来") as caught:
        sealer.open(sealer.seal("13800000000", PLACE), place)
    assert str(place) == caught.value.detail[0].where


@given(data=st.data())
def test_a_garbled_token_never_opens(sealer: Sealer, data: st.DataObject) -> None:
    token = sealer.seal("13800000000", PLACE)
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.characters().filter(lambda letter: letter != token[at]))
    with pytest.raises((StorageError, ConfigurationError)) as caught:
        sealer.open(token[:at] + letter + token[at + 1 :], PLACE)
    assert "13800000000" not in repr(caught.value.problem())


@given(length=st.integers(0, 60))
def test_a_cut_off_token_never_opens(sealer: Sealer, length: int) -> None:
    with pytest.raises((StorageError, ConfigurationError)):
        sealer.open(sealer.seal("13800000000", PLACE)[:length], PLACE)


def test_an_unknown_key_is_named(sealer: Sealer) -> None:
    prefix, _, body = sealer.seal("x", PLACE).rpartition(".")
    unknown = f"{prefix.rpartition('.')[0]}.d0000000.{body}"
    with pytest.raises(ConfigurationError, match="没有数据密钥 d0000000") as caught:
        sealer.open(unknown, PLACE)
    assert "people.phone p1" in caught.value.detail[0].where


def test_plain_text_is_no_sealed_value_unless_it_is_still_expected(sealer: Sealer) -> None:
    strict, lenient = SealedText(sealer, "people", "phone"), SealedText(sealer, "people", "phone", accept_plain=True)
    with pytest.raises(StorageError, match="不是密文"):
        strict.open("p1", "13800000000")
    assert lenient.open("p1", "13800000000") == "13800000000"
    assert lenient.open("p1", strict.seal("p1", "139")) == "139"


def test_a_blind_index_is_the_same_for_equal_values_of_one_column_only(sealer: Sealer) -> None:
    phone, fax = SealedText(sealer, "people", "phone"), SealedText(sealer, "people", "fax")
    assert phone.index("138") == phone.index("138")
    assert len({phone.index("138"), phone.index("139"), fax.index("138")}) == 3
    assert phone.indexes("138") == [phone.index("138")]
    assert "138" not in phone.index("138")


def test_the_first_sealer_makes_the_keys_and_the_next_one_finds_them(database: Database) -> None:
    masters, _ = fresh()
    first, second = Sealer(database, masters), Sealer(database, masters)
    assert [key.id for key in first.ring()] == [key.id for key in second.ring()]
    assert second.open(first.seal("一", PLACE), PLACE) == "一"
    assert second.index("一", "a", "b") == first.index("一", "a", "b")


@pytest.mark.parametrize("algorithm", sorted(CODES))
def test_after_a_change_of_algorithm_old_values_stay_readable(database: Database, algorithm: Algorithm) -> None:
    masters, _ = fresh()
    old = Sealer(database, masters, algorithm="aes-256-gcm")
    token, index = old.seal("一", PLACE), old.index("一", "a", "b")
    new = Sealer(database, masters, algorithm=algorithm)
    assert new.open(token, PLACE) == "一"
    assert new.seal("一", PLACE).split(".")[1] == CODES[algorithm]
    assert new.index("一", "a", "b") == index


def test_a_rotated_key_seals_new_values_and_other_processes_read_them(database: Database) -> None:
    masters, _ = fresh()
    one, other = Sealer(database, masters), Sealer(database, masters)
    before = one.seal("一", PLACE)
    new = one.rotate()
    after = one.seal("二", PLACE)
    assert key_of(after) == new != key_of(before)
    assert [other.open(token, PLACE) for token in (before, after)] == ["一", "二"]


def test_a_process_that_seals_learns_of_a_rotation_in_time(database: Database) -> None:
    masters, _ = fresh()
    one, late, prompt = (Sealer(database, masters, refresh_s=seconds) for seconds in (30, 30, 0))
    new = one.rotate()
    assert key_of(late.seal("一", PLACE)) != new
    assert key_of(prompt.seal("一", PLACE)) == new


def test_the_newest_key_is_the_newest_whatever_the_clock_says(database: Database) -> None:
    times = iter(datetime(2026, 1, 1, tzinfo=UTC) - timedelta(days=day) for day in range(9))
    sealer = Sealer(database, fresh()[0], now=lambda: next(times))
    for _ in range(3):
        assert key_of(sealer.seal("一", PLACE)) != (new := sealer.rotate())
        assert key_of(sealer.seal("一", PLACE)) == new


def test_a_rotated_master_key_changes_no_value(database: Database) -> None:
    masters, lines = fresh()
    token = Sealer(database, masters).seal("一", PLACE)
    both, _ = fresh(lines)
    sealer = Sealer(database, both)
    assert sealer.rewrap() == 2
    assert sealer.rewrap() == 0
    only_new = parse_keys(fresh()[1] + f"{both.newest[0]} {base64.b64encode(both.newest[1]).decode()}", "测试")
    assert Sealer(database, only_new).open(token, PLACE) == "一"


def test_a_missing_and_a_wrong_master_key_are_said_at_start(database: Database) -> None:
    masters, lines = fresh()
    Sealer(database, masters)
    with pytest.raises(ConfigurationError, match=f"没有主密钥 {masters.newest[0]}"):
        Sealer(database, fresh()[0])
    impostor = parse_keys(f"{masters.newest[0]} {base64.b64encode(secrets.token_bytes(32)).decode()}", "测试")
    with pytest.raises(ConfigurationError, match="打不开数据密钥") as caught:
        Sealer(database, impostor)
    assert lines.split()[1] not in repr(caught.value.problem())


@pytest.mark.parametrize(("column", "value"), [("algorithm", "sm4-gcm"), ("purpose", "index"), ("algorithm", "rot13"), ("wrapped", "x")])
def test_a_data_key_that_was_edited_does_not_open(database: Database, column: str, value: str) -> None:
    masters, _ = fresh()
    token = Sealer(database, masters).seal("一", PLACE)
    with database.transaction(write=True) as connection:
        connection.execute(text(f"UPDATE data_keys SET {column} = '{value}' WHERE purpose = 'data'"))
    with pytest.raises(ConfigurationError):
        Sealer(database, masters).open(token, PLACE)


def test_a_composite_key_is_one_row() -> None:
    assert row_of(["a"]) == "a"
    assert len({row_of(["a", "b"]), row_of(["a,b"]), row_of(["b", "a"]), row_of(["a", 1]), row_of(["a", 2])}) == 5
