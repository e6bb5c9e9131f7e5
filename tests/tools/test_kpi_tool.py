"""compute_kpi as a tool: through the registry, with citations, and as its own examples say."""

from datetime import UTC, datetime

import pytest

from domain.answer import Citation, is_verbatim
from domain.errors import UserInputError
from domain.principal import LOCAL, Principal
from knowledge.catalogue import load_catalogue
from tools.contract import ToolContext, ToolResult
from tools.kpi import KpiOutput, kpi_tool
from tools.registry import ToolRegistry

CATALOGUE = load_catalogue()
TOOL = kpi_tool(CATALOGUE)
CONTEXT = ToolContext(principal=LOCAL, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))


async def run(arguments: dict[str, object]) -> ToolResult[KpiOutput]:
    return await ToolRegistry([TOOL]).run("compute_kpi", arguments, CONTEXT)


async def test_result_with_citation_and_value() -> None:
    result = await run({"indicator": "采购成本下降率", "inputs": {"传统采购成本": 500, "数字化采购成本": 420}})
    assert (result.data.value, result.data.unit, result.values) == (16, "%", [16])
    (citation,) = result.citations
    assert citation.clause_id == "TISC-A2-a.1-1"
    assert citation.source == "catalogue"
    assert is_verbatim(citation.quote, CATALOGUE.clause("TISC-A2-a.1-1").text)
    assert "500" in result.summary
    assert "16%" in result.summary


async def test_our_own_readings_are_said_to_be_ours() -> None:
    result = await run({"indicator": "NPS", "inputs": {"v1": 60, "v2": 10, "v3": 100}})
    assert not result.data.in_text
    assert "标准未给出公式，按" in result.summary


async def test_money_is_stated_in_ten_thousands_and_both_numbers_may_be_said() -> None:
    result = await run({"indicator": "TISC-A2-d.1-2", "inputs": {"v1": "380万元", "v2": "250万元"}})
    assert result.values == [1300000, 130, 52]
    assert "增长率 52%" in result.summary
    assert "130 万元" in result.summary


async def test_figures_beside_the_indicator_are_accepted() -> None:
    result = await run({"indicator": "客户参与度", "inputs": {"v1": 30, "v2": 100, "v3": 5, "人均使用时长": 12}})
    assert result.data.value == 30


async def test_complaint_count_follows_from_the_list() -> None:
    result = await run({"indicator": "TISC-A2-e.1-6", "inputs": {"单次投诉解决时间": [3.5, 8, 12]}})
    assert result.data.value == pytest.approx(7.833333333)


async def test_the_official_text_is_preferred() -> None:
    official = Citation(clause_id="TISC-A2-a.1-1", standard="T/ISC", path=[], quote="采购成本下降率", source="official", verified=True)

    def cite(clause_id: str, principal: Principal) -> Citation | None:
        return official if clause_id == official.clause_id and principal is LOCAL else None

    tool = kpi_tool(CATALOGUE, cite)
    result = await tool.run(tool.parse({"indicator": "a.1-1", "inputs": {"v1": 2, "v2": 1}}), CONTEXT)
    assert result.citations == [official]


@pytest.mark.parametrize(
    "arguments",
    [
        {"indicator": "采购成本下降率"},
        {"indicator": "采购成本下降率", "inputs": {"v1": float("nan"), "v2": 1}},
        {"indicator": "采购成本下降率", "inputs": {"v1": 1, "v2": 1}, "extra": 1},
        {"indicator": "采购成本下降率", "inputs": {"v1": 1, "v2": 1}, "units": {"v9": "元"}},
        {"indicator": "回报率", "inputs": {"v1": 1, "v2": 1}},
    ],
)
async def test_bad_input_is_the_users_to_mend(arguments: dict[str, object]) -> None:
    with pytest.raises(UserInputError):
        await run(arguments)


async def test_its_examples_compute() -> None:
    assert TOOL.read_arguments
    for example in TOOL.examples:
        reading = TOOL.read_arguments(example)
        assert reading, example
        assert not reading.question, example
        result = await run(reading.arguments)
        assert result.citations, example


def test_a_definition_is_not_a_computation() -> None:
    assert TOOL.read_arguments
    assert TOOL.read_arguments("采购成本下降率的分母是哪一个？") is None


def test_what_is_missing_is_asked_for() -> None:
    assert TOOL.read_arguments
    reading = TOOL.read_arguments("去年采购花了500万，采购成本下降率是多少")
    assert reading
    assert "数字化采购成本" in reading.question
    assert "传统采购成本" not in reading.question
