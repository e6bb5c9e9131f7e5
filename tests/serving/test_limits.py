"""The tools' limits hold behind every door, and a home may have its own."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from domain.errors import ConfigurationError, TooMany
from domain.principal import LOCAL
from serving.assembly import Platform, open_platform
from serving.session import LocalSession

from .conftest import client_of, started
from .homes import settings_of

LIMITS = "tools:\n  compute_kpi: {calls_per_minute: 1}\n"
CALL = {"indicator": "采购成本下降率", "inputs": {"v1": 500, "v2": 420}}
QUESTION = "采购原来花500万，现在420万，采购成本下降率多少"


@pytest_asyncio.fixture
async def spent(own_home: Path) -> AsyncIterator[Platform]:
    """A platform on which the one call of this minute has been made."""
    (own_home / "tools.yaml").write_text(LIMITS, encoding="utf-8")
    platform = await open_platform(settings_of(own_home))
    await LocalSession(platform).run_tool("compute_kpi", CALL)
    yield platform
    await platform.close()


async def over_http(client: httpx.AsyncClient) -> Any:
    response = await client.post("/v1/tools/compute_kpi", json=CALL)
    assert response.status_code == 429
    return response.json()["error"]


async def over_mcp(client: httpx.AsyncClient) -> Any:
    headers = {"accept": "application/json, text/event-stream"}
    params = {"name": "compute_kpi", "arguments": CALL}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    result = (await client.post("/mcp/", json=body, headers=headers)).json()["result"]
    assert result["isError"]
    return result["content"][0]["text"]


async def test_every_door_counts_in_one_place(spent: Platform) -> None:
    async with started(spent) as app, client_of(app) as client:
        for told in (await over_http(client), await over_mcp(client)):
            assert "每分钟最多调用 1 次" in str(told)
    answer = await spent.runs.ask(LOCAL, QUESTION, door="cli")
    assert [call.error for call in answer.tool_calls if call.name == "compute_kpi"] == ["工具 compute_kpi 每分钟最多调用 1 次"]
    with pytest.raises(TooMany):
        await LocalSession(spent).run_tool("compute_kpi", CALL)


async def test_wrong_limits_stop_the_start_and_name_the_line(own_home: Path) -> None:
    (own_home / "tools.yaml").write_text("tools:\n  compute_kpi:\n    call_per_minute: 1\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        await open_platform(settings_of(own_home))
    assert raised.value.detail[0].where == "tools.yaml 第 3 行"
