"""Client for any OpenAI-compatible chat endpoint (vLLM first): streams with almost no cost per token, ends honestly, never hangs.

Whatever goes wrong is a ModelUnavailable that names the host and the cure, never the key. Nothing is sent again once a byte came back.
"""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import orjson

from agents.model import Completion, Message, ModelUnavailable

from .wire import MAX_EVENT_BYTES, EndpointConfig, EventParser, Reply, TooLongEvent, encode, fault, garbage, load_object, normalise, said

__all__ = ["EndpointConfig", "EndpointModel", "EventParser", "normalise"]

DONE = b"[DONE]"
RETRIED = frozenset({429, 502, 503})
MAX_BODY_BYTES = 16 << 20
# uvicorn, and with it vLLM, drops idle connections after 5 s; reusing one at that very moment would lose a request
KEEP_ALIVE_S = 4.0
ERROR_BYTES = 2000
DRAIN_S = 0.2
NETWORK_ERRORS = (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError)
REFUSALS = {
    400: ("模型服务不接受这个请求", "对话可能超过模型的上下文长度，或服务不支持某个参数；对照模型服务的启动参数"),
    401: ("模型服务不认这个密钥", "检查 api_key 设置"),
    403: ("模型服务拒绝了访问", "检查 api_key 的权限"),
    404: ("模型服务没有这个路径或模型", "核对地址（通常以 /v1 结尾）和模型名"),
    429: ("模型服务限流", "稍后再试，或提高限额"),
}
SERVER_REFUSAL = ("模型服务出错", "稍后重试；若反复出现，查看模型服务的日志")
OTHER_REFUSAL = ("模型服务拒绝了请求", "对照模型服务的说明检查地址和参数")
SCHEMA_PROMPT = "只输出一个符合下面 JSON Schema 的 JSON 对象，不要输出其他文字：\n"


def _pause(header: str) -> float:
    """Seconds that a Retry-After header asks for; 0 when it says nothing."""
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0


class EndpointModel:
    """A ChatModel behind an OpenAI-compatible endpoint. It belongs to one event loop; close it there."""

    def __init__(self, config: EndpointConfig) -> None:
        self.config = config
        self.name = config.model
        self._session: aiohttp.ClientSession | None = None
        self._schema_in_prompt = False

    async def complete(
        self, messages: Sequence[Message], *, tools: Sequence[dict[str, Any]] = (), schema: dict[str, Any] | None = None
    ) -> Completion:
        if schema is None:
            return await self._complete(messages, tools, None)
        if not self._schema_in_prompt:
            try:
                return self._as_json(await self._complete(messages, tools, schema))
            except ModelUnavailable as error:
                if error.status not in (400, 422):
                    raise
        asked = [*messages, Message("system", SCHEMA_PROMPT + json.dumps(schema, ensure_ascii=False))]
        completion = self._as_json(await self._complete(asked, tools, None))
        # only now is it known that the schema was what the server objected to
        self._schema_in_prompt = True
        return completion

    def stream(self, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        return self._deltas(self._payload(messages, (), None, stream=True), Reply(self.config))

    async def check(self) -> list[str]:
        """Models the endpoint serves."""
        response = None
        try:
            async with asyncio.timeout(self.config.first_token_s):
                response = await self._open().get(f"{self.config.base_url}/models", allow_redirects=False)
                if response.status != 200:
                    raise self._refusal(response.status, await response.content.read(ERROR_BYTES))
                return [str(entry["id"]) for entry in orjson.loads(await self._body(response))["data"]]
        except (KeyError, TypeError, ValueError) as error:
            raise garbage(self.config, "模型服务没有给出模型清单") from error
        except NETWORK_ERRORS as error:
            raise self._network_fault(error, "没有给出模型清单") from error
        finally:
            if response is not None:
                response.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _complete(self, messages: Sequence[Message], tools: Sequence[dict[str, Any]], schema: dict[str, Any] | None) -> Completion:
        reply = Reply(self.config)
        payload = self._payload(messages, tools, schema, stream=self.config.stream_tools or not tools)
        async for _ in self._deltas(payload, reply):
            pass
        return reply.completion()

    def _as_json(self, completion: Completion) -> Completion:
        if completion.tool_requests:
            return completion
        parsed = load_object(completion.text)
        if parsed is None:
            raise garbage(self.config, "模型没有按要求输出 JSON", "提高 max_tokens；或更换支持结构化输出的模型服务")
        return Completion(json.dumps(parsed, ensure_ascii=False), (), completion.usage, completion.truncated)

    def _payload(
        self, messages: Sequence[Message], tools: Sequence[dict[str, Any]], schema: dict[str, Any] | None, *, stream: bool
    ) -> dict[str, Any]:
        payload: dict[str, Any] = {"model": self.config.model, "max_tokens": self.config.max_tokens, "temperature": self.config.temperature}
        if stream:
            payload["stream_options"] = {"include_usage": True}
        payload |= self.config.extra_body | {"messages": normalise(messages), "stream": stream}
        if tools:
            strict = {"strict": True} if self.config.strict_tools else {}
            payload["tools"] = [{**tool, "function": {**tool["function"], **strict}} for tool in tools]
        if schema is not None:
            payload["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
        return {key: value for key, value in payload.items() if value is not None}

    async def _deltas(self, payload: dict[str, Any], reply: Reply) -> AsyncGenerator[str, None]:
        config, clock = self.config, asyncio.get_running_loop().time
        start = clock()
        end = start + config.total_s
        until = min(start + config.first_token_s, end) if payload["stream"] else end
        response: aiohttp.ClientResponse | None = None
        try:
            response = await self._post(payload, until)
            if response.content_type == "application/json":
                async with asyncio.timeout_at(end):
                    body = await self._body(response)
                if text := reply.take(body):
                    yield text
                reply.check(streamed=False)
                return
            parser, done = EventParser(), False
            while not done:
                async with asyncio.timeout_at(until):
                    chunk = await response.content.readany()
                events = parser.feed(chunk) if chunk else parser.flush()
                done = not chunk or DONE in events
                for raw in events[: events.index(DONE)] if DONE in events else events:
                    if text := reply.take(raw):
                        yield text
                if events:
                    until = min(clock() + config.idle_s, end)
            reply.check(streamed=True)
            await self._drain(response)
        except TooLongEvent as error:
            raise garbage(config, f"模型服务的一个事件超过 {MAX_EVENT_BYTES >> 20} MiB") from error
        except NETWORK_ERRORS as error:
            stage = "超过总时限仍未答完" if clock() >= end else "回答到一半停住了" if reply.begun else "迟迟没有开始回答"
            raise self._network_fault(error, stage) from error
        finally:
            # closing before the end is what makes the server stop generating; after the end it does nothing
            if response is not None:
                response.close()

    async def _post(self, payload: dict[str, Any], until: float) -> aiohttp.ClientResponse:
        """The response to read, after at most `retries` further tries; nothing of an answer has been read by then."""
        body, clock = encode(payload), asyncio.get_running_loop().time
        for left in range(self.config.retries, -1, -1):
            wait = self.config.retry_wait_s * 2 ** (self.config.retries - left)
            try:
                async with asyncio.timeout_at(until):
                    response = await self._open().post(f"{self.config.base_url}/chat/completions", data=body, allow_redirects=False)
                    if response.status == 200:
                        return self._readable(response)
                    with closing(response):
                        failure = self._refusal(response.status, await response.content.read(ERROR_BYTES))
                wait = _pause(response.headers.get("Retry-After", "")) or wait
            except aiohttp.ClientConnectorError as error:
                failure = self._network_fault(error, "")
            again = failure.kind == "refused" or failure.status in RETRIED
            wait += random.uniform(0, self.config.retry_wait_s)
            if not left or not again or wait > self.config.retry_wait_max_s + self.config.retry_wait_s or clock() + wait >= until:
                raise failure
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            key = self.config.api_key.get_secret_value()
            headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
            if key:
                headers["Authorization"] = f"Bearer {key}"
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.config.connect_s),
                headers=headers,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _readable(self, response: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
        if response.content_type not in ("text/event-stream", "application/json"):
            response.close()
            raise garbage(self.config, f"模型服务返回的是 {response.content_type}，不是回答")
        return response

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        while chunk := await response.content.readany():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise garbage(self.config, f"模型服务的回答超过 {MAX_BODY_BYTES >> 20} MiB")
        return bytes(body)

    async def _drain(self, response: aiohttp.ClientResponse) -> None:
        """Read the end of the body, so that the connection can serve the next request."""
        with suppress(*NETWORK_ERRORS):
            async with asyncio.timeout(DRAIN_S):
                await response.content.readany()

    def _refusal(self, status: int, body: bytes) -> ModelUnavailable:
        words = said(self.config, body)
        message, cure = REFUSALS.get(status) or (SERVER_REFUSAL if status >= 500 else OTHER_REFUSAL)
        return fault(self.config, "http_status", f"{message}（HTTP {status}）{'：' if words else ''}{words}", cure, status)

    def _network_fault(self, error: Exception, stage: str) -> ModelUnavailable:
        if isinstance(error, aiohttp.ClientConnectorError):
            return fault(self.config, "refused", f"连不上模型服务 {self.config.host}", "确认模型服务已启动，地址和端口无误")
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return fault(self.config, "timeout", f"连接模型服务 {self.config.host} 超时", "检查网络，或提高 connect_s")
        if isinstance(error, TimeoutError):
            return fault(self.config, "timeout", f"模型服务{stage}", "稍后重试；模型较大或排队较长时，提高对应的超时设置")
        if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError | OSError):
            return fault(self.config, "died", "模型服务中途断开了连接", "稍后重试；若反复出现，查看模型服务的日志")
        return garbage(self.config, "模型服务的回答不是 HTTP")
