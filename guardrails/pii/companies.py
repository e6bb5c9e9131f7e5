"""Names of companies: a legal form or a trade at the end, a place or a boundary in front; and companies known to everybody."""

import re
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from guardrails.findings import Finding
from guardrails.normalise import View

from .gazetteer import Endings, Gazetteer
from .words import read_words

RULE, REASON = "pii.company", "企业名称"
REGISTERED, PLACED, KNOWN, GUESS = 0.75, 0.45, 0.4, 0.3
"""A legal form · a place and a trade · a well-known company · a trade after some word."""
LONGEST, FARTHEST_BARE = 16, 5
"""Characters before the ending: of any name, and of one that begins neither with a place nor with a known company."""
NAME_CHAR = re.compile(r"[一-鿿A-Za-z0-9·&（）()\-]")


class CompanyWords(BaseModel):
    """`data/companies.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    legal_forms: str
    full_tails: str
    tails: str
    banks: str
    known: str
    left_stops: str
    left_numbers: str
    verbs: str
    generic: str
    public: str


class CompanyRules:
    """Finds companies' names. Public bodies that standards name are no companies."""

    def __init__(self, places: Gazetteer) -> None:
        words = read_words("companies.yaml", CompanyWords)
        self._legal = frozenset(words.legal_forms.split())
        self._tails = Gazetteer([*words.legal_forms.split(), *words.full_tails.split(), *words.tails.split()])
        self._known = Gazetteer([*words.banks.split(), *words.known.split()])
        self._public = frozenset(words.public.split())
        self._stops = frozenset(words.left_stops)
        self._numbers = frozenset(words.left_numbers)
        self._verbs = re.compile("|".join(words.verbs.split()))
        self._generic = frozenset(words.generic.split())
        self._generic_ends = Endings(self._generic)
        self._places = places

    def find(self, view: View) -> Iterator[Finding]:
        for start, end, score in self.spans(view.folded):
            yield Finding(RULE, *view.span(start, end), score, REASON)

    def spans(self, text: str) -> list[tuple[int, int, float]]:
        found: list[tuple[int, int, float]] = []
        known = list(self._known.spans(text))
        tails = list(self._tails.spans(text))
        for index, (tail, end) in enumerate(tails):
            if index + 1 < len(tails) and tails[index + 1][0] == end:
                continue  # 软件|公司: the last one ends the name
            first = index
            while first > 0 and tails[first - 1][1] == tails[first][0]:
                first -= 1
            start = self._start(text, tails[first][0], known)
            body = text[start : tails[first][0]]
            if not self._names(body) or text[start:end] in self._public:
                continue
            placed = self._places.at(text, start) > start
            score = REGISTERED if text[tail:end] in self._legal and len(text[start:tail]) >= 2 else PLACED if placed else GUESS
            found.append((start, end, score))
        covered = {at for start, end, _ in found for at in range(start, end)}
        return [*found, *((start, end, KNOWN) for start, end in known if start not in covered)]

    def _start(self, text: str, end: int, known: list[tuple[int, int]]) -> int:
        """The left end of a name: a boundary, a function word, or the place or company that it begins with."""
        start = end
        while start > 0 and end - start < LONGEST and NAME_CHAR.match(text[start - 1]) and text[start - 1] not in self._stops:
            start -= 1
        for verb in self._verbs.finditer(text, start, end):
            start = verb.end()
        heads = [at for at in range(start, end) if self._places.at(text, at) > at] + [a for a, b in known if start <= a and b <= end]
        if heads:
            return min(heads)
        number = max((at + 1 for at in range(start, end) if text[at] in self._numbers), default=start)
        return number if end - number <= FARTHEST_BARE else end

    def _names(self, body: str) -> bool:
        """Whether what stands before the ending names one company rather than any."""
        return len(body) >= 2 and body not in self._generic and self._generic_ends.before(body, len(body)) > 0
