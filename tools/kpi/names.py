"""Finding an indicator by clause id or by name (TISC-A2)."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property

from domain.clause import Clause, Formula
from domain.errors import NotFound, ProblemDetail, UserInputError, known_names
from knowledge.catalogue import Catalogue

from .spec import IndicatorSpec, load_vocabulary

PREFIX = "TISC-A2-"
_NOISE = re.compile(r"[\s()（）【】\[\]“”\"'·:：_%-]|天$|CO2E?$|怎么算$|是多少$")
STRONG, WORD, SYNONYM = 3.0, 1.0, 0.6
"""What a word of each kind says for an indicator."""
LEAST_COMMON = 3
"""Characters that a fuzzy name has to share with the indicator's."""


@dataclass(frozen=True)
class Indicator:
    """An indicator: its clause, its formula, and how people speak of it."""

    clause: Clause
    formula: Formula
    spec: IndicatorSpec

    @property
    def id(self) -> str:
        return self.clause.id

    @property
    def name(self) -> str:
        return self.clause.title

    @property
    def names(self) -> tuple[str, ...]:
        return (self.clause.title, *self.spec.names)

    @cached_property
    def long_names(self) -> tuple[str, ...]:
        """Names by which a text can be searched, folded."""
        return tuple(plain(name) for name in self.names if len(name) > 2)

    @cached_property
    def word_weights(self) -> dict[str, float]:
        """How much each word speaks for this indicator."""
        weights: dict[str, float] = {}
        for words, weight in ((self.spec.strong, STRONG), (self.spec.words, WORD), (self.clause.synonyms, SYNONYM)):
            weights |= {word: weight for word in words if word not in weights}
        return weights


def indicators(catalogue: Catalogue) -> dict[str, Indicator]:
    """Every clause of annex 2 that has a formula, with its vocabulary."""
    vocabulary = load_vocabulary()
    empty = IndicatorSpec(accepts=frozenset(), slots={})
    return {
        clause.id: Indicator(clause, clause.formula, _with_names(vocabulary.indicators.get(clause.id, empty), clause.formula))
        for clause in catalogue.clauses.values()
        if clause.formula and clause.id.startswith(PREFIX)
    }


def _with_names(spec: IndicatorSpec, formula: Formula) -> IndicatorSpec:
    """A variable's own name is a cue for it."""
    named = {v.symbol: (v.name, *spec.slots[v.symbol].cues) for v in formula.variables if v.symbol in spec.slots}
    slots = {name: slot.model_copy(update={"cues": named.get(name, slot.cues)}) for name, slot in spec.slots.items()}
    return spec.model_copy(update={"slots": slots})


def find(book: dict[str, Indicator], wanted: str) -> Indicator:
    """The indicator meant by an id (TISC-A2-a.1-1, a.1-1), a name, another name, or a unique part of one.

    Raises:
        NotFound: nothing like it.
        UserInputError: several fit; they are listed.
    """
    by_id = {key.upper(): item for key, item in book.items()}
    given = wanted.strip().upper()
    for key in (given, PREFIX.upper() + given, f"TISC-{given}"):
        if key in by_id:
            return by_id[key]
    name = plain(wanted)
    exact = [i for i in book.values() if name in {plain(n) for n in i.names}]
    own = [i for i in exact if name == plain(i.name)]
    found = own or exact or [i for i in book.values() if any(_alike(name, plain(n)) for n in i.names)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound(f"没有名为“{wanted}”的指标", where="indicator", cure=known_names(wanted, [i.name for i in book.values()]))
    detail = [ProblemDetail(where=i.id, what=i.name) for i in found]
    listed = "、".join(f"{i.name}（{i.id}）" for i in found)
    raise UserInputError(f"“{wanted}”可能是：{listed}", where="indicator", cure="请写明是哪一个", detail=detail)


def plain(name: str) -> str:
    return _NOISE.sub("", unicodedata.normalize("NFKC", name).upper())


def _alike(given: str, name: str) -> bool:
    """One name contains the other, or they differ in a suffix or in filler characters only."""
    if len(given) < LEAST_COMMON or len(name) < LEAST_COMMON:
        return False
    if given in name or name in given:
        return True
    shorter, longer = sorted((given, name), key=len)
    rest = iter(longer)
    return len(shorter) >= LEAST_COMMON + 1 and all(c in rest for c in shorter) and len(longer) - len(shorter) <= len(shorter)
