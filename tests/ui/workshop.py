"""The platform with what the page's rarer moments need: a slow model to stop, and a tool that waits for an approval.

`python -m tests.ui.workshop HOME PORT`
"""

import asyncio
import sys
from pathlib import Path

import uvicorn
from pydantic import BaseModel

from serving.api import create_app
from serving.assembly import open_platform
from serving.fake_endpoint import FakeEndpoint
from serving.settings import Settings
from serving.wire import EndpointConfig
from tools.contract import Reading, Tool, ToolContext, ToolResult
from ui.mounted import mount_for


class DemandInput(BaseModel):
    """What is wanted."""

    title: str


class DemandOutput(BaseModel):
    """What was published."""

    title: str
    number: str


async def publish(given: DemandInput, context: ToolContext) -> ToolResult[DemandOutput]:
    data = DemandOutput(title=given.title, number="XQ-0001")
    return ToolResult(summary=f"需求“{data.title}”已发布，编号 {data.number}。", data=data)


def read(question: str) -> Reading | None:
    return Reading({"title": question.removeprefix("发布需求：")}, 1.0) if question.startswith("发布需求：") else None


PUBLISH = Tool(
    name="publish_demand",
    summary="发布需求",
    input=DemandInput,
    output=DemandOutput,
    run=publish,
    examples=("发布需求：找一家做热处理的厂",),
    effect="write",
    read_arguments=read,
)


async def main(home: Path, port: int) -> None:
    async with FakeEndpoint(tokens=60, delay_s=0.12) as fake:
        model = EndpointConfig(base_url=fake.base_url, model="fake")
        settings = Settings(home=home, port=port, model=model)
        platform = await open_platform(settings, extra_tools=[PUBLISH])
        app = create_app(settings, platform=platform, mount=mount_for(settings))
        try:
            await uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, access_log=False, timeout_graceful_shutdown=1)).serve()
        finally:
            await platform.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
