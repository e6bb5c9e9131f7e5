"""What the gateway is compared with: a plain LangGraph graph, `stream_mode="messages"`, in front of the same endpoint.

One node, no guards, no retrieval, no citations, no event log: the way the LangGraph documentation streams a chat model, which is
langchain-openai's.

    FAKE_URL=http://127.0.0.1:9101/v1 python -m benchmarks.baseline --port 9200
"""

import argparse
import os
from collections.abc import AsyncIterator
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph
from pydantic import BaseModel, SecretStr


class ChatRequest(BaseModel):
    """The fields of a chat request that are used here."""

    messages: list[dict[str, Any]]


def create_app(url: str) -> FastAPI:
    model = ChatOpenAI(model="fake", base_url=url, api_key=SecretStr("x"), max_retries=0, streaming=True)

    async def answer(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    graph = builder.compile()
    app = FastAPI()

    async def stream(request: ChatRequest) -> AsyncIterator[bytes]:
        given = MessagesState(messages=[HumanMessage(message["content"]) for message in request.messages])
        async for message, _ in graph.astream(given, stream_mode="messages"):
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
