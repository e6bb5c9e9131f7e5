"""Documents into the library and the index: once, whole, by version, for their readers."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection

from domain.errors import DocumentError, NotFound, StorageError
from domain.principal import PUBLIC, Label, own_label
from knowledge.index import IndexQuery
from knowledge.ingest import Ingestor, Outcome, SourceFile, contents, expand
from knowledge.library import Library
from records.database import Database
from tests.knowledge.conftest import ANN, BOB, EVE, Shelf
from tests.knowledge.samples import docx_bytes, pdf_bytes

RULES = """# 设备管理制度

## 第一章 总则

第一条 为管好设备，制定本制度。

第二条 每台窑炉应每月检修一次，由班组长签字。
"""
POINTS = 3
"""The chapter's heading and the two articles."""
FURNACE = "窑炉多久检修一次"


def silent(done: int, total: int, name: str) -> None:
    """No progress is shown."""


def files(folder: Path, **texts: str | bytes) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        data = text if isinstance(text, bytes) else text.encode()
        (folder / name.replace("__", ".")).write_bytes(data)
    return folder


def ingest_all(shelf: Shelf, *paths: Path, label: Label = PUBLIC) -> list[Outcome]:
    return list(shelf.ingestor.ingest_paths(list(paths), ANN, label, "my", silent))


class TestOnce:
    def test_a_document_is_found_by_its_words_and_by_its_address(self, shelf: Shelf) -> None:
        outcome = shelf.put("设备管理制度.md", RULES)
        assert outcome.document is not None
        assert outcome.document.state == "ready"
        assert outcome.document.lost_count == 0
        key = outcome.document.key
        assert shelf.found(FURNACE)[0] == f"{key}-第二条"
        assert shelf.found("设备管理制度第一条")[0] == f"{key}-第一条"

    def test_the_same_content_again_changes_nothing(self, shelf: Shelf) -> None:
        first = shelf.put("设备管理制度.md", RULES)
        points = shelf.index.count()
        again = shelf.put("设备管理制度.md", RULES)
        assert again.unchanged
        assert again.document == first.document
        assert shelf.index.count() == points
        assert len(shelf.library.documents(ANN, all_versions=True)) == 1

    def test_the_same_content_for_other_readers_or_collections_is_another_document(self, shelf: Shelf) -> None:
        for label, collection in [(PUBLIC, "my"), (own_label(ANN), "my"), (own_label(BOB), "my"), (PUBLIC, "laws")]:
            assert not shelf.put("设备管理制度.md", RULES, label=label, collection=collection).unchanged
            assert shelf.put("设备管理制度.md", RULES, label=label, collection=collection).unchanged
        assert len(shelf.library.current()) == 4

    def test_forgetting_a_document_leaves_nothing_of_it(self, shelf: Shelf) -> None:
        outcome = shelf.put("设备管理制度.md", RULES)
        assert outcome.document
        with pytest.raises(NotFound):
            shelf.ingestor.forget(outcome.document.id, BOB)
        shelf.ingestor.forget(outcome.document.id, ANN)
        assert shelf.found(FURNACE) == []
        assert shelf.index.count() == 0
        assert not shelf.put("设备管理制度.md", RULES).unchanged


class TestEditions:
    NEW = RULES.replace("每月检修一次", "每周检修一次")

    def test_a_new_edition_takes_the_olds_place_in_every_search(self, shelf: Shelf) -> None:
        first = shelf.put("设备管理制度.md", RULES)
        second = shelf.put("设备管理制度.md", self.NEW)
        assert first.document
        assert second.replaced == (first.document.id,)
        [hit] = [hit for hit in shelf.retriever.search(FURNACE, ANN) if "第二条" in hit.clause_id]
        assert "每周" in hit.passage.text
        assert shelf.index.count() == POINTS

    def test_the_old_edition_can_still_be_read(self, shelf: Shelf) -> None:
        first = shelf.put("设备管理制度.md", RULES)
        shelf.put("设备管理制度.md", self.NEW)
        assert first.document
        [old] = [p for p in shelf.library.passages_of(first.document) if "窑炉" in p.text]
        assert "每月" in shelf.retriever.passages([old.id], ANN)[old.id].text

    def test_an_old_edition_comes_back_when_it_is_put_in_again(self, shelf: Shelf) -> None:
        first = shelf.put("设备管理制度.md", RULES)
        second = shelf.put("设备管理制度.md", self.NEW)
        again = shelf.put("设备管理制度.md", RULES)
        assert first.document
        assert second.document
        assert again.document
        assert (again.document.id, again.document.state, again.unchanged) == (first.document.id, "ready", False)
        assert again.replaced == (second.document.id,)
        assert ["每月" in hit.passage.text for hit in shelf.retriever.search(FURNACE, ANN) if "第二条" in hit.clause_id] == [True]

    def test_an_older_dated_edition_does_not_push_out_the_newer_one(self, shelf: Shelf) -> None:
        newer = shelf.put("设备管理制度(2025-06-01).md", self.NEW)
        older = shelf.put("设备管理制度(2020-06-01).md", RULES)
        assert newer.document
        assert older.document
        assert (older.document.state, older.document.superseded_by) == ("superseded", newer.document.id)
        assert older.replaced == ()
        assert ["每周" in hit.passage.text for hit in shelf.retriever.search(FURNACE, ANN) if "第二条" in hit.clause_id] == [True]
        assert shelf.index.count() == POINTS


class TestReaders:
    def test_a_private_document_is_invisible_in_every_way(self, shelf: Shelf) -> None:
        outcome = shelf.put("设备管理制度.md", RULES, label=own_label(ANN))
        assert outcome.document
        clause_id = f"{outcome.document.key}-第二条"
        passage_id = next(p.id for p in shelf.library.passages_of(outcome.document) if p.clause_id == clause_id)
        assert clause_id in shelf.found(FURNACE, ANN)
        for stranger in (BOB, EVE):
            assert shelf.found(FURNACE, stranger) == []
            assert shelf.found("设备管理制度第二条", stranger) == []
            assert shelf.library.by_clause([clause_id], stranger) == {}
            assert shelf.library.documents(stranger) == []
            assert shelf.retriever.passages([passage_id], stranger) == {}

    def test_a_search_of_one_is_not_answered_from_anothers(self, shelf: Shelf) -> None:
        shelf.put("设备管理制度.md", RULES, label=own_label(ANN))
        assert [bool(shelf.found(FURNACE, principal)) for principal in (ANN, BOB, ANN, EVE)] == [True, False, True, False]

    def test_each_reads_the_edition_that_is_theirs(self, shelf: Shelf) -> None:
        shelf.put("设备管理制度.md", RULES, label=PUBLIC)
        shelf.put("设备管理制度.md", TestEditions.NEW, label=own_label(ANN))
        texts = {p.id: next(h.passage.text for h in shelf.retriever.search(FURNACE, p) if "第二条" in h.clause_id) for p in (ANN, BOB)}
        assert "每周" in texts["ann"]
        assert "每月" in texts["bob"]


class TestFiles:
    def test_every_readable_format_is_read(self, shelf: Shelf, tmp_path: Path) -> None:
        lines = ["设备管理制度", "第一条 为管好设备，制定本制度。", "第二条 每台窑炉应每月检修一次。"]

        def build(document) -> None:
            for line in lines:
                document.add_paragraph(line)

        folder = files(
            tmp_path / "in",
            a__md=RULES,
            b__txt="\n".join(lines),
            c__html=f"<h1>{lines[0]}</h1><p>{lines[1]}</p><p>{lines[2]}</p>",
            d__docx=docx_bytes(build),
            e__pdf=pdf_bytes([lines]),
            f__txt="\n".join(lines).encode("gb18030"),
        )
        outcomes = ingest_all(shelf, folder)
        assert [(outcome.name, outcome.problem) for outcome in outcomes] == [
            (f"{n}", None) for n in sorted(p.name for p in folder.iterdir())
        ]
        assert all(outcome.document and outcome.document.lost_count == 0 for outcome in outcomes)

    def test_a_bad_file_leaves_no_trace_and_stops_no_other(self, shelf: Shelf, tmp_path: Path) -> None:
        folder = files(
            tmp_path / "in",
            a__pdf=b"%PDF-1.7\n broken",
            b__docx=b"PK\x03\x04 broken",
            c__md="",
            d__png=b"\x89PNG\r\n\x1a\n" + bytes(40),
            z__md=RULES,
        )
        outcomes = ingest_all(shelf, folder)
        assert [outcome.name for outcome in outcomes if outcome.problem] == ["a.pdf", "b.docx", "c.md", "d.png"]
        assert all(outcome.problem.detail and outcome.problem.detail[0].cure for outcome in outcomes if outcome.problem)
        assert [found.name for found in shelf.library.documents(ANN, all_versions=True)] == ["z.md"]
        assert shelf.library.unfinished() == []
        assert shelf.index.count() == POINTS

    def test_files_come_in_a_stable_order_without_hidden_ones(self, tmp_path: Path) -> None:
        files(tmp_path / "in", b__md="b", a__md="a", __DS_Store="x")
        files(tmp_path / "in" / "sub", c__md="c")
        assert [file.name for file in expand(tmp_path / "in")] == ["a.md", "b.md", "c.md"]
        assert expand(tmp_path / "in" / "a.md") == [tmp_path / "in" / "a.md"]

    def test_a_path_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DocumentError) as caught:
            expand(tmp_path / "none")
        assert str(tmp_path / "none") in caught.value.detail[0].where

    def test_progress_is_told(self, shelf: Shelf, tmp_path: Path) -> None:
        told: list[tuple[int, int, str]] = []
        folder = files(tmp_path / "in", a__md=RULES, b__md=RULES + "第三条 完。\n")
        list(shelf.ingestor.ingest_paths([folder], ANN, PUBLIC, "my", lambda *args: told.append(args)))
        assert told == [(0, 2, "a.md"), (1, 2, "b.md"), (2, 2, "")]


class TestContainers:
    def test_each_line_is_a_document(self, shelf: Shelf, tmp_path: Path) -> None:
        rows = [{"file": "部门规章/甲规定.md", "text": RULES.replace("设备管理制度", "甲规定")}, {"name": "乙.md", "text": "第一条 乙。"}]
        lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        outcomes = ingest_all(shelf, files(tmp_path / "in", laws__jsonl=f"{lines}\n\n"))
        assert [outcome.name for outcome in outcomes] == ["甲规定.md", "乙.md"]
        assert "甲规定" in "".join(shelf.found("甲规定第二条"))

    @pytest.mark.parametrize(
        ("line", "what"), [("{not json", "不是 JSON"), ('{"file": "a.md"}', "text"), ('"text"', "text"), ('{"text": 5}', "text")]
    )
    def test_a_bad_line_is_named_and_nothing_is_stored(self, shelf: Shelf, tmp_path: Path, line: str, what: str) -> None:
        good = json.dumps({"file": "a.md", "text": RULES}, ensure_ascii=False)
        [outcome] = ingest_all(shelf, files(tmp_path / "in", laws__jsonl=f"{good}\n{line}\n{good}\n"))
        assert outcome.problem
        assert outcome.problem.detail[0].where == "laws.jsonl 第 2 行"
        assert what in outcome.problem.detail[0].what
        assert shelf.library.documents(ANN) == []

    def test_an_empty_container_is_a_mistake(self, tmp_path: Path) -> None:
        folder = files(tmp_path / "in", laws__jsonl="\n\n")
        with pytest.raises(DocumentError, match="没有文档"):
            list(contents(folder / "laws.jsonl"))

    def test_a_document_without_clauses_does_not_stop_the_container(self, shelf: Shelf, tmp_path: Path) -> None:
        rows = [{"file": "空.md", "text": ""}, {"file": "a.md", "text": RULES}]
        lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        outcomes = ingest_all(shelf, files(tmp_path / "in", laws__jsonl=lines))
        assert [bool(outcome.problem) for outcome in outcomes] == [True, False]


class _FullDatabase:
    """A database whose disk is full from the given transaction on."""

    def __init__(self, database: Database, after: int) -> None:
        self._database = database
        self.left = after

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with self._database.transaction() as connection:
            yield connection
            self.left -= 1
            if self.left < 0:
                raise StorageError("磁盘已满", where="数据库", cure="清理磁盘空间后重试")


class TestFullDisk:
    @pytest.mark.parametrize("after", [0, 1, 2])
    def test_what_cannot_be_stored_is_told_and_can_be_done_again(self, shelf: Shelf, tmp_path: Path, after: int) -> None:
        """The disk is full when the document is looked up, stored, or made current."""
        full = Ingestor(shelf.catalogue, Library(_FullDatabase(shelf.database, after)), shelf.index)
        [outcome] = full.ingest_paths([files(tmp_path / "in", a__md=RULES)], ANN, PUBLIC, "my", silent)
        assert outcome.problem
        assert outcome.problem.type == "StorageError"
        assert shelf.library.current() == []
        shelf.ingestor.resume()
        assert shelf.put("a.md", RULES).unchanged is (after == 2)
        assert len(shelf.library.current()) == 1
        assert shelf.index.count() == POINTS
        assert shelf.found(FURNACE)

    def test_what_was_there_before_is_intact(self, shelf: Shelf, tmp_path: Path) -> None:
        shelf.put("旧.md", RULES)
        full = Ingestor(shelf.catalogue, Library(_FullDatabase(shelf.database, 1)), shelf.index)
        [outcome] = full.ingest_paths([files(tmp_path / "in", b__md="第一条 新。")], ANN, PUBLIC, "my", silent)
        assert outcome.problem
        assert shelf.found(FURNACE)
        assert len(shelf.library.documents(ANN, all_versions=True)) == 1


class TestLostIndex:
    def test_a_lost_index_is_rebuilt_from_the_library(self, open_at: Callable[[str], Shelf], tmp_path: Path) -> None:
        first = open_at("home")
        first.put("设备管理制度.md", RULES)
        first.put("设备管理制度.md", TestEditions.NEW)
        first.put("密.md", "第一条 窑炉的秘密。", label=own_label(ANN))
        expected = {p.id: first.found(FURNACE, p) for p in (ANN, BOB)}
        points = first.index.count()
        first.close()
        shutil.rmtree(tmp_path / "home" / "vectors")
        again = open_at("home")
        assert again.found(FURNACE) == []
        assert again.ingestor.rebuild() == 2
        assert again.index.count() == points
        assert {p.id: again.found(FURNACE, p) for p in (ANN, BOB)} == expected
        again.index.close()


class _Broken:
    """An index that fails once, after its first points."""

    def __init__(self, shelf: Shelf) -> None:
        self._index = shelf.index
        self.failed = False

    def upsert(self, points) -> None:
        self._index.upsert(points[:1])
        if not self.failed:
            self.failed = True
            raise StorageError("写入向量库失败", cure="检查磁盘空间")
        self._index.upsert(points)

    def search(self, queries: list[IndexQuery]):
        return self._index.search(queries)

    def delete_document(self, document_id: str) -> None:
        self._index.delete_document(document_id)

    def optimize(self) -> None:
        self._index.optimize()


def test_a_document_whose_indexing_failed_is_finished_when_it_is_put_in_again(shelf: Shelf) -> None:
    ingestor = Ingestor(shelf.catalogue, shelf.library, _Broken(shelf))
    source = SourceFile("设备管理制度.md", RULES.encode())
    with pytest.raises(StorageError):
        ingestor.ingest(source, ANN, PUBLIC, "my")
    assert shelf.library.current() == []
    assert shelf.found(FURNACE) == []
    outcome = ingestor.ingest(source, ANN, PUBLIC, "my")
    assert outcome.unchanged
    assert outcome.document
    assert outcome.document.state == "ready"
    assert shelf.index.count() == POINTS
    assert shelf.found(FURNACE)
