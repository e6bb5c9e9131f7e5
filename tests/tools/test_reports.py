"""The diagnosis report in its two renderings: every figure is the record's, nothing unconfirmed is said, the same bytes twice."""

import io
import zipfile
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import docx
import pypdf
import pytest

from tools.reports.diagnosis import faults_of, layout
from tools.reports.kinds import kind_of
from tools.reports.layout import Layout
from tools.reports.make_template import build
from tools.reports.record import DiagnosisReport, Item, Rating, canonical, digest
from tools.reports.typeset import chart_png, pdf
from tools.reports.words import TEMPLATE
from tools.reports.words import docx as word

from .report_records import DIMENSIONS, full_record
from .report_texts import numbers, numbers_of, pdf_text, plain, squeezed, word_text

KIND = kind_of("企业数字化诊断报告")
FULL = full_record()


@pytest.fixture(scope="module")
def full() -> Layout:
    return layout(FULL, KIND)


@pytest.fixture(scope="module")
def texts(full: Layout) -> dict[str, str]:
    return {"word": word_text(word(full, chart_png)), "pdf": pdf_text(pdf(full))}


def rendered(record: DiagnosisReport) -> dict[str, str]:
    made = layout(record, KIND)
    return {"word": word_text(word(made, chart_png)), "pdf": pdf_text(pdf(made))}


def changed(record: DiagnosisReport, **parts: Any) -> DiagnosisReport:
    return record.model_copy(update=parts)


def with_result(record: DiagnosisReport, **parts: Any) -> DiagnosisReport:
    return changed(record, result=record.result.model_copy(update=parts))


@pytest.mark.parametrize("form", ["word", "pdf"])
def test_no_figure_is_there_that_the_record_does_not_hold(texts: dict[str, str], form: str) -> None:
    sha256 = digest(KIND.edition, FULL)
    known = set(numbers_of(FULL.model_dump())) | set(numbers_of(f"{KIND.template}"))
    assert numbers(texts[form], sha256, sha256[:12]) - known == set()


@pytest.mark.parametrize("form", ["word", "pdf"])
def test_every_figure_of_the_result_is_there(texts: dict[str, str], form: str) -> None:
    shown, result = numbers(texts[form]), FULL.result
    assert result.comparison
    assert result.next_level
    assert result.cohort
    wanted = [result.total, result.next_level.gap, result.comparison.total_before, result.comparison.total_delta, result.cohort.mean]
    wanted += [figure for node in result.nodes for figure in (node.score, node.contribution, node.weight)]
    wanted += [figure for item in result.items if item.score for figure in (item.score, item.contribution)]
    wanted += [figure for change in result.comparison.nodes for figure in (change.before, change.delta)]
    wanted += [figure for step in result.next_level.steps for figure in (step.effort, step.gain)]
    for figure in wanted:
        assert figure is not None
        rounded = Decimal(repr(figure)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert plain(f"{abs(rounded)}") in shown, figure


def test_both_renderings_say_the_same(texts: dict[str, str]) -> None:
    """Page furniture and drawings apart, the words of one are the words of the other."""
    in_pdf = squeezed(texts["pdf"])
    for line in texts["word"].splitlines():
        words = squeezed(line)
        if "页/共" not in words and words != squeezed(f"{FULL.enterprise.name}{KIND.title}"):
            assert words in in_pdf, line


def test_the_same_record_gives_the_same_bytes(full: Layout) -> None:
    again = layout(DiagnosisReport.model_validate_json(FULL.model_dump_json()), KIND)
    assert again == full
    assert pdf(again) == pdf(full)
    assert word(again, chart_png) == word(full, chart_png)


def test_another_record_has_another_hash() -> None:
    other = with_result(FULL, total=55.25)
    assert digest(KIND.edition, other) != digest(KIND.edition, FULL)
    assert b'"total":55.25' in canonical(KIND.edition, other)


def test_a_complete_report_is_final_and_names_its_hash(full: Layout, texts: dict[str, str]) -> None:
    sha256 = digest(KIND.edition, FULL)
    assert (full.status, full.faults) == ("正式", ())
    for text in texts.values():
        assert "草稿" not in text
        assert sha256 in squeezed(text)
        assert "报告状态正式" in squeezed(text)


def test_what_is_missing_makes_a_draft_and_is_listed_on_page_two() -> None:
    record = changed(FULL, reviewed_by="", service_path=(), enterprise=FULL.enterprise.model_copy(update={"scale": " "}))
    made = layout(record, KIND)
    assert [what for what, _ in made.faults] == ["企业规模", "服务路径", "审核人"]
    page_two = pypdf.PdfReader(io.BytesIO(pdf(made))).pages[1].extract_text()
    for what, cure in made.faults:
        assert what in page_two
        assert squeezed(cure) in squeezed(page_two)
    assert all("草稿" in page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf(made))).pages)
    document: Any = docx.Document(io.BytesIO(word(made, chart_png)))
    section = document.sections[0]
    for header in (section.header, section.first_page_header):
        assert 'string="草稿"' in header._element.xml
    assert "服务路径" in word_text(word(made, chart_png))


def test_an_empty_record_is_a_draft_with_everything_missing() -> None:
    texts = rendered(DiagnosisReport())
    assert len(faults_of(DiagnosisReport(), KIND)) == len(KIND.mandatory) + 1
    for text in texts.values():
        assert "未填写" in text


def test_zero_is_a_score() -> None:
    assert "总分" not in [what for what, _ in faults_of(with_result(FULL, total=0.0), KIND)]


# nothing unconfirmed is stated


@pytest.mark.parametrize("form", ["word", "pdf"])
def test_a_proposal_stands_among_what_waits_and_nowhere_else(texts: dict[str, str], form: str) -> None:
    text = squeezed(texts[form])
    before, _, after = text.rpartition("待确认事项")
    waiting, _, rest = after.partition("已确认的评级与证据")
    assert "今年试用了两个助手" in waiting
    assert "今年试用了两个助手" not in before + rest


def test_a_score_that_was_built_on_a_proposal_is_withheld() -> None:
    item = FULL.result.items[7]
    ratings = tuple(r.model_copy(update={"state": "proposed"}) if r.item == item.id else r for r in FULL.ratings)
    record = changed(FULL, ratings=ratings)
    made = layout(record, KIND)
    assert made.status == "草稿"
    assert made.faults[0][0] == "计分所依据的评级尚未全部确认"
    touched = next(node for node in FULL.result.nodes if node.title == item.node)
    for text in rendered(record).values():
        assert "55.24" not in text
        assert "6.34" not in text
        assert f"{touched.score:.2f}" not in text
        assert f"{item.score:.2f}" not in text
        assert "4.76" not in text
        assert "67.25" in text
    axis = made.charts["radar"].axes[DIMENSIONS.index(item.node)]
    assert (axis.now, axis.shown) == (None, "待确认")


@pytest.mark.parametrize("unrated", ["nobody", "unsigned"])
def test_a_score_without_a_named_person_behind_it_is_no_fact(unrated: str) -> None:
    first = FULL.ratings[0]
    rest = FULL.ratings[1:]
    ratings = rest if unrated == "nobody" else (first.model_copy(update={"confirmed_by": "  "}), *rest)
    made = layout(changed(FULL, ratings=ratings), KIND)
    assert made.status == "草稿"
    waiting = next(section for section in made.sections if section.title.endswith("待确认事项"))
    [table] = [block for block in waiting.blocks if block.kind == "table"]
    assert first.title in [row[0] for row in table.rows]


def test_a_score_from_another_answer_than_the_confirmed_one_keeps_the_report_a_draft() -> None:
    corrected = FULL.ratings[0].model_copy(update={"value": "4级"})
    made = layout(changed(FULL, ratings=(corrected, *FULL.ratings[1:])), KIND)
    assert [what for what, _ in made.faults] == [f"计分所用的作答与确认的评级不同：{corrected.title}"]
    spaced = corrected.model_copy(update={"value": "1级"})
    assert layout(changed(FULL, ratings=(spaced, *FULL.ratings[1:])), KIND).status == "正式"


def test_a_correction_by_a_named_person_counts() -> None:
    assert FULL.ratings[0].state == "corrected"
    assert layout(FULL, KIND).status == "正式"


def test_cells_that_nobody_confirmed_are_open_in_the_map() -> None:
    one = Rating(item="JSSF-03-车间", value="是", state="confirmed", confirmed_by="李慧敏")
    ratings = (*(r for r in FULL.ratings if r.item != "JSSF-03"), one)
    record = changed(FULL, ratings=ratings)
    assert record.matrix
    row = layout(record, KIND).charts["heat-1"].rows[2]
    assert record.matrix.rows[2].cells == ("达成", "达成", "达成", "部分", "未达成")
    assert row.cells == ("达成", "未知", "未知", "未知", "未知")


def test_a_level_of_a_matrix_needs_confirmed_cells() -> None:
    bare = FULL.result.model_copy(update={"items": (), "nodes": (), "comparison": None, "next_level": None})
    record = changed(FULL, result=bare, ratings=tuple(r for r in FULL.ratings if r.item.startswith("JSSF")))
    assert layout(record, KIND).status == "正式"
    assert layout(changed(record, ratings=record.ratings[1:]), KIND).status == "草稿"
    assert layout(changed(record, ratings=()), KIND).status == "草稿"


def test_groups_inside_groups_wait_for_the_items_below_them() -> None:
    node = FULL.result.nodes[0].model_copy(update={"id": "内层", "title": "内层", "depth": 2, "weight": 50, "score": 66.66})
    item = Item(id="X1", title="内层题目", node="内层", value="3 级", score=66.66, best=100)
    nodes = (FULL.result.nodes[0], node, *FULL.result.nodes[1:])
    record = with_result(FULL, nodes=nodes, items=(*FULL.result.items, item))
    shown = squeezed(rendered(record)["pdf"])
    assert "66.66" not in shown
    assert "67.25" not in shown
    assert "71.13" in shown
    confirmed = Rating(item="X1", title="内层题目", value="3 级", state="confirmed", confirmed_by="李慧敏")
    shown = squeezed(rendered(changed(record, ratings=(*record.ratings, confirmed)))["pdf"])
    assert "66.66" in shown
    assert "67.25" in shown


# cohorts


@pytest.mark.parametrize(("size", "shown"), [(4, False), (5, True)])
def test_a_small_cohort_is_not_shown(size: int, shown: bool) -> None:
    assert FULL.result.cohort
    record = with_result(FULL, cohort=FULL.result.cohort.model_copy(update={"size": size, "mean": 77.77}))
    for text in rendered(record).values():
        assert ("77.77" in text) is shown
        assert (FULL.result.cohort.name in text) is shown
        assert ("样本太少" in text) is not shown


def test_without_a_last_diagnosis_nothing_is_compared() -> None:
    made = layout(with_result(FULL, comparison=None), KIND)
    assert made.charts["radar"].before == ""
    assert "没有上次诊断的记录" in word_text(word(made, chart_png))


# the shape of the files


def test_word_finds_headings_captions_repeated_rows_and_fonts(full: Layout) -> None:
    document: Any = docx.Document(io.BytesIO(word(full, chart_png)))
    styles = [paragraph.style.name for paragraph in document.paragraphs]
    assert styles.count("Heading 1") == len(full.sections)
    captions = [p.text for p in document.paragraphs if p.style.name == "Caption"]
    blocks = [block for section in full.sections for block in section.blocks if block.label]
    assert captions == [f"{block.label}\u3000{block.caption}" for block in blocks]
    tables = [t for t in document.tables if t.style.name == "ReportTable"]
    assert len(tables) == sum(block.kind == "table" for block in blocks)
    assert all("w:tblHeader" in table.rows[0]._tr.xml and "w:tblHeader" not in table.rows[-1]._tr.xml for table in tables)
    assert 'w:eastAsia="微软雅黑"' in document.styles["Normal"].element.xml
    footer = document.sections[0].footer._element.xml
    assert " PAGE " in footer
    assert " NUMPAGES " in footer
    assert document.core_properties.title == KIND.title


def test_columns_of_figures_are_aligned_right(full: Layout) -> None:
    document: Any = docx.Document(io.BytesIO(word(full, chart_png)))
    table = next(t for t in document.tables if t.rows[0].cells[0].text == "题目")
    jc = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}val"
    alignments = [cell.paragraphs[0]._p.pPr.jc for cell in table.rows[1].cells]
    assert [None if a is None else a.get(jc) for a in alignments] == [None, None, None, "right", "right", "right", None]


def test_the_word_archive_carries_no_clock(full: Layout) -> None:
    with zipfile.ZipFile(io.BytesIO(word(full, chart_png))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"2000-01-01T00:00:00Z" in archive.read("docProps/core.xml")
    assert "/CreationDate" not in (pypdf.PdfReader(io.BytesIO(pdf(full))).metadata or {})


def test_the_template_is_what_its_script_writes() -> None:
    assert build() == TEMPLATE.read_bytes()


def test_a_map_says_in_signs_what_it_says_in_shades() -> None:
    text = pdf_text(pdf(layout(FULL, KIND)))
    for sign in ("●", "◐", "○", "/"):
        assert sign in text


def test_a_matrix_that_is_longer_than_a_page_goes_on_in_another_drawing() -> None:
    assert FULL.matrix
    rows = tuple(row.model_copy(update={"id": f"S-{n}", "title": "名称很长" * 20}) for n, row in enumerate(FULL.matrix.rows * 2, 1))
    made = layout(changed(FULL, matrix=FULL.matrix.model_copy(update={"rows": rows})), KIND)
    assert [len(made.charts[f"heat-{n}"].rows) for n in (1, 2)] == [40, 40]
    text = squeezed(pdf_text(pdf(made)))
    assert all(f"S-{n}名称很长" in text for n in range(1, 81))


def test_more_rays_than_a_radar_can_show_are_left_to_the_table() -> None:
    nodes = tuple(FULL.result.nodes[0].model_copy(update={"id": f"n{n}", "title": f"维度{n}"}) for n in range(13))
    made = layout(with_result(FULL, nodes=nodes), KIND)
    assert "radar" not in made.charts
    assert "维度12" in word_text(word(made, chart_png))
