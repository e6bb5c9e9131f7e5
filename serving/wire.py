"""What goes over the wire to a chat endpoint and back: its address, requests, server-sent events, answers, and what is wrong with them.

Nothing here opens a connection; `endpoint.py` does.
"""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from agents.model import Completion, FailureKind, Message, ModelUnavailable, Role, ToolRequest, Usage

MAX_EVENT_BYTES = 4 << 20


def plain_address(value: str) -> str:
    """An endpoint's address that holds nothing but an address."""
    parts = urlsplit(value.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("模型服务地址应是 http(s)://主机[:端口]/v1，不带用户名、密码和参数；密钥请另外设置")
    return value.strip().rstrip("/")


def plain_key(value: SecretStr) -> SecretStr:
    """A key that can stand in a header."""
    key = value.get_secret_value().strip()
    if not (key.isascii() and key.isprintable()):
        raise ValueError("API 密钥里有换行或非 ASCII 字符")
    return SecretStr(key)


class EndpointConfig(BaseModel):
    """An endpoint and how patient we are with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: Annotated[str, AfterValidator(plain_address)]
    """Up to and including `/v1`."""
    model: str
    api_key: Annotated[SecretStr, AfterValidator(plain_key)] = SecretStr("")
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


class Reply:
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
            raise garbage(self._config, f"模型服务在回答中报错：{said(self._config, orjson.dumps(chunk))}")
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
        parsed = load_object(arguments or "{}")
        if not name or parsed is None:
            raise garbage(self._config, f"模型请求的工具“{name[:60]}”的参数不是 JSON 对象", "重试；或提高 max_tokens、打开 strict_tools")
        return ToolRequest(identity or f"call_{index}", name, parsed)


def fault(config: EndpointConfig, kind: FailureKind, message: str, cure: str, status: int = 0) -> ModelUnavailable:
    return ModelUnavailable(message, kind=kind, status=status, where=config.host, cure=cure)


def garbage(config: EndpointConfig, message: str, cure: str = "确认地址是 OpenAI 兼容的接口（通常以 /v1 结尾）") -> ModelUnavailable:
    return fault(config, "garbage", message, cure)


def load_object(text: str) -> dict[str, Any] | None:
    """A JSON object as models write it: raw control characters in strings, prose or a fence around it; None when it is none."""
    for candidate in (text, text[text.find("{") : text.rfind("}") + 1]):
        with suppress(ValueError, RecursionError):
            parsed = json.loads(candidate, strict=False)
            return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else None
    return None


def said(config: EndpointConfig, body: bytes) -> str:
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


def encode(payload: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(payload)
    except TypeError:
        # half a surrogate pair, as a browser may send it, is no UTF-8
        return json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")
