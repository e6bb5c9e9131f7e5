"""`write_report`: files kept for whoever asked, the clauses looked up, nothing taken on trust."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from domain.answer import Citation
from domain.errors import NotFound
from domain.principal import LOCAL, Principal
from knowledge.catalogue import Catalogue, load_catalogue
from records.artifacts import ArtifactStore, Vault
from records.database import Database
from records.enterprises.archive import open_archive
from tools.contract import AnyTool, ToolContext
from tools.diagnosis.library import Library
from tools.reports.appendix import UNCHECKED
from tools.reports.asking import reader
from tools.reports.from_file import FileSource
from tools.reports.kinds import Kind, check_fields, kind_of, load_kinds
from tools.reports.record import DiagnosisReport
from tools.reports.tool import EXAMPLES, file_name, report_tool

from .report_records import full_record

CONTEXT = ToolContext(principal=LOCAL, now=lambda: datetime.now(UTC), run_id="run")


def from_catalogue(catalogue: Catalogue, clause_id: str, principal: Principal) -> Citation | None:
    if clause_id not in catalogue.clauses:
        return None
    standard = catalogue.standard_of(clause_id)
    return Citation(
        clause_id=clause_id,
        standard=standard.short,
        path=catalogue.path(clause_id),
        quote=catalogue.clause(clause_id).text,
        source="catalogue",
        status=standard.status,
        version=standard.version,
        verified=True,
    )


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ArtifactStore]:
    database = Database("sqlite://")
    database.upgrade()
    yield ArtifactStore(database, Vault(tmp_path / "artifacts"))
    database.close()


@pytest.fixture
def tool(store: ArtifactStore, catalogue: Catalogue) -> AnyTool:
    return report_tool(store, partial(from_catalogue, catalogue), FileSource(open_archive(Database("sqlite://")), Library(catalogue)))


async def test_a_final_report_is_kept_in_three_forms(tool: AnyTool, store: ArtifactStore) -> None:
    given = tool.parse({"record": full_record().model_dump(mode="json")})
    result = await tool.run(given, CONTEXT)
    assert (result.data.status, result.data.gaps, result.data.version) == ("正式", [], "V1.0")
    kept = [store.read(artifact, LOCAL) for artifact in result.artifacts]
    assert [data[:4] for _, data in kept] == [b"PK\x03\x04", b"%PDF", b'{"ki']
    assert [artifact.name.rpartition(".")[2] for artifact, _ in kept] == ["docx", "pdf", "json"]
    assert {artifact.run_id for artifact, _ in kept} == {"run"}
    assert kept[2][0].sha256 == result.data.sha256
    assert [citation.clause_id for citation in result.citations] == ["TISC-7.3.1-b", "TISC-7.2.2-b"]


async def test_wording_of_known_clauses_is_looked_up(tool: AnyTool, store: ArtifactStore, catalogue: Catalogue) -> None:
    clauses = [{"id": "TISC-7.3.1-b", "wording": "平台可以不做诊断"}, {"id": "自定-1", "wording": "厂里的规定", "status": "发布"}]
    result = await tool.run(tool.parse({"record": {"clauses": clauses}}), CONTEXT)
    kept = DiagnosisReport.model_validate_json(store.read(result.artifacts[2], LOCAL)[1].split(b'"record":', 1)[1][:-1])
    entries = {entry.id: entry for entry in kept.clauses}
    assert entries["TISC-7.3.1-b"].wording == catalogue.clause("TISC-7.3.1-b").text
    assert entries["TISC-7.2.2-b"].version
    assert (entries["自定-1"].wording, entries["自定-1"].status) == ("厂里的规定", f"发布，{UNCHECKED}")


async def test_a_draft_says_what_is_missing(tool: AnyTool) -> None:
    record = full_record().model_copy(update={"reviewed_by": ""})
    result = await tool.run(tool.parse({"kind": "诊断报告", "record": record.model_dump(mode="json")}), CONTEXT)
    assert (result.data.status, [gap.what for gap in result.data.gaps]) == ("草稿", ["审核人"])
    assert "审核人" in result.summary
    assert all("草稿" in file.name for file in result.data.files)


def test_an_unknown_kind_is_named_with_those_there_are() -> None:
    with pytest.raises(NotFound) as raised:
        kind_of("月度报告")
    assert "企业数字化诊断报告" in raised.value.detail[0].cure


def test_every_mandatory_field_is_a_field_of_the_record() -> None:
    for kind in load_kinds().values():
        check_fields(kind, DiagnosisReport)


def test_a_mandatory_field_that_does_not_exist_is_named() -> None:
    kind = kind_of("diagnosis")
    wrong = Kind.model_validate(kind.model_dump() | {"mandatory": [{"field": "result.grade", "label": "等级", "cure": "填写"}]})
    with pytest.raises(Exception, match=r"result\.grade"):
        check_fields(wrong, DiagnosisReport)


def test_a_file_name_is_one_that_every_system_takes() -> None:
    record = full_record()
    odd = record.model_copy(update={"enterprise": record.enterprise.model_copy(update={"name": '../甲/乙\\"<丙>\n' + "长" * 200})})
    name = file_name(odd, kind_of("diagnosis"), draft=True)
    assert name.startswith("甲_乙_丙_长")
    assert name.endswith("-企业数字化诊断报告-V1.0-草稿")
    assert len(f"{name}.docx".encode()) <= 255 * 2
    assert len(f"{name}.docx") <= 255


@pytest.mark.parametrize("words", EXAMPLES)
def test_wishes_are_read_and_the_record_is_asked_for(words: str) -> None:
    reading = reader()(words)
    assert reading is not None
    assert "诊断记录" in reading.question


@pytest.mark.parametrize(
    "words",
    ["诊断报告应包含什么内容？", "企业数字化诊断报告是哪一条要求的", "生成诊断", "初诊服务要出具诊断报告吗", "给我看看块存储的条款", "{}"],
)
def test_other_words_are_not(words: str) -> None:
    assert reader()(words) is None


@pytest.mark.parametrize(
    ("words", "record"), [('{"version": "1"} 谢谢', {"version": "1"}), ('{"record": {"version": "2"}}', {"version": "2"})]
)
def test_a_record_in_the_words_is_read(words: str, record: dict[str, str]) -> None:
    reading = reader()(f"请生成诊断报告：{words}")
    assert reading is not None
    assert reading.arguments == {"kind": "企业数字化诊断报告", "record": record}


@pytest.mark.parametrize("words", ["{坏的", "{1: 2}", '{"record": 3}'])
def test_a_broken_record_is_asked_for_again(words: str) -> None:
    reading = reader()(f"请生成诊断报告：{words}")
    assert reading is not None
    assert reading.question


def test_no_question_about_a_clause_asks_for_a_report(catalogue: Catalogue) -> None:
    read = reader()
    assert [words for clause in catalogue.clauses.values() for words in (*clause.questions, clause.text) if read(words)] == []
