"""Client for a guard model behind an OpenAI-compatible endpoint. What is missing or off the form is raised, never safe."""

import asyncio
import time
from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from domain.errors import UpstreamUnavailable
from guardrails.attacks.verdicts import SCHEMA, Form, Opinion, load_asking, read_opinion
from guardrails.policy import Direction
from knowledge.recent import Recent

from .wire import plain_address, plain_key

if TYPE_CHECKING:
    import httpx

REMEMBERED = 4096
"""Texts that were called safe, by hash: the same passages come again and again."""
LARGEST = 1 << 20
"""Bytes of an answer's envelope."""
MOST_TOKENS = 200
NO_SCHEMA = frozenset({400, 422})


class GuardEndpointConfig(BaseModel):
    """The endpoint, and how patient we are with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, AfterValidator(plain_address)]
    name: Annotated[str, Field(min_length=1)]
    key: Annotated[SecretStr, AfterValidator(plain_key)] = SecretStr("")
    timeout_s: Annotated[float, Field(gt=0)] = 5.0
    concurrency: Annotated[int, Field(ge=1)] = 8
    form: Form | None = None
    """None: by the model's name."""


class _Message(BaseModel):
    content: Annotated[str, Field(min_length=1)]


class _Choice(BaseModel):
    message: _Message
    finish_reason: str


class _Envelope(BaseModel):
    """As much of a chat completion as is read; one choice that came to its end."""

    choices: Annotated[list[_Choice], Field(min_length=1, max_length=1)]


class GuardEndpoint:
    """A GuardModel. It belongs to one event loop; close it there."""

    def __init__(self, config: GuardEndpointConfig) -> None:
        self._config = config
        self._asking = load_asking()
        self._form: Form = config.form or self._asking.form(config.name)
        self._slots = asyncio.Semaphore(config.concurrency)
        self._probing = asyncio.Lock()
        self._believed_until = 0.0
        self._takes_schema = True
        self._safe: Recent[bool] = Recent(REMEMBERED)
        self._client: httpx.AsyncClient | None = None

    @property
    def seconds(self) -> float:
        return self._config.timeout_s

    async def verdict(self, text: str, direction: Direction) -> Opinion:
        """What the model says of `text`.

        Raises:
            UpstreamUnavailable: it cannot be reached, does not answer in the agreed form, or calls plain harm safe.
        """
        await self._probe()
        key = blake2b(f"{direction}\n{text}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if self._safe.known(key, self._believed_until):
            return Opinion(safe=True)
        opinion = await self._asked(text, direction)
        if opinion.safe:
            self._safe.recall(key, self._believed_until, lambda: True)
        return opinion

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _probe(self) -> None:
        """Every so often the model is shown what every guard stops; one that lets it pass is not believed, nor what it said since."""
        async with self._probing:
            if time.monotonic() < self._believed_until:
                return
            if (await self._asked(self._asking.probe, "input")).safe:
                cure = "核对模型名，确认它是安全模型；用 shuzhi guard 试一句明显有害的话"
                raise UpstreamUnavailable("安全模型把明显有害的内容判为安全，不可信任", where=self._config.name, cure=cure)
            self._believed_until = time.monotonic() + self._asking.probe_every_s

    async def _asked(self, text: str, direction: Direction) -> Opinion:
        payload: dict[str, Any] = {
            "model": self._config.name,
            "messages": self._asking.messages(self._form, text, direction),
            "temperature": 0,
            "max_tokens": MOST_TOKENS,
            "stream": False,
        }
        schema = {"response_format": {"type": "json_schema", "json_schema": {"name": "verdict", "schema": SCHEMA, "strict": True}}}
        async with self._slots:
            if self._form != "json" or not self._takes_schema:
                return self._read(*await self._post(payload))
            status, body = await self._post(payload | schema)
            if status in NO_SCHEMA:
                status, body = await self._post(payload)
                self._takes_schema = status in NO_SCHEMA  # only now is it known whether the schema was what the server objected to
            return self._read(status, body)

    async def _post(self, payload: dict[str, Any]) -> tuple[int, bytes]:
        import httpx  # noqa: PLC0415 - only needed where a guard model is attached

        body = bytearray()
        try:
            async with self._open().stream("POST", f"{self._config.url}/chat/completions", json=payload) as response:
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > LARGEST:
                        raise UpstreamUnavailable("安全模型的答复过长", where=self._config.name, cure="核对地址与模型名")
                return response.status_code, bytes(body)
        except httpx.TimeoutException as error:
            raise UpstreamUnavailable(f"安全模型在 {self.seconds:g} 秒内没有答复", where=self._config.name, cure="检查安全模型") from error
        except (httpx.HTTPError, UnicodeError) as error:
            raise UpstreamUnavailable("连不上安全模型", where=self._config.name, cure="确认安全模型已启动，地址无误") from error

    def _open(self) -> "httpx.AsyncClient":
        if self._client is None:
            import httpx  # noqa: PLC0415

            key = self._config.key.get_secret_value()
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            limits = httpx.Limits(max_connections=self._config.concurrency, keepalive_expiry=4.0)
            # no proxies and no certificates from the environment: only the settings decide where a text goes
            self._client = httpx.AsyncClient(headers=headers, timeout=self.seconds, limits=limits, trust_env=False, follow_redirects=False)
        return self._client

    def _read(self, status: int, body: bytes) -> Opinion:
        if status != 200:
            raise UpstreamUnavailable(f"安全模型拒绝了请求（HTTP {status}）", where=self._config.name, cure="核对地址、模型名与密钥")
        try:
            [choice] = _Envelope.model_validate_json(body).choices
        except ValidationError as error:
            raise UpstreamUnavailable("安全模型的答复不是约定的 JSON 格式", where=self._config.name, cure="核对地址") from error
        if choice.finish_reason != "stop" or len(choice.message.content) > self._asking.largest_answer:
            raise UpstreamUnavailable("安全模型的答复不完整", where=self._config.name, cure="关闭模型的思考模式，或更换模型")
        return read_opinion(choice.message.content, self._form)
