"""Dense vectors are pluggable: any embedder with this face may be attached; without one, retrieval is lexical."""

from collections.abc import Sequence
from typing import Protocol


class Embedder(Protocol):
    """Texts to unit vectors of one fixed size. Implementations raise UpstreamUnavailable when the model does not answer."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...

    def embed(self, texts: Sequence[str], *, query: bool = False) -> list[list[float]]:
        """One vector per text; `query` says the texts are questions, for models that tell the two apart."""
        ...


class Reranker(Protocol):
    """A cross-encoder: how well each passage answers the question, higher is better."""

    @property
    def name(self) -> str: ...

    def score(self, question: str, passages: Sequence[str]) -> list[float]: ...
