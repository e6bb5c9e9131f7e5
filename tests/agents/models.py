"""Chat models for tests: the shipped fake endpoint over HTTP, and one that says exactly what a test wants it to say."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from agents.model import Completion, Message, ModelUnavailable, ToolRequest
from serving.endpoint import EndpointConfig, EndpointModel
from serving.fake_endpoint import Behaviour, FakeEndpoint


@asynccontextmanager
async def fake_model(behaviour: Behaviour = "normal", **options: Any) -> AsyncGenerator[tuple[EndpointModel, FakeEndpoint]]:
    """The endpoint client in front of the shipped fake."""
    async with FakeEndpoint(behaviour=behaviour, **options) as fake:
        patience = {"connect_s": 2, "first_token_s": 0.5, "idle_s": 0.5, "total_s": 3, "retries": 0}
        model = EndpointModel(EndpointConfig.model_validate({"base_url": fake.base_url, "model": "fake"} | patience))
        try:
            yield model, fake
        finally:
            await model.close()


@dataclass
class Scripted:
    """A chat model with its words prepared; with `dies` it breaks off after them."""

    pieces: Sequence[str]
    dies: bool = False
    calls: tuple[ToolRequest, ...] = ()
    then: tuple[ToolRequest, ...] = ()
    """What it asks for once it has seen a tool's result."""
    name: str = "scripted"
    heard: list[Sequence[Message]] = field(default_factory=list[Sequence[Message]])
    offered: list[str] = field(default_factory=list[str])

    async def complete(
        self, messages: Sequence[Message], *, tools: Sequence[dict[str, Any]] = (), schema: dict[str, Any] | None = None
    ) -> Completion:
        self.heard.append(messages)
        self.offered = [tool["function"]["name"] for tool in tools]
        return Completion("", self.then if any(message.role == "tool" for message in messages) else self.calls)

    async def stream(self, messages: Sequence[Message]) -> AsyncIterator[str]:
        self.heard.append(messages)
        for piece in self.pieces:
            yield piece
        if self.dies:
            raise ModelUnavailable("模型的回答中途断了", kind="died")
