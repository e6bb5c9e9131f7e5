"""Signing in through the enterprise's identity provider: OpenID Connect, authorisation code with PKCE (TISC-6.1.3-f).

Nothing that a provider says is believed unless it is signed with one of its own keys, by an algorithm that settings allow, for us,
now, and for this very sign-in. Claims that settings do not translate give nothing.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import quote, urlencode

import jwt
import structlog
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from domain.errors import NotAllowed, NotAuthenticated, PlatformError, UpstreamUnavailable
from domain.principal import ADMINISTRATIONS, Role
from records.identities import Identity, SignIn, SignInStore

from .fetching import Fetcher

log = structlog.get_logger()
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Asymmetric ones only: neither `none` nor a public key used as a shared secret can be asked for."""
LONGEST_TOKEN = 16 * 1024
DISCOVERY = "/.well-known/openid-configuration"


class OidcSettings(BaseModel):
    """One identity provider, and what its claims mean here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str
    client_id: str
    client_secret: SecretStr = SecretStr("")
    """Empty: a public client, which PKCE alone protects."""
    redirect_uri: str
    scopes: tuple[str, ...] = ("openid", "profile")
    algorithms: tuple[Algorithm, ...] = ("RS256", "PS256", "ES256", "EdDSA")
    clock_skew_s: int = Field(default=60, ge=0, le=300)
    """How far the provider's clock may be off."""
    known_for_s: float = Field(default=3600.0, gt=0)
    """How long its configuration and keys are believed."""
    keys_again_s: float = Field(default=10.0, ge=0)
    """A key that is not known is looked for at the provider, this often at most."""
    tenant_claim: str = "tenant"
    tenants: dict[str, str] = Field(default_factory=dict[str, str])
    role_claim: str = "roles"
    roles: dict[str, Role] = Field(default_factory=dict[str, Role])
    attribute_claim: str = ""
    attributes: dict[str, str] = Field(default_factory=dict[str, str])
    name_claim: str = "preferred_username"
    display_claim: str = "name"

    @model_validator(mode="after")
    def _sound(self) -> "OidcSettings":
        if administrations := set(self.roles.values()) & ADMINISTRATIONS:
            raise ValueError(f"administrators are appointed here, not by the provider: {sorted(administrations)}")
        if "openid" not in self.scopes:
            raise ValueError("scopes must contain openid")
        if not self.algorithms:
            raise ValueError("no algorithm is allowed")
        return self


class Provider(BaseModel):
    """What we need of a provider's configuration."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class OidcSignIn:
    """Begins and finishes sign-ins. `clock` counts seconds for what is remembered; tokens are judged by the real time."""

    def __init__(
        self, settings: OidcSettings, fetcher: Fetcher, sign_ins: SignInStore, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._fetcher = fetcher
        self._sign_ins = sign_ins
        self._clock = clock
        self._provider: tuple[float, Provider] | None = None
        self._keys: tuple[float, list[dict[str, Any]]] | None = None
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def begin(self, return_to: str = "/") -> tuple[str, str]:
        """Where to send the browser, and the secret that it must bring back in a cookie.

        Raises UpstreamUnavailable when the provider does not answer.
        """
        provider = await self._configuration()
        state, browser, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(4))
        sign_in = SignIn(nonce=nonce, verifier=verifier, return_to=local_path(return_to))
        await asyncio.to_thread(self._sign_ins.begin, state, browser, sign_in)
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": _base64(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        mark = "&" if "?" in provider.authorization_endpoint else "?"
        return f"{provider.authorization_endpoint}{mark}{urlencode(query)}", browser

    async def finish(self, query: Mapping[str, str], browser: str) -> tuple[Identity, str]:
        """Who has signed in, and where they were going.

        Raises NotAuthenticated for whatever does not add up, NotAllowed for a tenant or roles that settings do not know,
        UpstreamUnavailable.
        """
        sign_in = await asyncio.to_thread(self._sign_ins.take, query.get("state", ""), browser)
        if query.get("error") or not query.get("code"):
            raise NotAuthenticated("统一身份平台没有完成登录", where="code", cure="回到登录页重新开始")
        if query.get("iss", self._settings.issuer) != self._settings.issuer:
            raise _unproven("answer of another issuer")
        token = await self._exchange(query["code"], sign_in.verifier)
        return self._identity(await self.validated(token, sign_in.nonce)), sign_in.return_to

    async def validated(self, token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token. Raises NotAuthenticated, with the reason in the log only; UpstreamUnavailable."""
        settings = self._settings
        if len(token) > LONGEST_TOKEN:
            raise _unproven("too long")
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm not in settings.algorithms:
                raise _unproven("algorithm not allowed")
            key = await self._key(header.get("kid"), algorithm)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=settings.client_id,
                issuer=settings.issuer,
                leeway=settings.clock_skew_s,
                options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]},
            )
        except jwt.PyJWTError as error:
            raise _unproven(type(error).__name__) from error
        audience = claims["aud"]
        if claims.get("azp", settings.client_id) != settings.client_id or (isinstance(audience, list) and len(audience) != 1):  # pyright: ignore[reportUnknownArgumentType]
            raise _unproven("made for others too")
        if not isinstance(claims["nonce"], str) or not hmac.compare_digest(claims["nonce"].encode(), nonce.encode()):
            raise _unproven("nonce")
        return claims

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        settings = self._settings
        tenants = [settings.tenants[value] for value in _values(claims.get(settings.tenant_claim)) if value in settings.tenants]
        roles: frozenset[Role] = frozenset(
            settings.roles[value] for value in _values(claims.get(settings.role_claim)) if value in settings.roles
        )
        # two tenants at once would make the order of a list decide
        if len(set(tenants)) != 1 or not roles:
            raise NotAllowed("这个账号没有使用本平台的权限", where="login", cure="请管理员在统一身份平台上分配企业和角色")
        values = _values(claims.get(settings.attribute_claim)) if settings.attribute_claim else []
        return Identity(
            issuer=settings.issuer,
            subject=str(claims["sub"]),
            tenant=tenants[0],
            name=str(claims.get(settings.name_claim) or "")[:200],
            display_name=str(claims.get(settings.display_claim) or "")[:200],
            roles=roles,
            attributes=frozenset(settings.attributes[value] for value in values if value in settings.attributes),
        )

    async def _exchange(self, code: str, verifier: str) -> str:
        settings, provider = self._settings, await self._configuration()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.redirect_uri,
            "code_verifier": verifier,
        }
        headers = {"accept": "application/json"}
        if secret := settings.client_secret.get_secret_value():
            pair = f"{quote(settings.client_id, safe='')}:{quote(secret, safe='')}"
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form["client_id"] = settings.client_id
        answer = await self._fetcher.post_form(provider.token_endpoint, form, headers)
        if answer.status >= 500:
            raise UpstreamUnavailable("统一身份平台暂时不可用", where="token_endpoint", cure="稍后重试")
        body: Any = answer.json()
        token = body.get("id_token") if isinstance(body, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        if answer.status != 200 or not isinstance(token, str):
            raise _unproven("code refused")
        return token

    async def _configuration(self) -> Provider:
        if self._provider and self._provider[0] > self._clock():
            return self._provider[1]
        where = self._settings.issuer.rstrip("/") + DISCOVERY
        try:
            provider = Provider.model_validate((await self._fetcher.get(where)).json())
            for address in (provider.authorization_endpoint, provider.token_endpoint, provider.jwks_uri):
                self._fetcher.check(address)
        except ValueError as error:
            raise UpstreamUnavailable("统一身份平台的配置读不懂", where="issuer", cure="检查 issuer 是否正确") from error
        if provider.issuer != self._settings.issuer:
            raise UpstreamUnavailable("统一身份平台自称是另一个 issuer", where="issuer", cure="把 issuer 设置成它自称的那个")
        self._provider = (self._clock() + self._settings.known_for_s, provider)
        return provider

    async def _key(self, kid: object, algorithm: Algorithm) -> jwt.PyJWK:
        found = self._find(kid, algorithm)
        if found is None:
            async with self._asking:
                found = self._find(kid, algorithm)
                # whoever makes up key ids must not make us knock at the provider each time
                if found is None and self._clock() - self._asked_at >= self._settings.keys_again_s:
                    self._asked_at = self._clock()
                    await self._fetch_keys()
                    found = self._find(kid, algorithm)
        if found is None:
            raise _unproven("unknown key")
        return found

    async def _fetch_keys(self) -> None:
        provider = await self._configuration()
        body: Any = (await self._fetcher.get(provider.jwks_uri)).json()
        keys: Any = body.get("keys") if isinstance(body, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        if not isinstance(keys, list):
            raise UpstreamUnavailable("统一身份平台的密钥读不懂", where="jwks_uri", cure="检查 issuer 是否正确")
        kept = [key for key in keys if isinstance(key, dict) and key.get("use", "sig") == "sig"]  # pyright: ignore
        self._keys = (self._clock() + self._settings.known_for_s, kept)

    def _find(self, kid: object, algorithm: Algorithm) -> jwt.PyJWK | None:
        if self._keys is None or self._keys[0] <= self._clock():
            return None
        fitting = [key for key in self._keys[1] if key.get("kid") == kid and key.get("alg", algorithm) == algorithm]
        # without an id there must be no choice
        if len(fitting) != 1:
            return None
        try:
            return jwt.PyJWK(fitting[0], algorithm=algorithm)
        except jwt.PyJWTError:
            return None


def local_path(path: str) -> str:
    """A path on this server, or "/": nobody is sent elsewhere after signing in."""
    ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if ours and len(path) <= 500 else "/"


def _values(claim: Any) -> list[str]:
    """A claim as strings; anything else says nothing."""
    given: list[Any] = claim if isinstance(claim, list) else [claim]  # pyright: ignore[reportUnknownVariableType]
    return [value for value in given if isinstance(value, str)]


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unproven(reason: str) -> PlatformError:
    log.warning("sign-in refused", reason=reason)
    return NotAuthenticated("统一身份平台的登录没有通过核验", where="id_token", cure="回到登录页重新开始；若一直如此，请联系管理员")
