"""From headers to one credential, or to nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import NotAuthenticated
from records.tokens import csrf_token
from serving.credentials import Cookies, CredentialReader, Headers, Purpose, purpose_of

READER = CredentialReader()
TOKEN = "szs_" + "a" * 43
COOKIES = f"__Host-shuzhi={TOKEN}; __Host-shuzhi-csrf={csrf_token(TOKEN)}".encode()
HOST = (b"host", b"zhushou.example.com")
ORIGIN = (b"origin", b"https://zhushou.example.com")
CSRF = (b"x-csrf-token", csrf_token(TOKEN).encode())


def refused(headers: Headers, purpose: Purpose = "read", reader: CredentialReader = READER) -> str:
    with pytest.raises(NotAuthenticated) as caught:
        reader.read(headers, purpose)
    problem = caught.value.problem()
    assert problem.detail[0].cure
    assert TOKEN not in problem.model_dump_json()
    return problem.message


@pytest.mark.parametrize("value", [b"Bearer szk_1.x", b"bearer  szk_1.x", b"BEARER szk_1.x "])
def test_a_bearer_is_read(value: bytes) -> None:
    for purpose in ("read", "change", "socket"):
        assert READER.read([(b"authorization", value)], purpose) == "szk_1.x"


BAD = [b"", b"Bearer", b"Bearer ", b"Basic YTpi", b"Bearer a b", b"Bearer a,b", b"Bearer \xff", b"Bearer a\x00", b"Digest x", b"szk_1.x"]


@pytest.mark.parametrize("value", [*BAD, b"Bearer " + b"x" * 129, b"Bearer " + b"x" * 10_000_000, "Bearer а".encode()])
def test_any_other_authorization_is_nobody_even_with_a_cookie(value: bytes) -> None:
    refused([(b"authorization", value), (b"cookie", COOKIES)])


def test_doubled_headers_are_nobody() -> None:
    bearer = (b"authorization", b"Bearer szk_1.x")
    assert "重复" in refused([bearer, bearer])
    good = [(b"cookie", COOKIES), HOST, ORIGIN, CSRF]
    assert READER.read(good, "change") == TOKEN
    for doubled in (HOST, ORIGIN, CSRF, (b"host", b"evil.example"), (b"origin", b"https://evil.example"), (b"x-csrf-token", b"")):
        refused([*good, doubled], "change")


@pytest.mark.parametrize(
    "cookies",
    [
        [COOKIES, COOKIES],
        [COOKIES + b"; __Host-shuzhi=szs_other"],
        [b"__Host-shuzhi="],
        [b"__Host-shuzhi=a b"],
        [b'__Host-shuzhi="szs_x"'],
        [b"__Host-shuzhi=" + b"x" * 129],
        [b"shuzhi=szs_x"],
        [b"__host-shuzhi=szs_x"],
        [b"a=" + b"x" * 20_000 + b"; " + COOKIES],
        [b"\xff=\x00"],
        [],
    ],
)
def test_cookies_that_are_doubled_malformed_or_not_ours(cookies: list[bytes]) -> None:
    refused([(b"cookie", value) for value in cookies])


def test_cookies_may_come_in_several_headers() -> None:
    assert READER.read([(b"cookie", b"theme=dark"), (b"cookie", COOKIES)], "read") == TOKEN


@pytest.mark.parametrize(
    "origin", [None, b"null", b"", b"https://evil.example", b"https://zhushou.example.com.evil.example", b"zhushou.example.com"]
)
def test_a_change_with_a_cookie_needs_our_own_page(origin: bytes | None) -> None:
    headers = [(b"cookie", COOKIES), HOST, CSRF, *([(b"origin", origin)] if origin is not None else [])]
    assert READER.read(headers, "read") == TOKEN
    for purpose in ("change", "socket"):
        refused(headers, purpose)


@pytest.mark.parametrize("sent", [None, b"", b"x", csrf_token("szs_other").encode(), b"\xff"])
def test_a_change_with_a_cookie_needs_what_only_our_page_can_read(sent: bytes | None) -> None:
    headers = [(b"cookie", COOKIES), HOST, ORIGIN, *([(b"x-csrf-token", sent)] if sent is not None else [])]
    refused(headers, "change")
    assert READER.read(headers, "socket") == TOKEN


def test_a_csrf_cookie_that_somebody_planted_is_not_enough() -> None:
    planted = csrf_token("szs_attacker").encode()
    cookies = f"__Host-shuzhi={TOKEN}; __Host-shuzhi-csrf=".encode() + planted
    refused([(b"cookie", cookies), HOST, ORIGIN, (b"x-csrf-token", planted)], "change")


def test_behind_a_proxy_the_origins_are_settings() -> None:
    reader = CredentialReader(origins=frozenset({"https://zhushou.example.com"}))
    headers = [(b"cookie", COOKIES), (b"host", b"10.0.0.7:8000"), ORIGIN, CSRF]
    assert reader.read(headers, "change") == TOKEN
    refused(headers, "change")
    refused([(b"cookie", COOKIES), HOST, (b"origin", b"http://zhushou.example.com"), CSRF], "change", reader)


def test_plain_http_has_cookies_of_other_names() -> None:
    reader = CredentialReader(Cookies(secure=False))
    assert reader.read([(b"cookie", f"shuzhi={TOKEN}".encode())], "read") == TOKEN
    refused([(b"cookie", COOKIES)], reader=reader)


@pytest.mark.parametrize(
    ("method", "purpose"), [("GET", "read"), ("head", "read"), ("POST", "change"), ("DELETE", "change"), ("X", "change")]
)
def test_what_is_not_known_to_be_safe_is_a_change(method: str, purpose: Purpose) -> None:
    assert purpose_of(method) == purpose


NAMES = st.sampled_from([b"authorization", b"cookie", b"host", b"origin", b"x-csrf-token"])
VALUES = st.one_of(st.binary(max_size=60), st.sampled_from([COOKIES, ORIGIN[1], HOST[1], CSRF[1], b"Bearer x"]))


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8), st.sampled_from(["read", "change", "socket"]))
def test_whatever_the_headers_are_there_is_one_credential_or_nobody(headers: list[tuple[bytes, bytes]], purpose: Purpose) -> None:
    try:
        found = READER.read(headers, purpose)
    except NotAuthenticated:
        return
    assert 0 < len(found) <= 128
    assert sum(name == b"authorization" for name, _ in headers) <= 1
