"""The three tools through the registry, and what they read from a user's words."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.answer import is_verbatim
from domain.errors import NotFound, UserInputError
from domain.principal import LOCAL
from tools.contract import ToolContext, ToolResult
from tools.diagnosis.tool import EXAMPLES, diagnosis_tools
from tools.registry import ToolRegistry

from .scored import library

TOOLS = {tool.name: tool for tool in diagnosis_tools(library())}
CONTEXT = ToolContext(principal=LOCAL, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))


async def run(name: str, arguments: dict[str, Any]) -> ToolResult[Any]:
    return await ToolRegistry(TOOLS.values()).run(name, arguments, CONTEXT)


async def asked(question: str) -> ToolResult[Any]:
    """What the offline route makes of a question."""
    readings = [(tool, reading) for tool in TOOLS.values() if tool.read_arguments and (reading := tool.read_arguments(question))]
    ((tool, reading),) = readings
    assert not reading.question, reading.question
    return await run(tool.name, reading.arguments)


@pytest.mark.parametrize(
    ("question", "total"),
    [
        ("产业大脑自评，技术支撑能力得80分，场景创新能力得70分，运营管理能力得60分，转型价值能力得90分，综合得分是多少", 77),
        ("一级指标四项依次为 80、70、60、90，帮忙汇总成总分", 77),
        ("山东产业大脑四项能力打分80/70/60/90，加权得多少分", 77),
        ("五个维度都打完了：60、50、40、30、20，成熟度总分多少", 40),
        ("数字意识4、数字基础设施3、业务数字化水平3、数据治理2、创新应用1，满分5分，成熟度多少分", 52),
        ("成熟度打分：数字意识90，数字基础设施80，业务数字化70，数据治理60，创新应用50，权重分别为30%、20%、20%、20%、10%，总分多少", 74),
        ("甲80分占25%、乙60分占75%，加权总分是多少", 65),
        ("三项得分90、80、70，权重分别是0.5、0.3、0.2，加权总分多少", 83),
    ],
)
async def test_a_weighted_total_is_exact(question: str, total: float) -> None:
    result = await asked(question)
    assert result.data.total == total
    assert result.values[0] == total
    assert f"{total:g}" in result.summary


@pytest.mark.parametrize(("score", "level"), [(72, "先进"), (49, None), (90, "领航"), (60, "基础")])
async def test_the_level_that_a_score_opens(score: int, level: str | None) -> None:
    result = await asked(f"江苏智能工厂，数字化水平得分{score}分，能申报哪一级")
    assert result.data.level == level
    assert result.citations
    assert all(c.clause_id.startswith("JSSF-T") for c in result.citations)


async def test_single_indicators_are_scored_and_the_others_told_as_missing() -> None:
    result = await asked("产业大脑打分：算力调度平台80分，数据汇聚平台70分，其他还没评，总分多少")
    assert result.data.total == 9  # 6 % of 80 and of 70
    assert result.data.total_on_answered == 75
    assert len(result.data.missing) == 20


async def test_the_score_may_stand_before_its_name() -> None:
    assert (await asked("自评拿了83分，江苏的数字化水平评价，能申报哪一级")).data.level == "卓越"


def test_a_wish_without_figures_is_asked_for_them() -> None:
    read = TOOLS["score_assessment"].read_arguments
    assert read
    reading = read("帮我们做个数字化成熟度诊断")
    assert reading
    assert "业务数字化水平" in reading.question


async def test_a_scene_with_what_is_known_of_its_levels() -> None:
    result = await asked("车间智能排产：车间级做到了，基础级也满足，先进级还没有，算不算达到先进级了？")
    scene = next(n for n in result.data.nodes if n.id == "JSSF-09")
    assert (scene.level, scene.next_level) == ("基础", "先进")
    assert "JSSF-09-先进" in result.summary


def test_a_scene_without_facts_is_asked_about() -> None:
    read = TOOLS["score_assessment"].read_arguments
    assert read
    reading = read("车间智能排产这个场景达到先进级了吗")
    assert reading
    assert "JSSF-09-先进" in reading.question


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("数字意识60、数字基础设施50、数据治理40，成熟度总分多少", "业务数字化水平"),
        ("产业大脑一级指标得80、70、60、90，权重30/20/20/20，总分多少", "90"),
    ],
)
def test_what_is_missing_or_wrong_is_asked_for(question: str, said: str) -> None:
    read = TOOLS["score_assessment"].read_arguments
    assert read
    reading = read(question)
    assert reading
    assert said in reading.question


@pytest.mark.parametrize(
    "question",
    [
        "数字化成熟度诊断包括哪些维度",
        "先进级的车间智能排产有什么要求",
        "产业大脑四个一级指标的权重是多少",
        "采购成本从500万降到420万，下降率多少",
        "对接成功率不能低于多少",
    ],
)
def test_a_question_of_knowledge_is_not_ours(question: str) -> None:
    assert [t.name for t in TOOLS.values() if t.read_arguments and t.read_arguments(question)] == []


@pytest.mark.parametrize("question", [q for q in EXAMPLES if "这个场景" not in q])
async def test_its_examples_compute(question: str) -> None:
    result = await asked(question)
    assert result.citations
    for citation in result.citations:
        assert is_verbatim(citation.quote, library().catalogue.clause(citation.clause_id).text)


async def test_the_list_and_the_items_of_one() -> None:
    result = await asked("列出有哪些评估")
    assert {row.key for row in result.data.assessments} == set(library().keys())
    one = await run("list_assessments", {"assessment": "五维数字化成熟度诊断"})
    assert len(one.data.items) == 20


async def test_ratings_are_proposed_from_a_description() -> None:
    result = await asked("根据我们的情况说明打个建议分：财务用金蝶，车间通了网，MES准备明年上，设备还没联网。")
    assert {p.item for p in result.data.proposals} == {"经营管理系统", "网络与算力"}


@pytest.mark.parametrize(
    "arguments",
    [
        {"answers": {}},
        {"assessment": "industrial-brain", "definition": "title: t", "answers": {}},
        {"assessment": "industrial-brain", "answers": {"没有": 1}},
        {"assessment": "industrial-brain", "answers": {}, "weights": {"技术支撑能力": 50}},
        {"assessment": "industrial-brain", "answers": {}, "weights": {"没有": 50}},
        {"assessment": "industrial-brain", "answers": {}, "levels": {"好": "很高"}},
        {"definition": "title: t", "answers": {}},
    ],
)
async def test_bad_input_is_the_users_to_mend(arguments: dict[str, Any]) -> None:
    with pytest.raises(UserInputError) as raised:
        await run("score_assessment", arguments)
    assert raised.value.detail


async def test_an_unknown_assessment_is_named_with_those_alike() -> None:
    with pytest.raises(NotFound) as raised:
        await run("score_assessment", {"assessment": "industrial-brian", "answers": {}})
    assert "industrial-brain" in raised.value.detail[0].cure


async def test_the_result_is_json_and_may_be_given_back() -> None:
    first = await run("score_assessment", {"assessment": "industrial-brain", "answers": {"技术支撑能力": 80}})
    data = first.data.model_dump(mode="json")
    again = await run("score_assessment", {"assessment": "industrial-brain", "answers": {"技术支撑能力": 90}, "previous": data})
    assert again.data.comparison.total_delta == 3
    assert {"total", "level", "items", "missing"} <= set(data)
