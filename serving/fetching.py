"""Fetching addresses that settings, documents or people name, without being sent to machines that are none of their business.

https only; every address that a name resolves to is checked when the connection is made, so a name that changes its mind in between
(DNS rebinding) gains nothing; redirects stay on their host; answers have a size and a time.
"""

import asyncio
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import orjson
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from pydantic import BaseModel, ConfigDict, Field, field_validator

from domain.errors import TooLarge, UpstreamUnavailable, UserInputError

Address = IPv4Address | IPv6Address
NAT64 = ip_network("64:ff9b::/96")
REDIRECTS = frozenset({301, 302, 303, 307, 308})
CHUNK = 64 * 1024
NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")


class FetchPolicy(BaseModel):
    """What may be reached, and how much may come back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    loopback: bool = False
    """For development: this machine, and http to it."""
    networks: tuple[str, ...] = ()
    """Private networks that the operator opens, such as `10.1.0.0/16`; never link-local ones, where clouds keep their secrets."""
    largest_bytes: int = Field(default=1024 * 1024, ge=1)
    total_s: float = Field(default=10.0, gt=0)
    connect_s: float = Field(default=3.0, gt=0)
    redirects: int = Field(default=3, ge=0, le=10)

    @field_validator("networks")
    @classmethod
    def _known(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for each in networks:
            network = ip_network(each)
            if network.is_link_local or network.prefixlen == 0:
                raise ValueError(f"{each} cannot be opened")
        return networks

    def allows(self, address: Address) -> bool:
        """Whether a connection to this address may be made; an address inside another counts as what it contains."""
        inner = _inner(address)
        if inner is not None:
            return self.allows(inner)
        if address.is_link_local or address.is_multicast or address.is_unspecified or (address.is_reserved and not address.is_loopback):
            return False
        if address.is_loopback:
            return self.loopback
        if any(address in ip_network(each) for each in self.networks):
            return True
        return address.is_global


def _inner(address: Address) -> IPv4Address | None:
    if isinstance(address, IPv4Address):
        return None
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, whole."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Raises UpstreamUnavailable for what is no JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise UpstreamUnavailable("对方返回的不是 JSON", where=_shown(self.url), cure="检查地址是否正确") from error


class Fetcher:
    """One connection pool; `close` gives it back. Needs a running event loop from its first request on."""

    def __init__(self, policy: FetchPolicy | None = None) -> None:
        self.policy = policy or FetchPolicy()
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Fetched:
        """Raises UserInputError for an address that may not be reached, UpstreamUnavailable, TooLarge."""
        for _ in range(self.policy.redirects + 1):
            answer = await self._send("GET", url, headers, None)
            if answer.status not in REDIRECTS:
                return answer
            url = self._next(url, answer.headers.get("location", ""))
        raise UpstreamUnavailable("重定向太多", where=_shown(url), cure="检查地址是否正确")

    async def post_form(self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Fetched:
        """No redirect is followed: what is sent may be a secret. Raises like `get`."""
        answer = await self._send("POST", url, headers, form)
        if answer.status in REDIRECTS:
            raise UpstreamUnavailable("对方要求转到别的地址", where=_shown(url), cure="检查地址是否正确")
        return answer

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def check(self, url: str) -> None:
        """Whether an address may be named at all; where it leads is checked when it is reached. Raises UserInputError."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            raise _forbidden(url) from None
        literal = _literal(host)
        local = self.policy.loopback and (host == "localhost" or (literal is not None and literal.is_loopback))
        # 2130706433 and 127.1 are addresses to some and names to others
        if literal is None and NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2]):
            raise _forbidden(url)
        if not host or parts.username is not None or parts.password is not None or any(ord(c) <= 32 or c == "\\" for c in url):
            raise _forbidden(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise _forbidden(url)
        if literal is not None and not self.policy.allows(literal):
            raise _forbidden(url)

    def _next(self, url: str, location: str) -> str:
        there = urljoin(url, location)
        here, then = urlsplit(url), urlsplit(there)
        if not location or (here.scheme, here.netloc) != (then.scheme, then.netloc):
            raise UpstreamUnavailable("对方要求转到别的主机", where=_shown(url), cure="直接填写最终的地址")
        return there

    async def _send(self, method: str, url: str, headers: Mapping[str, str] | None, form: Mapping[str, str] | None) -> Fetched:
        self.check(url)
        session = self._opened()
        try:
            async with session.request(method, url, headers=headers, data=form, allow_redirects=False) as response:
                return Fetched(url, response.status, {k.lower(): v for k, v in response.headers.items()}, await self._body(response))
        except _Refused:
            raise _forbidden(url) from None
        except aiohttp.ClientConnectorError as error:
            # aiohttp wraps what the resolver raises
            if isinstance(error.os_error, _Refused) or isinstance(error.__cause__, _Refused):
                raise _forbidden(url) from None
            raise _unreachable(url) from error
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise _unreachable(url) from error

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        # counted after decompression: a small answer may unpack to a large one
        body = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK):
            body += chunk
            if len(body) > self.policy.largest_bytes:
                limit = self.policy.largest_bytes // 1024
                raise TooLarge("对方返回的内容太大", where=_shown(str(response.url)), cure=f"上限 {limit} KB")
        return bytes(body)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self.policy.total_s, connect=self.policy.connect_s)
            connector = aiohttp.TCPConnector(resolver=_CheckedResolver(self.policy), use_dns_cache=False, limit=20)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True
            )
        return self._session


class _Refused(OSError):
    """An address that may not be reached."""


class _CheckedResolver(AbstractResolver):
    """Hands out only addresses that may be reached; the connection is made to these and no others."""

    def __init__(self, policy: FetchPolicy) -> None:
        self._policy = policy
        self._resolver: AbstractResolver | None = None

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        self._resolver = self._resolver or ThreadedResolver(asyncio.get_running_loop())
        found = await self._resolver.resolve(host, port, family)
        return self.checked(found)

    def checked(self, found: Sequence[ResolveResult]) -> list[ResolveResult]:
        """One bad address among good ones is a bad name."""
        if not found or not all(self._policy.allows(ip_address(each["host"].partition("%")[0])) for each in found):
            raise _Refused("address not allowed")
        return list(found)

    async def close(self) -> None:
        if self._resolver is not None:
            await self._resolver.close()


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _shown(url: str) -> str:
    """An address without what may be a secret in it."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname or ''}"[:200]
    except ValueError:
        return "地址"


def _forbidden(url: str) -> UserInputError:
    return UserInputError("不能访问这个地址", where=_shown(url), cure="使用公网上的 https 地址；内网地址由管理员在设置中开放")


def _unreachable(url: str) -> UpstreamUnavailable:
    return UpstreamUnavailable("连不上对方的服务", where=_shown(url), cure="检查地址和网络，稍后重试")
