"""A real OpenID provider on this machine, which can be told to lie."""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

CLIENT, SECRET = "shuzhi", "geheim & co"
Claims = dict[str, Any]


class Key:
    """A signing key and its public half as a provider publishes it."""

    def __init__(self, kid: str, algorithm: str = "RS256") -> None:
        self.kid, self.algorithm = kid, algorithm
        if algorithm.startswith("ES"):
            self.private: Any = ec.generate_private_key(ec.SECP256R1())
            self.jwk = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        else:
            self.private = rsa.generate_private_key(65537, 2048)
            self.jwk = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        self.jwk = {**self.jwk, "kid": kid, "use": "sig", "alg": algorithm}


class IdentityProvider:
    """`claims`: what it says about everybody. `sign` can be replaced by something that forges."""

    def __init__(self) -> None:
        self.issuer = ""
        self.key = Key("k1")
        self.published = [self.key.jwk]
        self.claims: Claims = {"sub": "u-1", "tenant": "forge", "roles": ["worker"], "preferred_username": "anna", "name": "安娜"}
        self.sign: Callable[[Claims], str] = self.honest
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        self.app = FastAPI()
        self.app.get("/.well-known/openid-configuration")(self.configuration)
        self.app.get("/jwks")(self.jwks)
        self.app.get("/authorize")(self.authorize)
        self.app.post("/token")(self.token)

    def honest(self, claims: Claims) -> str:
        return jwt.encode(claims, self.key.private, self.key.algorithm, headers={"kid": self.key.kid})

    def about(self, nonce: str, **changed: Any) -> Claims:
        now = int(time.time())
        given = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce, **self.claims, **changed}
        return {name: value for name, value in given.items() if value is not None}

    def configuration(self) -> dict[str, Any]:
        self.asked.append("configuration")
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
        }

    def jwks(self) -> dict[str, Any]:
        self.asked.append("jwks")
        return {"keys": self.published}

    def authorize(self, request: Request) -> RedirectResponse:
        return RedirectResponse(self.approve(str(request.url)))

    def approve(self, address: str) -> str:
        """What the browser is sent back to when its user agrees."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["code_challenge_method"] == "S256"
        assert asked["response_type"] == "code"
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.issuer})}"

    async def token(self, request: Request) -> JSONResponse:
        form = await request.form()
        asked = self._codes.pop(str(form.get("code")), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(str(form.get("code_verifier")).encode()).digest()).rstrip(b"=").decode()
        pair = base64.b64encode(b"shuzhi:geheim%20%26%20co").decode()
        if request.headers.get("authorization") != f"Basic {pair}":
            return JSONResponse({"error": "invalid_client"}, 401)
        if asked is None or asked["code_challenge"] != challenge or form.get("redirect_uri") != asked["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": self.sign(self.about(asked["nonce"]))})
