import base64
import os
import stat
import sys
import time
from pathlib import Path

import pytest

from domain.errors import ConfigurationError, Conflict, NotFound, PlatformError, StorageError, UpstreamUnavailable
from records.key_command import configured_keys, keys_from_command
from records.keys import drop_from_key_file, keys_from_file, new_key_file, new_key_line, parse_keys, rotate_key_file

GOOD = base64.b64encode(bytes(range(32))).decode()


def shown(error: pytest.ExceptionInfo[PlatformError]) -> str:
    chain, cause = "", error.value.__cause__
    while cause:
        chain, cause = chain + repr(cause), cause.__cause__
    return repr(error.value.problem()) + chain


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_the_last_line_is_the_newest_key() -> None:
    (first, one), (second, two) = new_key_line(), new_key_line()
    keys = parse_keys(f"# 主密钥\n\n{one}{two}", "设置")
    assert keys.ids == (first, second)
    assert keys.newest[0] == second
    assert len(keys.newest[1]) == 32
    assert keys.find("k0") is None


def test_keys_show_nothing_of_themselves() -> None:
    assert repr(parse_keys(f"k1 {GOOD}", "设置")) == "Keys()"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "没有密钥"),
        ("# nothing", "没有密钥"),
        (GOOD, "写法不对"),
        (f"k1 {GOOD} more", "写法不对"),
        (f"K_1 {GOOD}", "写法不对"),
        ("k1 geheim!", "不是 base64"),
        (f"k1 {base64.b64encode(b'geheim').decode()}", "应为 32 字节，实际 6 字节"),
        (f"k1 {base64.b64encode(bytes(32)).decode()}", "不是随机的"),
        (f"k1 {GOOD}\nk1 {base64.b64encode(bytes(range(1, 33))).decode()}", "重复"),
        (f"k1 {GOOD}\nk2 {GOOD}", "重复"),
    ],
)
def test_a_text_that_holds_no_good_keys_is_refused_without_being_repeated(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        parse_keys(text, "SHUZHI_KEYS")
    assert "SHUZHI_KEYS" in caught.value.detail[0].where
    assert not {"geheim", GOOD, "Z2VoZWlt"} & set(shown(caught).replace("'", " ").split())
    assert GOOD not in shown(caught)


def test_a_new_key_file_is_private_and_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master"
    key_id = new_key_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(Conflict, match="已经存在"):
        new_key_file(path)
    assert path.read_bytes() == before
    assert keys_from_file(path).newest[0] == key_id


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_can_read_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    new_key_file(tmp_path / "master")
    (tmp_path / "master").chmod(mode)
    with pytest.raises(ConfigurationError, match=f"{mode:04o}") as caught:
        keys_from_file(tmp_path / "master")
    assert f"chmod 600 {tmp_path / 'master'}" in caught.value.detail[0].cure


def test_what_is_no_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="不存在"):
        keys_from_file(tmp_path / "missing")
    with pytest.raises(ConfigurationError, match="不是普通文件"):
        keys_from_file(tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConfigurationError, match="不是普通文件"):
        keys_from_file(tmp_path / "pipe")
    for content, message in ((b"\xff\xfe", "不是 UTF-8"), (b"#" * 70_000, "太大")):
        (tmp_path / "other").write_bytes(content)
        (tmp_path / "other").chmod(0o600)
        with pytest.raises(ConfigurationError, match=message):
            keys_from_file(tmp_path / "other")


def test_a_rotated_file_keeps_its_old_keys_and_comments(tmp_path: Path) -> None:
    path = tmp_path / "master"
    first = new_key_file(path)
    path.write_text("# 厂区一\n" + path.read_text())
    second = rotate_key_file(path)
    assert keys_from_file(path).ids == (first, second)
    assert path.read_text().startswith("# 厂区一\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["master"]


def test_through_a_link_the_file_itself_is_rotated(tmp_path: Path) -> None:
    new_key_file(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    rotate_key_file(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert len(keys_from_file(tmp_path / "real").ids) == 2


def test_only_an_old_key_that_nothing_needs_can_be_dropped(tmp_path: Path) -> None:
    path = tmp_path / "master"
    old = new_key_file(path)
    new = rotate_key_file(path)
    with pytest.raises(Conflict, match="还有 7 项数据需要"):
        drop_from_key_file(path, old, needed_by=7)
    with pytest.raises(Conflict, match="最新"):
        drop_from_key_file(path, new, needed_by=0)
    with pytest.raises(NotFound):
        drop_from_key_file(path, "k0", needed_by=0)
    drop_from_key_file(path, old, needed_by=0)
    assert keys_from_file(path).ids == (new,)


def test_a_key_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="写不进去"):
        new_key_file(tmp_path / "file" / "master")


def test_a_command_prints_the_keys() -> None:
    assert keys_from_command(python(f"print('k1 {GOOD}')")).ids == ("k1",)


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("raise SystemExit(3)", UpstreamUnavailable, "退出码 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", UpstreamUnavailable, "失败"),
        ("print('geheim' * 9)", ConfigurationError, "写法不对"),
        ("pass", ConfigurationError, "没有密钥"),
        ("import sys; sys.stdout.buffer.write(bytes([255, 254]))", ConfigurationError, "不是 UTF-8"),
        ("import sys\nwhile True: sys.stdout.write('geheim' * 999)", ConfigurationError, "太长"),
    ],
)
def test_a_command_that_does_not_print_keys_is_named_without_its_output(code: str, error: type[PlatformError], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        keys_from_command(python(code))
    assert "geheim" not in shown(caught).replace(code, "")
    assert "密钥命令" in caught.value.detail[0].where


@pytest.mark.parametrize(
    "code",
    [
        "import time; time.sleep(60)",
        "import os, time; os.close(1); time.sleep(60)",
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])",
    ],
    ids=["hangs", "closes its output and hangs", "leaves a child behind"],
)
def test_a_command_that_hangs_is_ended(code: str) -> None:
    started = time.monotonic()
    with pytest.raises(UpstreamUnavailable, match="没有结束"):
        keys_from_command(python(code), timeout_s=1.0)
    assert time.monotonic() - started < 10


def test_a_command_that_does_not_exist_is_the_operators_business(tmp_path: Path) -> None:
    for argv in ([], [str(tmp_path / "missing")], [str(tmp_path)]):
        with pytest.raises(ConfigurationError):
            keys_from_command(argv)


def test_a_command_is_no_shell(tmp_path: Path) -> None:
    with pytest.raises(PlatformError):
        keys_from_command([f"touch {tmp_path / 'made'}; true"])
    assert not (tmp_path / "made").exists()


def test_keys_come_from_the_one_source_that_is_set(tmp_path: Path) -> None:
    key_id = new_key_file(tmp_path / "master")
    line = (tmp_path / "master").read_text()
    sources = ({"file": tmp_path / "master"}, {"text": line}, {"command": ["cat", str(tmp_path / "master")]})
    assert [keys.ids for source in sources if (keys := configured_keys("SHUZHI_SEALING", **source))] == [(key_id,)] * 3
    assert configured_keys("SHUZHI_SEALING") is None
    with pytest.raises(ConfigurationError, match="设置了 2 个") as caught:
        configured_keys("SHUZHI_SEALING", file=tmp_path / "master", text=line)
    assert caught.value.detail[0].where == "SHUZHI_SEALING"
