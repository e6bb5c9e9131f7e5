"""A deterministic OpenAI-compatible endpoint for demos, tests and benchmarks: `python -m serving.fake_endpoint --port 9101`.

It answers from the evidence it is shown, calls the tools it is offered, fills the schema it is given, and fails in every way a real
endpoint has failed. A whole stream is encoded once and written at once, because benchmarks share their cores with it.
"""

import argparse
import asyncio
import contextlib
import hashlib
import math
import re
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Literal, Self, get_args

import orjson
from aiohttp import web

Behaviour = Literal[
    "normal", "echo", "refuse", "hang", "hang_midway", "die", "truncated", "endless", "thinking", "empty", "no_schema", "busy",
    "unavailable", "invalid_json", "html", "wrong_type", "error_object", "error_event", "bad_arguments",
]  # fmt: skip
"""no_schema refuses `response_format` and echoes; busy and unavailable (429, 503) pass after `failures` requests;
hang_midway, die and truncated come after `after` tokens."""

Json = dict[str, Any]

PLAIN = "这是演示模型的固定回答：没有收到可引用的证据，因此不作判断，请先提供企业资料。"
EVIDENCE = re.compile(r"^\[(\d+)\] \([^()\s]+\) ?(.+)$", re.MULTILINE)
SENTENCE = re.compile(r"[^。！？!?]+")
HEAD = b'data: {"id":"fake","object":"chat.completion.chunk","created":0,"model":"fake","choices":[{"index":0,"delta":'
DONE = b"data: [DONE]\n\n"
FOREVER_S = 3600.0
DEPTH = 6


def _event(delta: Any, finish: bytes = b"null") -> bytes:
    return HEAD + orjson.dumps(delta) + b',"finish_reason":' + finish + b"}]}\n\n"


@lru_cache(maxsize=512)
def _tokens(text: str, count: int) -> tuple[str, ...]:
    """`text`, repeated where it is too short, in exactly `count` pieces."""
    text = text * -(-count // len(text))
    return tuple(text[len(text) * n // count : len(text) * (n + 1) // count] for n in range(count))


@lru_cache(maxsize=512)
def _events(pieces: tuple[str, ...], finish: bytes = b'"stop"') -> tuple[bytes, ...]:
    return (_event({"role": "assistant", "content": ""}), *(_event({"content": p}) for p in pieces), _event({}, finish))


@lru_cache(maxsize=512)
def _stream(pieces: tuple[str, ...], finish: bytes) -> bytes:
    return b"".join(_events(pieces, finish))


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts: list[Json] = content or []
    return "".join(str(part.get("text", "")) for part in parts)


def _last(messages: list[Json], role: str) -> str:
    return next((_plain(m.get("content")) for m in reversed(messages) if m.get("role") == role), "")


@lru_cache(maxsize=512)
def _grounded(shown: str, characters: int) -> str:
    """Sentences of the evidence lines in `shown`, each with its mark; "" when there are none."""
    lines = EVIDENCE.findall(shown)
    answer: list[str] = []
    for mark, line in lines:
        body = line.split("：", 1)[-1].strip() or line
        if found := SENTENCE.search(body):
            answer.append(f"{found.group().strip().rstrip('；;，,')}。[{mark}]")
        if sum(map(len, answer)) >= characters:
            break
    return "".join(answer)


def answer_to(messages: list[Json], tokens: int) -> str:
    """What the normal behaviour says: the evidence it was shown, or one fixed sentence."""
    for role in ("user", "system", "tool"):
        shown = _last(messages, role)
        if "] (" in shown and (answer := _grounded(shown, tokens)):
            return answer
    return PLAIN


def fill(schema: Json, text: str, root: Json | None = None, depth: int = 0) -> Any:
    """The smallest instance of a JSON schema, with `text` as every free string."""
    root = root or schema
    if reference := schema.get("$ref"):
        return fill(root.get("$defs", {}).get(reference.rsplit("/", 1)[-1], {}), text, root, depth + 1)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if choices := schema.get("enum"):
        return choices[0]
    if variants := schema.get("anyOf") or schema.get("oneOf"):
        return fill(variants[0], text, root, depth + 1)
    match schema.get("type"):
        case "object":
            properties: Json = schema.get("properties", {})
            return {name: fill(properties.get(name, {}), text, root, depth + 1) for name in schema.get("required", [])}
        case "array":
            items = max(schema.get("minItems", 1), 1) if depth < DEPTH else 0
            return [fill(schema.get("items", {}), text, root, depth + 1) for _ in range(items)]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return text[: schema.get("maxLength", len(text))]


def _wanted_tool(body: Json) -> Json | None:
    """The tool to call: the one demanded, else one named in the question, else the first; none once a result came back."""
    offered: list[Json] = body.get("tools") or []
    tools: list[Json] = [tool["function"] for tool in offered]
    choice = body.get("tool_choice")
    if not tools or choice == "none" or body["messages"][-1].get("role") == "tool":
        return None
    if isinstance(choice, dict):
        return next((t for t in tools if t["name"] == body["tool_choice"]["function"]["name"]), None)
    question = _last(body["messages"], "user")
    return next((t for t in tools if t["name"] in question), tools[0])


def embed(text: str, size: int) -> list[float]:
    """A unit vector of hashed character pairs: the same for the same text, near for similar texts."""
    vector = [0.0] * size
    for pair in _pairs(text) or {text}:
        digest = hashlib.blake2b(pair.encode("utf-8", "replace"), digest_size=8).digest()
        vector[int.from_bytes(digest[:4], "big") % size] += 1.0 if digest[4] & 1 else -1.0
    norm = math.sqrt(sum(v * v for v in vector)) or 1.0
    return [v / norm for v in vector]


def _pairs(text: str) -> set[str]:
    return {text[n : n + 2] for n in range(len(text) - 1)}


class FakeEndpoint:
    """Runs while its context is open; `behaviour` may be changed meanwhile. `requests` and `abandoned` tell what happened to it."""

    def __init__(
        self,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        behaviour: Behaviour = "normal",
        tokens: int = 20,
        delay_s: float = 0.0,
        after: int = 3,
        failures: int = 1,
        retry_after: str = "0",
    ) -> None:
        self.behaviour: Behaviour = behaviour
        self.says: Callable[[Json], str] | None = None
        """What is answered to a request's body, instead of the shipped answers."""
        self.tokens, self.delay_s, self.after, self.failures, self.retry_after = tokens, delay_s, after, failures, retry_after
        self.requests: deque[Json] = deque(maxlen=64)
        """The newest chat requests."""
        self.served = 0
        self.abandoned = 0
        """Requests whose client left before their end."""
        self.open = 0
        """Chat requests being answered now."""
        self.clients: set[Any] = set()
        """Peer addresses of the connections that chat requests came over."""
        self._address = (host, port)
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        return f"http://{self._address[0]}:{self._address[1]}/v1"

    async def __aenter__(self) -> Self:
        self._socket = socket.create_server(self._address) if self.behaviour != "refuse" else socket.socket()
        if self.behaviour == "refuse":
            # bound and not listening: nobody else can take the port, and every connection to it is refused
            self._socket.bind(self._address)
        self._address = (self._address[0], self._socket.getsockname()[1])
        if self.behaviour != "refuse":
            app = web.Application(client_max_size=64 << 20)
            app.router.add_post("/v1/chat/completions", self._chat)
            app.router.add_get("/v1/models", self._models)
            app.router.add_post("/v1/embeddings", self._embeddings)
            app.router.add_post("/v1/rerank", self._rerank)
            self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
            await self._runner.setup()
            await web.SockSite(self._runner, self._socket, backlog=1024).start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self._socket.close()

    async def _models(self, request: web.Request) -> web.Response:
        return _json({"object": "list", "data": [{"id": "fake", "object": "model", "created": 0, "owned_by": "shuzhi"}]})

    async def _embeddings(self, request: web.Request) -> web.Response:
        body = orjson.loads(await request.read())
        texts: list[str] = [body["input"]] if isinstance(body["input"], str) else body["input"]
        size = int(body.get("dimensions") or 64)
        data = [{"object": "embedding", "index": n, "embedding": embed(text, size)} for n, text in enumerate(texts)]
        return _json({"object": "list", "model": "fake", "data": data, "usage": {"prompt_tokens": 0, "total_tokens": 0}})

    async def _rerank(self, request: web.Request) -> web.Response:
        body = orjson.loads(await request.read())
        asked = _pairs(body["query"])
        texts = [_plain([d]) if isinstance(d, dict) else str(d) for d in body["documents"]]
        scores = [(len(asked & _pairs(text)) / max(len(asked), 1), n) for n, text in enumerate(texts)]
        ranked = sorted(scores, key=lambda pair: (-pair[0], pair[1]))[: body.get("top_n") or len(texts)]
        return _json({"model": "fake", "results": [{"index": n, "relevance_score": s, "document": {"text": texts[n]}} for s, n in ranked]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        try:
            body = orjson.loads(await request.read())
            messages: list[Json] = [dict(message) for message in body["messages"]]
            if not messages:
                raise ValueError
        except (ValueError, KeyError, TypeError):
            return _json({"error": {"message": "messages: a list with one message or more is required"}}, 400)
        self.requests.append(body)
        self.clients.add(request.get_extra_info("peername"))
        self.served += 1
        self.open += 1
        try:
            if refusal := await self._refusal(body):
                return refusal
            if tool := _wanted_tool(body):
                return await self._call(tool, body)
            pieces, finish = self._pieces(body, messages)
            if not body.get("stream"):
                return await self._whole(request, pieces, finish)
            if self.behaviour in ("normal", "echo", "no_schema", "busy", "unavailable") and not self.delay_s:
                usage = _usage(messages, len(pieces)) if body.get("stream_options") == {"include_usage": True} else b""
                return web.Response(body=_stream(pieces, finish) + usage + DONE, content_type="text/event-stream")
            return await self._paced(request, pieces, finish)
        except (asyncio.CancelledError, ConnectionError):
            self.abandoned += 1
            raise
        finally:
            self.open -= 1

    async def _refusal(self, body: Json) -> web.Response | None:
        """The answer of the behaviours that do not get as far as a stream."""
        match self.behaviour:
            case "hang":
                await asyncio.sleep(FOREVER_S)
            case "busy" | "unavailable" if self.failures > 0:
                self.failures -= 1
                status = 429 if self.behaviour == "busy" else 503
                return _json({"error": {"message": "too many requests"}}, status, {"Retry-After": self.retry_after})
            case "no_schema" if "response_format" in body:
                return _json({"error": {"message": "response_format is not supported"}}, 400)
            case "invalid_json":
                text = 'data: {"choices": [\n\n' if body.get("stream") else '{"choices": ['
                return web.Response(text=text, content_type="text/event-stream" if body.get("stream") else "application/json")
            case "html":
                return web.Response(text="<html><h1>Welcome to nginx</h1></html>", content_type="text/html")
            case "wrong_type":
                return web.Response(body=_stream(_tokens(PLAIN, 3), b'"stop"'), content_type="application/octet-stream")
            case "error_object":
                return _json({"error": {"message": "CUDA out of memory", "type": "server_error"}})
            case _:
                pass
        return None

    def _pieces(self, body: Json, messages: list[Json]) -> tuple[tuple[str, ...], bytes]:
        if self.behaviour == "empty":
            return (), b'"stop"'
        if self.says is not None:
            text = self.says(body)
            return _tokens(text, min(self.tokens, len(text))), b'"stop"'
        if wanted := body.get("response_format"):
            schema: Json = wanted["json_schema"]["schema"] if "json_schema" in wanted else {"type": "object"}
            text = orjson.dumps(fill(schema, answer_to(messages, self.tokens))).decode()
            return _tokens(text, min(self.tokens, len(text))), b'"stop"'
        text = _last(messages, "user") if self.behaviour in ("echo", "no_schema") else answer_to(messages, self.tokens)
        limit = body.get("max_tokens") or self.tokens
        pieces = _tokens(text or PLAIN, self.tokens)
        return pieces[:limit], b'"length"' if limit < self.tokens else b'"stop"'

    async def _call(self, tool: Json, body: Json) -> web.Response:
        if self.behaviour == "hang_midway":
            await asyncio.sleep(FOREVER_S)
        arguments = orjson.dumps(fill(tool.get("parameters", {"type": "object"}), _last(body["messages"], "user"))).decode()
        if self.behaviour == "bad_arguments":
            arguments = arguments[:-1]
        call = {"index": 0, "id": f"call_{self.served}", "type": "function", "function": {"name": tool["name"], "arguments": ""}}
        if not body.get("stream"):
            call["function"] = {"name": tool["name"], "arguments": arguments}
            return _json(_completion({"content": None, "tool_calls": [call]}, "tool_calls", 1))
        half = len(arguments) // 2
        rest = [{"tool_calls": [{"index": 0, "function": {"arguments": part}}]} for part in (arguments[:half], arguments[half:])]
        first = {"role": "assistant", "content": None, "tool_calls": [call]}
        events = [*(_event(delta) for delta in (first, *rest)), _event({}, b'"tool_calls"'), DONE]
        return web.Response(body=b"".join(events), content_type="text/event-stream")

    async def _whole(self, request: web.Request, pieces: tuple[str, ...], finish: bytes) -> web.Response:
        await asyncio.sleep(self.delay_s * len(pieces))
        if self.behaviour == "hang_midway":
            await asyncio.sleep(FOREVER_S)
        if self.behaviour == "die" and request.transport is not None:
            request.transport.abort()
        return _json(_completion({"content": "".join(pieces) or None}, finish.decode().strip('"'), len(pieces)))

    async def _paced(self, request: web.Request, pieces: tuple[str, ...], finish: bytes) -> web.StreamResponse:
        """One write for each event, with whatever goes wrong on the way."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number, event in enumerate(self._eventful(pieces, finish)):
            if number > self.after and self.behaviour in ("hang_midway", "die", "truncated"):
                if self.behaviour == "hang_midway":
                    await asyncio.sleep(FOREVER_S)
                if self.behaviour == "die" and request.transport is not None:
                    request.transport.abort()
                return response
            await response.write(event)
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
        return response

    def _eventful(self, pieces: tuple[str, ...], finish: bytes) -> Iterator[bytes]:
        events = _events(pieces, finish)
        if self.behaviour == "thinking":
            yield from (_event({"reasoning_content": "先想一想。"}) for _ in range(5))
        if self.behaviour == "error_event":
            yield from events[:3]
            yield b'data: {"error": {"message": "EngineCore died", "code": 500}}\n\n'
        while self.behaviour == "endless":
            yield events[1]
        yield from (*events, DONE)


def _completion(message: Json, finish: str, tokens: int) -> Json:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 0, "completion_tokens": tokens, "total_tokens": tokens}
    return {"id": "fake", "object": "chat.completion", "created": 0, "model": "fake", "choices": [choice], "usage": usage}


def _usage(messages: list[Json], tokens: int) -> bytes:
    prompt = sum(len(_plain(m.get("content"))) for m in messages)
    usage = {"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens}
    return (
        b"data: "
        + orjson.dumps({"id": "fake", "object": "chat.completion.chunk", "created": 0, "model": "fake", "choices": [], "usage": usage})
        + b"\n\n"
    )


def _json(payload: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(payload), status=status, headers=headers, content_type="application/json")


async def serve(fake: FakeEndpoint) -> None:
    async with fake:
        sys.stdout.write(f"{fake.base_url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m serving.fake_endpoint", description="确定性的演示模型服务（OpenAI 兼容）")
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=9101)
    options.add_argument("--tokens", type=int, default=20, help="每个回答的 token 数")
    options.add_argument("--delay", type=float, default=0.0, help="每个 token 之前的停顿（秒）")
    options.add_argument("--behaviour", choices=get_args(Behaviour), default="normal")
    given = options.parse_args()
    fake = FakeEndpoint(host=given.host, port=given.port, tokens=given.tokens, delay_s=given.delay, behaviour=given.behaviour)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(fake))


if __name__ == "__main__":
    main()
