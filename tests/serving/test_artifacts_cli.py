"""`shuzhi artifacts` and the header that names a download."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from serving.routes.artifacts import disposition

from .command import at_home, shuzhi
from .homes import copy_home
from .listening import owner_of
from .test_artifacts import RECORD


@pytest.fixture(scope="module")
def served_home(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with an instance running on it."""
    own = copy_home(home, tmp_path_factory.mktemp("artifacts") / "home")
    with owner_of(own, []):
        yield own


@pytest.mark.parametrize(
    ("name", "plain"),
    [("报告.pdf", "file.pdf"), ("report-1.docx", "report-1.docx"), ('a"b\r\nX: 1.pdf', "file.pdf"), ("无后缀", "file"), ("x.表", "x")],
)
def test_a_file_name_cannot_leave_its_header(name: str, plain: str) -> None:
    made = disposition(name)
    assert f'filename="{plain}"' in made
    assert made.isascii()
    assert "\r" not in made
    assert "\n" not in made
    assert unquote(made.partition("filename*=UTF-8''")[2]) == name


def test_commands_list_and_save(served_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHUZHI_HOME", str(served_home))
    record = tmp_path / "记录.json"
    record.write_text(json.dumps({"record": RECORD}, ensure_ascii=False), encoding="utf-8")
    made = shuzhi("tools", "run", "write_report", "--args", f"@{record}", "--json").json["data"]
    file = made["files"][1]
    assert file["artifact_id"] in [a["id"] for a in shuzhi("artifacts", "list", "--json").json["artifacts"]]
    saved = shuzhi("artifacts", "save", file["artifact_id"], "--out", str(tmp_path), "--json").json
    assert saved["saved"] == str(tmp_path / "锻造一厂-企业数字化诊断报告-V0.1-草稿.pdf")
    assert hashlib.sha256(Path(saved["saved"]).read_bytes()).hexdigest() == file["sha256"]
    again = shuzhi("artifacts", "save", file["artifact_id"], "--out", str(tmp_path), "--json")
    assert (again.code, again.json["error"]["type"]) == (2, "Conflict")
    assert shuzhi("artifacts", "save", file["artifact_id"], "--out", str(tmp_path), "--force", "--json").code == 0
    unknown = shuzhi("artifacts", "save", "../x", "--json")
    assert (unknown.code, unknown.json["error"]["type"]) == (2, "NotFound")


def test_commands_open_the_stores_themselves(own_home: Path, tmp_path: Path) -> None:
    with at_home(own_home):
        assert shuzhi("artifacts", "list", "--json").json == {"artifacts": []}
        record = json.dumps({"record": RECORD}, ensure_ascii=False)
        made = shuzhi("tools", "run", "write_report", "--args", record, "--json").json["data"]["files"][0]
        assert shuzhi("artifacts", "save", made["artifact_id"], "--out", str(tmp_path / "r.docx")).code == 0
    assert hashlib.sha256((tmp_path / "r.docx").read_bytes()).hexdigest() == made["sha256"]


def test_with_a_master_key_the_files_are_sealed_and_follow_its_rotation(own_home: Path, tmp_path: Path) -> None:
    record = json.dumps({"record": RECORD}, ensure_ascii=False)
    with at_home(own_home), pytest.MonkeyPatch.context() as patch:
        key_file = tmp_path / "master.keys"
        assert shuzhi("keys", "new", "--file", str(key_file)).code == 0
        patch.setenv("SHUZHI_SEALING__KEY_FILE", str(key_file))
        kept = shuzhi("tools", "run", "write_report", "--args", record, "--json").json["data"]["files"][2]
        assert "锻造一厂".encode() not in (own_home / "artifacts" / kept["artifact_id"]).read_bytes()
        assert "锻造一厂".encode() not in b"".join(path.read_bytes() for path in own_home.glob("shuzhi.db*"))
        assert shuzhi("keys", "rotate", "--master", "--json").json["files"] == 3
        [newest] = shuzhi("keys", "status", "--json").json["files"]
        assert key_file.read_text().splitlines()[-1].startswith(newest)
        assert shuzhi("artifacts", "save", kept["artifact_id"], "--out", str(tmp_path / "r.json")).code == 0
    assert hashlib.sha256((tmp_path / "r.json").read_bytes()).hexdigest() == kept["sha256"]
