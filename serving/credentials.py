"""From the headers of a request to the credential in it: a bearer key or session, or the session cookie of our own pages.

Whatever is doubled, malformed or of another scheme is nobody: two parts of a system must never read two different people in one
request. With a cookie, a change also needs our own page's origin and the token that only our own page can read (CSRF).
"""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from domain.errors import NotAuthenticated
from records.tokens import csrf_token

Headers = Sequence[tuple[bytes, bytes]]
"""As ASGI gives them: names in lower case, in their order, doubled ones and all."""
Purpose = Literal["read", "change", "socket"]
"""socket: a WebSocket, which any page may open with its visitor's cookies; it needs the origin, and cannot carry a CSRF header."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = b"x-csrf-token"
BEARER = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] +([0-9A-Za-z._~+/=-]{1,128}) *")
VALUE = re.compile(rb"[0-9A-Za-z._~+/=-]{1,128}")
LONGEST_COOKIES = 16 * 1024
CURE = "登录，或在请求头里带上 Authorization: Bearer <密钥>"


@dataclass(frozen=True, slots=True)
class Cookies:
    """Names of our cookies. `__Host-` makes browsers insist on https, this very host and the whole path."""

    secure: bool = True

    @property
    def session(self) -> str:
        return "__Host-shuzhi" if self.secure else "shuzhi"

    @property
    def csrf(self) -> str:
        return f"{self.session}-csrf"

    @property
    def sign_in(self) -> str:
        return f"{self.session}-signin"


@dataclass(frozen=True, slots=True)
class CredentialReader:
    """`origins`: pages that may send cookies with a change; without any, pages of the host that is asked."""

    cookies: Cookies = Cookies()
    origins: frozenset[str] = frozenset()

    def read(self, headers: Headers, purpose: Purpose) -> str:
        """The credential. Raises NotAuthenticated when there is none, or not exactly one, or a change comes from elsewhere."""
        bearer = _only(headers, b"authorization", "Authorization")
        if bearer is not None:
            match = BEARER.fullmatch(bearer)
            if match is None:
                raise NotAuthenticated("访问密钥的写法不对", where="Authorization", cure="写成 Authorization: Bearer <密钥>")
            return match[1].decode()
        token = self.cookie(headers, self.cookies.session)
        if not token:
            raise NotAuthenticated("还没有登录", where="Authorization", cure=CURE)
        if purpose != "read":
            self.check_origin(headers, required=True)
        if purpose == "change":
            self._check_csrf(headers, token)
        return token

    def cookie(self, headers: Headers, name: str) -> str:
        """A cookie's value, or "". Raises NotAuthenticated where it is there twice or malformed."""
        wanted, found = name.encode(), list[bytes]()
        given = [value for key, value in headers if key == b"cookie"]
        if sum(map(len, given)) > LONGEST_COOKIES:
            raise NotAuthenticated("Cookie 太长", where="Cookie", cure="清除本站的 Cookie 后重新登录")
        for part in b";".join(given).split(b";"):
            key, _, value = part.strip().partition(b"=")
            if key == wanted:
                found.append(value)
        if len(found) > 1 or (found and not VALUE.fullmatch(found[0])):
            raise NotAuthenticated("Cookie 重复或写法不对", where=name, cure="清除本站的 Cookie 后重新登录")
        return found[0].decode() if found else ""

    def check_origin(self, headers: Headers, *, required: bool) -> None:
        """Raises NotAuthenticated when a page of another site is asking, or when nobody says which page it is."""
        origin, host = _only(headers, b"origin", "Origin"), _only(headers, b"host", "Host")
        if origin is None and not required:
            return
        given = (origin or b"").decode("latin-1")
        ours = given in self.origins if self.origins else bool(host) and _host_of(given) == (host or b"").decode("latin-1").lower()
        if not ours:
            raise NotAuthenticated("请求来自别的网站", where="Origin", cure="在本平台的页面上操作")

    def _check_csrf(self, headers: Headers, token: str) -> None:
        sent = _only(headers, CSRF_HEADER, "X-CSRF-Token") or b""
        kept, expected = self.cookie(headers, self.cookies.csrf).encode(), csrf_token(token).encode()
        if not (hmac.compare_digest(sent, expected) and hmac.compare_digest(kept, expected)):
            raise NotAuthenticated("页面已过期，操作没有执行", where="X-CSRF-Token", cure="刷新页面后重试")


def purpose_of(method: str) -> Purpose:
    return "read" if method.upper() in SAFE_METHODS else "change"


def _only(headers: Headers, name: bytes, shown: str) -> bytes | None:
    found = [value for key, value in headers if key == name]
    if len(found) > 1:
        raise NotAuthenticated("请求头重复", where=shown, cure=f"只带一个 {shown}")
    return found[0] if found else None


def _host_of(origin: str) -> str:
    """Host and port of an origin as a Host header gives them; "" for `null` and other oddities."""
    try:
        parts = urlsplit(origin)
        return parts.netloc.lower() if parts.scheme in ("http", "https") and "@" not in parts.netloc else ""
    except ValueError:
        return ""
