"""Client for any OpenAI-compatible chat endpoint (vLLM first): streams with almost no cost per token, ends honestly, never hangs.

Whatever goes wrong is a ModelUnavailable that names the host and the cure, never the key. Nothing is sent again once a byte came back.
"""

import asyncio
import json
import random
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp
import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from agents.model import Completion, FailureKind, Message, ModelUnavailable, Role, ToolRequest, Usage

DONE = b"[DONE]"
RETRIED = frozenset({429, 502, 503})
MAX_EVENT_BYTES = 4 << 20
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


class EndpointConfig(BaseModel):
    """An endpoint and how patient we are with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str
    """Up to and including `/v1`."""
    model: str
    api_key: SecretStr = SecretStr("")
    connect_s: float = Field(default=5.0, gt=0)
    first_token_s: float = Field(default=30.0, gt=0)
    idle_s: float = Field(default=15.0, gt=0)
    """Longest silence between two events of a stream; comments do not count."""
    total_s: float = Field(default=120.0, gt=0)
    max_tokens: int = Field(default=800, gt=0)
    max_characters: int = Field(default=200_000, gt=0)
    temperature: float = Field(default=0.0, ge=0)
    retries: int = Field(default=2, ge=0, le=2)
    retry_wait_s: float = Field(default=0.25, ge=0)
    retry_wait_max_s: float = Field(default=8.0, ge=0)
    """A server that asks for a longer pause than this is not waited for."""
    stream_tools: bool = False
    """Stream turns that offer tools too; off, because tool parsers lose more calls when they stream."""
    strict_tools: bool = False
    """Ask for arguments that follow the schema; vLLM enforces it only on request, other servers may refuse it."""
    extra_body: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Further request fields; None removes one of ours (`{"max_tokens": None, "max_completion_tokens": 800}`)."""

    @field_validator("base_url")
    @classmethod
    def _plain_address(cls, value: str) -> str:
        parts = urlsplit(value.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("模型服务地址应是 http(s)://主机[:端口]/v1，不带用户名、密码和参数；密钥请放在 api_key")
        return value.strip().rstrip("/")

    @field_validator("api_key")
    @classmethod
    def _plain_key(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value().strip()
        if not (key.isascii() and key.isprintable()):
            raise ValueError("API 密钥里有换行或非 ASCII 字符")
        return SecretStr(key)

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).netloc


class TooLongEvent(Exception):
    """A stream sends an event that does not end."""


class EventParser:
    """Server-sent events from bytes cut anywhere: LF, CRLF or CR, comments, multi-line data, a missing last blank line."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of the events that `chunk` completes."""
        buffer = self._rest + chunk if self._rest else chunk.removeprefix(b"\xef\xbb\xbf")
        # a CR that ends the buffer may be the first half of a CRLF
        end = max(buffer.rfind(b"\n"), buffer.rfind(b"\r", 0, len(buffer) - 1)) + 1
        self._rest = buffer[end:]
        if len(self._rest) + sum(map(len, self._data)) > MAX_EVENT_BYTES:
            raise TooLongEvent
        events: list[bytes] = []
        for line in buffer[:end].splitlines():
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif not line and self._data:
                events.append(b"\n".join(self._data))
                self._data = []
        return events

    def flush(self) -> list[bytes]:
        """What stands in the buffer when the stream ends."""
        return self.feed(b"\n\n")


def normalise(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The conversation as the strictest chat templates accept it.

    One leading system message, user and assistant in turn, every tool call answered and every tool result asked for.
    """
    system = "\n\n".join(m.content for m in messages if m.role == "system" and m.content)
    rest = [m for m in messages if m.role != "system"]
    answered = {m.tool_call_id for m in rest if m.role == "tool"}
    asked: set[str] = set()
    wire: list[dict[str, Any]] = []
    for message in rest:
        calls = [call for call in message.tool_calls if call.id in answered]
        asked.update(call.id for call in calls)
        if message.role == "tool" and message.tool_call_id in asked:
            wire.append({"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content})
        elif message.content or calls:
            _append(wire, "user" if message.role == "tool" else message.role, message.content, [_wire_call(call) for call in calls])
    if not wire:
        return [{"role": "user", "content": system or "你好"}]
    if wire[-1]["role"] == "assistant":
        wire.append({"role": "user", "content": "请继续。"})
    return [{"role": "system", "content": system}, *wire] if system else wire


def _append(wire: list[dict[str, Any]], role: Role, content: str, calls: list[dict[str, Any]]) -> None:
    last = wire[-1]["role"] if wire else ""
    if role != last:
        if role == "assistant" and not wire:
            wire.append({"role": "user", "content": "你好"})
        if role == "user" and last == "tool":
            wire.append({"role": "assistant", "content": "工具结果已收到。"})
        wire.append({"role": role, "content": content})
    else:
        wire[-1]["content"] = "\n\n".join(part for part in (wire[-1]["content"], content) if part)
    if calls:
        wire[-1].setdefault("tool_calls", []).extend(calls)


def _wire_call(call: ToolRequest) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)}}


class _Reply:
    """Collects one answer, streamed or whole, and refuses what cannot be used."""

    def __init__(self, config: EndpointConfig) -> None:
        self._config = config
        self._text: list[str] = []
        self._length = 0
        self._calls: dict[int, list[str]] = {}
        self._finish = ""
        self._usage = Usage()

    @property
    def begun(self) -> bool:
        return self._length > 0

    def take(self, raw: bytes) -> str:
        """Read one event or body; the text it adds."""
        try:
            return self._read(orjson.loads(raw))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise garbage(self._config, "模型服务的回答不是约定的 JSON 格式") from error

    def _read(self, chunk: Any) -> str:
        if chunk.get("error") or chunk.get("object") == "error":
            raise garbage(self._config, f"模型服务在回答中报错：{_said(self._config, orjson.dumps(chunk))}")
        if usage := chunk.get("usage"):
            self._usage = Usage(int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))
        for choice in chunk["choices"][:1]:
            self._finish = choice.get("finish_reason") or self._finish
            part: dict[str, Any] = choice.get("delta") or choice.get("message") or {}
            if calls := part.get("tool_calls"):
                self._add(calls)
            if text := part.get("content"):
                self._grow(len(text))
                self._text.append("" + text)
                return text
        return ""

    def _add(self, calls: list[Any]) -> None:
        for position, call in enumerate(calls):
            index = call.get("index")
            parts = self._calls.setdefault(position if index is None else int(index), ["", "", ""])
            function: dict[str, Any] = call.get("function") or {}
            arguments = function.get("arguments") or ""
            if not isinstance(arguments, str):
                arguments = orjson.dumps(arguments).decode()
            self._grow(len(arguments))
            parts[0] = parts[0] or "" + (call.get("id") or "")
            parts[1] = parts[1] or "" + (function.get("name") or "")
            parts[2] += arguments

    def _grow(self, by: int) -> None:
        self._length += by
        if self._length > self._config.max_characters:
            raise garbage(self._config, f"模型的回答超过 {self._config.max_characters} 字仍未结束", "降低 max_tokens；查看模型是否在重复")

    def check(self, *, streamed: bool) -> None:
        """Raise when the answer is not a whole one."""
        if streamed and not self._finish:
            raise fault(self._config, "died", "模型的回答中途断了", "稍后重试；若反复出现，查看模型服务的日志")
        cure = "提高 max_tokens，或关闭模型的思考模式" if self._finish == "length" else "关闭思考模式或更换模型；并查看模型服务的解析器设置"
        if not self._calls and (self._finish == "tool_calls" or not "".join(self._text).strip()):
            raise garbage(self._config, "模型没有给出内容", cure)

    def completion(self) -> Completion:
        requests = tuple(self._request(index, *parts) for index, parts in sorted(self._calls.items()))
        return Completion("".join(self._text), requests, self._usage, self._finish == "length")

    def _request(self, index: int, identity: str, name: str, arguments: str) -> ToolRequest:
        parsed = _load_object(arguments or "{}")
        if not name or parsed is None:
            raise garbage(self._config, f"模型请求的工具“{name[:60]}”的参数不是 JSON 对象", "重试；或提高 max_tokens、打开 strict_tools")
        return ToolRequest(identity or f"call_{index}", name, parsed)


def fault(config: EndpointConfig, kind: FailureKind, message: str, cure: str, status: int = 0) -> ModelUnavailable:
    return ModelUnavailable(message, kind=kind, status=status, where=config.host, cure=cure)


def garbage(config: EndpointConfig, message: str, cure: str = "确认地址是 OpenAI 兼容的接口（通常以 /v1 结尾）") -> ModelUnavailable:
    return fault(config, "garbage", message, cure)


def _load_object(text: str) -> dict[str, Any] | None:
    """A JSON object as models write it: raw control characters in strings, prose or a fence around it; None when it is none."""
    for candidate in (text, text[text.find("{") : text.rfind("}") + 1]):
        with suppress(ValueError, RecursionError):
            parsed = json.loads(candidate, strict=False)
            return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else None
    return None


def _said(config: EndpointConfig, body: bytes) -> str:
    """What an error body says, short and without the key (some servers repeat it)."""
    text = body.decode("utf-8", "replace")
    try:
        parsed = orjson.loads(body)
        error = parsed.get("error") or parsed
        text = str(error.get("message") or error)
    except (AttributeError, ValueError):
        text = re.sub(r"<[^>]*>", " ", text)
    key = config.api_key.get_secret_value()
    return re.sub(r"\s+", " ", text.replace(key, "***") if key else text).strip()[:200]


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


def encode(payload: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(payload)
    except TypeError:
        # half a surrogate pair, as a browser may send it, is no UTF-8
        return json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")


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
        return self._deltas(self._payload(messages, (), None, stream=True), _Reply(self.config))

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
        reply = _Reply(self.config)
        payload = self._payload(messages, tools, schema, stream=self.config.stream_tools or not tools)
        async for _ in self._deltas(payload, reply):
            pass
        return reply.completion()

    def _as_json(self, completion: Completion) -> Completion:
        if completion.tool_requests:
            return completion
        parsed = _load_object(completion.text)
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

    async def _deltas(self, payload: dict[str, Any], reply: _Reply) -> AsyncGenerator[str, None]:
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
        said = _said(self.config, body)
        message, cure = REFUSALS.get(status) or (SERVER_REFUSAL if status >= 500 else OTHER_REFUSAL)
        return fault(self.config, "http_status", f"{message}（HTTP {status}）{'：' if said else ''}{said}", cure, status)

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
