"""A user's own documents over HTTP: private to who brought them."""

import httpx
import pytest

from domain.principal import Principal
from serving.assembly import Platform

from .test_api import problem

pytestmark = pytest.mark.asyncio(loop_scope="session")
TEXT = "# 轧机检修规程\n\n1 总则\n\n1.1 轧机主轴承温度超过 71 摄氏度时应当停机检查润滑系统。\n\n1.2 检修记录保存 3 年。\n"


async def upload(client: httpx.AsyncClient, name: str, data: bytes, **form: str) -> httpx.Response:
    return await client.post("/v1/documents", files={"file": (name, data)}, data=form)


async def test_upload_ask_list_delete(client: httpx.AsyncClient, platform: Platform) -> None:
    stored = (await upload(client, "轧机检修规程.md", TEXT.encode())).json()
    document = stored["document"]
    assert (stored["error"], stored["unchanged"]) == (None, False)
    assert document["label"] == {"level": "private", "tenant": "local", "attributes": [], "parties": ["local"]}
    assert (await upload(client, "轧机检修规程.md", TEXT.encode())).json()["unchanged"] is True
    listed = (await client.get("/v1/documents")).json()["documents"]
    assert document["id"] in [each["id"] for each in listed]

    asked = {"messages": [{"role": "user", "content": "轧机主轴承温度超过多少摄氏度应当停机？"}]}
    answer = (await client.post("/v1/chat/completions", json=asked)).json()
    assert "71" in answer["choices"][0]["message"]["content"]

    other = Principal(id="boris", tenant="local", roles=platform.principal.roles)
    assert platform.knowledge.library.documents(other) == []
    theirs = await platform.runs.ask(other, asked["messages"][0]["content"], door="cli")
    assert "71" not in theirs.model_dump_json(exclude={"run_id"})

    assert (await client.delete(f"/v1/documents/{document['id']}")).status_code == 204
    problem(await client.delete(f"/v1/documents/{document['id']}"), 404)
    again = (await client.post("/v1/chat/completions", json=asked)).json()
    assert "71" not in again["choices"][0]["message"]["content"]


async def test_a_file_that_cannot_be_read_is_an_error_with_its_cure(client: httpx.AsyncClient) -> None:
    for name, data in (("坏的.pdf", b"%PDF-1.7 broken"), ("空的.md", b""), ("程序.exe", b"MZ\x00\x01")):
        response = await upload(client, name, data)
        assert response.status_code == 422, name
        assert response.json()["document"] is None
        assert response.json()["error"]["message"]


async def test_only_operators_publish(client: httpx.AsyncClient) -> None:
    response = await upload(client, "公开.md", TEXT.replace("71", "72").encode(), label="public", collection="house")
    assert response.status_code == 201
    assert response.json()["document"]["label"]["level"] == "public"
    await client.delete(f"/v1/documents/{response.json()['document']['id']}")
    problem(await upload(client, "公开.md", b"x", label="secret"), 422)


async def test_a_file_over_the_limit(client: httpx.AsyncClient, platform: Platform) -> None:
    problem(await upload(client, "大.md", b"a" * (platform.settings.largest_upload + 1)), 413)


async def test_no_file(client: httpx.AsyncClient) -> None:
    assert problem(await client.post("/v1/documents", data={"label": "private"}), 422).detail[0].where == "body.file"
