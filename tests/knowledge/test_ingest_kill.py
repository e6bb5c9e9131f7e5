"""A process that is killed in the middle of ingesting loses nothing and leaves nothing half done."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from domain.principal import PUBLIC
from knowledge.catalogue import load_catalogue
from knowledge.question import QuestionReader, load_vocabulary
from tests.knowledge.conftest import ANN, Shelf, open_shelf

ROOT = Path(__file__).parents[2]
DOCUMENTS = 12
ARTICLES = 80
KILLS = (0, 6)
"""Each process is killed when it has reached this file, at whatever it is doing then."""


def ingest(shelf: Shelf, folder: Path, progress: Callable[[int, int, str], None]) -> None:
    for outcome in shelf.ingestor.ingest_paths([folder], ANN, PUBLIC, "my", progress):
        assert outcome.problem is None, outcome.problem


def main() -> None:
    """What the killed process does: finish what was left, then go on with all files, saying where it is."""
    catalogue = load_catalogue()
    shelf = open_shelf(Path(sys.argv[1]), catalogue, QuestionReader(catalogue, load_vocabulary()))
    shelf.ingestor.resume()
    ingest(shelf, Path(sys.argv[2]), lambda done, total, name: print(done, flush=True))


def killed_at(number: int, home: Path, folder: Path) -> None:
    command = [sys.executable, "-c", "from tests.knowledge.test_ingest_kill import main; main()", str(home), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}) as process:
        assert process.stdout
        for line in process.stdout:
            if int(line) >= number:
                process.kill()
                break
        process.stdout.read()
    assert process.returncode == -9


def state(shelf: Shelf) -> dict[str, tuple[str, int, int, list[str]]]:
    """Every document with its state, its clause count, its loss, and its passages."""
    return {
        d.name: (d.state, d.clause_count, d.lost_count, [p.text for p in shelf.library.passages_of(d)])
        for d in shelf.library.documents(ANN, all_versions=True)
    }


def test_killed_again_and_again_nothing_is_lost_or_half_done(open_at: Callable[[str], Shelf], tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(DOCUMENTS):
        articles = "\n\n".join(f"第{article}条 编号 D{number}A{article} 的设备有一项要求。" for article in range(1, ARTICLES + 1))
        (folder / f"制度{number:02d}号.md").write_text(f"# 第{number}号设备制度\n\n{articles}\n", encoding="utf-8")

    for number in KILLS:
        killed_at(number, tmp_path / "killed", folder)
    shelf = open_at("killed")
    shelf.ingestor.resume()
    assert shelf.library.unfinished() == []
    before = state(shelf)
    assert KILLS[-1] <= len(before) <= DOCUMENTS
    assert all(kept == "ready" and count == len(texts) and lost == 0 for kept, count, lost, texts in before.values())
    assert shelf.index.count() == sum(count for _, count, _, _ in before.values())

    ingest(shelf, folder, lambda done, total, name: None)
    after = state(shelf)
    assert {name: (kept, count, lost, len(texts)) for name, (kept, count, lost, texts) in after.items()} == {
        file.name: ("ready", ARTICLES, 0, ARTICLES) for file in folder.iterdir()
    }
    assert shelf.index.count() == DOCUMENTS * ARTICLES
    for sought in ("D0A1", "D7A3", f"D{DOCUMENTS - 1}A{ARTICLES}"):
        [hit] = [hit for hit in shelf.retriever.search(sought, ANN) if sought in hit.passage.text]
        assert hit.clause_id == shelf.found(sought)[0]
    shelf.index.close()
