"""Ratings proposed from free text: what is done counts, what is planned, denied, asked or somebody else's does not."""

from datetime import UTC, datetime

import pytest

from domain.principal import LOCAL
from tools.contract import ToolContext
from tools.diagnosis.proposing import Proposals, ProposeInput, propose
from tools.diagnosis.speech import mentions
from tools.diagnosis.tool import diagnosis_tools
from tools.registry import ToolRegistry

from .scored import library


def proposed(text: str, **more: object) -> Proposals:
    return propose(library(), ProposeInput.model_validate({"text": text, **more})).data


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("我们有MES", "done"),
        ("MES跑了三年了", "done"),
        ("今年上了MES，很好用", "done"),
        ("用的不仅是MES", "done"),
        ("还没上MES", "not_done"),
        ("没有MES、ERP", "not_done"),
        ("没有ERP、MES", "not_done"),
        ("MES买了，但MES一直没用起来", "done"),
        ("MES一直没用起来", "not_done"),
        ("没有用过MES", "not_done"),
        ("从未上过MES", "not_done"),
        ("计划明年上MES", "planned"),
        ("MES打算明年上", "planned"),
        ("准备试点MES", "planned"),
        ("正在试点MES", "trial"),
        ("以前用过MES", "past"),
        ("隔壁厂上了MES", "others"),
        ("有没有必要上MES", "asked"),
        ("要上MES吗？", "asked"),
    ],
)
def test_what_is_said_of_a_thing(text: str, status: str) -> None:
    assert mentions(text, "MES")[0].status == status


def test_a_word_inside_another_is_not_found() -> None:
    assert mentions("JAMES先生", "MES") == []


def test_a_proposal_stands_on_a_sentence_of_the_input() -> None:
    text = "我们做五金。现在用金蝶管财务。还没上MES，计划明年上。大部分设备联网了。"
    found = {p.item: p for p in proposed(text).proposals}
    assert {k: p.value for k, p in found.items()} == {"经营管理系统": "2", "设备联网与采集": "3"}
    for proposal in found.values():
        assert proposal.status == "proposed"
        for evidence in proposal.evidence:
            assert text[evidence.start : evidence.end] == evidence.quote
            assert evidence.signal in evidence.quote


@pytest.mark.parametrize("text", ["还没上MES", "计划明年上MES", "没有用过MES", "准备试点MES", "隔壁上了MES"])
def test_what_is_not_done_is_not_rated(text: str) -> None:
    result = proposed(text)
    assert result.proposals == []
    assert [u.item for u in result.undecided] == ["生产制造系统"]


def test_too_few_signals_are_said_to_be_too_few() -> None:
    result = proposed("我们上了MES。", minimum=2)
    assert result.proposals == []
    assert "少于 2" in result.undecided[0].why


def test_numbers_are_proposed_for_metrics_with_their_units() -> None:
    text = "上月整体对接成功率76.5%，一般故障恢复时间是40分钟。专家人数打算做到2000人。"
    found = {p.item: p.value for p in proposed(text, assessment="platform-metrics-gxdsl").proposals}
    assert found == {"GXDSL-4.3-3": "76.5%", "GXDSL-9.1-3": "40分钟"}


def test_rows_are_read_like_sentences() -> None:
    result = proposed("", rows=[{"系统": "ERP", "状态": "在用"}, {"系统": "MES", "状态": "未上线"}])
    assert [(p.item, p.evidence[0].source) for p in result.proposals] == [("经营管理系统", "第 1 行")]


def test_a_definition_brings_its_own_signals() -> None:
    definition = "title: t\nchildren:\n  - {id: 质检, level: 0-3, signals: {1: [肉眼看], 3: [机器视觉]}}\n"
    text = "以前靠肉眼看，去年起用机器视觉。"
    assert [(p.item, p.value) for p in proposed(text, definition=definition).proposals] == [("质检", "3")]


async def test_the_same_words_give_the_same_proposals() -> None:
    registry = ToolRegistry(diagnosis_tools(library()))
    context = ToolContext(principal=LOCAL, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    runs = [await registry.run("propose_ratings", {"text": "用友用着，MES跑起来了。"}, context) for _ in range(2)]
    assert runs[0] == runs[1]
    assert "待具名人员确认" in runs[0].summary
