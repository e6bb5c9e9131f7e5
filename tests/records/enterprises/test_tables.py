"""Tables come in and go out: wherever the header stands, all or the good rows, every bad cell named, and nothing that computes."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from domain.errors import DocumentError, NotAllowed, TooLarge, UserInputError
from records.enterprises.search import EnterpriseQuery
from records.enterprises.vocabulary import sheet_rules

from ..people import ANNA, AUDITOR, CHIEF, NAMESAKE
from .files import Files, code

HEADER = ["企业名称", "统一社会信用代码", "所在地区", "从业人员", "营业收入", "核心痛点"]


def book(*rows: Sequence[Any], title: str = "企业") -> bytes:
    made = Workbook()
    sheet = made.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def bring(files: Files, data: bytes, mode: Any = "all", **more: Any) -> Any:
    return files.importer.run(data, "企业.xlsx", CHIEF, mode=mode, door="http", **more)


def row(number: int, **changed: Any) -> list[Any]:
    given = {"name": f"第{number}机械厂", "uscc": code(number), "region": "江苏省", "people": 30, "revenue": 900, "pain": "停机多；交期长"}
    return list((given | changed).values())


def test_a_table_becomes_files_and_the_same_table_again_changes_nothing(files: Files) -> None:
    data = book(HEADER, row(1), row(2))
    first = bring(files, data)
    assert (first.created, first.updated, first.unchanged, first.failed, first.stored) == (2, 0, 0, 0, True)
    before = files.present()
    again = bring(files, data)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 2)
    assert files.present() == before == files.replayed()
    [second, _] = files.store.search(EnterpriseQuery(), ANNA).enterprises
    profile = files.store.get(second.id, ANNA).profile
    assert (str(profile.revenue), profile.pain_points, profile.employees) == ("900万元", ("停机多", "交期长"), 30)
    assert files.store.history(second.id, ANNA)[0].source == first.source


def test_a_row_finds_its_file_by_code_or_else_by_name_and_region(files: Files) -> None:
    by_code = files.begin(CHIEF, "旧名称", uscc=code(1))
    by_name = files.begin(CHIEF, "第2机械厂有限公司", region="江苏省")
    elsewhere = files.begin(CHIEF, "第2机械厂", region="浙江省")
    report = bring(files, book(HEADER, row(1), row(2)))
    assert (report.created, report.updated) == (0, 2)
    assert files.store.get(by_code.id, CHIEF).profile.name == "第1机械厂"
    assert files.store.get(by_name.id, CHIEF).profile.uscc == code(2)
    assert files.store.get(elsewhere.id, CHIEF).profile.uscc is None


def test_empty_cells_take_nothing_away(files: Files) -> None:
    bring(files, book(HEADER, row(1)))
    bring(files, book(HEADER, row(1, region=None, people=None, pain="")))
    [listed] = files.store.search(EnterpriseQuery(), CHIEF).enterprises
    profile = files.store.get(listed.id, CHIEF).profile
    assert (profile.region, profile.employees, profile.pain_points) == ("江苏省", 30, ("停机多", "交期长"))


@pytest.mark.parametrize(
    "rows",
    [
        [["2026 年企业调研表", None], [None], ["", "", *HEADER], *[["", "", *row(1)]]],
        [["序号", "单位名称", "信用代码", "地区", "员工人数", "年营收（万元）", "主要痛点"], [1, *row(1)]],
        [["备注", " 企业 全称 ", "税号", "省市", "人数", "营收", "痛点"], ["", *row(1)]],
    ],
)
def test_headers_under_titles_shifted_and_with_other_names(files: Files, rows: list[list[Any]]) -> None:
    assert bring(files, book(*rows)).created == 1
    [listed] = files.store.search(EnterpriseQuery(), CHIEF).enterprises
    profile = files.store.get(listed.id, CHIEF).profile
    assert (profile.name, profile.uscc, profile.region, profile.employees) == ("第1机械厂", code(1), "江苏省", 30)
    assert (str(profile.revenue), len(profile.pain_points)) == ("900万元", 2)


def test_the_unit_in_a_header_counts_and_unknown_columns_are_named(files: Files) -> None:
    report = bring(files, book(["企业名称", "营业收入（亿元）", "老板爱好"], ["甲厂", 1.5, "钓鱼"], ["乙厂", "300万元", ""]))
    assert [each for each in report.ignored if "老板爱好" in each]
    money = {
        each.name: str(files.store.get(each.id, CHIEF).profile.revenue) for each in files.store.search(EnterpriseQuery(), CHIEF).enterprises
    }
    assert money == {"甲厂": "1.5亿元", "乙厂": "300万元"}


def test_every_bad_cell_is_named_and_the_good_rows_can_be_stored(files: Files) -> None:
    bad = {3: ("uscc", "123", "B"), 7: ("people", "很多", "D"), 11: ("revenue", "=1+1", "E"), 19: ("name", None, "")}
    rows = [row(n, **({bad[n][0]: bad[n][1]} if n in bad else {})) for n in range(1, 31)]
    data = book(HEADER, *rows)
    with pytest.raises(UserInputError, match="4 行") as caught:
        bring(files, data)
    assert files.present() == ({}, {})
    assert len(caught.value.detail) == 4
    for (number, (_, _, letter)), detail in zip(bad.items(), caught.value.detail, strict=True):
        assert detail.where.startswith(f"企业 第 {number + 1} 行" + (f" {letter}（" if letter else ""))
        assert detail.what
        assert detail.cure
    looked = bring(files, data, "good", dry_run=True)
    assert (looked.stored, looked.failed, files.present()) == (False, 4, ({}, {}))
    report = bring(files, data, "good")
    assert (report.created, report.failed, report.stored, len(report.problems)) == (26, 4, True, 4)
    assert len(files.present()[0]) == 26


def test_one_enterprise_twice_in_a_table_is_a_bad_row(files: Files) -> None:
    report = bring(files, book(HEADER, row(1), row(1)), "good")
    assert (report.created, report.failed) == (1, 1)
    assert "第 2 行" in report.problems[0].what


def test_several_files_that_fit_are_not_guessed(files: Files) -> None:
    for _ in range(2):
        files.begin(CHIEF, "第1机械厂", region="江苏省")
    report = bring(files, book(HEADER, row(1)), "good")
    assert (report.failed, report.created) == (1, 0)
    assert "先合并" in report.problems[0].cure


def test_contacts_come_with_the_table_once(files: Files) -> None:
    header = ["企业名称", "联系人", "联系电话", "邮箱"]
    for _ in range(2):
        bring(files, book(header, ["甲厂", "王工", 13800001234, "w@example.com"]))
    [listed] = files.store.search(EnterpriseQuery(), CHIEF).enterprises
    [contact] = files.relations.items(listed.id, "contact", CHIEF)
    assert (contact.content["phone"], contact.content["email"], contact.version) == ("13800001234", "w@example.com", 1)
    wrong = bring(files, book(header, ["乙厂", "李工", "没有电话", ""]), "good")
    assert (wrong.failed, "C（联系电话）" in wrong.problems[0].where) == (1, True)


def test_a_file_that_is_no_table(files: Files) -> None:
    for data in (b"", b"PK\x03\x04", "名称,代码".encode(), book(["甲", "乙"], ["丙", "丁"])):
        with pytest.raises(DocumentError) as caught:
            bring(files, data)
        assert caught.value.detail[0].cure


def repacked(data: bytes, **parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            new.writestr(member.filename, parts.pop(member.filename, None) or old.read(member))
        for name, content in parts.items():
            new.writestr(name, content)
    return out.getvalue()


def test_bombs_macros_and_declarations_are_refused(files: Files) -> None:
    good = book(HEADER, row(1))
    with pytest.raises(TooLarge, match="解压"):
        bring(files, repacked(good, **{"xl/media/a.bin": b"0" * 30_000_000}))
    with pytest.raises(DocumentError, match="宏"):
        bring(files, repacked(good, **{"xl/vbaProject.bin": b"x"}))
    laughs = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><sst/>'
    with pytest.raises(DocumentError, match="声明"):
        bring(files, repacked(good, **{"xl/sharedStrings.xml": laughs}))
    assert files.present() == ({}, {})


def test_a_row_far_below_the_others_is_too_many_rows(files: Files) -> None:
    made = Workbook()
    sheet = made.active
    assert sheet is not None
    sheet.append(HEADER)
    sheet.cell(sheet_rules().limits.rows + 100, 1, "甲厂")
    out = io.BytesIO()
    made.save(out)
    with pytest.raises(TooLarge, match="行数"):
        bring(files, out.getvalue())


def test_an_export_computes_nothing_and_comes_back_as_it_was(files: Files) -> None:
    names = ["=cmd|' /C calc'!A0", "+86厂", "-减号厂", "@某厂", "平常厂"]
    for name in names:
        files.begin(CHIEF, name, revenue="1.5亿元", products=["=A1", "阀"], operating_modes={"研发": "自主", "生产": "外协"})
    before = files.present()
    data = files.exporter.run(EnterpriseQuery(), CHIEF, door="http")
    for sheet in load_workbook(io.BytesIO(data)).worksheets:
        for line in sheet.iter_rows():
            for cell in line:
                assert cell.data_type != "f"
                assert not str(cell.value or "").startswith(("=", "+", "-", "@"))
    report = bring(files, data)
    assert (report.created, report.updated, report.unchanged) == (0, 0, len(names))
    assert files.present() == before


def exported(data: bytes) -> list[tuple[Any, ...]]:
    return list(load_workbook(io.BytesIO(data), read_only=True).worksheets[0].iter_rows(values_only=True))


def test_an_export_holds_what_its_reader_may_read(files: Files) -> None:
    file = files.begin(CHIEF, "甲厂", region="江苏省")
    files.add(file, "contact", CHIEF, name="王工", phone="13800001234")
    files.store.create({"name": "密厂"}, ANNA, door="http", level="private")
    files.begin(NAMESAKE, "外厂")
    assert [line[0] for line in exported(files.exporter.run(EnterpriseQuery(), CHIEF, door="http"))[1:]] == ["甲厂"]
    header, *lines = exported(files.exporter.run(EnterpriseQuery(), ANNA, door="http"))
    assert [line[0] for line in lines] == ["密厂", "甲厂"]
    assert "联系电话" not in header
    assert "13800001234" in repr(exported(files.exporter.run(EnterpriseQuery(region="江苏"), CHIEF, door="http")))
    with pytest.raises(NotAllowed):
        files.exporter.run(EnterpriseQuery(), AUDITOR, door="http")


def test_the_template_has_every_column_and_explains_it(files: Files) -> None:
    sheets = load_workbook(io.BytesIO(files.exporter.template())).worksheets
    titles = [cell.value for cell in sheets[0][1]]
    assert titles[:2] == ["企业名称", "统一社会信用代码"]
    assert [line[0].value for line in sheets[1].iter_rows(min_row=2)] == titles


def test_staff_do_not_import(files: Files) -> None:
    with pytest.raises(NotAllowed):
        files.importer.run(book(HEADER, row(1)), "企业.xlsx", ANNA, mode="all", door="http")
