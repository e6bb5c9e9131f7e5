"""`shuzhi audit`: exit 0 whole, 1 broken, 2 bad input; every reading is recorded in turn."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from .command import Outcome, at_home, shuzhi

QUESTION = "块存储走什么协议？"


@pytest.fixture
def asked_home(own_home: Path) -> Iterator[Path]:
    """A home on which two questions were asked at the command line."""
    with at_home(own_home):
        for question in (QUESTION, "先进级的在线检测要做到什么程度？"):
            assert shuzhi("ask", question, "--json").code == 0
        yield own_home


def entries(*arguments: str) -> list[dict[str, Any]]:
    return shuzhi("audit", "list", *arguments, "--json").json["entries"]


def edited(home: Path, *statements: str) -> None:
    """What somebody with the file and without the application can do."""
    with closing(sqlite3.connect(home / "shuzhi.db")) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert connection.execute(statement).rowcount == 1
        connection.commit()


def refused(outcome: Outcome) -> str:
    assert outcome.code == 2, (outcome.out, outcome.err)
    return outcome.json["error"]["message"]


def test_a_whole_chain_verifies_and_a_flipped_row_is_named(asked_home: Path) -> None:
    whole = shuzhi("audit", "verify")
    assert (whole.code, whole.out.startswith("审计链完整：")) == (0, True)
    second = entries("--action", "run.start")[0]["seq"]
    edited(asked_home, f"UPDATE audit_entries SET actor = 'somebody' WHERE seq = {second}")
    broken = shuzhi("audit", "verify", "--json")
    assert broken.code == 1
    assert [(f["kind"], f["seq"]) for f in broken.json["findings"]] == [("content_changed", second)]
    told = shuzhi("audit", "verify")
    assert (told.code, f"第 {second} 条内容被改" in told.out) == (1, True)


def test_what_was_done_is_listed_newest_first_and_can_be_chosen(asked_home: Path) -> None:
    runs = entries("--action", "run.start")
    assert [(e["actor"], e["door"], e["outcome"]) for e in runs] == [("local", "cli", "done")] * 2
    assert runs[0]["seq"] > runs[1]["seq"]
    assert entries("--object-id", runs[1]["object_id"]) == [runs[1]]
    assert entries("--action", "run.start", "--before", str(runs[0]["seq"])) == [runs[1]]
    assert entries("--action", "run.start", "--limit", "1") == [runs[0]]
    assert entries("--since", "2999-01-01T00:00:00+08:00") == []
    assert entries("--actor", "nobody") == []
    assert entries("--tenant", "elsewhere") == []
    line = shuzhi("audit", "list", "--action", "run.start").out.splitlines()[0]
    assert "run.start" in line
    assert QUESTION not in line


def test_what_concerns_the_whole_system_is_read_apart(asked_home: Path) -> None:
    assert {e["action"] for e in entries("--system")} == {"service.start", "service.stop"}
    assert not [e for e in entries() if e["action"] == "service.start"]


def test_every_reading_is_recorded(asked_home: Path, tmp_path: Path) -> None:
    entries()
    shuzhi("audit", "export", "--out", str(tmp_path / "a.jsonl"))
    shuzhi("audit", "verify")
    shuzhi("audit", "anchor")
    mine = [e for e in entries() if e["actor"] == "local-auditor"]
    assert [e["action"] for e in mine] == ["audit.export", "audit.read"]
    system = [e for e in entries("--system") if e["actor"] == "local-auditor"]
    assert [e["action"] for e in system] == ["audit.anchor", "audit.verify"]
    assert all(e["roles"] == ["audit_admin"] for e in mine + system)


def test_an_export_is_checked_without_the_database(asked_home: Path, tmp_path: Path) -> None:
    out = tmp_path / "audit.jsonl"
    made = shuzhi("audit", "export", "--out", str(out), "--json")
    assert made.json["tenant"] == "local"
    with at_home(tmp_path / "another"):
        assert shuzhi("audit", "verify", "--file", str(out)).code == 0
        out.write_text(out.read_text(encoding="utf-8").replace('"local"', '"loca1"', 3), encoding="utf-8")
        broken = shuzhi("audit", "verify", "--file", str(out), "--json")
        assert (broken.code, broken.json["ok"]) == (1, False)
        assert not (tmp_path / "another").exists()


def test_an_anchor_finds_an_older_state_put_back(asked_home: Path, tmp_path: Path) -> None:
    kept = tmp_path / "anchor.json"
    assert shuzhi("audit", "anchor", "--out", str(kept)).code == 0
    assert shuzhi("audit", "verify", "--anchor", str(kept)).code == 0
    anchor = json.loads(kept.read_text(encoding="utf-8"))
    kept.write_text(json.dumps(anchor | {"hash": "sha256:" + "0" * 64}), encoding="utf-8")
    found = shuzhi("audit", "verify", "--anchor", str(kept), "--json")
    assert (found.code, found.json["findings"][0]["kind"]) == (1, "anchor_differs")


def test_signing_is_begun_by_a_persons_word(asked_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "audit.keys"
    shuzhi("keys", "new", "--file", str(key))
    monkeypatch.setenv("SHUZHI_AUDIT__KEY_FILE", str(key))
    assert "没有签名" in refused(shuzhi("ask", QUESTION, "--json"))
    signed = shuzhi("audit", "sign", "--json").json["signed_from"]
    assert shuzhi("ask", QUESTION, "--json").code == 0
    verdict = shuzhi("audit", "verify", "--json").json
    assert (verdict["ok"], verdict["signed_from"], verdict["signatures"]) == (True, signed, "checked")
    monkeypatch.delenv("SHUZHI_AUDIT__KEY_FILE")
    assert "没有签名密钥" in refused(shuzhi("ask", QUESTION, "--json"))


def test_wrong_arguments_are_named(asked_home: Path, tmp_path: Path) -> None:
    assert "run.begin" in refused(shuzhi("audit", "list", "--action", "run.begin", "--json"))
    assert "--json" not in refused(shuzhi("audit", "list", "--since", "2026-01-01", "--json"))
    assert "没有结果" in refused(shuzhi("audit", "list", "--outcome", "won", "--json"))
    assert "锚点" in refused(shuzhi("audit", "verify", "--anchor", str(tmp_path / "none"), "--json"))
    assert "打不开" in refused(shuzhi("audit", "verify", "--file", str(tmp_path / "none"), "--json"))
    assert "没有第" in refused(shuzhi("audit", "export", "--out", str(tmp_path / "x"), "--first", "9999", "--json"))


def test_sm3_may_take_over_in_the_middle_of_a_chain(asked_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHUZHI_AUDIT__ALGORITHM", "sm3")
    assert shuzhi("ask", QUESTION, "--json").code == 0
    assert entries("--action", "run.start")[0]["hash"].startswith("sm3:")
    assert shuzhi("audit", "verify").code == 0
