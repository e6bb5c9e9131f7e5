"""Authenticated encryption under a 32-byte key, by algorithm name. Everything is done by `cryptography`; nothing is invented here.

- `aes-256-gcm`, the default: 256 bits, as GXDSL-8.1-6 asks.
- `sm4-gcm` and `sm4-ctr+hmac-sm3`: national algorithms (国密, TISC-6.1.3-d). SM4 has 128-bit keys only, so neither can satisfy
  GXDSL-8.1-6's 256 bits, whatever else is added; which of the two clauses counts is the operator's decision. Encrypt-then-MAC is for
  readers whose SM4 implementation has no GCM.
"""

import hmac
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import CTR, GCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain.errors import ConfigurationError, known_names

Algorithm = Literal["aes-256-gcm", "sm4-gcm", "sm4-ctr+hmac-sm3"]
CODES: dict[Algorithm, str] = {"aes-256-gcm": "aes", "sm4-gcm": "sm4gcm", "sm4-ctr+hmac-sm3": "sm4ctr"}
"""As they stand in a token."""
ALGORITHMS: dict[str, Algorithm] = {name: name for name in CODES}
NONCE_BYTES = 12
GCM_TAG, SM3_TAG = 16, 32


class WrongCiphertext(Exception):
    """Changed, cut off, moved elsewhere, or made with another key: authenticated encryption does not tell which."""


@dataclass(frozen=True)
class Box:
    """One algorithm under one key. The key is stretched by name, so that one key serves several algorithms without meeting itself."""

    algorithm: Algorithm
    _key: bytes

    def __repr__(self) -> str:
        return f"Box({self.algorithm})"

    @property
    def overhead(self) -> int:
        """Bytes by which a ciphertext is longer than its text."""
        return SM3_TAG if self.algorithm == "sm4-ctr+hmac-sm3" else GCM_TAG

    def seal(self, nonce: bytes, text: bytes, bound: bytes) -> bytes:
        """Ciphertext and tag. `nonce`: 12 bytes, never twice under one key; `bound` is authenticated with it, not contained."""
        if self.algorithm == "aes-256-gcm":
            return self._aes.encrypt(nonce, text, bound)
        if self.algorithm == "sm4-gcm":
            context = Cipher(SM4(self._sm4), GCM(nonce)).encryptor()
            context.authenticate_additional_data(bound)
            return context.update(text) + context.finalize() + context.tag
        sealed = _all(Cipher(SM4(self._sm4), CTR(_counter(nonce))).encryptor(), text)
        return sealed + self._tag(nonce, sealed, bound)

    def open(self, nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
        """What was sealed. Raises WrongCiphertext."""
        if len(sealed) < self.overhead:
            raise WrongCiphertext
        try:
            if self.algorithm == "aes-256-gcm":
                return self._aes.decrypt(nonce, sealed, bound)
            body, tag = sealed[: -self.overhead], sealed[-self.overhead :]
            if self.algorithm == "sm4-gcm":
                context = Cipher(SM4(self._sm4), GCM(nonce, tag)).decryptor()
                context.authenticate_additional_data(bound)
                return context.update(body) + context.finalize()
        except InvalidTag:
            raise WrongCiphertext from None
        if not hmac.compare_digest(self._tag(nonce, body, bound), tag):
            raise WrongCiphertext
        return _all(Cipher(SM4(self._sm4), CTR(_counter(nonce))).decryptor(), body)

    @cached_property
    def _aes(self) -> AESGCM:
        return AESGCM(derived(self._key, "encrypt aes-256-gcm", 32))

    @cached_property
    def _sm4(self) -> bytes:
        return derived(self._key, f"encrypt {self.algorithm}", 16, sm3=True)

    @cached_property
    def _mac_key(self) -> bytes:
        return derived(self._key, f"authenticate {self.algorithm}", 32, sm3=True)

    def _tag(self, nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
        made = HMAC(self._mac_key, hashes.SM3())
        # the length keeps what is bound and what is sealed apart
        made.update(len(bound).to_bytes(8, "big") + bound + nonce)
        made.update(sealed)
        return made.finalize()


def derived(key: bytes, purpose: str, length: int, *, sm3: bool = False) -> bytes:
    """A key for one purpose only (HKDF, RFC 5869)."""
    algorithm = hashes.SM3() if sm3 else hashes.SHA256()
    return HKDF(algorithm, length, salt=None, info=f"shuzhi {purpose}".encode()).derive(key)


def algorithm_name(given: str) -> Algorithm:
    """The algorithm that a setting names.

    Raises ConfigurationError for another name, and where the installed OpenSSL was built without it.
    """
    name = ALGORITHMS.get(given)
    if name is None:
        raise ConfigurationError(f"不认识的加密算法 {given[:40]!r}", where="加密设置", cure=known_names(given, list(ALGORITHMS)))
    try:
        Box(name, bytes(32)).seal(bytes(NONCE_BYTES), b"", b"")
    except UnsupportedAlgorithm as error:
        raise ConfigurationError(
            f"本机的 OpenSSL 不支持 {name}", where="加密设置", cure="改用 aes-256-gcm，或安装带国密算法的 cryptography"
        ) from error
    return name


def _counter(nonce: bytes) -> bytes:
    # 32 bits left to count blocks, so that two nonces' key streams never overlap
    return nonce + bytes(4)


def _all(context: CipherContext, data: bytes) -> bytes:
    return context.update(data) + context.finalize()
