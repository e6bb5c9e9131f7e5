"""Finding the clauses that answer a question (检索): named addresses are resolved, everything else is searched and expanded.

One search asks the index for every field at once; the fields' scores are put on one scale, a question's named standards and levels
weigh in, and each hit says what its score is made of.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from domain.clause import FACTORY_LEVELS, Clause, FactoryLevel, Passage
from domain.principal import Principal, read_filter
from domain.yaml_data import parse_yaml

from .address import AddressBook
from .catalogue import Catalogue
from .catalogue_index import CATALOGUE_PREFIX, catalogue_passage
from .embed import Embedder, Reranker
from .index import IndexQuery, PassageIndex, Scored, Selection
from .lexicon import query_vector
from .library import Library
from .question import Question, QuestionReader
from .recent import Recent
from .thesaurus import Thesaurus

WEIGHTS = Path(__file__).parent / "data" / "ranking.yaml"
REMEMBERED = 512
"""Sets of passages that are kept; the passages themselves are shared."""


class Ranking(BaseModel):
    """How evidence is weighed (`data/ranking.yaml`); calibrated on questions written for the catalogue."""

    model_config = ConfigDict(frozen=True)

    body: float
    ask: float
    dense: float
    named_standard: float
    """Factor for clauses of a standard that the question names."""
    other_standard: float
    """Factor for clauses of standards it does not name, when it names one."""
    shunned_standard: float
    scene: float
    """Share of a scene's own score that each of its cells inherits."""
    level: list[float]
    """Factors for the wanted levels in order of wanting; the last one is for levels not wanted."""
    candidates: int
    lead: int
    """Places at the head of a ranking that related clauses never take."""
    reach: int
    """Places after which the siblings of the best clause come."""
    sibling: float
    """Factor for a sibling of the best clause that its own words did not find."""
    expansion: float
    """Factor for a clause reached over a relation instead of by its own words."""
    part: float
    """Share of a sentence's own findings in the ranking of the whole question."""
    context: float
    """Weight of the words of the turn before."""
    subject: float
    """The same where the turn has no subject of its own."""
    ladder: float
    """Share of the best score that each rung of a threshold ladder gets when a value on it is asked about."""
    synonym: float
    """Weight of a standard's term that stands behind an everyday word."""


def load_ranking(path: Path = WEIGHTS) -> Ranking:
    return Ranking.model_validate(parse_yaml(path.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Hit:
    """A found clause: the passage to quote, its score, and where the score comes from."""

    clause_id: str
    passage: Passage
    score: float
    parts: dict[str, float] = field(default_factory=dict[str, float])
    """What the score is the sum of; besides, what each part of the question alone gave (`part1`, …) and a reranker's view (`rerank`)."""
    via: str = "match"
    """match, address, level, or relation:<clause id>."""


@dataclass
class _Candidate:
    clause_id: str
    standard: str
    passage_id: str = ""
    scores: dict[str, float] = field(default_factory=dict[str, float])
    """What its total is the sum of."""
    shares: dict[str, float] = field(default_factory=dict[str, float])
    """What each part of the question alone gave it: `part1`, `part2`, …"""
    factor: float = 1.0
    via: str = "match"

    def total(self) -> float:
        return sum(self.scores.values()) * self.factor


class Retriever:
    """Search over the catalogue, the official texts and the documents a principal may read."""

    def __init__(
        self,
        catalogue: Catalogue,
        index: PassageIndex,
        library: Library,
        reader: QuestionReader,
        thesaurus: Thesaurus,
        ranking: Ranking,
        embedder: Embedder | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._index = index
        self._library = library
        self._reader = reader
        self._thesaurus = thesaurus
        self._ranking = ranking
        self._addresses = AddressBook()
        self._embedder = embedder
        self._reranker = reranker
        self._own: dict[str, Passage] = {}
        self._books = 0
        self._recent_passages: Recent[Mapping[str, Passage]] = Recent(REMEMBERED)

    def use_addresses(self, addresses: AddressBook) -> None:
        """From now on resolve names against this book."""
        self._addresses = addresses
        self._books += 1

    @property
    def generation(self) -> tuple[int, int, int] | None:
        """Another one as soon as a search might find something else; None where that cannot be known."""
        index = self._index.generation
        return None if index is None else (index, self._library.generation, self._books)

    def search(
        self, text: str, principal: Principal, k: int = 10, selection: Selection | None = None, earlier: Sequence[str] = ()
    ) -> list[Hit]:
        """The `k` best clauses for `text` that `principal` may read, best first; `earlier` are the user's turns before it."""
        return self.find(self._reader.read(text, earlier), principal, k, selection or Selection())

    def find(self, question: Question, principal: Principal, k: int, selection: Selection) -> list[Hit]:
        """As `search`, for a question already read."""
        whole, *parts = self._candidates(question, principal, selection)
        for number, part in enumerate(parts, 1):
            for clause_id, candidate in part.items():
                known = whole.setdefault(clause_id, _Candidate(clause_id, candidate.standard, candidate.passage_id))
                found = sum(candidate.scores.values())
                known.shares[f"part{number}"] = found
                known.scores["part"] = max(known.scores.get("part", 0.0), self._ranking.part * found)
        ranked = self._rank(question, whole)
        if question.several or len(question.standards) > 1:
            known = {candidate.clause_id: candidate for candidate in ranked}
            by_part = [[known[c.clause_id] for c in self._rank(question, part)] for part in parts]
            ranked = interleave([*_by_standard(question, ranked), *by_part])
        pinned = self._pinned(question, principal)
        order: dict[str, _Candidate] = {}
        for candidate in [*pinned, *self._expanded(question, ranked)]:
            order.setdefault(candidate.clause_id, candidate)
        selected = [candidate for candidate in order.values() if self._is_selected(candidate, selection)]
        hits = self._hits(selected, principal, k, selection)
        return self._reranked(question, hits)

    def passages(self, passage_ids: Iterable[str], principal: Principal) -> Mapping[str, Passage]:
        """Passages by id, as far as the principal may read them: catalogue wording from memory, the rest from the library."""
        wanted = tuple(passage_ids)

        def read() -> Mapping[str, Passage]:
            found = self._library.by_id([i for i in wanted if not i.startswith(CATALOGUE_PREFIX)], principal)
            own = [(i, self.catalogue_passage(i.removeprefix(CATALOGUE_PREFIX))) for i in wanted if i.startswith(CATALOGUE_PREFIX)]
            return found | {i: passage for i, passage in own if passage}

        return self._recent_passages.recall((read_filter(principal), wanted), self.generation, read)

    def remembered_passages(self, passage_ids: Iterable[str], principal: Principal) -> Mapping[str, Passage] | None:
        """What `passages` returned for this very call, if nothing has changed since; never waits."""
        return self._recent_passages.known((read_filter(principal), tuple(passage_ids)), self.generation)

    def _expanded(self, question: Question, ranked: list[_Candidate]) -> list[_Candidate]:
        """Clauses related to the best one: its scene's wanted levels at once, what stands below it and its twins after the
        first few, its siblings after the first dozen."""
        if not ranked or ranked[0].clause_id not in self._catalogue.clauses:
            return ranked
        best = ranked[0]
        clause = self._catalogue.clauses[best.clause_id]
        lead, reach = self._ranking.lead, self._ranking.reach
        cells = [c.id for level in question.levels if clause.level and (c := self._catalogue.first_available(clause.parent or "", level))]
        close = [*self._catalogue.children(clause.id), *clause.see]
        known = {candidate.clause_id: candidate for candidate in ranked}

        def related(ids: Iterable[str], share: float) -> list[_Candidate]:
            scores = {"relation": best.total() * share}
            return [
                known.get(i) or _Candidate(i, self._catalogue.standard_of(i).key, scores=scores, via=f"relation:{clause.id}")
                for i in ids
                if i in self._catalogue.clauses and self._catalogue.clauses[i].available
            ]

        first, rest = ranked[:1], ranked[1:]
        wanted = related(cells, self._ranking.level[-1])
        twins, family = related(close, self._ranking.expansion), related(self._catalogue.siblings(clause.id), self._ranking.sibling)
        return [*first, *wanted, *rest[: lead - 1], *twins, *rest[lead - 1 : reach], *family, *rest[reach:]]

    def _candidates(self, question: Question, principal: Principal, selection: Selection) -> list[dict[str, _Candidate]]:
        """The index's findings by clause for the whole question and for each of its parts, field scores weighed."""
        texts = [question.search_text, *question.parts]
        dense = self._embedder.embed(texts, query=True) if self._embedder else [None] * len(texts)
        access = read_filter(principal)
        context = [(question.context, self._ranking.subject if question.elliptical else self._ranking.context)] if question.context else []
        queries: list[IndexQuery] = []
        for text, vector in zip(texts, dense, strict=True):
            terms = [(term, self._ranking.synonym) for term in self._thesaurus.terms(text)]
            sparse = query_vector(text, [*terms, *context])
            queries.append(IndexQuery({"body": sparse, "ask": sparse}, access, selection, vector, self._ranking.candidates))
        return [self._merged(scored) for scored in self._index.search(queries)]

    def _merged(self, scored: Iterable[Scored]) -> dict[str, _Candidate]:
        weights = {"body": self._ranking.body, "ask": self._ranking.ask, "dense": self._ranking.dense}
        found: dict[str, _Candidate] = {}
        for point in scored:
            candidate = found.setdefault(point.clause_id, _Candidate(point.clause_id, point.standard))
            if point.kind == "clause" and not point.passage_id.startswith(CATALOGUE_PREFIX):
                candidate.passage_id = point.passage_id
            for name, score in point.scores.items():
                candidate.scores[name] = max(candidate.scores.get(name, 0.0), weights[name] * score)
        return found

    def _rank(self, question: Question, found: dict[str, _Candidate]) -> list[_Candidate]:
        self._weigh_standards(question, found.values())
        self._weigh_scenes(question, found)
        self._weigh_ladders(question, found)
        usable = [c for c in found.values() if c.clause_id in self._catalogue.clauses or not self._catalogue.knows(c.clause_id)]
        return sorted(usable, key=lambda c: (-c.total(), c.clause_id))

    def _weigh_standards(self, question: Question, candidates: Iterable[_Candidate]) -> None:
        for candidate in candidates:
            if candidate.standard in question.shunned:
                candidate.factor *= self._ranking.shunned_standard
            elif question.standards:
                named = candidate.standard in question.standards
                candidate.factor *= self._ranking.named_standard if named else self._ranking.other_standard

    def _weigh_scenes(self, question: Question, found: dict[str, _Candidate]) -> None:
        """A cell of the Jiangsu table inherits from its scene; wanted levels come first."""
        scenes = {c.clause_id: c for c in found.values() if self._is_scene(c.clause_id)}
        for scene_id, scene in scenes.items():
            inherited = self._ranking.scene * sum(scene.scores.values())
            for level in FACTORY_LEVELS:
                cell = self._catalogue.cell(scene_id, level)
                if cell.available:
                    candidate = found.setdefault(cell.id, _Candidate(cell.id, "JSSF", factor=scene.factor))
                    candidate.scores["scene"] = inherited
        wanted = self._wanted_levels(question, found)
        if not wanted:
            return
        for candidate in found.values():
            clause = self._catalogue.clauses.get(candidate.clause_id)
            if clause and clause.level:
                candidate.factor *= self._level_factor(clause, wanted)

    def _weigh_ladders(self, question: Question, found: dict[str, _Candidate]) -> None:
        """A question that names a ladder's standard and brings a value in its unit asks where on the ladder that value stands."""
        for ladder in self._catalogue.ladders:
            first = self._catalogue.clauses[ladder[0]]
            key = self._catalogue.standard_of(first.id).key
            if key in question.standards and re.search(rf"\d\s*{re.escape(first.facts[0].unit)}", question.text):
                best = max((c.total() for c in found.values()), default=1.0)
                for clause_id in ladder:
                    candidate = found.setdefault(clause_id, _Candidate(clause_id, key))
                    candidate.scores["ladder"] = best * self._ranking.ladder

    def _is_scene(self, any_id: str) -> bool:
        return any_id in self._catalogue.sections and f"{any_id}-{FACTORY_LEVELS[0]}" in self._catalogue.clauses

    def _wanted_levels(self, question: Question, found: dict[str, _Candidate]) -> tuple[FactoryLevel, ...]:
        if question.levels or not question.step_up:
            return question.levels
        cells = [c for c in found.values() if (clause := self._catalogue.clauses.get(c.clause_id)) and clause.level]
        best = max(cells, key=_Candidate.total, default=None)
        if best is None:
            return ()
        here = question.current_level or self._catalogue.clauses[best.clause_id].level or FACTORY_LEVELS[0]
        return (FACTORY_LEVELS[min(FACTORY_LEVELS.index(here) + 1, len(FACTORY_LEVELS) - 1)],)

    def _level_factor(self, clause: Clause, wanted: tuple[FactoryLevel, ...]) -> float:
        """By the place of the clause among the wanted levels; where a wanted level asks nothing, the next one that does stands in."""
        scene = clause.id.rsplit("-", 1)[0]
        stand_ins = [self._catalogue.first_available(scene, level) for level in wanted]
        for place, stand_in in enumerate(stand_ins):
            if stand_in is not None and stand_in.id == clause.id:
                return self._ranking.level[min(place, len(self._ranking.level) - 2)]
        return self._ranking.level[-1]

    def _pinned(self, question: Question, principal: Principal) -> list[_Candidate]:
        """Clauses that the question addresses outright."""
        found = [
            _Candidate(clause_id, self._catalogue.standard_of(clause_id).key, scores={"address": 1.0}, via="address")
            for address in question.addresses
            for clause_id in ([address] if address in self._catalogue.clauses else [])
        ]
        for entry, address in self._addresses.resolve(question.text, principal):
            clause_id = f"{entry.key}-{address}"
            found.append(_Candidate(clause_id, entry.key, scores={"address": 1.0}, via="address"))
        return found

    def _is_selected(self, candidate: _Candidate, selection: Selection) -> bool:
        """The index selects what it finds; this selects what was reached over an address or a relation."""
        clause = self._catalogue.clauses.get(candidate.clause_id)
        wanted = (
            (selection.standards, candidate.standard),
            (selection.levels, clause.level if clause else ""),
            (selection.modalities, clause.modality if clause else ""),
        )
        return all(not allowed or value in allowed for allowed, value in wanted)

    def _hits(self, ranked: Sequence[_Candidate], principal: Principal, k: int, selection: Selection) -> list[Hit]:
        """The first `k` candidates whose text the principal may read, with the official text where there is one.

        Our own wording belongs to no collection.
        """
        head = ranked[: 2 * k]
        stored = self._library.by_clause([c.clause_id for c in head], principal, selection.collections, selection.documents)
        ours = not selection.collections
        hits: list[Hit] = []
        for candidate in head:
            passage = stored.get(candidate.clause_id) or (self.catalogue_passage(candidate.clause_id) if ours else None)
            if passage is not None and (not selection.documents or passage.document_id in selection.documents):
                parts = {name: part * candidate.factor for name, part in (candidate.scores | candidate.shares).items()}
                hits.append(Hit(candidate.clause_id, passage, candidate.total(), parts, candidate.via))
                if len(hits) == k:
                    break
        return hits

    def catalogue_passage(self, clause_id: str) -> Passage | None:
        """Our own wording of a clause as a passage, for when its official text is not ingested."""
        known = self._own.get(clause_id)
        if known is None and (clause := self._catalogue.clauses.get(clause_id)):
            known = self._own[clause_id] = catalogue_passage(self._catalogue, clause)
        return known

    def _reranked(self, question: Question, hits: list[Hit]) -> list[Hit]:
        if self._reranker is None or len(hits) < 2:
            return hits
        scores = self._reranker.score(question.text, [hit.passage.own_text for hit in hits])
        marked = [replace(hit, parts=hit.parts | {"rerank": score}) for hit, score in zip(hits, scores, strict=True)]
        return sorted(marked, key=lambda hit: (hit.via != "address", -hit.parts["rerank"]))


def _by_standard(question: Question, ranked: list[_Candidate]) -> list[list[_Candidate]]:
    """A question that names several standards wants the best of each."""
    if len(question.standards) < 2:
        return [ranked]
    split = [[c for c in ranked if c.standard == key] for key in question.standards]
    return [part for part in split if part]


def interleave(rankings: Sequence[Sequence[_Candidate]]) -> list[_Candidate]:
    """Round robin over the rankings, each clause once, at its first place."""
    seen: dict[str, _Candidate] = {}
    for row in zip_longest(*rankings):
        for candidate in row:
            if candidate is not None:
                seen.setdefault(candidate.clause_id, candidate)
    return list(seen.values())
