"""Tools that misbehave in useful ways."""

import asyncio

from pydantic import BaseModel

from domain.errors import ToolFailed
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


class Whose(BaseModel):
    who: str
    fail: bool = False


class Contact(BaseModel):
    lines: list[str]
    shifts: int
    share: float


def talkative_tool(*lines: str) -> AnyTool:
    """Says what should not be said, in its result and in its errors."""

    async def tell(given: Whose, context: ToolContext) -> ToolResult[Contact]:
        if given.fail:
            raise ToolFailed("；".join(lines), where=lines[0], cure=lines[-1])
        return ToolResult(summary="；".join(lines), data=Contact(lines=list(lines), shifts=3, share=0.25), values=[3.0, 0.25])

    def read(question: str) -> Reading | None:
        return Reading({"who": question[4:]}, 1.0) if question.startswith("打听一下") else None

    return Tool(
        name="tell_contact", summary="打听联系人", input=Whose, output=Contact, run=tell, examples=("打听一下",), read_arguments=read
    )  # fmt: skip
