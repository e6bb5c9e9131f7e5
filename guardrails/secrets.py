"""Secrets and the system's own instructions: neither may be stored with a question nor leave with an answer."""

import re
from collections.abc import Iterable, Sequence

from .findings import Finding
from .normalise import View

_NAMED = r"(?:密码|口令|密钥|令牌|password|passwd|pwd|secret|api[_\- ]?key|access[_\- ]?key|token)"
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
HINT = re.compile(r"://|-----BEGIN|eyJ|(?:sk|pk|rk|gh[pos]|glpat|xox|AKIA|ASIA|LTAI|AKID)[-_]?[A-Za-z0-9]{2}|" + _NAMED, re.IGNORECASE)
"""What a text with a secret in it contains; most texts have none of it."""
GRAM = 12
"""Characters in a row that a text shares with an instruction by accident only below this length."""
SHARED = 3
"""So many of them make a leak."""


class SecretDetector:
    """Passwords, keys and tokens, in the forms that the usual issuers give them."""

    name = "secrets"

    def find(self, view: View) -> Sequence[Finding]:
        text = view.folded
        if not HINT.search(text):
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
    """Stretches of our own instructions to a model: several runs of a dozen characters that stand in them word for word."""

    name = "prompt_leak"

    def __init__(self, instructions: Iterable[str]) -> None:
        texts = ["".join(View.of(text).lowered.split()) for text in instructions]
        self._grams = frozenset(text[at : at + GRAM] for text in texts for at in range(len(text) - GRAM + 1))

    def find(self, view: View) -> Sequence[Finding]:
        places = [at for at, char in enumerate(view.lowered) if not char.isspace()]
        bare = "".join(view.lowered[at] for at in places)
        shared = [at for at in range(len(bare) - GRAM + 1) if bare[at : at + GRAM] in self._grams]
        if len(shared) < SHARED:
            return []
        start, end = view.span(places[shared[0]], places[shared[-1] + GRAM - 1] + 1)
        return [Finding("leak.instructions", start, end, reason="与系统内部说明相同")]
