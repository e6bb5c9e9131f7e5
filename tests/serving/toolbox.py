"""Tools that misbehave in useful ways."""

import asyncio

from pydantic import BaseModel

from tools.contract import AnyTool, Reading, Tool, ToolContext, ToolResult


class Nothing(BaseModel):
    pass


def patient_tool() -> AnyTool:
    """Works until its run is stopped."""

    async def wait(given: Nothing, context: ToolContext) -> ToolResult[Nothing]:
        for step in range(10_000):
            context.progress(step / 10_000, f"第 {step} 步")
            await asyncio.sleep(0.02)
        return ToolResult(summary="等到了。", data=Nothing())

    def read(question: str) -> Reading | None:
        return Reading({}, 1.0) if question.startswith("慢慢等") else None

    return Tool(
        name="wait_long", summary="一直等", input=Nothing, output=Nothing, run=wait, examples=("慢慢等",), read_arguments=read
    )  # fmt: skip


def broken_tool() -> AnyTool:
    """Has a bug that its author did not foresee."""

    async def crash(given: Nothing, context: ToolContext) -> ToolResult[Nothing]:
        raise ZeroDivisionError("secret-internal-detail")

    def read(question: str) -> Reading | None:
        return Reading({}, 1.0) if question.startswith("触发故障") else None

    return Tool(name="crash", summary="出错", input=Nothing, output=Nothing, run=crash, examples=("触发故障",), read_arguments=read)
