"""Chinese text as sparse vectors: character uni+bigrams together with jieba's search-mode words (no HMM).

Measured best of twelve designs on Chinese passages: bigrams carry unseen names, words carry meaning, unigrams rescue short
queries. HMM is off because it invents words for unseen names.
"""

import logging
import re
import sys
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable
from functools import cache, lru_cache

import jieba

RUNS = re.compile(r"[一-鿿]+|[a-z0-9]+(?:[.\-/][a-z0-9]+)*")
TERM_SATURATION = 1.2
LENGTH_PENALTY = 0.4
MEAN_TOKENS = 350
"""BM25's k1, b and average length. The length is a constant so that adding documents never changes stored vectors."""

Sparse = dict[int, float]


@cache
def _tokenizer() -> jieba.Tokenizer:
    jieba.setLogLevel(logging.ERROR)
    tokenizer = jieba.Tokenizer()
    tokenizer.initialize()
    return tokenizer


def warm_up() -> None:
    """Load the dictionary now instead of at the first question."""
    _tokenizer()


def fold(text: str) -> str:
    """NFKC, lower case: full-width digits and letters compare equal to half-width ones."""
    return unicodedata.normalize("NFKC", text).lower()


def tokens(text: str) -> list[str]:
    """Unigrams, bigrams and dictionary words of three characters and more (two-character words are bigrams already)."""
    found: list[str] = []
    folded = fold(text)
    for run in RUNS.findall(folded):
        found.append(run) if not run[0] >= "一" else found.extend(_chinese(run))
    return found


@lru_cache(maxsize=1024)
def token_set(text: str) -> frozenset[str]:
    """The distinct tokens of a stored text that many questions are held against; equal tokens of all texts are one object."""
    return frozenset(map(sys.intern, tokens(text)))


@lru_cache(maxsize=256)
def asked_tokens(text: str) -> frozenset[str]:
    """The distinct tokens of what somebody asks, which is looked at from several sides; apart, so that no question drives out a clause."""
    return frozenset(tokens(text))


def _chinese(run: str) -> Iterable[str]:
    yield from run
    for at in range(len(run) - 1):
        yield run[at : at + 2]
    for word in _tokenizer().cut_for_search(run, HMM=False):
        if len(word) > 2:
            yield word


@lru_cache(maxsize=200_000)
def token_id(token: str) -> int:
    """Stable over processes and machines: the dimension of a token in every sparse vector."""
    return zlib.crc32(token.encode())


def document_vector(text: str) -> Sparse:
    """BM25 term weights of a document; the store multiplies by inverse document frequency at query time."""
    counts = Counter(tokens(text))
    length = sum(counts.values())
    norm = TERM_SATURATION * (1 - LENGTH_PENALTY + LENGTH_PENALTY * length / MEAN_TOKENS)
    return {token_id(t): n * (TERM_SATURATION + 1) / (n + norm) for t, n in counts.items()}


def query_vector(text: str, extra: Iterable[tuple[str, float]] = ()) -> Sparse:
    """Weights of a query's tokens; `extra` adds expansion texts with their own weight. Unigrams count a third."""
    vector: Sparse = {}
    for part, weight in [(text, 1.0), *extra]:
        for token in set(tokens(part)):
            value = weight * (1 / 3 if len(token) == 1 and not token.isascii() else 1.0)
            key = token_id(token)
            vector[key] = max(vector.get(key, 0.0), value)
    return vector
