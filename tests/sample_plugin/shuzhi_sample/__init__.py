"""One tool: how long a text takes to read aloud, for a shift handover (交接班)."""

import re

from pydantic import BaseModel, ConfigDict, Field

from tools.contract import AnyTool, Reading, Tool, ToolContext, ToolResult

CHARACTERS_PER_MINUTE = 240
ASKED = re.compile(r"^(?:念|读)完这段话要多久[：:](?P<text>.+)$", re.DOTALL)


class ReadingTimeInput(BaseModel):
    """The text to read."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=20_000, description="要念的文字")


class ReadingTimeOutput(BaseModel):
    """How long it takes."""

    characters: int
    seconds: float


async def run(given: ReadingTimeInput, context: ToolContext) -> ToolResult[ReadingTimeOutput]:
    characters = len(re.sub(r"\s", "", given.text))
    seconds = round(characters / CHARACTERS_PER_MINUTE * 60, 1)
    summary = f"共 {characters} 个字，念完约需 {seconds:g} 秒。"
    return ToolResult(summary=summary, data=ReadingTimeOutput(characters=characters, seconds=seconds), values=[seconds])


def read_arguments(question: str) -> Reading | None:
    """For the offline model: the text behind the colon."""
    asked = ASKED.match(question.strip())
    return Reading({"text": asked["text"]}, confidence=0.9) if asked else None


def tools() -> list[AnyTool]:
    """What the entry point names."""
    return [
        Tool(
            name="reading_time",
            summary="估算一段文字念出来需要多久（按每分钟 240 字）",
            input=ReadingTimeInput,
            output=ReadingTimeOutput,
            run=run,
            examples=("念完这段话要多久：各位同事早上好",),
            effect="compute",
            read_arguments=read_arguments,
        )
    ]
