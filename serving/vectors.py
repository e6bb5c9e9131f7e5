"""Optional dense models: a local sentence-transformers folder, or OpenAI-compatible embedding and rerank endpoints (vLLM)."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from domain.errors import ConfigurationError, UpstreamUnavailable, install_cure

from .settings import EmbeddingSettings, RerankSettings

TIMEOUT_S = 30.0
BATCH = 64


class LocalEmbedder:
    """A sentence-transformers model from a folder; the libraries and the weights load at the first use."""

    def __init__(self, settings: EmbeddingSettings) -> None:
        if not Path(settings.path).is_dir():
            raise ConfigurationError("没有这个向量模型目录", where=settings.path, cure="检查 SHUZHI_EMBEDDING__PATH")
        self.name = f"local:{Path(settings.path).name}"
        self._settings = settings

    @property
    def size(self) -> int:
        return int(self._model.get_sentence_embedding_dimension())

    @cached_property
    def _model(self) -> Any:
        try:
            from sentence_transformers import SentenceTransformer  # noqa: PLC0415 # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise ConfigurationError(
                "没有安装向量模型所需的库",
                where="embed",
                cure=install_cure("embed"),
            ) from error
        return SentenceTransformer(self._settings.path, local_files_only=True)

    def embed(self, texts: Sequence[str], *, query: bool = False) -> list[list[float]]:
        prefix = self._settings.query_prefix if query else ""
        vectors = self._model.encode(
            [prefix + text for text in texts], normalize_embeddings=True, batch_size=BATCH, show_progress_bar=False
        )
        return [[float(value) for value in vector] for vector in vectors]


class EndpointEmbedder:
    """An OpenAI-compatible `/embeddings` endpoint."""

    def __init__(self, settings: EmbeddingSettings) -> None:
        if settings.size <= 0:
            raise ConfigurationError("没有给出向量维数", where="SHUZHI_EMBEDDING__SIZE", cure="填写模型输出向量的维数")
        self.name = f"endpoint:{settings.model}"
        self.size = settings.size
        self._settings = settings
        self._client = _client(settings.base_url, settings.api_key.get_secret_value())

    def embed(self, texts: Sequence[str], *, query: bool = False) -> list[list[float]]:
        prefix = self._settings.query_prefix if query else ""
        vectors: list[list[float]] = []
        for at in range(0, len(texts), BATCH):
            body = {"model": self._settings.model, "input": [prefix + text for text in texts[at : at + BATCH]]}
            data = _post(self._client, "/embeddings", body).get("data", [])
            vectors += [list(map(float, row["embedding"])) for row in sorted(data, key=lambda row: row["index"])]
        if len(vectors) != len(texts) or any(len(vector) != self.size for vector in vectors):
            raise UpstreamUnavailable("向量服务返回的数量或维数不对", where="embeddings", cure="核对模型与 SHUZHI_EMBEDDING__SIZE")
        return vectors


class EndpointReranker:
    """A `/rerank` endpoint as vLLM serves it for cross-encoders."""

    def __init__(self, settings: RerankSettings) -> None:
        self.name = f"endpoint:{settings.model}"
        self._settings = settings
        self._client = _client(settings.base_url, settings.api_key.get_secret_value())

    def score(self, question: str, passages: Sequence[str]) -> list[float]:
        body = {"model": self._settings.model, "query": question, "documents": list(passages)}
        scores = [0.0] * len(passages)
        for row in _post(self._client, "/rerank", body).get("results", []):
            scores[int(row["index"])] = float(row["relevance_score"])
        return scores


def _client(base_url: str, key: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=base_url.rstrip("/"), headers=headers, timeout=TIMEOUT_S)


def _post(client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    try:
        response = client.post(path, json=body)
        response.raise_for_status()
        found = response.json()
    except (httpx.HTTPError, ValueError) as error:
        cure = "检查服务是否在运行、地址与密钥是否正确"
        raise UpstreamUnavailable(f"向量服务没有正常应答（{type(error).__name__}）", where=path, cure=cure) from error
    if not isinstance(found, dict):
        raise UpstreamUnavailable("向量服务返回的不是 JSON 对象", where=path, cure="检查地址是否指向正确的服务")
    return found  # pyright: ignore[reportUnknownVariableType]


def make_embedder(settings: EmbeddingSettings) -> LocalEmbedder | EndpointEmbedder | None:
    if settings.path:
        return LocalEmbedder(settings)
    return EndpointEmbedder(settings) if settings.base_url else None


def make_reranker(settings: RerankSettings) -> EndpointReranker | None:
    return EndpointReranker(settings) if settings.base_url else None
