"""Every script runs and says what it measured. How fast it was is nobody's business here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import SCRIPTS
from benchmarks.options import ROOT

LAW = "# 中华人民共和国测试法\n\n<!-- INFO END -->\n\n第一条 为了检验脚本，制定本法。\n\n第二条 脚本应当打印每一项结果。\n"
LOOKUP = {"id": "1", "question": "测试法第二条的内容是什么？", "gold_file": "测试/测试法(2024-01-01).md", "gold_article": "第二条"}


def run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A public set as small as one can be."""
    folder = tmp_path_factory.mktemp("data")
    laws = folder / "laws_zh"
    laws.mkdir()
    corpus = {"file": LOOKUP["gold_file"], "text": LAW}
    (laws / "corpus.jsonl").write_text(json.dumps(corpus, ensure_ascii=False) + "\n", encoding="utf-8")
    (laws / "queries_article_lookup.jsonl").write_text(json.dumps(LOOKUP, ensure_ascii=False) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["__main__", *SCRIPTS])
def test_every_script_explains_itself(name: str) -> None:
    shown = run("benchmarks" if name == "__main__" else f"benchmarks.{name}", "--help")
    assert "--data" in shown
    assert "--train" in shown


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("retrieval", {"catalogue_p95", "standards_p95", "laws_p95", "laws_build", "laws_lookup_recall@1"}),
        ("answer", {"first", "p50", "p95"}),
        ("guard_pii", {"identifiers", "everything", "mask_restore", "worst_digits", "formats_recall", "formats_precision"}),
        ("gateway", {"first_token_added_c1", "requests_per_s_c1", "ratio_to_langgraph_c1", "cpu_per_token", "memory_per_open_run"}),
        ("audit", {"append_batched_sm3", "append_single_p95_sha256", "verify_sm3", "verify_export_sha256", "seal_and_open_sm4-gcm"}),
        ("guard_attacks", {"phrases_1k", "user_1k", "data_1k", "question", "question_p95", "hostile_hex"}),
        ("reports", {"first", "word_and_pdf", "word", "pdf"}),
        ("startup", {"cold_start_to_answer", "warm_start_to_answer", "rss_after_50_questions", "help_import"}),
    ],
)
def test_a_quick_run_prints_one_json_line_a_figure(name: str, figures: set[str], data: Path) -> None:
    lines = [json.loads(line) for line in run("benchmarks", name, "--quick", "--data", str(data)).splitlines()]
    assert figures <= {line["figure"] for line in lines}
    for line in lines:
        assert line.keys() >= {"bench", "figure", "value", "unit", "limit", "ok"}
        assert line["bench"] == name
        assert line["value"] is not None or line["note"]


def test_a_law_that_is_asked_for_by_its_article_is_found(data: Path) -> None:
    lines = [json.loads(line) for line in run("benchmarks.retrieval", "--quick", "--data", str(data)).splitlines()]
    found = {line["figure"]: line["value"] for line in lines}
    assert found["laws_lookup_recall@1"] == 1.0
