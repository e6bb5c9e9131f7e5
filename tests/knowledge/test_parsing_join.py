"""Joining official texts to the catalogue: first on a small standard of our own, then on the five seeds where they are at hand."""

import json
import random
import unicodedata
from functools import cache
from pathlib import Path

import pytest

from domain.clause import Clause, Fact, Section
from knowledge.catalogue import Catalogue, Standard, load_catalogue
from knowledge.parsing.evidence import numbers_in
from knowledge.parsing.grammar import parse_document
from knowledge.parsing.join import Joined, join, recognise
from knowledge.parsing.readers import read_blocks
from tests.knowledge.samples import docx_bytes, pdf_bytes

SEEDS = Path(__file__).parents[3] / "shared" / "standards"
KEYS = ("TISC", "SDIB", "JSSF", "MIIT", "GXDSL")
needs_seeds = pytest.mark.skipif(not (SEEDS / "inventory.json").is_file(), reason="the standards' texts (../shared/standards) are not here")

TEXT = """设备管理指南
协会 2024

1 总则

企业应登记设备，登记率不低于90%，台账每月更新。维修应在3日内完成，重大故障在2小时内响应。

2 要求

企业应做到以下两点：

a) 建立台账。

b) 指定专人。

附录 A
（资料性）
等级

序号\t环节\t名称\t车间级要求\t基础级要求\t先进级要求
1\t准备\t设备登记\t/\t登记在用设备。\t自动登记设备。
2\t\t人员培训\t人工培训。\t/\t在线培训。

附录 B
（资料性）
权重

大类\t小类\t权重
一、准备 能力 (60%)\t登记平台\t60%
二、执行 能力 (40%)\t检查平台\t40%
"""


def _clause(clause_id: str, parent: str, title: str, **more: object) -> Clause:
    return Clause.model_validate({"id": clause_id, "parent": parent, "title": title, "text": title} | more)


def small_standard() -> Standard:
    percent = [Fact(metric="登记率", op=">=", value=90, unit="%")]
    hours = [Fact(metric="故障响应", op="<=", value=2, unit="h")]
    return Standard(
        key="DEMO",
        code="T/DEMO 1",
        title="设备管理指南",
        short="示例指南",
        issuer="协会",
        status="发布",
        version="2024",
        aliases=["示例"],
        marks=["设备管理指南", "协会"],
        clause_count=11,
        sections=[
            Section(id="DEMO-1", number="1", title="总则"),
            Section(id="DEMO-2", number="2", title="要求"),
            Section(id="DEMO-A", number="A", title="附录 A（资料性）等级"),
            Section(id="DEMO-01", number="01", title="设备登记", parent="DEMO-A"),
            Section(id="DEMO-02", number="02", title="人员培训", parent="DEMO-A"),
            Section(id="DEMO-B", number="B", title="附录 B（资料性）权重"),
        ],
        clauses=[
            _clause("DEMO-1-1", "DEMO-1", "设备登记率", facts=percent),
            _clause("DEMO-1-2", "DEMO-1", "台账按月更新"),
            _clause("DEMO-1-3", "DEMO-1", "维修时限"),
            _clause("DEMO-1-4", "DEMO-1", "重大故障响应", facts=hours),
            _clause("DEMO-2-0", "DEMO-2", "总述"),
            _clause("DEMO-2-a", "DEMO-2", "设备台账"),
            _clause("DEMO-2-b", "DEMO-2", "专人负责"),
            _clause("DEMO-01-基础", "DEMO-01", "登记", level="基础"),
            _clause("DEMO-02-基础", "DEMO-02", "不要求", level="基础", available=False),
            _clause("DEMO-B-L1-准备能力", "DEMO-B", "准备能力的权重"),
            _clause("DEMO-B-检查平台", "DEMO-B-L1-准备能力", "检查平台的权重"),
        ],
    )


def joined_small(text: str = TEXT) -> Joined:
    return join(parse_document(read_blocks(text.encode(), "指南.txt"), "指南.txt"), small_standard())


def own_words(joined: Joined) -> dict[str, str]:
    return {c.clause_id: c.text[slice(*c.focus)] for c in joined.clauses}


class TestSmallStandard:
    def test_everything_is_found_and_each_clause_has_its_own_words(self) -> None:
        joined = joined_small()
        assert joined.missing == []
        assert own_words(joined) == {
            "DEMO-1-1": "企业应登记设备，登记率不低于90%，",
            "DEMO-1-2": "台账每月更新。",
            "DEMO-1-3": "维修应在3日内完成，",
            "DEMO-1-4": "重大故障在2小时内响应。",
            "DEMO-2-0": "企业应做到以下两点：",
            "DEMO-2-a": "建立台账。",
            "DEMO-2-b": "指定专人。",
            "DEMO-01-基础": "登记在用设备。",
            "DEMO-02-基础": "/",
            "DEMO-B-L1-准备能力": "一、准备 能力 (60%)",
            "DEMO-B-检查平台": "检查平台\t40%",
        }

    def test_the_text_is_the_whole_paragraph_or_row(self) -> None:
        texts = {c.clause_id: c.text for c in joined_small().clauses}
        assert texts["DEMO-1-1"].startswith("企业应登记设备")
        assert texts["DEMO-1-1"].endswith("2小时内响应。")
        assert texts["DEMO-B-检查平台"] == "二、执行 能力 (40%)\t检查平台\t40%"

    def test_the_path_names_the_sections(self) -> None:
        paths = {c.clause_id: c.path for c in joined_small().clauses}
        assert paths["DEMO-2-a"] == ["示例指南", "2 要求"]
        assert paths["DEMO-01-基础"] == ["示例指南", "A 附录 A（资料性）等级", "01 设备登记"]

    def test_renumbered_sections_are_found_by_title(self) -> None:
        renumbered = TEXT.replace("2 要求", "3 要求").replace("1 总则", "1 范围\n\n本指南适用于企业。\n\n2 总则")
        assert joined_small(renumbered).missing == []

    def test_what_the_text_does_not_contain_is_missing(self) -> None:
        without = TEXT.replace("b) 指定专人。\n", "").split("附录 B")[0]
        assert set(joined_small(without).missing) >= {"DEMO-B-L1-准备能力", "DEMO-B-检查平台"}

    def test_recognition_asks_for_all_marks_near_the_head(self) -> None:
        catalogue = Catalogue([small_standard()])
        assert recognise("设 备 管 理\n指南 协会", catalogue) is catalogue.standards["DEMO"]
        assert recognise("设备管理指南", catalogue) is None
        assert recognise("甲" * 5000 + "设备管理指南协会", catalogue) is None


def plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


@cache
def catalogue() -> Catalogue:
    return load_catalogue()


@cache
def inventory() -> dict[str, list[dict[str, str]]]:
    entries = json.loads((SEEDS / "inventory.json").read_text(encoding="utf-8"))
    return {key: [entry for entry in entries if entry["doc"] == key.lower()] for key in KEYS}


@cache
def joined_seed(key: str) -> Joined:
    name = f"{key.lower()}.txt"
    parsed = parse_document(read_blocks((SEEDS / name).read_bytes(), name), name)
    assert parsed.lines_lost == 0
    head = parsed.title + parsed.front_matter + "".join(c.text for c in parsed.clauses[:40])[:4000]
    standard = recognise(head, catalogue())
    assert standard is not None
    assert standard.key == key
    return join(parsed, standard)


@cache
def stand_in(key: str) -> Standard:
    """The standard as the inventory alone describes it: gists for titles and texts, no words of ours."""
    headings = json.loads((SEEDS / "headings.json").read_text(encoding="utf-8"))
    sections = [Section(id=h["id"], number=h["number"], title=h["title"], parent=h["parent"]) for h in headings if h["doc"] == key.lower()]
    known = catalogue().standards[key]
    levels = {clause.id: clause.level for clause in known.clauses}
    clauses = [
        Clause(id=e["id"], parent=e["parent"], title=e["title_or_gist"], text=e["title_or_gist"], level=levels.get(e["id"]))
        for e in inventory()[key]
    ]
    return known.model_copy(update={"sections": sections, "clauses": clauses})


@needs_seeds
@pytest.mark.parametrize("key", KEYS)
class TestSeeds:
    def test_every_id_is_found_with_its_quote_in_its_text(self, key: str) -> None:
        joined = joined_seed(key)
        texts = {clause.clause_id: plain(clause.text) for clause in joined.clauses}
        assert joined.missing == []
        assert [entry["id"] for entry in inventory()[key] if plain(entry["quote"]) not in texts.get(entry["id"], "")] == []

    def test_nearly_every_quote_begins_in_the_clauses_own_words(self, key: str) -> None:
        own = {clause_id: plain(words) for clause_id, words in own_words(joined_seed(key)).items()}
        inside = [plain(entry["quote"])[:8] in own[entry["id"]] for entry in inventory()[key]]
        assert sum(inside) >= 0.98 * len(inside)

    def test_the_inventorys_gists_alone_are_enough(self, key: str) -> None:
        name = f"{key.lower()}.txt"
        joined = join(parse_document(read_blocks((SEEDS / name).read_bytes(), name), name), stand_in(key))
        texts = {clause.clause_id: plain(clause.text) for clause in joined.clauses}
        wrong = [entry["id"] for entry in inventory()[key] if plain(entry["quote"]) not in texts.get(entry["id"], "")]
        assert len(wrong) <= 0.01 * len(inventory()[key])

    @pytest.mark.parametrize("suffix", ["docx", "md", "pdf"])
    def test_other_file_formats_join_as_well(self, key: str, suffix: str) -> None:
        text = (SEEDS / f"{key.lower()}.txt").read_text(encoding="utf-8")
        data = {"docx": as_docx, "pdf": as_pdf, "md": str.encode}[suffix](text)
        joined = join(parse_document(read_blocks(data, f"标准.{suffix}"), f"标准.{suffix}"), catalogue().standards[key])
        texts = {clause.clause_id: plain(clause.text).replace("**", "") for clause in joined.clauses}
        wrong = [entry["id"] for entry in inventory()[key] if plain(entry["quote"]).replace("**", "") not in texts.get(entry["id"], "")]
        assert len(wrong) <= (0.02 * len(inventory()[key]) if suffix == "pdf" else 0)

    def test_recognition_noise_does_no_harm(self, key: str) -> None:
        noise = random.Random(7)
        text = (SEEDS / f"{key.lower()}.txt").read_text(encoding="utf-8")
        text = "".join("的" if "一" <= char <= "鿿" and noise.random() < 0.01 else char for char in text)
        joined = join(parse_document(read_blocks(text.encode(), "扫描.txt"), "扫描.txt"), catalogue().standards[key])
        assert len(joined.missing) <= 0.01 * len(inventory()[key])
        clean, noisy = own_words(joined_seed(key)), own_words(joined)
        alike = [_likeness(plain(noisy.get(clause_id, "")), plain(words)) > 0.5 for clause_id, words in clean.items()]
        assert sum(alike) >= 0.97 * len(alike)


def as_docx(text: str) -> bytes:
    """The text as Word would hold it: paragraphs without styles, tables as tables."""

    def build(document) -> None:
        rows: list[list[str]] = []
        for line in [*text.split("\n"), "完"]:
            if line.count("\t") >= 2:
                rows.append(line.split("\t"))
                continue
            if rows and line.strip():
                table = document.add_table(rows=len(rows), cols=max(map(len, rows)))
                for row, values in zip(table.rows, rows, strict=True):
                    for cell, value in zip(row.cells, values, strict=False):
                        cell.text = value
                rows = []
            if line.strip() and line != "完":
                document.add_paragraph(line.strip().lstrip("#").strip())

    return docx_bytes(build)


def as_pdf(text: str) -> bytes:
    """The text wrapped at 40 characters, 35 lines a page, with a running head and page numbers."""
    paragraphs = [line for line in text.split("\n") if line.strip()]
    lines = [part for line in paragraphs for part in ([line] if "\t" in line else [line[at : at + 40] for at in range(0, len(line), 40)])]
    pages = [["标准汇编", *lines[at : at + 35], str(at // 35 + 1)] for at in range(0, len(lines), 35)]
    return pdf_bytes(pages)


def _likeness(left: str, right: str) -> float:
    shared = set(left) & set(right)
    return len(shared) / max(1, len(set(right)))


@needs_seeds
def test_printed_numbers_stand_in_the_clauses_own_words() -> None:
    joined = {clause.clause_id: clause for clause in joined_seed("GXDSL").clauses}
    inside: list[bool] = []
    for clause in catalogue().standards["GXDSL"].clauses:
        text, focus = joined[clause.id].text, joined[clause.id].focus
        for fact in clause.facts:
            if isinstance(fact.value, int | float) and float(fact.value) in numbers_in(text):
                inside.append(float(fact.value) in numbers_in(text[slice(*focus)]))
    assert len(inside) > 80
    assert sum(inside) >= 0.97 * len(inside)
