"""Passwords: what one may be (`data/passwords.yaml`), and its argon2id hash. Nothing here keeps or prints one."""

import secrets
import threading
import unicodedata
from functools import cache
from pathlib import Path

import yaml
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from pydantic import BaseModel, ConfigDict, Field

from domain.errors import UpstreamUnavailable, UserInputError

RULES = Path(__file__).parent / "data" / "passwords.yaml"
UNMISTAKABLE = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters and digits that nobody takes for one another, for passwords that are read out."""
INITIAL_LENGTH = 20


class PasswordCost(BaseModel):
    """Argon2id's parameters; a hash made with others is made anew at the next login."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    passes: int = Field(default=3, ge=1, le=64)
    memory_kib: int = Field(default=64 * 1024, ge=8, le=4 * 1024 * 1024)
    lanes: int = Field(default=1, ge=1, le=64)
    at_once: int = Field(default=4, ge=1, le=64)
    """Hashes computed side by side: each takes `memory_kib`."""
    wait_s: float = Field(default=5.0, gt=0)


class PasswordRules(BaseModel):
    """What a password must be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shortest: int
    longest: int
    initial_days: int
    fewest_different: int
    own_characters: int
    denied: tuple[str, ...]

    def check(self, password: str, name: str) -> None:
        """Raises UserInputError with the rule that is broken, never with the password."""
        cure = f"用 {self.shortest} 到 {self.longest} 个字符，例如几个互不相干的词；不要用常见密码或账号名"
        if len(password) < self.shortest:
            raise UserInputError("密码太短", where="password", cure=cure)
        if len(password) > self.longest:
            raise UserInputError("密码太长", where="password", cure=cure)
        folded = unicodedata.normalize("NFKC", password).casefold()
        if len(set(folded)) < self.fewest_different:
            raise UserInputError("密码里不同的字符太少", where="password", cure=cure)
        words = [*self.denied, name.casefold()] if len(name) > 2 else list(self.denied)
        for word in sorted(words, key=lambda word: -len(word)):
            folded = folded.replace(word, "")
        if sum(character.isalpha() for character in folded) < self.own_characters:
            raise UserInputError("密码太容易猜到", where="password", cure=cure)


@cache
def password_rules() -> PasswordRules:
    """The shipped rules, read once."""
    return PasswordRules.model_validate(yaml.safe_load(RULES.read_text(encoding="utf-8")))


class Passwords:
    """Makes and checks hashes, a limited number at a time."""

    def __init__(self, cost: PasswordCost | None = None, rules: PasswordRules | None = None) -> None:
        self._cost = cost or PasswordCost()
        self.rules = rules or password_rules()
        self._hasher = PasswordHasher(time_cost=self._cost.passes, memory_cost=self._cost.memory_kib, parallelism=self._cost.lanes)
        self._turns = threading.BoundedSemaphore(self._cost.at_once)
        # what unknown names are checked against, so that they take as long as known ones
        self._nobodys = self._hasher.hash(secrets.token_urlsafe(32))

    def hash(self, password: str) -> str:
        """Raises UpstreamUnavailable when too many are being computed."""
        with _Turn(self._turns, self._cost.wait_s):
            return self._hasher.hash(_prepared(password))

    def matches(self, stored: str | None, password: str) -> bool:
        """Whether it is the password. Without a stored hash, or with one that is none, False after the same work.

        Raises UpstreamUnavailable when too many are being computed.
        """
        # a password that could never have been set is not worth its memory
        given = _prepared(password) if len(password) <= self.rules.longest else ""
        with _Turn(self._turns, self._cost.wait_s):
            return self._verified(stored or self._nobodys, given) and stored is not None and bool(given)

    def _verified(self, stored: str, given: str) -> bool:
        try:
            return self._hasher.verify(stored, given)
        except InvalidHashError:
            self._verified(self._nobodys, given)
            return False
        except Argon2Error:
            return False

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)


class _Turn:
    def __init__(self, turns: threading.BoundedSemaphore, wait_s: float) -> None:
        self._turns = turns
        self._wait_s = wait_s

    def __enter__(self) -> None:
        if not self._turns.acquire(timeout=self._wait_s):
            raise UpstreamUnavailable("同时登录的人太多", where="password", cure="稍后重试")

    def __exit__(self, *_: object) -> None:
        self._turns.release()


def _prepared(password: str) -> str:
    """The same password whichever way a keyboard composes its characters."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "replace").decode("utf-8")


def initial_password() -> str:
    """A password to be read out once and changed at the first login."""
    return "".join(secrets.choice(UNMISTAKABLE) for _ in range(INITIAL_LENGTH))
