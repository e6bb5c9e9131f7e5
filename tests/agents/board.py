"""A tool with an effect, as a third party would write one."""

from dataclasses import dataclass, field

from pydantic import BaseModel, Field

from domain.errors import ToolFailed
from tools.contract import AnyTool, Effect, Reading, Tool, ToolContext, ToolResult


class Notice(BaseModel):
    text: str = Field(min_length=1)


class Published(BaseModel):
    number: int


@dataclass
class NoticeBoard:
    """A tool with an effect, and everything that it ever did."""

    effect: Effect = "write"
    published: list[str] = field(default_factory=list[str])
    fails: bool = False

    def tool(self) -> AnyTool:
        async def publish(given: Notice, context: ToolContext) -> ToolResult[Published]:
            if self.fails:
                raise ToolFailed("公告栏满了", where="publish_notice")
            self.published.append(given.text)
            return ToolResult(summary=f"已发布：{given.text}。", data=Published(number=len(self.published)), values=[len(self.published)])

        def read(question: str) -> Reading | None:
            return Reading({"text": question.removeprefix("发布公告")}, 1.0) if question.startswith("发布公告") else None

        return Tool(
            name="publish_notice", summary="发布公告", input=Notice, output=Published, run=publish, examples=("发布公告明天停机",),
            effect=self.effect, read_arguments=read,
        )  # fmt: skip
