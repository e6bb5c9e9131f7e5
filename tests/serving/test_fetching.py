"""Fetching what others name, and not being sent to machines that are none of their business."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp.abc import ResolveResult
from fastapi import FastAPI, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import TooLarge, UpstreamUnavailable, UserInputError
from serving.fetching import Fetcher, FetchPolicy, _CheckedResolver, _Refused

from .listening import listening

STRICT, LOCAL = FetchPolicy(), FetchPolicy(loopback=True, largest_bytes=2000, total_s=0.5)
CLOSED = ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1", "255.255.255.255"]
CLOSED += ["::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::"]
CLOSED += ["::7f00:1", "64:ff9b:1::7f00:1", "240.0.0.1", "192.0.2.1", "198.18.0.1", "2001:db8::1"]


def allowed(policy: FetchPolicy, address: str) -> bool:
    from ipaddress import ip_address

    return policy.allows(ip_address(address))


@pytest.mark.parametrize("address", CLOSED)
def test_addresses_that_are_nobodys_business(address: str) -> None:
    assert not allowed(STRICT, address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_addresses_of_the_world(address: str) -> None:
    assert allowed(STRICT, address)


def test_an_operator_can_open_a_private_network_and_no_more() -> None:
    policy = FetchPolicy(networks=("10.1.0.0/16",))
    assert allowed(policy, "10.1.2.3")
    assert allowed(policy, "::ffff:10.1.2.3")
    assert not allowed(policy, "10.2.0.1")
    assert not allowed(policy, "127.0.0.1")
    for bad in ("169.254.0.0/16", "0.0.0.0/0", "fe80::/10", "here"):
        with pytest.raises(ValidationError):
            FetchPolicy(networks=(bad,))


@given(st.ip_addresses())
def test_link_local_is_never_open(address: object) -> None:
    generous = FetchPolicy(loopback=True, networks=("10.0.0.0/8", "192.168.0.0/16", "128.0.0.0/1"))
    if getattr(address, "is_link_local", False):
        assert not allowed(generous, str(address))


BAD = ["http://example.com/", "ftp://example.com/", "file:///etc/passwd", "https://", "https://user:pw@example.com/", "//example.com", ""]
BAD += ["https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest", "https://exa mple.com/", "https://example.com\\@evil/"]
BAD += ["https://example.com:99999/", "https://[::1", "javascript:alert(1)", "https://[fe80::1%25eth0]/", "https://example.com/\r\nHost: x"]


@pytest.mark.parametrize("url", BAD)
async def test_addresses_that_cannot_be_named(url: str) -> None:
    fetcher = Fetcher(STRICT)
    with pytest.raises(UserInputError, match="不能访问"):
        await fetcher.get(url)
    await fetcher.close()


@pytest.mark.parametrize("url", ["https://localhost/", "https://0x7f.1/", "https://2130706433/", "https://127.1/"])
async def test_a_name_that_leads_inside_is_refused_when_it_is_reached(url: str) -> None:
    fetcher = Fetcher(FetchPolicy(total_s=5))
    with pytest.raises(UserInputError, match="不能访问"):
        await fetcher.get(url)
    await fetcher.close()


def test_one_bad_address_makes_a_bad_name() -> None:
    def found(*hosts: str) -> list[ResolveResult]:
        return [
            ResolveResult(hostname="x", host=host, port=443, family=socket.AF_INET, proto=0, flags=0) for host in hosts
        ]  # fmt: skip

    resolver = _CheckedResolver(STRICT)
    assert len(resolver.checked(found("1.1.1.1"))) == 1
    for hosts in (("1.1.1.1", "10.0.0.1"), ("127.0.0.1",), ()):
        with pytest.raises(_Refused):
            resolver.checked(found(*hosts))


app = FastAPI()


@app.get("/ok")
async def ok() -> dict[str, str]:
    return {"it": "works"}


@app.get("/large")
async def large() -> Response:
    return Response(b"x" * 2001)


@app.get("/bomb")
async def bomb() -> Response:
    return Response(gzip.compress(b"x" * 1_000_000), headers={"content-encoding": "gzip"})


@app.get("/slow")
async def slow() -> StreamingResponse:
    async def drops() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x"
            await asyncio.sleep(0.1)

    return StreamingResponse(drops())


@app.api_route("/to", methods=["GET", "POST"])
async def to(where: str) -> RedirectResponse:
    return RedirectResponse(where)


@pytest.fixture
async def place() -> AsyncIterator[tuple[Fetcher, str]]:
    fetcher = Fetcher(LOCAL)
    async with listening(app) as address:
        yield fetcher, address
        await fetcher.close()


async def test_what_is_allowed_is_fetched(place: tuple[Fetcher, str]) -> None:
    fetcher, address = place
    answer = await fetcher.get(f"{address}/ok")
    assert (answer.status, answer.json()) == (200, {"it": "works"})
    assert (await fetcher.get(f"{address}/to?where=/ok")).json() == {"it": "works"}
    with pytest.raises(UpstreamUnavailable, match="不是 JSON"):
        (await fetcher.get(f"{address}/to?where=/openapi.json")).__class__("https://x/", 200, {}, b"<html>").json()


@pytest.mark.parametrize("path", ["/large", "/bomb"])
async def test_an_answer_has_a_size(place: tuple[Fetcher, str], path: str) -> None:
    with pytest.raises(TooLarge):
        await place[0].get(place[1] + path)


async def test_an_answer_has_a_time(place: tuple[Fetcher, str]) -> None:
    with pytest.raises(UpstreamUnavailable):
        await place[0].get(f"{place[1]}/slow")


@pytest.mark.parametrize(
    "where", ["http://localhost:1/", "https://example.com/", "//example.com/", "", "http://169.254.169.254/", "file:///etc"]
)
async def test_a_redirect_stays_on_its_host(place: tuple[Fetcher, str], where: str) -> None:
    with pytest.raises(UpstreamUnavailable):
        await place[0].get(f"{place[1]}/to?where={where}")


async def test_redirects_end(place: tuple[Fetcher, str]) -> None:
    with pytest.raises(UpstreamUnavailable, match="太多"):
        await place[0].get(f"{place[1]}/to?where=/to%3Fwhere%3D/to%253Fwhere%253D/to%25253Fwhere%25253D/to%2525253Fwhere%2525253D/ok")


async def test_a_form_follows_no_redirect(place: tuple[Fetcher, str]) -> None:
    with pytest.raises(UpstreamUnavailable):
        await place[0].post_form(f"{place[1]}/to?where=/ok", {"secret": "x"})


async def test_a_service_that_is_away(place: tuple[Fetcher, str]) -> None:
    with pytest.raises(UpstreamUnavailable) as caught:
        await place[0].get("http://127.0.0.1:9/secret?key=x")
    assert "secret" not in str(caught.value.problem())
