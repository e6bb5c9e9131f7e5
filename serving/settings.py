"""One typed object for everything that can be set: environment (`SHUZHI_…`, nested with `__`) over `$SHUZHI_HOME/settings.yaml`.

This is the only reader of the environment.
"""

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from domain.errors import ConfigurationError, ProblemDetail

from .wire import EndpointConfig

LOOPBACK = ("127.0.0.1", "localhost", "::1")


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


class Settings(BaseSettings):
    """Everything that can be set, with defaults that run on a laptop without a network."""

    model_config = SettingsConfigDict(env_prefix="SHUZHI_", env_nested_delimiter="__", extra="forbid", frozen=True)

    home: Path = Path(".shuzhi")
    """State: database, vector store, documents, uploads, logs."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    api_key: SecretStr = SecretStr("")
    """Bearer token that every request must carry; required when `host` is not loopback."""
    database_url: str = ""
    """SQLAlchemy URL; empty: SQLite under the home."""
    vector_store: VectorStoreSettings = VectorStoreSettings()
    model: EndpointConfig | None = None
    """The attached chat model; none: offline."""
    embedding: EmbeddingSettings = EmbeddingSettings()
    rerank: RerankSettings = RerankSettings()
    language: Literal["zh-CN", "en"] = "zh-CN"
    longest_question: int = Field(default=8000, ge=100)
    """Characters of one question."""
    largest_upload: int = Field(default=50 * 1024 * 1024, ge=1024)
    """Bytes of one uploaded file."""
    heartbeat_s: float = Field(default=15.0, gt=0)
    """Seconds of silence after which an event stream sends a comment, so that proxies keep the connection."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

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
            raw = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigurationError(f"读不了设置文件：{error}", where=str(path), cure="修正后重试") from error
        if not isinstance(raw, dict):
            raise ConfigurationError("设置文件应为“名称: 值”的形式", where=str(path), cure="参照 docs/settings.md")
        return {str(key): value for key, value in raw.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def load_settings(**overrides: Any) -> Settings:
    """Read and check the settings.

    Raises:
        ConfigurationError: naming each wrong setting; an open host without an API key is refused.
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
    if settings.host not in LOOPBACK and not settings.api_key.get_secret_value():
        cure = "设置 SHUZHI_API_KEY，或只在本机监听（SHUZHI_HOST=127.0.0.1）"
        raise ConfigurationError("对外监听必须设置访问密钥", where=f"SHUZHI_HOST={settings.host}", cure=cure)
    return settings
