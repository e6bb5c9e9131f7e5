"""What must not be started: settings that are each well formed and together open a door."""

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr, ValidationError

from domain.errors import ConfigurationError, ProblemDetail

if TYPE_CHECKING:
    from .settings import Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")
WELL_KNOWN = frozenset(
    {
        *("admin", "changeit", "changeme", "default", "demo", "example", "password", "please-change-me", "replace-me", "secret"),
        *("shuzhi", "test", "token", "your-api-key"),
        *("a-long-random-string", "sk-…", "sk-...", "…", "..."),
    }
)
"""What everybody tries first, and what stands in documentation."""


def check_settings(settings: "Settings") -> None:
    """Raises ConfigurationError, naming each setting that is in the way."""
    is_open = settings.host not in LOOPBACK
    wrong = [*_credentials(settings, is_open), *_tls(settings), *_guard_model(settings)]
    if settings.development and is_open:
        wrong.append(
            _spot("SHUZHI_DEVELOPMENT", "开发模式不能对外监听", "去掉 SHUZHI_DEVELOPMENT，或只在本机监听（SHUZHI_HOST=127.0.0.1）")
        )
    if wrong:
        raise ConfigurationError(wrong[0].what, detail=wrong)


def _credentials(settings: "Settings", is_open: bool) -> Iterator[ProblemDetail]:
    if is_open and not settings.accounts and not settings.api_key.get_secret_value():
        cure = "设置 SHUZHI_API_KEY，或启用账号（SHUZHI_ACCOUNTS=true），或只在本机监听（SHUZHI_HOST=127.0.0.1）"
        yield _spot(f"SHUZHI_HOST={settings.host}", "对外监听必须设置访问密钥或启用账号", cure)
    if settings.development:
        return
    if settings.accounts and not settings.access.secure_cookies:
        cure = "改为 true，并用 https 访问；只在开发时可与 SHUZHI_DEVELOPMENT=true 一起使用"
        yield _spot("SHUZHI_ACCESS__SECURE_COOKIES", "登录的 Cookie 不能在没有加密的连接上传送", cure)
    for name in default_secrets(settings):
        yield _spot(name, "密钥还是人人知道的默认值", "换成随机的长字符串，例如 openssl rand -base64 32 的输出")


def _tls(settings: "Settings") -> Iterator[ProblemDetail]:
    tls = settings.tls
    if (tls.cert_file is None) != (tls.key_file is None):
        yield _spot("SHUZHI_TLS__…", "证书和私钥要一起设置", "同时设置 SHUZHI_TLS__CERT_FILE 和 SHUZHI_TLS__KEY_FILE")
    for name, path in (("CERT_FILE", tls.cert_file), ("KEY_FILE", tls.key_file)):
        if path is not None and not path.is_file():
            yield _spot(f"SHUZHI_TLS__{name}", f"没有这个文件：{path}", "检查路径与权限")


def _guard_model(settings: "Settings") -> Iterator[ProblemDetail]:
    if not settings.guard_model_url:
        if settings.guard_model_name or settings.guard_model_key.get_secret_value():
            yield _spot(
                "SHUZHI_GUARD_MODEL_URL", "设置了安全模型，但没有地址", "设置 SHUZHI_GUARD_MODEL_URL，或去掉其余 SHUZHI_GUARD_MODEL_…"
            )
        return
    try:
        address = urlsplit(settings.guard_model.url) if settings.guard_model else None
    except ValidationError as error:
        for e in error.errors(include_input=False):
            where = f"SHUZHI_GUARD_MODEL_{str(e['loc'][0]).upper()}"
            yield _spot(where, "没有设置模型名" if e["loc"] == ("name",) else e["msg"], "修正环境变量或 settings.yaml")
        return
    if address and address.scheme == "http" and address.hostname not in LOOPBACK and not settings.guard_model_plain_http:
        cure = "改用 https，或在可信网络里设置 SHUZHI_GUARD_MODEL_PLAIN_HTTP=true"
        yield _spot("SHUZHI_GUARD_MODEL_URL", "安全模型的地址没有加密，问题和资料会以明文传到另一台机器", cure)


def default_secrets(group: BaseModel, prefix: str = "SHUZHI_") -> Iterator[str]:
    """Names of the secrets, however deep, whose value is one that everybody tries."""
    for name in type(group).model_fields:
        value, full = getattr(group, name), f"{prefix}{name.upper()}"
        if isinstance(value, SecretStr):
            if value.get_secret_value().strip().casefold() in WELL_KNOWN:
                yield full
        elif isinstance(value, BaseModel):
            yield from default_secrets(value, f"{full}__")


def _spot(where: str, what: str, cure: str) -> ProblemDetail:
    return ProblemDetail(where=where, what=what, cure=cure)
