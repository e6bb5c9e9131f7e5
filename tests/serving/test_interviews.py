"""A whole guided interview through HTTP: several respondents and devices, a form, confirmation by named persons, the diagnosis."""

import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from openpyxl import Workbook

from .test_api import problem
from .town import Town

pytestmark = pytest.mark.asyncio(loop_scope="session")
INTRODUCTION = "我们是做注塑的，120人，用了用友ERP，质检靠人看"
MORE = (
    "车间通了网，也有防火墙。设备里有几台数控，机床数据还是人工抄表。排产凭经验排产，明年准备上MES。"
    "统一了物料编码，系统之间导表，有报表。老板很重视，成立了信息部，组织过培训，每年有信息化预算。"
)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def people(town: Town) -> Town:
    town.hire("bela", "staff")
    town.hire("petra", "staff")
    town.hire("xenia", "expert")
    return town


@pytest_asyncio.fixture(loop_scope="session")
async def anna(people: Town) -> AsyncIterator[httpx.AsyncClient]:
    async with people.client("anna") as client:
        yield client


async def begin(client: httpx.AsyncClient, **given: Any) -> dict[str, Any]:
    answer = await client.post("/v1/interviews", json={"name": "临江精塑制品有限公司", **given})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def say(client: httpx.AsyncClient, interview: str, text: str, **more: str) -> dict[str, Any]:
    answer = await client.post(f"/v1/interviews/{interview}/answers", json={"text": text, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def value_of(shown: dict[str, Any], item: str, respondent: str = "") -> str:
    found = [each["value"] for each in shown["interview"]["proposals"] if each["item"] == item and respondent in ("", each["respondent"])]
    return found[-1] if found else ""


async def test_from_the_first_sentence_to_the_diagnosis(people: Town, anna: httpx.AsyncClient) -> None:
    begun = await begin(anna)
    interview = begun["interview"]["id"]
    assert begun["interview"]["question"]["item"] == "数字化战略规划"
    assert begun["citations"][0]["clause_id"] == "TISC-7.3.1-b"

    shown = await say(anna, interview, INTRODUCTION)
    facts = {each["field"]: each["value"] for each in shown["interview"]["facts"]}
    assert (facts["employees"], facts["industry_code"], facts["systems"]) == (120, "C29", ["ERP", "用友"])
    assert value_of(shown, "经营管理系统") == "3"
    assert value_of(shown, "质量与设备管理") == "1"
    assert all(each["evidence"] in INTRODUCTION for each in shown["interview"]["proposals"])

    shown = await say(anna, interview, MORE)
    assert value_of(shown, "生产制造系统") == "1"  # a MES that is only planned is none
    assert value_of(shown, "设备联网与采集") == "1"
    assert len(shown["interview"]["proposals"]) >= 10

    for text in ("大概2级吧", "没有", "不清楚", "三级"):
        shown = await say(anna, interview, text)
        question = shown["interview"]["question"]
        assert question["options"]
        assert question["why"]
    early = await anna.post(f"/v1/interviews/{interview}/finish")
    assert "未确认" in early.json()["reply"]
    assert early.json()["interview"]["official"] is None
    assert early.json()["interview"]["status"] == "open"

    first = shown["interview"]["proposals"][0]["item"]
    problem(await anna.post(f"/v1/interviews/{interview}/ratings/{first}", json={}), 403)
    async with people.client("xenia") as expert:
        for each in shown["interview"]["proposals"]:
            given = {"decision": "correct", "value": "2", "reason": "现场核对"} if each["item"] == "经营管理系统" else {}
            decided = await expert.post(f"/v1/interviews/{interview}/ratings/{each['item']}", json=given)
            assert decided.status_code == 200, decided.text
    confirmed = (await anna.get(f"/v1/interviews/{interview}")).json()["interview"]
    assert {each["decided_by"] for each in confirmed["proposals"]} == {people.people["xenia"].id}

    done = (await anna.post(f"/v1/interviews/{interview}/finish")).json()
    official = done["interview"]["official"]
    assert (done["interview"]["status"], done["values"][0]) == ("finished", official["total"])
    assert f"总分 {official['total']:g}" in done["reply"]
    assert "投入最小" in done["reply"]
    kept = (await anna.get(f"/v1/enterprises/{done['interview']['enterprise']}/assessments")).json()["assessments"]
    assert [(each["content"]["score"], each["content"]["assessment"]) for each in kept] == [(official["total"], "digital-maturity")]
    problem(await anna.post(f"/v1/interviews/{interview}/answers", json={"text": "3"}), 409)


async def test_the_result_counts_what_is_confirmed_and_nothing_else(people: Town, anna: httpx.AsyncClient) -> None:
    interview = (await begin(anna))["interview"]["id"]
    await say(anna, interview, INTRODUCTION)
    shown = await say(anna, interview, MORE)
    assert "没有正式结果" in (await say(anna, interview, "现在多少分"))["reply"]
    async with people.client("oskar") as operator:
        await operator.post(f"/v1/interviews/{interview}/ratings/经营管理系统", json={})
        now = (await operator.get(f"/v1/interviews/{interview}")).json()["interview"]
    assert now["official"]["coverage"] == pytest.approx(0.05)
    assert now["official"]["total"] == 3.0  # one item of twenty at level 3
    assert now["trial"]["total"] > now["official"]["total"]
    assert len(now["proposals"]) == len(shown["interview"]["proposals"])


async def test_two_respondents_on_two_devices(people: Town, anna: httpx.AsyncClient) -> None:
    interview = (await begin(anna, participants=[people.people["bela"].id]))["interview"]["id"]
    item = (await say(anna, interview, "3"))["interview"]["proposals"][0]["item"]
    async with people.client("bela") as bela, people.client("petra") as petra:
        problem(await petra.post(f"/v1/interviews/{interview}/answers", json={"text": "1"}), 403)
        shown = await say(bela, interview, "信息化这块，生产上没有规划")
        shown = await say(bela, interview, f"把{item}改成1级")
        assert [each["item"] for each in shown["interview"]["conflicts"]] == [item]
    seen = await say(anna, interview, "不清楚")
    assert seen["interview"]["question"]["about"] == "conflict"
    assert "说法不同" in seen["interview"]["question"]["why"]
    async with people.client("oskar") as operator:
        assert "说法不同" in problem(await operator.post(f"/v1/interviews/{interview}/ratings/{item}", json={}), 422).message
        given = {"decision": "confirm", "respondent": people.people["bela"].id}
        now = (await operator.post(f"/v1/interviews/{interview}/ratings/{item}", json=given)).json()["interview"]
    assert now["conflicts"] == []


async def test_one_types_for_two(anna: httpx.AsyncClient) -> None:
    interview = (await begin(anna))["interview"]["id"]
    await say(anna, interview, "我们上了MES", respondent="张厂长")
    shown = await say(anna, interview, "排产还是口头派活", respondent="李主任")
    assert (value_of(shown, "生产制造系统", "张厂长"), value_of(shown, "生产制造系统", "李主任")) == ("3", "1")
    (conflict,) = shown["interview"]["conflicts"]
    assert {each["respondent"]: each["value"] for each in conflict["said"]} == {"张厂长": "3", "李主任": "1"}


async def test_pausing_and_going_on_elsewhere(people: Town, anna: httpx.AsyncClient) -> None:
    interview = (await begin(anna))["interview"]["id"]
    await say(anna, interview, INTRODUCTION)
    before = (await say(anna, interview, "2"))["interview"]
    assert (await anna.post(f"/v1/interviews/{interview}/pause")).json()["interview"]["status"] == "paused"
    async with people.client("anna") as elsewhere:
        now = (await elsewhere.post(f"/v1/interviews/{interview}/resume")).json()["interview"]
    assert (now["status"], now["question"]["item"]) == ("open", before["question"]["item"])
    assert now["proposals"] == before["proposals"]


async def test_a_question_about_the_standards_is_answered_and_the_open_one_repeated(anna: httpx.AsyncClient) -> None:
    interview = (await begin(anna))["interview"]["id"]
    shown = await say(anna, interview, "块存储走什么协议？")
    assert shown["aside"]
    assert "TISC-6.1.2.1-c" in {each["clause_id"] for s in shown["answer"]["sentences"] for each in s["citations"]}
    assert "数字化战略规划" in shown["reply"]
    assert shown["interview"]["proposals"] == []


async def test_a_questionnaire_that_was_filled_in(anna: httpx.AsyncClient) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ("临江精塑 数字化自评表", None, None),
        ("题目", "自评", "说明"),
        ("企业有没有数字化规划，执行到哪一步", 2, "2025年写的"),
        ("网络安全", "三级", ""),
        ("模式创新", "没有", ""),
        ("说明", "全厂260人，2025年营收1.2亿元，用金蝶", None),
    ):
        sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    interview = (await begin(anna))["interview"]["id"]
    answer = await anna.post(f"/v1/interviews/{interview}/attachments", files={"file": ("自评.xlsx", stream.getvalue())})
    shown = answer.json()
    assert answer.status_code == 200, answer.text
    assert [value_of(shown, each) for each in ("数字化战略规划", "网络安全", "模式创新")] == ["2", "3", "0"]
    assert {each["source"] for each in shown["interview"]["proposals"]} == {"自评.xlsx"}
    facts = {each["field"]: each["value"] for each in shown["interview"]["facts"]}
    assert (facts["employees"], facts["revenue"]) == (260, "1.2亿元")


async def test_an_introduction_in_a_file(anna: httpx.AsyncClient) -> None:
    text = "公司位于江苏省苏州市昆山市，员工380人，主要设备为60台注塑机。\n\n2024年上了MES，关键设备都是数控，设备数据自动采集。\n"
    interview = (await begin(anna))["interview"]["id"]
    shown = (await anna.post(f"/v1/interviews/{interview}/attachments", files={"file": ("简介.md", text.encode())})).json()
    assert [value_of(shown, each) for each in ("生产制造系统", "设备数字化", "设备联网与采集")] == ["3", "3", "3"]
    (proposal,) = [each for each in shown["interview"]["proposals"] if each["item"] == "设备数字化"]
    events = (await anna.get(f"/v1/interviews/{interview}/events")).json()["events"]
    text = next(each["payload"]["text"] for each in events if each["seq"] == proposal["said"])
    assert text[proposal["start"] : proposal["end"]] == proposal["evidence"]
    await anna.post(f"/v1/interviews/{interview}/profile", json={})
    profile = (await anna.get(f"/v1/enterprises/{shown['interview']['enterprise']}")).json()["profile"]
    assert (profile["employees"], profile["equipment"]) == (380, ["注塑机 60 台"])


async def test_another_tenant_gets_nothing(people: Town, anna: httpx.AsyncClient) -> None:
    interview = (await begin(anna))["interview"]["id"]
    await say(anna, interview, INTRODUCTION)
    async with people.client("eve") as eve:
        for method, path, body in (
            ("GET", "", None),
            ("GET", "/events", None),
            ("POST", "/answers", {"text": "3"}),
            ("POST", "/ratings/经营管理系统", {}),
            ("POST", "/profile", {}),
            ("POST", "/pause", None),
            ("POST", "/finish", None),
        ):
            answer = await eve.request(method, f"/v1/interviews/{interview}{path}", json=body)
            assert "注塑" not in problem(answer, 404).message
        theirs = (await eve.get("/v1/interviews")).json()["interviews"]
        assert interview not in [each["id"] for each in theirs]
        assert {each["owner"] for each in theirs} <= {people.people["eve"].id}


async def test_the_trail_tells_that_and_never_what(people: Town, anna: httpx.AsyncClient) -> None:
    interview = (await begin(anna))["interview"]["id"]
    await say(anna, interview, "我们厂叫做绝密塑胶，上了MES")
    auditor = people.people["auditor"]
    entries = people.platform.audit.entries(auditor, door="http", limit=50)
    mine = [each for each in entries if each.detail.get("interview") == interview]
    assert {each.action for each in mine} == {"interview.start", "interview.answer", "rating.propose"}
    assert not any("绝密" in each.model_dump_json() for each in mine)
