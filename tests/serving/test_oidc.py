"""Signing in through an identity provider: what it says is believed only when everything adds up."""

import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from pydantic import ValidationError

from domain.errors import NotAllowed, NotAuthenticated, PlatformError, UpstreamUnavailable
from records.database import Database
from records.identities import IdentityStore, SignInStore
from serving.fetching import Fetcher, FetchPolicy
from serving.oidc import OidcSettings, OidcSignIn, local_path

from .identity_provider import CLIENT, SECRET, Claims, IdentityProvider, Key
from .listening import listening

BACK = "https://zhushou.example.com/v1/auth/oidc/callback"
SIGNING = Key("k1")


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Stage:
    """A provider, and our side of it."""

    def __init__(self, provider: IdentityProvider, fetcher: Fetcher, database: Database) -> None:
        self.provider, self.fetcher, self.database = provider, fetcher, database
        self.clock = Clock()
        self.ours = self.side()

    def side(self, **changed: Any) -> OidcSignIn:
        settings: dict[str, Any] = {
            "issuer": self.provider.issuer,
            "client_id": CLIENT,
            "client_secret": SECRET,
            "redirect_uri": BACK,
            "tenants": {"forge": "锻造厂"},
            "roles": {"worker": "staff", "engineer": "expert"},
            "attribute_claim": "groups",
            "attributes": {"steel": "钢铁"},
        }
        return OidcSignIn(OidcSettings.model_validate(settings | changed), self.fetcher, SignInStore(self.database), clock=self.clock)

    async def arrive(self, return_to: str = "/") -> tuple[dict[str, str], str]:
        """What a browser brings back: the query, and its cookie."""
        address, browser = await self.ours.begin(return_to)
        return query_of(self.provider.approve(address)), browser

    async def sign_in(self) -> Any:
        query, browser = await self.arrive()
        return (await self.ours.finish(query, browser))[0]

    async def refused(self) -> str:
        with pytest.raises(NotAuthenticated) as caught:
            await self.sign_in()
        return caught.value.message


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    provider = IdentityProvider()
    provider.key = SIGNING
    provider.published = [SIGNING.jwk]
    database, fetcher = Database("sqlite://"), Fetcher(FetchPolicy(loopback=True))
    database.upgrade()
    async with listening(provider.app) as address:
        provider.issuer = address
        yield Stage(provider, fetcher, database)
        await fetcher.close()
    database.close()


async def test_a_person_signs_in(stage: Stage) -> None:
    stage.provider.claims["groups"] = ["steel", "unknown"]
    query, browser = await stage.arrive("/chat?thread=1")
    identity, return_to = await stage.ours.finish(query, browser)
    assert return_to == "/chat?thread=1"
    assert (identity.tenant, identity.name, identity.display_name) == ("锻造厂", "anna", "安娜")
    assert (identity.roles, identity.attributes) == ({"staff"}, {"钢铁"})
    await stage.sign_in()
    assert stage.provider.asked == ["configuration", "jwks"]


async def test_a_sign_in_can_be_finished_once_and_by_its_own_browser(stage: Stage) -> None:
    query, browser = await stage.arrive()
    await stage.ours.finish(query, browser)
    for state, secret in ((query, browser), (query | {"state": "made up"}, browser)):
        with pytest.raises(NotAuthenticated, match="已失效"):
            await stage.ours.finish(state, secret)
    query, browser = await stage.arrive()
    for secret in ("", "another browser"):
        with pytest.raises(NotAuthenticated, match="已失效"):
            await stage.ours.finish(query, secret)
    # the attempt has used it up
    with pytest.raises(NotAuthenticated):
        await stage.ours.finish(query, browser)


async def test_a_code_of_another_sign_in_is_refused(stage: Stage) -> None:
    mine, browser = await stage.arrive()
    other, _ = await stage.arrive()
    with pytest.raises(NotAuthenticated, match="没有通过核验"):
        await stage.ours.finish(mine | {"code": other["code"]}, browser)


@pytest.mark.parametrize("change", [{"code": ""}, {"error": "access_denied"}, {"iss": "https://evil.example"}])
async def test_an_answer_that_is_none(stage: Stage, change: dict[str, str]) -> None:
    query, browser = await stage.arrive()
    with pytest.raises(NotAuthenticated):
        await stage.ours.finish(query | change, browser)


def unsigned(provider: IdentityProvider, claims: Claims) -> str:
    return jwt.encode(claims, None, "none")


def shared_secret(provider: IdentityProvider, claims: Claims) -> str:
    """The provider's public key, which everybody has, used as an HMAC secret (the library itself refuses to make such a token)."""
    import hashlib
    import hmac

    pem = SIGNING.private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head = _part({"alg": "HS256", "kid": "k1", "typ": "JWT"}) + "." + _part(claims)
    return head + "." + _base64(hmac.new(pem, head.encode(), hashlib.sha256).digest())


def another_key(provider: IdentityProvider, claims: Claims) -> str:
    return jwt.encode(claims, Key("k1").private, "RS256", headers={"kid": "k1"})


def own_key_in_header(provider: IdentityProvider, claims: Claims) -> str:
    forger = Key("k1")
    return jwt.encode(claims, forger.private, "RS256", headers={"kid": "k1", "jwk": forger.jwk, "jku": "https://evil.example/jwks"})


def altered(provider: IdentityProvider, claims: Claims) -> str:
    head, _, mark = provider.honest(claims).split(".")
    return f"{head}.{_part(claims | {'sub': 'somebody else'})}.{mark}"


def _part(value: Any) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize("forge", [unsigned, shared_secret, another_key, own_key_in_header, altered])
async def test_a_forged_token_is_refused(stage: Stage, forge: Callable[[IdentityProvider, Claims], str]) -> None:
    await stage.sign_in()
    stage.provider.sign = lambda claims: forge(stage.provider, claims)
    assert "没有通过核验" in await stage.refused()


NOW = time.time()
WRONG: list[tuple[str, Callable[[], Claims]]] = [
    ("expired", lambda: {"exp": int(time.time()) - 61}),
    ("from the future", lambda: {"iat": int(time.time()) + 120}),
    ("not yet valid", lambda: {"nbf": int(time.time()) + 120}),
    ("another audience", lambda: {"aud": "someone"}),
    ("two audiences", lambda: {"aud": [CLIENT, "someone"]}),
    ("another party", lambda: {"azp": "someone"}),
    ("another issuer", lambda: {"iss": "https://evil.example"}),
    ("another nonce", lambda: {"nonce": "another"}),
    ("no nonce", lambda: {"nonce": None}),
    ("a nonce that is no text", lambda: {"nonce": 7}),
    ("no expiry", lambda: {"exp": None}),
    ("no subject", lambda: {"sub": None}),
    ("an endless expiry", lambda: {"exp": "never"}),
]


@pytest.mark.parametrize("change", [case[1] for case in WRONG], ids=[case[0] for case in WRONG])
async def test_a_token_that_is_not_for_us_now_and_this_sign_in(stage: Stage, change: Callable[[], Claims]) -> None:
    def sign(claims: Claims) -> str:
        changed = {name: value for name, value in (claims | change()).items() if value is not None}
        return stage.provider.honest(changed)

    stage.provider.sign = sign
    assert "没有通过核验" in await stage.refused()


@pytest.mark.parametrize("change", [lambda: {"exp": int(time.time()) - 30}, lambda: {"iat": int(time.time()) + 30}])
async def test_clocks_may_differ_by_a_minute(stage: Stage, change: Callable[[], Claims]) -> None:
    stage.provider.sign = lambda claims: stage.provider.honest(claims | change())
    assert (await stage.sign_in()).name == "anna"
    stage.ours = stage.side(clock_skew_s=0)
    await stage.refused()


async def test_a_rotated_key_is_fetched_and_an_old_one_forgotten(stage: Stage) -> None:
    await stage.sign_in()
    old, stage.provider.key = stage.provider.key, Key("k2", "ES256")
    stage.provider.published = [stage.provider.key.jwk]
    # within the pause nobody makes us ask again
    await stage.refused()
    stage.clock.seconds += 10
    assert (await stage.sign_in()).name == "anna"
    stage.provider.key = old
    await stage.refused()


async def test_made_up_key_ids_do_not_make_us_knock(stage: Stage) -> None:
    await stage.sign_in()
    stage.provider.sign = lambda claims: jwt.encode(claims, SIGNING.private, "RS256", headers={"kid": "made up"})
    for _ in range(5):
        await stage.refused()
    assert stage.provider.asked.count("jwks") == 1


UNKNOWN: list[Claims] = [{"tenant": "rival"}, {"tenant": None}, {"tenant": ["forge", "mill"]}]
UNKNOWN += [{"roles": ["boss"]}, {"roles": None}, {"roles": [["worker"]]}, {"roles": 7}]


@pytest.mark.parametrize("claims", UNKNOWN)
async def test_an_unknown_tenant_or_role_is_nobody(stage: Stage, claims: Claims) -> None:
    stage.ours = stage.side(tenants={"forge": "锻造厂", "mill": "纺织厂"})
    stage.provider.claims = {name: value for name, value in (stage.provider.claims | claims).items() if value is not None}
    with pytest.raises(NotAllowed, match="没有使用本平台的权限"):
        await stage.sign_in()


def test_a_provider_appoints_no_administrator_and_signs_with_real_keys() -> None:
    good: dict[str, Any] = {"issuer": "https://id.example", "client_id": "x", "redirect_uri": BACK}
    assert OidcSettings.model_validate(good).tenants == {}
    for bad in (
        {"roles": {"a": "system_admin"}},
        {"algorithms": ["none"]},
        {"algorithms": ["HS256"]},
        {"algorithms": []},
        {"scopes": ["x"]},
    ):
        with pytest.raises(ValidationError):
            OidcSettings.model_validate(good | bad)


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://evil.example"},
        {"jwks_uri": None},
        {"token_endpoint": "http://10.0.0.1/token"},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
async def test_a_configuration_that_points_elsewhere_is_refused(stage: Stage, change: Claims) -> None:
    honest = stage.provider.configuration()
    stage.provider.app.router.routes = [route for route in stage.provider.app.router.routes if "openid" not in getattr(route, "path", "")]
    stage.provider.app.get("/.well-known/openid-configuration")(lambda: {k: v for k, v in (honest | change).items() if v is not None})
    with pytest.raises(PlatformError) as caught:
        await stage.ours.begin()
    assert caught.value.status_code in (422, 503)


async def test_a_provider_that_is_away(stage: Stage) -> None:
    ours = stage.side(issuer="http://127.0.0.1:9")
    with pytest.raises(UpstreamUnavailable):
        await ours.begin()


ELSEWHERE = ["//evil.example", "https://evil.example", "/\\evil", "/a\r\nb", "", "//"]


@pytest.mark.parametrize(("given", "used"), [("/chat", "/chat"), *((path, "/") for path in ELSEWHERE)])
def test_nobody_is_sent_elsewhere_after_signing_in(given: str, used: str) -> None:
    assert local_path(given) == used


class TestAccounts:
    def store(self, stage: Stage) -> IdentityStore:
        return IdentityStore(stage.database, lambda deed, connection: None)

    async def test_the_first_sign_in_makes_an_account_and_the_next_finds_it(self, stage: Stage) -> None:
        store = self.store(stage)
        first = store.admit(await stage.sign_in())
        stage.provider.claims["roles"] = ["engineer"]
        again = store.admit(await stage.sign_in())
        assert (again.id, again.roles, again.external) == (first.id, {"expert"}, True)

    async def test_a_name_that_is_taken_links_nothing(self, stage: Stage) -> None:
        store = self.store(stage)
        first = store.admit(await stage.sign_in())
        stage.provider.claims["sub"] = "u-2"
        second = store.admit(await stage.sign_in())
        assert second.id != first.id
        assert second.name.startswith("anna@")

    async def test_a_disabled_account_and_another_tenants_stay_out(self, stage: Stage) -> None:
        store = self.store(stage)
        identity = await stage.sign_in()
        store.admit(identity)
        with pytest.raises(NotAuthenticated):
            store.admit(identity.model_copy(update={"tenant": "纺织厂"}))
        for change in ({"roles": frozenset({"audit_admin"})}, {"roles": frozenset[str]()}, {"tenant": ""}):
            with pytest.raises(NotAllowed):
                store.admit(identity.model_copy(update=change))
