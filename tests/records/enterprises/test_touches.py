"""Contacts with enterprises are closed loops (TISC-7.3.2-e), and opportunities go through a funnel."""

from datetime import date, timedelta

import pytest

from domain.errors import Conflict, UserInputError
from records.enterprises.ledger import Because

from ..people import ANNA, CHIEF
from .files import CALLED, Files

TOUCH = {"on": "2026-03-01", "channel": "线下", "next_action": "送方案", "owner": "anna", "due": "2026-03-05"}


def test_an_open_touch_without_a_next_step_or_overdue_raises_an_alert(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密")
    files.add(file, "touch", ANNA, **TOUCH)
    files.add(file, "touch", ANNA, **{**TOUCH, "next_action": ""})
    files.add(file, "touch", ANNA, **{**TOUCH, "due": "2026-02-20"})
    files.add(file, "touch", ANNA, **{**TOUCH, "state": "done", "next_action": "", "due": None})
    assert [each.touch.alert for each in files.overview.alerts(CHIEF)] == ["已逾期 10 天", "没有写下一步"]
    assert [each.alert for each in files.relations.items(file.id, "touch", ANNA)] == ["", "没有写下一步", "已逾期 10 天", ""]
    files.at += timedelta(days=4)
    assert len(files.overview.alerts(CHIEF, today=date(2026, 3, 5))) == 2
    assert len(files.overview.alerts(CHIEF)) == 3
    assert files.overview.alerts(CHIEF, owner="boris") == []


def test_closing_the_loop_ends_the_alert(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密")
    touch = files.add(file, "touch", ANNA, **{**TOUCH, "due": "2026-02-20"})
    files.relations.change(file.id, "touch", touch.id, {"state": "done", "feedback": "已签"}, ANNA, version=1, door="http")
    assert files.overview.alerts(CHIEF) == []


def test_the_funnel_counts_what_is_here_and_what_came_this_far(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密")
    for stage in ("线索", "接触", "接触", "诊断"):
        files.add(file, "opportunity", ANNA, title="MES", stage=stage)
    files.add(file, "opportunity", ANNA, title="MES", stage="意向", closed="lost", reason="没有预算")
    files.add(file, "opportunity", ANNA, title="MES", stage="签约", closed="won")
    funnel = files.overview.funnel(CHIEF)
    assert [(each.stage, each.here, each.reached) for each in funnel.stages] == [
        ("线索", 1, 6),
        ("接触", 2, 5),
        ("意向", 0, 3),
        ("诊断", 1, 2),
        ("方案", 0, 1),
        ("签约", 0, 1),
    ]
    assert [each.conversion for each in funnel.stages] == [None, 0.8333, 0.6, 0.6667, 0.5, 1.0]
    assert (funnel.won, funnel.lost) == (1, 1)


def test_an_opportunity_goes_back_only_with_a_reason(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密")
    item = files.add(file, "opportunity", ANNA, title="MES", stage="诊断")
    with pytest.raises(UserInputError, match="退回"):
        files.relations.change(file.id, "opportunity", item.id, {"stage": "接触"}, ANNA, version=1, door="http")
    files.relations.change(file.id, "opportunity", item.id, {"stage": "接触"}, ANNA, Because(why="换了负责人"), version=1, door="http")
    with pytest.raises(Conflict):
        files.relations.change(file.id, "opportunity", item.id, {"stage": "意向"}, ANNA, version=1, door="http")


@pytest.mark.parametrize(
    "wrong", [{"stage": "成交"}, {"closed": "lost"}, {"closed": "won", "stage": "意向"}, {"title": ""}, {"amount": {"a": 1}}]
)
def test_what_an_opportunity_cannot_say(files: Files, wrong: dict[str, object]) -> None:
    file = files.begin(ANNA, "昆山精密")
    with pytest.raises(UserInputError) as caught:
        files.relations.add(file.id, "opportunity", {"title": "MES", **wrong}, ANNA, door="http")
    assert caught.value.detail[0].cure


def test_services_and_assessments_are_history(files: Files) -> None:
    file = files.begin(ANNA, "昆山精密")
    item = files.relations.add(file.id, "service", {"title": "上门诊断", "on": "2026-02-01", "by": "王工"}, ANNA, door="http")
    with pytest.raises(UserInputError, match="不能修改"):
        files.relations.change(file.id, "service", item.id, {"title": "别的"}, ANNA, CALLED, version=1, door="http")
    assert files.store.history(file.id, ANNA)[0].what == "新增服务记录"
