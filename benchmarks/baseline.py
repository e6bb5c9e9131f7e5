"""What the gateway is compared with: a plain LangGraph graph, `stream_mode="messages"`, in front of the same endpoint.

One node, no guards, no retrieval, no citations, no event log: the way the LangGraph documentation streams a chat model. The model is
langchain-openai's where that is installed (it is not a dependency of this project), and otherwise langchain-core's interface over the
OpenAI SDK with nothing else in it, which is a third faster: `/healthz` says which.

    FAKE_URL=http://127.0.0.1:9101/v1 python -m benchmarks.baseline --port 9200
"""

import argparse
import importlib
import importlib.util
import os
from collections.abc import AsyncIterator
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage, convert_to_messages
from langchain_core.messages.utils import convert_to_openai_messages
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langgraph.graph import END, START, MessagesState, StateGraph
from openai import AsyncOpenAI
from pydantic import BaseModel


class OpenAIChat(BaseChatModel):
    """A chat model over the OpenAI SDK; streams only."""

    client: Any

    @property
    def _llm_type(self) -> str:
        return "openai-chat"

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: CallbackManagerForLLMRun | None = None, **kwargs: Any
    ) -> ChatResult:
        raise NotImplementedError

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        stream = await self.client.chat.completions.create(model="fake", stream=True, messages=convert_to_openai_messages(messages))
        async for event in stream:
            text = event.choices[0].delta.content if event.choices else None
            if text:
                chunk = ChatGenerationChunk(message=AIMessageChunk(content=text, id=event.id))
                if run_manager:
                    await run_manager.on_llm_new_token(text, chunk=chunk)
                yield chunk


class ChatRequest(BaseModel):
    """The fields of a chat request that are used here."""

    messages: list[dict[str, Any]]


def chat_model(url: str) -> BaseChatModel:
    if importlib.util.find_spec("langchain_openai"):
        made: BaseChatModel = importlib.import_module("langchain_openai").ChatOpenAI(
            model="fake", base_url=url, api_key="x", max_retries=0, streaming=True
        )
        return made
    return OpenAIChat(client=AsyncOpenAI(base_url=url, api_key="x", max_retries=0))


def create_app(url: str) -> FastAPI:
    model = chat_model(url)

    async def answer(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    graph = builder.compile()
    app = FastAPI()

    async def stream(request: ChatRequest) -> AsyncIterator[bytes]:
        messages = convert_to_messages(request.messages)
        async for message, _ in graph.astream({"messages": messages}, stream_mode="messages"):
            if isinstance(message, AIMessageChunk) and message.content:
                chunk = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": message.content}}]}
                yield b"data: " + orjson.dumps(chunk) + b"\n\n"
        yield b"data: [DONE]\n\n"

    @app.post("/v1/chat/completions")
    async def chat(request: ChatRequest) -> StreamingResponse:
        return StreamingResponse(stream(request), media_type="text/event-stream")

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok", "model": type(model).__name__}

    return app


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--port", type=int, required=True)
    port = given.parse_args().port
    uvicorn.run(create_app(os.environ["FAKE_URL"]), port=port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
