import stat
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import ConfigurationError, NotFound, StorageError
from records.ciphers import CODES, Algorithm
from records.keys import Keys, new_key_line, parse_keys
from records.sealed_files import CHUNK, master_of, open_file, rewrap_file, seal_file

LINE = new_key_line()[1]
MASTERS = parse_keys(LINE, "测试")
NAME = "artifact 1"
TAGGED = {"aes-256-gcm": CHUNK + 16, "sm4-gcm": CHUNK + 16, "sm4-ctr+hmac-sm3": CHUNK + 32}


def sealed(folder: Path, content: bytes, algorithm: Algorithm = "aes-256-gcm", masters: Keys = MASTERS) -> Path:
    (folder / "plain").write_bytes(content)
    seal_file(folder / "plain", folder / "sealed", masters, name=NAME, algorithm=algorithm)
    return folder / "sealed"


def parts(path: Path, algorithm: Algorithm) -> list[bytes]:
    """The header and the chunks."""
    header, body = path.read_bytes().split(b"\n", 1)
    size = TAGGED[algorithm]
    return [header + b"\n", *(body[at : at + size] for at in range(0, len(body), size))]


@pytest.mark.parametrize("algorithm", sorted(CODES))
@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_what_was_sealed_comes_back(tmp_path: Path, algorithm: Algorithm, size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    path = sealed(tmp_path, content, algorithm)
    open_file(path, tmp_path / "opened", MASTERS, name=NAME)
    assert (tmp_path / "opened").read_bytes() == content
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("sealed", "opened")} == {0o600}
    assert content[:40] not in path.read_bytes() or size < 40
    assert sorted(each.name for each in tmp_path.iterdir()) == ["opened", "plain", "sealed"]


@pytest.mark.parametrize("algorithm", sorted(CODES))
@pytest.mark.parametrize(
    "damage",
    [
        lambda given: given[:-1],
        lambda given: [given[0], given[2], given[1], *given[3:]],
        lambda given: [given[0], given[1], given[1], *given[2:]],
        lambda given: [given[0], *given[2:]],
        lambda given: [*given, given[-1]],
        lambda given: [*given[:-1], given[-1][:-1]],
        lambda given: given[:1],
        lambda given: [],
    ],
    ids=["cut off", "swapped", "doubled", "one missing", "one more", "last byte missing", "header only", "empty"],
)
def test_chunks_that_are_not_as_they_were_open_nothing(tmp_path: Path, algorithm: Algorithm, damage: object) -> None:
    path = sealed(tmp_path, b"x" * (3 * CHUNK + 5), algorithm)
    assert callable(damage)
    path.write_bytes(b"".join(damage(parts(path, algorithm))))
    with pytest.raises(StorageError, match="加密文件打不开"):
        open_file(path, tmp_path / "opened", MASTERS, name=NAME)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["plain", "sealed"]


def test_a_chunk_of_another_file_does_not_fit(tmp_path: Path) -> None:
    one = parts(sealed(tmp_path, b"x" * 2 * CHUNK), "aes-256-gcm")
    other = parts(sealed(tmp_path, b"x" * 2 * CHUNK), "aes-256-gcm")
    (tmp_path / "sealed").write_bytes(one[0] + other[1] + one[2])
    with pytest.raises(StorageError):
        open_file(tmp_path / "sealed", tmp_path / "opened", MASTERS, name=NAME)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), algorithm=st.sampled_from(sorted(CODES)))
def test_any_single_flipped_bit_is_found(tmp_path: Path, data: st.DataObject, algorithm: Algorithm) -> None:
    path = sealed(tmp_path, b"x" * 70, algorithm)
    damaged = bytearray(path.read_bytes())
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(damaged)
    with pytest.raises((StorageError, ConfigurationError)):
        open_file(path, tmp_path / "opened", MASTERS, name=NAME)
    assert not (tmp_path / "opened").exists()


def test_under_another_name_or_key_it_does_not_open(tmp_path: Path) -> None:
    path = sealed(tmp_path, b"x")
    with pytest.raises(StorageError, match="不是这个名字"):
        open_file(path, tmp_path / "opened", MASTERS, name="artifact 2")
    with pytest.raises(ConfigurationError, match=f"没有主密钥 {MASTERS.newest[0]}"):
        open_file(path, tmp_path / "opened", parse_keys(new_key_line()[1], "测试"), name=NAME)


def test_a_failed_opening_leaves_an_earlier_target_alone(tmp_path: Path) -> None:
    path = sealed(tmp_path, b"x" * CHUNK * 2)
    (tmp_path / "opened").write_bytes(b"earlier")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StorageError):
        open_file(path, tmp_path / "opened", MASTERS, name=NAME)
    assert (tmp_path / "opened").read_bytes() == b"earlier"


def test_a_new_master_key_takes_over_without_sealing_anew(tmp_path: Path) -> None:
    path = sealed(tmp_path, b"x" * (CHUNK + 1))
    both = parse_keys(LINE + new_key_line()[1], "测试")
    body = path.read_bytes().split(b"\n", 1)[1]
    assert master_of(path) == MASTERS.newest[0]
    assert rewrap_file(path, both, name=NAME)
    assert not rewrap_file(path, both, name=NAME)
    assert master_of(path) == both.newest[0]
    assert path.read_bytes().split(b"\n", 1)[1] == body
    open_file(path, tmp_path / "opened", both, name=NAME)
    assert (tmp_path / "opened").read_bytes() == b"x" * (CHUNK + 1)


def test_files_that_cannot_be_read_or_written_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="不存在"):
        seal_file(tmp_path / "missing", tmp_path / "sealed", MASTERS, name=NAME)
    with pytest.raises(StorageError, match="读不出来"):
        master_of(tmp_path)
    (tmp_path / "plain").write_bytes(b"x")
    with pytest.raises(StorageError, match="没有写出结果"):
        seal_file(tmp_path / "plain", tmp_path / "missing" / "sealed", MASTERS, name=NAME)
    for content in (b"no header", b"{}\n", b"[]\n", orjson.dumps({"format": "other"}) + b"\n"):
        (tmp_path / "plain").write_bytes(content)
        with pytest.raises(StorageError, match="加密文件打不开"):
            open_file(tmp_path / "plain", tmp_path / "opened", MASTERS, name=NAME)
