"""One typed object for everything that can be set: environment (`SHUZHI_…`, nested with `__`) over `$SHUZHI_HOME/settings.yaml`.

This is the only reader of the environment.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from domain.errors import ConfigurationError, ProblemDetail
from domain.yaml_data import parse_yaml
from records.audit_chain import HashName, hash_name
from records.ciphers import Algorithm, algorithm_name
from records.key_command import configured_keys
from records.keys import Keys

from .access import AccessSettings
from .guard_endpoint import GuardEndpointConfig
from .settings_check import LOOPBACK as LOOPBACK
from .settings_check import check_settings
from .wire import EndpointConfig


class VectorStoreSettings(BaseModel):
    """Where vectors live; without a URL, embedded under the home."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = ""
    api_key: SecretStr = SecretStr("")
    collection: str = "shuzhi"


class EmbeddingSettings(BaseModel):
    """Optional dense vectors: a local sentence-transformers folder, or an embeddings endpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = ""
    base_url: str = ""
    model: str = ""
    api_key: SecretStr = SecretStr("")
    size: int = 0
    query_prefix: str = ""


class RerankSettings(BaseModel):
    """Optional cross-encoder: a rerank endpoint (`/rerank`, as vLLM serves it)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str = ""
    model: str = ""
    api_key: SecretStr = SecretStr("")


class TlsSettings(BaseModel):
    """A certificate with its chain, and its key; without them the server speaks plain http."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cert_file: Path | None = None
    key_file: Path | None = None


class McpServerSettings(BaseModel):
    """Another MCP server: at an address (streamable HTTP), or a program started for each call (stdio), never through a shell."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,19}$")
    url: str = ""
    command: tuple[str, ...] = ()
    token: SecretStr = SecretStr("")
    """Bearer token for the address."""
    timeout_s: float = Field(default=30.0, gt=0, le=600)
    """For one call, the connection included."""
    largest_answer: int = Field(default=2_000_000, ge=1_000, le=50_000_000)
    """Bytes that the server may send for one call."""

    @model_validator(mode="after")
    def _is_one_kind(self) -> "McpServerSettings":
        if bool(self.url) == bool(self.command):
            raise ValueError("给出 url 或 command 之一")
        parts = urlsplit(self.url)
        if self.url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password):
            raise ValueError("url 应为不含用户名和密码的 http(s) 地址")
        return self


def _named_apart(servers: tuple[McpServerSettings, ...]) -> tuple[McpServerSettings, ...]:
    if len({server.name for server in servers}) < len(servers):
        raise ValueError("两个 MCP 服务器同名")
    return servers


def _known(name: Callable[[str], str]) -> Callable[[str], str]:
    """A validator from a function that knows the algorithms and what this machine's OpenSSL can do."""

    def check(given: str) -> str:
        try:
            return name(given)
        except ConfigurationError as error:
            cure = "；".join(spot.cure for spot in error.detail)
            raise PydanticCustomError("algorithm", "{what}", {"what": f"{error.message}（{cure}）"}) from error

    return check


class KeySource(BaseModel):
    """Where secret keys come from: a file, the text itself, or a command that prints it. At most one is set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_file: Path | None = None
    keys: SecretStr = SecretStr("")
    key_command: list[str] = Field(default=[], repr=False)

    @property
    def is_set(self) -> bool:
        return self._sources > 0

    @property
    def _sources(self) -> int:
        return sum((self.key_file is not None, bool(self.keys.get_secret_value().strip()), bool(self.key_command)))

    @model_validator(mode="after")
    def _one_source(self) -> "KeySource":
        if self._sources > 1:
            raise PydanticCustomError("sources", "密钥的来源设置了 {count} 个，只留一个", {"count": self._sources})
        return self

    def load(self, name: str) -> Keys | None:
        """The keys, None when no source is set. `name`: of the settings, for messages. Raises what `configured_keys` raises."""
        return configured_keys(name, file=self.key_file, text=self.keys.get_secret_value(), command=self.key_command)


class AuditSettings(KeySource):
    """The audit trail: the hash of new entries, and the key that signs them."""

    algorithm: Annotated[str, AfterValidator(_known(hash_name))] = "sha256"

    @property
    def hash(self) -> HashName:
        return hash_name(self.algorithm)


class SealingSettings(KeySource):
    """Encryption at rest: the algorithm for new values, and the master keys; without one nothing is sealed."""

    algorithm: Annotated[str, AfterValidator(_known(algorithm_name))] = "aes-256-gcm"

    @property
    def cipher(self) -> Algorithm:
        return algorithm_name(self.algorithm)


class Settings(BaseSettings):
    """Everything that can be set, with defaults that run on a laptop without a network."""

    model_config = SettingsConfigDict(env_prefix="SHUZHI_", env_nested_delimiter="__", extra="forbid", frozen=True)

    home: Path = Path(".shuzhi")
    """State: database, vector store, documents, uploads, logs."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    api_key: SecretStr = SecretStr("")
    """Single-user mode: bearer token that every request must carry. With accounts: the key that commands send to the instance."""
    accounts: bool = False
    """Whether people log in. Without, everybody who reaches this instance is the one user of it."""
    access: AccessSettings = AccessSettings()
    tls: TlsSettings = TlsSettings()
    development: bool = False
    """On this machine only: secrets that everybody knows, and cookies over plain http."""
    database_url: str = ""
    """SQLAlchemy URL; empty: SQLite under the home."""
    vector_store: VectorStoreSettings = VectorStoreSettings()
    model: EndpointConfig | None = None
    """The attached chat model; none: offline."""
    embedding: EmbeddingSettings = EmbeddingSettings()
    rerank: RerankSettings = RerankSettings()
    mcp_servers: Annotated[tuple[McpServerSettings, ...], AfterValidator(_named_apart)] = ()
    """Other MCP servers, whose tools may be admitted."""
    audit: AuditSettings = AuditSettings()
    sealing: SealingSettings = SealingSettings()
    language: Literal["zh-CN", "en"] = "zh-CN"
    guard_model_url: str = ""
    """A guard model's OpenAI-compatible endpoint, up to and including `/v1`; empty: none is asked."""
    guard_model_name: str = ""
    guard_model_key: SecretStr = SecretStr("")
    guard_model_timeout_s: float = Field(default=5.0, gt=0, le=120)
    guard_model_concurrency: int = Field(default=8, ge=1, le=256)
    guard_model_form: Literal["auto", "json", "words", "yes_no"] = "auto"
    guard_model_plain_http: bool = False
    """Let texts go to another machine without encryption."""
    policy: Path | None = None
    """A guardrail policy of one's own, in the form of the shipped one."""
    longest_question: int = Field(default=8000, ge=100)
    """Characters of one question."""
    largest_upload: int = Field(default=50 * 1024 * 1024, ge=1024)
    """Bytes of one uploaded file."""
    heartbeat_s: float = Field(default=15.0, gt=0)
    """Seconds of silence after which an event stream sends a comment, so that proxies keep the connection."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def guard_model(self) -> GuardEndpointConfig | None:
        """The guard model's endpoint, None when none is attached."""
        if not self.guard_model_url:
            return None
        return GuardEndpointConfig(
            url=self.guard_model_url,
            name=self.guard_model_name,
            key=self.guard_model_key,
            timeout_s=self.guard_model_timeout_s,
            concurrency=self.guard_model_concurrency,
            form=None if self.guard_model_form == "auto" else self.guard_model_form,
        )

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{(self.home / 'shuzhi.db').absolute()}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _FileSource(settings_cls), file_secret_settings


class _FileSource(PydanticBaseSettingsSource):
    """`settings.yaml` in the home folder, if there is one."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        # what was given and the environment have been read by now
        path = Path(self.current_state.get("home", Settings.model_fields["home"].default)) / "settings.yaml"
        if not path.is_file():
            return {}
        try:
            raw = parse_yaml(path.read_text(encoding="utf-8")) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigurationError(f"读不了设置文件：{error}", where=str(path), cure="修正后重试") from error
        if not isinstance(raw, dict):
            raise ConfigurationError("设置文件应为“名称: 值”的形式", where=str(path), cure="参照 docs/settings.md")
        return {str(key): value for key, value in raw.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def search_path() -> str:
    """Where programs are looked for: all that a started one is given of this process's environment."""
    return os.environ.get("PATH", os.defpath)


def load_settings(**overrides: Any) -> Settings:
    """Read and check the settings.

    Raises:
        ConfigurationError: naming each wrong setting; also what `check_settings` refuses.
    """
    try:
        settings = Settings(**overrides)
    except SettingsError as error:
        raise ConfigurationError("设置不对", where="SHUZHI_…", cure=f"写成 JSON，或用 __ 逐项设置（{error}）") from error
    except ValidationError as error:
        details = [
            ProblemDetail(where="SHUZHI_" + "__".join(map(str, e["loc"])).upper(), what=e["msg"], cure="修正环境变量或 settings.yaml")
            for e in error.errors()
        ]
        raise ConfigurationError("设置不对", detail=details) from error
    check_settings(settings)
    return settings
