"""Reports and their files at the doors: made from a record, listed, downloaded by whom they are for, and by nobody else."""

import hashlib
import json
from urllib.parse import unquote

import httpx
import pytest

from serving.assembly import Platform

from .test_api import problem
from .town import CANARY, Town

pytestmark = pytest.mark.asyncio(loop_scope="session")
RECORD = {
    "enterprise": {"name": "锻造一厂", "industry": "锻造"},
    "assessment": {"title": "五维数字化成熟度诊断", "clauses": ["TISC-7.3.1-b"]},
    "result": {"total": 61.5, "best": 100, "nodes": [{"id": "数字意识", "title": "数字意识", "score": 61.5, "best": 100}]},
    "ratings": [{"item": "数字意识", "value": "3 级", "state": "confirmed", "confirmed_by": "李慧敏"}],
    "version": "V0.1",
}


async def test_a_report_is_made_listed_and_downloaded(client: httpx.AsyncClient) -> None:
    made = (await client.post("/v1/tools/write_report", json={"record": RECORD})).json()
    assert made["data"]["status"] == "草稿"
    assert {"what": "编制人", "cure": "填写编制人姓名"} in made["data"]["gaps"]
    assert [citation["clause_id"] for citation in made["citations"]] == ["TISC-7.3.1-b", "TISC-7.2.2-b"]
    listed = (await client.get("/v1/artifacts")).json()["artifacts"]
    assert set(made["artifacts"]) <= {artifact["id"] for artifact in listed}
    for file in made["data"]["files"]:
        about = (await client.get(f"/v1/artifacts/{file['artifact_id']}")).json()
        assert (about["name"], about["sha256"], about["label"]["level"]) == (file["name"], file["sha256"], "private")
        content = await client.get(f"/v1/artifacts/{file['artifact_id']}/content")
        assert hashlib.sha256(content.content).hexdigest() == file["sha256"]
        assert content.headers["content-type"].split(";")[0] == file["media_type"]
        assert content.headers["x-content-type-options"] == "nosniff"
        assert content.headers["cache-control"] == "private, no-store"
        way, plain, full = content.headers["content-disposition"].split("; ")
        assert (way, plain) == ("attachment", f'filename="file.{file["name"].rpartition(".")[2]}"')
        assert unquote(full.removeprefix("filename*=UTF-8''")) == file["name"]


async def test_the_kept_record_has_the_hash_that_the_report_names(client: httpx.AsyncClient) -> None:
    data = (await client.post("/v1/tools/write_report", json={"record": RECORD})).json()["data"]
    [kept] = [file for file in data["files"] if file["media_type"] == "application/json"]
    assert kept["sha256"] == data["sha256"]
    record = (await client.get(f"/v1/artifacts/{kept['artifact_id']}/content")).json()["record"]
    again = (await client.post("/v1/tools/write_report", json={"record": record})).json()["data"]
    assert [file["sha256"] for file in again["files"]] == [file["sha256"] for file in data["files"]]


async def test_a_wrong_record_is_refused_by_field(client: httpx.AsyncClient) -> None:
    body = problem(await client.post("/v1/tools/write_report", json={"record": {"result": {"total": "多"}}}), 422)
    assert body.detail[0].where == "record.result.total"
    problem(await client.post("/v1/tools/write_report", json={"kind": "月报", "record": RECORD}), 404)


@pytest.mark.parametrize("artifact_id", ["x", "..%2f..%2frecords.db", "0" * 32])
async def test_an_unknown_file_is_not_found(client: httpx.AsyncClient, artifact_id: str) -> None:
    for path in (f"/v1/artifacts/{artifact_id}", f"/v1/artifacts/{artifact_id}/content"):
        assert (await client.get(path)).status_code == 404


async def test_another_enterprises_file_does_not_exist(town: Town) -> None:
    file = town.keep("eve", f"{CANARY}.pdf", CANARY.encode())
    async with town.client("eve") as eve, town.client("oskar") as oskar:
        assert (await eve.get(f"/v1/artifacts/{file}/content")).text == CANARY
        for path in ("", "/content"):
            problem(await oskar.get(f"/v1/artifacts/{file}{path}"), 404)
        assert CANARY not in (await oskar.get("/v1/artifacts")).text


async def test_a_colleague_does_not_see_a_private_file(town: Town) -> None:
    private, shared = town.keep("anna", "甲.pdf", b"x"), town.keep("anna", "乙.pdf", b"x", "restricted")
    async with town.client("oskar") as oskar:
        listed = [artifact["id"] for artifact in (await oskar.get("/v1/artifacts")).json()["artifacts"]]
        assert shared in listed
        assert private not in listed
        problem(await oskar.get(f"/v1/artifacts/{private}/content"), 404)


async def test_strangers_get_no_files(town: Town) -> None:
    async with town.client() as stranger:
        problem(await stranger.get("/v1/artifacts"), 401)


async def say(client: httpx.AsyncClient, words: str) -> tuple[str, list[dict[str, object]]]:
    answer = (await client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": words}]})).json()
    return answer["choices"][0]["message"]["content"], answer["shuzhi"]["tool_calls"]


async def test_in_a_conversation_the_record_is_asked_for(client: httpx.AsyncClient) -> None:
    said, calls = await say(client, "生成诊断报告")
    assert "诊断记录" in said
    assert calls == []


async def test_in_a_conversation_a_record_becomes_a_report(client: httpx.AsyncClient, platform: Platform) -> None:
    said, calls = await say(client, f"帮我生成企业数字化诊断报告 {json.dumps(RECORD, ensure_ascii=False)}")
    assert [call["name"] for call in calls if call["name"] != "search_standards"] == ["write_report"]
    assert "《企业数字化诊断报告》" in said
    assert "草稿" in said
    newest = platform.artifacts.list_artifacts(platform.principal).artifacts[0]
    assert newest.run_id


async def test_questions_about_reports_make_none(client: httpx.AsyncClient) -> None:
    _, calls = await say(client, "企业数字化诊断报告应包含什么内容？")
    assert [call["name"] for call in calls] == ["search_standards"]
