"""The one way to a tool's function, whichever door a call came through."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel

from domain.errors import NotAllowed, NotFound, TooLarge, ToolFailed, TooMany
from domain.principal import LOCAL
from guardrails.budgets import Budgets, ToolPolicy
from tools.contract import AnyTool, Tool, ToolContext, ToolResult
from tools.registry import ToolRegistry


class Given(BaseModel):
    text: str = ""
    wait: float = 0


class Told(BaseModel):
    text: str


CONTEXT = ToolContext(principal=LOCAL, now=lambda: datetime.now(UTC), run_id="run")


def echo(name: str = "echo", heard: list[str] | None = None) -> AnyTool:
    async def run(given: Given, context: ToolContext) -> ToolResult[Told]:
        await asyncio.sleep(given.wait)
        if given.text == "slow":
            raise TimeoutError
        if heard is not None:
            heard.append(given.text)
        return ToolResult(summary=given.text, data=Told(text=given.text * 10))

    return Tool(name=name, summary="回声", input=Given, output=Told, run=run, examples=("回声",))


def registry(heard: list[str], **limits: object) -> ToolRegistry:
    return ToolRegistry([echo(heard=heard)], policy=Budgets(ToolPolicy.model_validate({"tools": {"echo": limits}})))


async def test_a_call_out_of_time_is_ended_and_named() -> None:
    heard: list[str] = []
    with pytest.raises(ToolFailed, match=r"超过 0\.02 秒") as raised:
        await registry(heard, seconds=0.02).run("echo", {"wait": 30}, CONTEXT)
    assert raised.value.detail[0].cure
    assert heard == []


async def test_a_tools_own_time_out_is_not_ours() -> None:
    with pytest.raises(TimeoutError):
        await registry([]).run("echo", {"text": "slow"}, CONTEXT)


async def test_arguments_are_measured_before_they_are_read() -> None:
    heard: list[str] = []
    with pytest.raises(TooLarge):
        registry(heard, largest_arguments=20).prepare("echo", {"text": 3, "more": "x" * 50}, LOCAL)


async def test_a_result_that_is_too_long_is_not_given_on() -> None:
    with pytest.raises(TooLarge, match="结果"):
        await registry([], largest_result=50).run("echo", {"text": "很长"}, CONTEXT)


async def test_preparing_counts_nothing_and_running_does() -> None:
    heard: list[str] = []
    tools = registry(heard)
    prepared = [tools.prepare("echo", {"text": "一"}, LOCAL) for _ in range(5)]
    await tools.execute(prepared[0], CONTEXT)
    with pytest.raises(TooMany, match="不再重复"):
        await tools.execute(prepared[1], CONTEXT)
    assert heard == ["一"]


async def test_what_is_refused_was_never_begun() -> None:
    heard: list[str] = []
    begun: list[str] = []
    tools = registry(heard, calls_per_minute=1)
    await tools.run("echo", {"text": "一"}, CONTEXT)
    with pytest.raises(TooMany):
        await tools.execute(tools.prepare("echo", {"text": "二"}, LOCAL), CONTEXT, lambda: begun.append("二"))
    assert begun == []


async def test_a_beginning_that_refuses_stops_the_call() -> None:
    heard: list[str] = []

    def refuse() -> None:
        raise NotAllowed("已经执行过")

    tools = registry(heard)
    with pytest.raises(NotAllowed):
        await tools.execute(tools.prepare("echo", {}, LOCAL), CONTEXT, refuse)
    with pytest.raises(NotAllowed):
        await ToolRegistry([echo(heard=heard)]).execute(tools.prepare("echo", {}, LOCAL), CONTEXT, refuse)
    assert heard == []


class Shelf:
    """A source whose tools come and go."""

    def __init__(self, *tools: AnyTool) -> None:
        self.kept = {tool.name: tool for tool in tools}

    def tools(self, tenant: str) -> Mapping[str, AnyTool]:
        return self.kept


async def test_a_sources_tools_come_and_go() -> None:
    shelf = Shelf()
    tools = ToolRegistry([echo()], sources=[shelf])
    with pytest.raises(NotFound):
        tools.get("later", LOCAL)
    shelf.kept["later"] = echo("later")
    assert [tool.name for tool in tools.allowed(LOCAL)] == ["echo", "later"]
    assert (await tools.run("later", {"text": "好"}, CONTEXT)).summary == "好"
    shelf.kept.clear()
    with pytest.raises(NotFound):
        await tools.run("later", {}, CONTEXT)


def test_a_source_hides_no_tool_of_the_same_name() -> None:
    own, other, first, second = echo("echo"), echo("echo"), echo("both"), echo("both")
    tools = ToolRegistry([own], sources=[Shelf(other, first), Shelf(second)])
    assert tools.get("echo", LOCAL) is own
    assert tools.get("both", LOCAL) is first
    assert list(tools.known(LOCAL)) == ["echo", "both"]
