"""Secrets and the system's own instructions: neither may be stored with a question nor leave with an answer."""

import re
from collections.abc import Iterable, Sequence

from .findings import Finding
from .normalise import View

_CHINESE_NAMES = ("密码", "口令", "密钥", "令牌")
_LATIN_NAMES = r"password|passwd|pwd|secret|api[_\- ]?key|access[_\- ]?key|token"
_NAMED = rf"(?:{'|'.join(_CHINESE_NAMES)}|{_LATIN_NAMES})"
PATTERNS = (
    ("secret.private_key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:.{1,8000}?-----END [A-Z ]*PRIVATE KEY-----)?", re.DOTALL)),
    (
        "secret.token",
        re.compile(
            r"(?<![A-Za-z0-9_-])(?:sk|pk|rk|ghp|gho|ghs|glpat|xox[abpr]|AKIA|ASIA|LTAI|AKID)[-_]?[A-Za-z0-9_\-]{14,200}(?![A-Za-z0-9_-])"
        ),
    ),
    ("secret.jwt", re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,2000}")),
    ("secret.address", re.compile(r"(?<![A-Za-z])[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{1,100}:(?P<value>[^\s:/@]{1,200})@")),
    (
        "secret.named",
        re.compile(
            rf"{_NAMED}\s*(?:是|为|[:：=])\s*[\"'“]?(?P<value>(?=[^\s，。；,;\"'”]*[0-9])(?=[^\s，。；,;\"'”]*[A-Za-z])[^\s，。；,;\"'”]{{6,200}})",
            re.IGNORECASE,
        ),
    ),
)
HINT = re.compile(rf"://|-----begin|eyj|(?:[spr]k|gh[pos]|glpat|xox|akia|asia|ltai|akid)[-_]?[a-z0-9]{{2}}|{_LATIN_NAMES}")
"""What the Latin letters of a text with a secret in it contain, unless a Chinese word names it; most texts have none of it."""
GRAM = 12
"""Characters that are compared at a time."""
STRIDE = 3
"""Every so many characters of a text are compared, so that a stretch of GRAM + STRIDE - 1 shared ones is seen wherever it stands."""


class SecretDetector:
    """Passwords, keys and tokens, in the forms that the usual issuers give them."""

    name = "secrets"

    def find(self, view: View) -> Sequence[Finding]:
        text = view.folded
        if not HINT.search(view.latin) and not any(name in text for name in _CHINESE_NAMES):
            return []
        found: list[Finding] = []
        taken: list[tuple[int, int]] = []
        for rule, pattern in PATTERNS:
            for match in pattern.finditer(text):
                start, end = match.span("value") if "value" in match.groupdict() else match.span()
                if any(start < other_end and other < end for other, other_end in taken):
                    continue
                taken.append((start, end))
                found.append(Finding(rule, *view.span(start, end), reason="像是密码、密钥或令牌"))
        return sorted(found, key=lambda finding: finding.start)


class PromptLeakDetector:
    """Stretches of our own instructions to a model, word for word whatever blanks stand between."""

    name = "prompt_leak"

    def __init__(self, instructions: Iterable[str]) -> None:
        texts = ["".join(View.of(text).lowered.split()) for text in instructions]
        self._grams = frozenset(text[at : at + GRAM] for text in texts for at in range(len(text) - GRAM + 1))

    def find(self, view: View) -> Sequence[Finding]:
        bare, grams = "".join(view.lowered.split()), self._grams
        last = len(bare) - GRAM + 1
        touched = [at for at in range(0, last, STRIDE) if bare[at : at + GRAM] in grams]
        around = sorted({near for at in touched for near in range(max(0, at - STRIDE + 1), min(last, at + STRIDE))})
        shared = [at for at in around if bare[at : at + GRAM] in grams]
        if not any(after - before == STRIDE - 1 for before, after in zip(shared, shared[STRIDE - 1 :], strict=False)):
            return []
        places = [at for at, char in enumerate(view.lowered) if not char.isspace()]
        start, end = view.span(places[shared[0]], places[shared[-1] + GRAM - 1] + 1)
        return [Finding("leak.instructions", start, end, reason="与系统内部说明相同")]
