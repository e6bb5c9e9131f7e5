"""Values replaced by tokens that stand for them within one run (〔手机1〕), and back; or hidden for good where the public reads.

A screen finds the values and asks the run's `Pseudonyms` for their tokens (`screens.pseudonymous`), in documents and tool results too. What
looks like a token there is itself replaced, so that nobody can write one to read another's value. One object serves one run and one reader.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from domain.errors import UserInputError

from .findings import Finding
from .normalise import View
from .overlaps import merged
from .pii.words import identifiers

OPEN, CLOSE = "〔", "〕"
LITERAL = "原文"
"""Label of the token for text that looked like a token."""
FORGED = "text.token"
SHORTEST = 5
"""A value of fewer characters may be part of anything."""
SEPARATORS = re.compile(r"[\s\-–—·.()]+")


@cache
def _token() -> re.Pattern[str]:
    words = identifiers()
    labels = {*(kind.token for kind in words.kinds.values()), words.other_kind.token, LITERAL}
    either = "|".join(sorted(map(re.escape, labels), key=lambda label: (-len(label), label)))
    return re.compile(f"{OPEN}({either})([1-9][0-9]*){CLOSE}")


class Pseudonyms:
    """Tokens for values: the same value has the same token for the whole run."""

    def __init__(self, state: Mapping[str, str] | None = None) -> None:
        """Empty, or as `state` of an earlier one left it.

        Raises:
            UserInputError: the state holds something that is no token.
        """
        self._values: dict[str, str] = {}
        self._tokens: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        for token, value in (state or {}).items():
            match = _token().fullmatch(token)
            if not match or not value:
                raise UserInputError("保存的化名表格式不对", where="pseudonyms", cure="不要修改保存的运行状态；重新提问会生成新的化名")
            self._values[token] = value
            self._tokens[match[1], value] = token
            self._counts[match[1]] = max(self._counts.get(match[1], 0), int(match[2]))

    def state(self) -> dict[str, str]:
        """Token → value, for JSON. It holds the values themselves: store it as sealed as they are."""
        return dict(self._values)

    def token(self, finding: Finding, value: str) -> str:
        """What stands for one value; the same value has the same token for the whole run."""
        return self._issue(LITERAL if finding.rule == FORGED else identifiers().kind(finding.rule).token, value)

    def cover(self, text: str) -> str:
        """The text with the tokens of values that are known already, whatever stands around them there."""
        for token, value in self._values.items():
            if len(value) >= SHORTEST:
                text = text.replace(value, token)
        return text

    def restore_all(self, value: Any) -> Any:
        """`restore` in every text of a JSON value."""
        if isinstance(value, str):
            return self.restore(value)
        if isinstance(value, dict):
            return {key: self.restore_all(inner) for key, inner in value.items()}  # pyright: ignore[reportUnknownVariableType]
        if isinstance(value, list):
            return [self.restore_all(inner) for inner in value]  # pyright: ignore[reportUnknownVariableType]
        return value

    def restore(self, text: str) -> str:
        """The text with the values back; what was never issued stays as it is, and values are not read again."""
        return _token().sub(lambda match: self._values.get(match[0], match[0]), text)

    def _issue(self, label: str, value: str) -> str:
        token = self._tokens.get((label, value))
        if token is None:
            self._counts[label] = number = self._counts.get(label, 0) + 1
            token = self._tokens[label, value] = f"{OPEN}{label}{number}{CLOSE}"
            self._values[token] = value
        return token


def without_tokens(text: str) -> str:
    """The text without what looks like a token: its number counts nothing."""
    return _token().sub("", text)


class TokenDetector:
    """Reports what looks like a token: in a text that comes in, nobody but us may have written one."""

    name = "tokens"

    def find(self, view: View) -> Sequence[Finding]:
        if OPEN not in view.raw:
            return []
        return [Finding(FORGED, *match.span(), reason="与内部化名的写法相同") for match in _token().finditer(view.raw)]


def hidden_in_place(text: str, findings: Iterable[Finding]) -> str:
    """The text with every finding hidden for good and its length kept, so that places in it stay what they were."""
    written = list(text)
    for one in merged(findings):
        kind = identifiers().kind(one.rule)
        shown = kind.head + kind.tail < one.end - one.start - 1
        first, last = (one.start + kind.head, one.end - kind.tail) if shown else (one.start, one.end)
        written[first:last] = "*" * (last - first)
    return "".join(written)


def hidden(finding: Finding, value: str) -> str:
    """One value hidden for good, as its kind prescribes."""
    kind = identifiers().kind(finding.rule)
    folded = View.of(value).folded
    kept = ""
    if kind.after and kind.after in folded:
        at = folded.index(kind.after)
        folded, kept = folded[:at], re.sub(r"\s+", "", folded[at:])
    bare = SEPARATORS.sub("", folded)
    if len(bare) <= kind.head + kind.tail + 1:  # showing both ends would show nearly all
        return kind.fill + kept
    return bare[: kind.head] + kind.fill + (bare[-kind.tail :] if kind.tail else "") + kept
