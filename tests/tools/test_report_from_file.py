"""A report out of an enterprise's file: what people stand for is scored, the rest waits, and every figure is the engine's."""

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from domain.errors import NotFound, UserInputError
from domain.principal import Principal
from knowledge.catalogue import load_catalogue
from records.artifacts import ArtifactStore, Vault
from records.database import Database
from records.enterprises.archive import Archive, open_archive
from records.enterprises.ratings import RatingDecision
from tools.contract import AnyTool, ToolContext
from tools.diagnosis.library import Library
from tools.diagnosis.tool import ScoreInput, assess
from tools.reports.asking import reader
from tools.reports.from_file import FileSource
from tools.reports.record import DiagnosisReport
from tools.reports.tool import report_tool

EXPERT = Principal(id="ema", tenant="锻造厂", roles=frozenset({"expert", "operator"}))
STRANGER = Principal(id="eve", tenant="别处", roles=frozenset({"expert", "operator"}))
TODAY = datetime(2026, 3, 18, 6, 30, tzinfo=UTC)
LIBRARY = Library(load_catalogue())
MATURITY = LIBRARY.get("digital-maturity")
ITEMS = [MATURITY.model.nodes[n].id for n in MATURITY.model.items]
VERSION = MATURITY.definition.version


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database("sqlite://")
    database.upgrade()
    yield database
    database.close()


@pytest.fixture
def archive(database: Database) -> Archive:
    return open_archive(database, now=lambda: TODAY)


@pytest.fixture
def artifacts(database: Database, tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(database, Vault(tmp_path / "artifacts"))


@pytest.fixture
def tool(artifacts: ArtifactStore, archive: Archive) -> AnyTool:
    return report_tool(artifacts, lambda clause, principal: None, FileSource(archive, LIBRARY))


def context(principal: Principal = EXPERT) -> ToolContext:
    return ToolContext(principal=principal, now=lambda: TODAY, run_id="run")


def begin(archive: Archive, name: str) -> str:
    fields: dict[str, Any] = {
        "industry_code": "C33",
        "industry_text": "金属制品业",
        "employees": 120,
        "revenue": "6000万元",
        "region": "江苏省",
    }
    return archive.files.create({"name": name, **fields}, EXPERT, door="http").id


def rate(archive: Archive, file: str, item: str, value: str, *, confirmed: bool) -> None:
    say(archive, file, ("digital-maturity", VERSION), item, value, confirmed=confirmed)


def say(archive: Archive, file: str, of: tuple[str, str], item: str, value: str, *, confirmed: bool) -> None:
    said = {"assessment": of[0], "version": of[1], "item": item, "value": value, "source": "访谈", "respondent": "王工"}
    rating = archive.ratings.propose(file, {**said, "evidence": f"{item}我们做到了这一步。"}, EXPERT, door="http")
    if confirmed:
        archive.ratings.decide(file, rating.id, RatingDecision(decision="confirm", version=rating.version), EXPERT, door="http")


def diagnosed(archive: Archive, file: str, score: float, on: date) -> None:
    fields = {"assessment": "digital-maturity", "version": VERSION, "on": on.isoformat(), "score": score, "results": {"数字意识": score}}
    archive.relations.add(file, "assessment", fields, EXPERT, door="http")


async def written(tool: AnyTool, artifacts: ArtifactStore, **given: Any) -> tuple[Any, DiagnosisReport, str]:
    result = await tool.run(tool.parse(given), context())
    record = DiagnosisReport.model_validate_json(artifacts.read(result.artifacts[2], EXPERT)[1].split(b'"record":', 1)[1][:-1])
    pages = PdfReader(io.BytesIO(artifacts.read(result.artifacts[1], EXPERT)[1])).pages
    return result.data, record, "".join(page.extract_text() for page in pages)


async def test_what_people_confirmed_is_scored_and_every_figure_is_the_engines(
    tool: AnyTool, archive: Archive, artifacts: ArtifactStore
) -> None:
    file = begin(archive, "东风锻造有限公司")
    values = {item: str(1 + n % 4) for n, item in enumerate(ITEMS)}
    for item, value in values.items():
        rate(archive, file, item, value, confirmed=True)
    output, record, text = await written(tool, artifacts, enterprise=file, reviewed_by="李慧敏")
    expected = assess(MATURITY, ScoreInput(assessment="digital-maturity", answers=values), TODAY.date())
    assert (output.status, output.gaps) == ("正式", [])
    assert (record.result.total, record.result.level) == (expected.total, expected.level)
    assert {node.id: node.score for node in record.result.nodes} == {node.id: node.score for node in expected.nodes}
    assert "东风锻造有限公司" in text
    assert f"{expected.total:g}" in text
    assert record.result.next_level is not None
    assert [step.title for step in record.result.next_level.steps] == [step.title for step in expected.next_level.steps]  # type: ignore[union-attr]
    assert record.result.cohort is None
    assert record.result.comparison is None


async def test_what_nobody_confirmed_waits_and_counts_for_nothing(tool: AnyTool, archive: Archive, artifacts: ArtifactStore) -> None:
    file = begin(archive, "东风锻造有限公司")
    for item in ITEMS[:-1]:
        rate(archive, file, item, "2", confirmed=True)
    rate(archive, file, ITEMS[-1], "5", confirmed=False)
    _, record, _ = await written(tool, artifacts, enterprise=file)
    assert [rating.item for rating in record.ratings if rating.state == "proposed"] == [ITEMS[-1]]
    assert record.result.missing == (ITEMS[-1],)
    answers = {item: "2" for item in ITEMS[:-1]}
    assert record.result.total == assess(MATURITY, ScoreInput(assessment="digital-maturity", answers=answers), TODAY.date()).total


async def test_it_is_compared_with_the_last_time_and_with_at_least_five_others(
    tool: AnyTool, archive: Archive, artifacts: ArtifactStore
) -> None:
    file = begin(archive, "东风锻造有限公司")
    for item in ITEMS:
        rate(archive, file, item, "3", confirmed=True)
    diagnosed(archive, file, 40.0, date(2025, 3, 1))
    for n in range(4):
        diagnosed(archive, begin(archive, f"同行{n}有限公司"), 50.0 + n, date(2025, 6, 1))
    _, record, _ = await written(tool, artifacts, enterprise=file)
    assert record.result.comparison is not None
    assert (record.result.comparison.total_before, record.result.comparison.total_delta) == (40.0, 20.0)
    assert record.result.cohort is None
    fifth = begin(archive, "同行五有限公司")
    diagnosed(archive, fifth, 10.0, date(2025, 5, 1))
    diagnosed(archive, fifth, 54.0, date(2025, 6, 1))
    _, record, text = await written(tool, artifacts, enterprise=file)
    assert record.result.cohort is not None
    assert (record.result.cohort.size, record.result.cohort.mean, record.result.cohort.median) == (5, 52.0, 52.0)
    assert "同行五" not in text


async def test_a_matrix_has_every_cell_and_asks_nothing_where_the_standard_does_not(
    tool: AnyTool, archive: Archive, artifacts: ArtifactStore
) -> None:
    file = begin(archive, "东风锻造有限公司")
    factory = LIBRARY.get("smart-factory")
    grid = factory.model.grid
    assert grid is not None
    row, cell = grid.rows[9], grid.rows[9].cells[0]
    item = f"{row.id}-{grid.levels[cell.level]}"
    said = {
        "assessment": "smart-factory",
        "version": factory.definition.version,
        "item": item,
        "value": "是",
        "source": "访谈",
        "respondent": "王工",
    }
    rating = archive.ratings.propose(file, {**said, "evidence": "这一条做到了。"}, EXPERT, door="http")
    archive.ratings.decide(file, rating.id, RatingDecision(decision="confirm", version=rating.version), EXPERT, door="http")
    _, record, _ = await written(tool, artifacts, enterprise=file)
    assert record.matrix is not None
    assert record.result.nodes == ()
    cells = {(n, k): state for n, scene in enumerate(record.matrix.rows) for k, state in enumerate(scene.cells)}
    assert cells[9, cell.level] == "达成"
    assert {place for place, state in cells.items() if state != "/"} == set(grid.asked)
    assert list(cells.values()).count("达成") == 1


async def test_an_enterprise_is_meant_by_its_name_where_only_one_has_it(tool: AnyTool, archive: Archive, artifacts: ArtifactStore) -> None:
    read = reader()("请为东风锻造有限公司生成诊断报告")
    assert read is not None
    assert read.arguments["enterprise"] == "东风锻造有限公司"
    rate(archive, begin(archive, "东风锻造有限公司"), ITEMS[0], "3", confirmed=True)
    rate(archive, begin(archive, "东风锻造有限公司苏州分厂"), ITEMS[0], "2", confirmed=True)
    _, record, _ = await written(tool, artifacts, **read.arguments)
    assert record.enterprise.name == "东风锻造有限公司"
    with pytest.raises(UserInputError, match="不止一家"):
        await tool.run(tool.parse({"enterprise": "东风锻造"}), context())
    with pytest.raises(NotFound, match="没有名为"):
        await tool.run(tool.parse({"enterprise": "西风锻造"}), context())


async def test_a_file_of_somebody_else_or_without_ratings_gives_no_report(tool: AnyTool, archive: Archive) -> None:
    file = begin(archive, "东风锻造有限公司")
    with pytest.raises(UserInputError, match="还没有评级"):
        await tool.run(tool.parse({"enterprise": file}), context())
    rate(archive, file, ITEMS[0], "3", confirmed=True)
    with pytest.raises(NotFound):
        await tool.run(tool.parse({"enterprise": file}), context(STRANGER))
    for given in ({}, {"enterprise": file, "record": {}}):
        with pytest.raises(UserInputError, match="应给出一个"):
            await tool.run(tool.parse(given), context())
