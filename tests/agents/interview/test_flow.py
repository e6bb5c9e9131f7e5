"""Turns of an interview over real stores: what is asked next and why, what is confirmed by whom, what a model may add."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from agents.interview.flow import InterviewDeps, Interviewer, Teller
from agents.interview.further import NOTE
from agents.interview.view import Reply
from agents.model import ChatModel, ToolRequest
from domain.principal import Principal
from knowledge.catalogue import Catalogue, load_catalogue
from records.database import Database
from records.enterprises.archive import Archive, open_archive
from tests.agents.models import Scripted
from tools.diagnosis.library import Library

OPERATOR = Principal(id="olga", tenant="锻造厂", roles=frozenset({"operator"}))
STAFF = Principal(id="anna", tenant="锻造厂", roles=frozenset({"staff"}))
INTRODUCTION = "我们是做注塑的，120人，用了用友ERP，质检靠人看"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def archive(database: Database) -> Archive:
    return open_archive(database)


class Talk:
    """An interview and who speaks in it."""

    def __init__(self, archive: Archive, catalogue: Catalogue, who: Principal = OPERATOR, model: ChatModel | None = None) -> None:
        stores = (archive.interviews, archive.files, archive.relations)
        now = datetime(2026, 3, 2, tzinfo=UTC)
        deps = InterviewDeps(Library(catalogue), catalogue, *stores, lambda: now, None, model, lambda text, principal: text)
        self.leader, self.who, self.id = Interviewer(deps), Teller(who, "http"), ""

    def start(self, **given: Any) -> Reply:
        about: dict[str, Any] = {"name": "临江精塑制品有限公司", **given}
        reply = asyncio.run(self.leader.start(about.pop("assessment", ""), self.who, **about))
        self.id = reply.view["id"]
        return reply

    def say(self, text: str, who: Teller | None = None) -> Reply:
        return asyncio.run(self.leader.turn(self.id, text, who or self.who))

    def values(self) -> dict[str, str]:
        view = asyncio.run(self.leader.show(self.id, self.who))
        return {each["item"]: each["value"] for each in view["proposals"]}


@pytest.fixture
def talk(archive: Archive, catalogue: Catalogue) -> Talk:
    return Talk(archive, catalogue)


def asked(reply: Reply) -> str:
    return reply.view["question"]["item"]


def test_every_dimension_is_opened_before_one_is_gone_through(talk: Talk) -> None:
    reply = talk.start()
    groups: list[str] = []
    while len(groups) < 5:
        groups.append(reply.view["question"]["group"])
        reply = talk.say("2")
    assert sorted(groups) == sorted(["数字意识", "数字基础设施", "业务数字化水平", "数据治理能力", "创新应用能力"])
    assert "占总分" in reply.view["question"]["why"]


def test_what_was_said_before_is_not_asked_when_it_is_sure_enough(talk: Talk) -> None:
    talk.start()
    reply = talk.say("我们上了MES，ERP用了三年，还有WMS和CRM、SRM")
    seen: set[str] = set()
    while reply.view["question"] is not None and len(seen) < 20:
        seen.add(asked(reply))
        reply = talk.say("不清楚")
    assert {"网络与算力", "数据标准与质量", "人工智能应用"} <= seen
    assert reply.text.count("要问的都问完了") == 1


def test_the_same_words_lead_to_the_same_questions(archive: Archive, catalogue: Catalogue) -> None:
    def run() -> list[str]:
        talk = Talk(archive, catalogue)
        replies = [talk.start(), *(talk.say(text) for text in (INTRODUCTION, "2", "不清楚", "上一题", "三级"))]
        return [asked(reply) for reply in replies]

    assert run() == run()


def test_going_back_and_correcting(talk: Talk) -> None:
    first = asked(talk.start())
    second = asked(talk.say("2"))
    assert asked(talk.say("上一题")) == first
    assert asked(talk.say("3")) == second
    assert talk.values()[first] == "3"
    talk.say(f"把{first}改成1级")
    assert talk.values()[first] == "1"
    assert asked(talk.say("改成4")) == second
    assert talk.values() == {first: "4"}


def test_what_is_not_understood_is_asked_again_once_and_then_left(talk: Talk) -> None:
    first = asked(talk.start())
    reply = talk.say("有")
    assert asked(reply) == first
    assert "有到什么程度" in reply.text
    assert asked(talk.say("就那样嘛")) != first
    assert talk.values() == {}


def test_a_plan_or_what_others_have_is_no_rating(talk: Talk) -> None:
    talk.start()
    talk.say("明年打算上MES。隔壁厂用了APS。我们还没有ERP")
    assert talk.values() == {}


def test_too_little_is_said_to_be_too_little(talk: Talk) -> None:
    talk.start()
    reply = talk.say(INTRODUCTION)
    reply = talk.say("现在多少分")
    assert "只有 2 项有依据，少于 4 项，不作判断" in reply.text
    assert "数据治理能力 4 项" in reply.text
    assert reply.values == []


def test_numbers_come_from_the_engine(talk: Talk) -> None:
    talk.start()
    for _ in range(6):
        talk.say("2")
    reply = talk.say("现在多少分")
    assert "【未确认】" in reply.text
    assert reply.view["trial"]["total"] in reply.values
    assert f"总分 {reply.view['trial']['total']:g}" in reply.text


def test_only_who_may_confirms_and_in_their_own_name(archive: Archive, catalogue: Catalogue) -> None:
    talk = Talk(archive, catalogue, STAFF)
    talk.start()
    talk.say(INTRODUCTION)
    assert "没有权限" in talk.say("全部确认").text
    reply = talk.say("全部确认", Teller(OPERATOR, "http"))
    assert "olga 确认了 2 项" in reply.text
    assert {each["decided_by"] for each in reply.view["proposals"]} == {"olga"}


def test_no_program_confirms_in_a_persons_place(talk: Talk) -> None:
    talk.start()
    talk.say(INTRODUCTION)
    for door in ("openai", "mcp", "system"):
        reply = talk.say("全部确认", Teller(OPERATOR, door))  # pyright: ignore[reportArgumentType]
        assert "要由人确认" in reply.text
        assert reply.view["progress"]["confirmed"] == 0


def test_a_whole_diagnosis(talk: Talk, archive: Archive) -> None:
    reply = talk.start()
    while reply.view["question"] is not None:
        reply = talk.say("2")
    assert reply.view["progress"]["answered"] == 20
    assert reply.view["question"] is None
    talk.say("全部确认")
    reply = talk.say("出结果")
    official = reply.view["official"]
    assert (official["total"], official["level"]) == (40.0, "集成级")
    steps = official["next_level"]["steps"]
    assert len(steps) <= 3
    assert all(step["title"] in reply.text for step in steps)
    (kept,) = archive.relations.items(reply.view["enterprise"], "assessment", OPERATOR)
    assert (kept.content["score"], kept.content["level"]) == (40.0, "集成级")
    assert reply.view["status"] == "finished"


def test_a_matrix_goes_up_level_by_level(talk: Talk) -> None:
    talk.start(assessment="smart-factory")
    reply = talk.say("是")
    lower = reply.view["proposals"][0]["item"]
    scene = lower.rsplit("-", 1)[0]
    reply = talk.say("否")
    asked_of = [each["item"] for each in reply.view["proposals"]]
    denied = asked_of[-1].rsplit("-", 1)[0]
    assert denied != scene  # every scene is opened first
    seen: list[str] = []
    for _ in range(80):
        if reply.view["question"] is None:
            break
        seen.append(asked(reply))
        reply = talk.say("否")
    assert not any(item.startswith(f"{denied}-") for item in seen)
    assert any(item.startswith(f"{scene}-") for item in seen)


def noted(*ratings: dict[str, str]) -> Scripted:
    return Scripted((), calls=(ToolRequest("1", NOTE, {"ratings": list(ratings)}),))


def test_a_model_adds_ratings_whose_sentence_stands_in_the_text(archive: Archive, catalogue: Catalogue) -> None:
    words = "订单都在群里吼，老师傅说了算。"
    model = noted(
        {"item": "供应链与营销", "value": "1", "evidence": "订单都在群里吼"},
        {"item": "组织与责任", "value": "1", "evidence": "老板亲自抓"},  # nobody said that
        {"item": "网络安全", "value": "9", "evidence": "老师傅说了算"},  # outside the scale
        {"item": "没有这一项", "value": "1", "evidence": "老师傅说了算"},
    )
    talk = Talk(archive, catalogue, model=model)
    talk.start()
    reply = talk.say(words)
    assert talk.values() == {"供应链与营销": "1"}
    (proposal,) = reply.view["proposals"]
    assert words[proposal["start"] : proposal["end"]] == proposal["evidence"] == "订单都在群里吼"
    assert proposal["state"] == "proposed"


def test_a_model_changes_nothing_that_is_known(archive: Archive, catalogue: Catalogue) -> None:
    talk = Talk(archive, catalogue, model=noted({"item": "经营管理系统", "value": "5", "evidence": "用了用友ERP"}))
    talk.start()
    talk.say(INTRODUCTION)
    assert talk.values()["经营管理系统"] == "3"


def test_what_a_person_corrected_stays_whatever_is_told_later(talk: Talk) -> None:
    talk.start()
    talk.say(INTRODUCTION)
    decide = talk.leader.deps.store.decide
    decide(talk.id, "经营管理系统", {"decision": "correct", "value": "2", "reason": "只用了财务模块"}, OPERATOR, door="http")
    reply = talk.say("还有防火墙，ERP天天在用")
    assert talk.values() == {"经营管理系统": "2", "质量与设备管理": "1", "网络安全": "2"}
    reply = talk.say("把经营管理系统改成4级")
    kept = [(each["value"], each["state"]) for each in reply.view["proposals"] if each["item"] == "经营管理系统"]
    assert kept == [("2", "corrected"), ("4", "proposed")]
    assert reply.view["conflicts"] == []
    assert reply.view["official"]["total"] == 2.0
    talk.say("确认经营管理系统")
    assert asyncio.run(talk.leader.show(talk.id, talk.who))["official"]["total"] == 4.0
