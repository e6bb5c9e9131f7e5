"""From hits to the clauses an answer stands on: which of them, in which order, and what of each is quoted.

Everything here is deterministic and shared by the offline model and an attached one: the same question stands on the same clauses.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from domain.answer import Citation
from domain.clause import FACTORY_LEVELS, Clause
from domain.yaml_data import parse_yaml
from knowledge.catalogue import Catalogue
from knowledge.cite import cite
from knowledge.lexicon import token_set, tokens
from knowledge.question import Question
from knowledge.retrieve import Hit

CHOICE = Path(__file__).parent / "data" / "choice.yaml"
COVER_POOL = 14
COVER_CLAUSES = 4
SENTENCE = re.compile(r"[^。；;！？!?\n]+[。；;！？!?]?")
LEVEL_NAMES = {"车间": "智能车间", "基础": "基础级", "先进": "先进级", "卓越": "卓越级", "领航": "领航级"}


class Choice(BaseModel):
    """How many clauses an answer takes and how long it gets (`data/choice.yaml`)."""

    model_config = ConfigDict(frozen=True)

    near: float
    """A further clause joins when its score is at least this share of the best one's."""
    near_other: float
    """The same, for a clause of another standard when none is named."""
    near_same_section: float
    """The same, for a clause of the best one's own section that is short."""
    short: int
    """Characters up to which a clause counts as short."""
    clauses: int
    """Most clauses in one answer."""
    items: int
    """Most short clauses of one section in one answer."""
    value_words: list[str]
    """Words by which a question asks for a number."""
    section_lead: float
    """How much more a section's three best items must score together to go before the best item's own."""
    filled: int
    """Up to this many clauses, short ones of the best section that set a number join a question for numbers whatever their score."""
    weight_words: list[str]
    """Words by which a question asks for a weight."""
    characters: int
    """Budget of quoted characters; the first clause is always taken."""
    quote: int
    """A clause longer than this is cut to its most fitting sentences."""


def load_choice(path: Path = CHOICE) -> Choice:
    return Choice.model_validate(parse_yaml(path.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Support:
    """One clause that an answer stands on: its hit, the citations of what is quoted, a heading for the reader."""

    hit: Hit
    clause: Clause | None
    heading: str
    citations: tuple[Citation, ...]
    absent_levels: tuple[str, ...] = ()
    """Levels asked for at which the table holds "/" and which this clause stands in for."""

    @property
    def text(self) -> str:
        return "".join(citation.quote for citation in self.citations)


def choose(question: Question, hits: Sequence[Hit], catalogue: Catalogue, choice: Choice) -> list[Support]:
    """The clauses to answer from, best first; empty when nothing was found or nothing could be quoted."""
    table = _table_rows(question, hits, catalogue, choice)
    wanted = table or _wanted(question, hits, catalogue, choice)
    room = choice.characters if len(wanted) > 1 else int(choice.characters * 1.2)
    supports: list[Support] = []
    for hit in wanted:
        limit = room if len(wanted) == 1 else choice.quote
        citations = quotes(question, hit, limit)
        length = sum(len(c.quote) for c in citations)
        if not citations or (supports and length > room and not table):
            continue
        room -= length
        clause = catalogue.clauses.get(hit.clause_id)
        supports.append(Support(hit, clause, heading(hit, clause, catalogue), tuple(citations), _absent(question, clause, catalogue)))
    return supports


def _table_rows(question: Question, hits: Sequence[Hit], catalogue: Catalogue, choice: Choice) -> list[Hit]:
    """Rows of a table that are summed up in one line instead of quoted one by one: a threshold ladder, a weight table."""
    if not hits or any(hit.via == "address" for hit in hits):
        return []
    hits = _fitting_first(question, hits, catalogue, choice)
    return _ladder(hits, catalogue) or _weights(question, hits, catalogue)


def _wanted(question: Question, hits: Sequence[Hit], catalogue: Catalogue, choice: Choice) -> list[Hit]:
    if not hits:
        return []
    pinned = [hit for hit in hits if hit.via == "address"]
    if pinned:
        return pinned[: choice.clauses]
    hits = _fitting_first(question, hits, catalogue, choice)
    if cells := _cells(question, hits, catalogue):
        return cells
    if question.several or len(question.standards) > 1:
        return _one_each(question, hits, catalogue)[: choice.clauses + 1]
    asks_value = any(word in question.text for word in choice.value_words)
    hits = _best_section(_valued_first(hits, catalogue) if asks_value else hits, choice)
    best = hits[0]
    chosen = [best]
    for hit in hits[1:]:
        if _same_section(hit, best) and len(hit.passage.own_text) <= choice.short:
            valued = asks_value and (c := catalogue.clauses.get(hit.clause_id)) is not None and bool(c.facts)
            close = hit.score >= best.score * choice.near_same_section
            if len(chosen) < (choice.items if close else choice.filled if valued else 0):
                chosen.append(hit)
        elif hit.score >= best.score * (choice.near if _same_standard(hit, best) else choice.near_other) and len(chosen) < choice.clauses:
            chosen.append(hit)
    return chosen


def _valued_first(hits: Sequence[Hit], catalogue: Catalogue) -> list[Hit]:
    """A question for a number goes to clauses that set one, when the best clause has none and they are not far behind."""
    if any(char.isdigit() for char in hits[0].passage.own_text):
        return list(hits)
    valued = [h for h in hits if (c := catalogue.clauses.get(h.clause_id)) and c.facts and h.score >= hits[0].score * 0.6]
    same = [h for h in valued if h.clause_id.split("-")[0] == hits[0].clause_id.split("-")[0]]
    return same + [h for h in hits if h not in same]


def _same_standard(hit: Hit, other: Hit) -> bool:
    return hit.clause_id.split("-", 1)[0] == other.clause_id.split("-", 1)[0]


def _same_section(hit: Hit, other: Hit) -> bool:
    return hit.passage.path == other.passage.path and hit.passage.document_id == other.passage.document_id


def _fitting_first(question: Question, hits: Sequence[Hit], catalogue: Catalogue, choice: Choice) -> list[Hit]:
    """A row of a weight table answers questions about weights only; for others its indicator goes first, and the other way round."""
    best = catalogue.clauses.get(hits[0].clause_id)
    if best is None:
        return list(hits)
    asks_weight = any(word in question.text for word in choice.weight_words)
    if (best.weight is not None) == asks_weight:
        return list(hits)
    twins = [
        h
        for h in hits[1:]
        if h.clause_id in best.see and (c := catalogue.clauses.get(h.clause_id)) and (c.weight is not None) == asks_weight
    ]
    return [*twins, *(h for h in hits if h not in twins)]


def _cells(question: Question, hits: Sequence[Hit], catalogue: Catalogue) -> list[Hit]:
    """Of the best scene of the Jiangsu table, the cells of the levels asked for, in the order of asking."""
    best = catalogue.clauses.get(hits[0].clause_id)
    if best is None or not best.level or not best.parent or not question.levels:
        return []
    stand_ins = [catalogue.first_available(best.parent, level) for level in question.levels]
    wanted = list(dict.fromkeys(cell.id for cell in stand_ins if cell))
    found = {hit.clause_id: hit for hit in hits}
    chosen = [found[i] for i in wanted if i in found]
    if len(question.standards) > 1:
        others = [h for h in hits if not h.clause_id.startswith("JSSF-")]
        return [*chosen[:2], *others[:1]] if chosen else []
    if question.several and len(wanted) == 1:
        level = catalogue.clauses[wanted[0]].level
        same = [h for h in hits if (c := catalogue.clauses.get(h.clause_id)) and c.level == level]
        return _covering(question, same, catalogue)[:2]
    return chosen


def _one_each(question: Question, hits: Sequence[Hit], catalogue: Catalogue) -> list[Hit]:
    """The best for each standard named; or else, one after the other, what covers most of the question that is still uncovered."""
    if len(question.standards) < 2:
        return _covering(question, hits, catalogue)
    chosen: list[Hit] = []
    for number, key in enumerate(question.standards, 1):
        among = [h for h in hits if h.clause_id.startswith(f"{key}-")]
        best = max(among, key=lambda h, part=f"part{number}": (h.parts.get(part, 0.0), h.score), default=None)
        if best is not None:
            chosen.append(best)
    rest = sorted((h for h in hits if h not in chosen), key=lambda h: -h.score)
    return chosen + rest[:1]


def _covering(question: Question, hits: Sequence[Hit], catalogue: Catalogue) -> list[Hit]:
    """Greedy cover: a word that every candidate knows says nothing, and a word already answered is not asked again."""
    ranked = sorted(hits, key=lambda h: -h.score)
    pool = [h for h in ranked if h.clause_id.split("-")[0] == ranked[0].clause_id.split("-")[0]][:COVER_POOL]
    wanted = {t for t in tokens(question.search_text) if len(t) > 1}
    known = {h.clause_id: wanted & token_set(_everything(h, catalogue)) for h in pool}
    spread = Counter(token for covered in known.values() for token in covered)
    weight = {token: math.log(1 + len(pool) / count) for token, count in spread.items()}
    chosen: list[Hit] = []
    left = set(weight)
    while pool and len(chosen) < COVER_CLAUSES:
        best = max(pool, key=lambda h: sum(weight[t] for t in known[h.clause_id] & left) * h.score)
        if not known[best.clause_id] & left:
            break
        chosen.append(best)
        pool.remove(best)
        left -= known[best.clause_id]
    return chosen


def _everything(hit: Hit, catalogue: Catalogue) -> str:
    clause = catalogue.clauses.get(hit.clause_id)
    asked = [clause.title, clause.text, *clause.synonyms, *clause.questions] if clause else []
    return " ".join([*hit.passage.path, hit.passage.own_text, *asked])


def _best_section(hits: Sequence[Hit], choice: Choice) -> list[Hit]:
    """Among short items, a section that answers with several of them goes before one that answers with one."""
    if len(hits[0].passage.own_text) > choice.short:
        return list(hits)
    sections: dict[tuple[str, ...], list[float]] = {}
    for hit in hits:
        if len(hit.passage.own_text) <= choice.short:
            sections.setdefault(tuple(hit.passage.path), []).append(hit.score)
    weight = {path: sum(sorted(scores, reverse=True)[:3]) for path, scores in sections.items()}
    own = tuple(hits[0].passage.path)
    best = max(weight, key=weight.__getitem__)
    if best == own or weight[best] < weight[own] * choice.section_lead:
        return list(hits)
    inside = [h for h in hits if tuple(h.passage.path) == best]
    return inside + [h for h in hits if h not in inside]


def _ladder(hits: Sequence[Hit], catalogue: Catalogue) -> list[Hit]:
    """Rungs of one threshold ladder belong together: asked for one, the neighbours are the answer's other half."""
    rungs = next((ladder for ladder in catalogue.ladders if hits[0].clause_id in ladder), [])
    found = {hit.clause_id: hit for hit in hits}
    present = [found[i] for i in rungs if i in found]
    return present if len(present) > 2 else []


def _weights(question: Question, hits: Sequence[Hit], catalogue: Catalogue) -> list[Hit]:
    """Rows of a weight table that stand together: those found near the best one, or the whole level when it is asked for."""
    best = catalogue.clauses.get(hits[0].clause_id)
    if best is None or best.weight is None:
        return []
    rows = [(h, c) for h in hits if (c := catalogue.clauses.get(h.clause_id)) and c.weight is not None]
    close = [(h, c) for h, c in rows if h.score >= hits[0].score * 0.6 and not h.via.startswith("relation")]
    level = [(h, c) for h, c in close if c.parent == best.parent]
    if catalogue.children(best.id) and len(level) > 1:
        return [h for h, c in rows if c.parent == best.parent]
    below = [h for h, c in rows if c.parent == best.id]
    return [h for h, _ in close[:3]] + [h for h in below if h not in [x for x, _ in close[:3]]]


def quotes(question: Question, hit: Hit, limit: int) -> list[Citation]:
    """Verified quotes of a clause's own words: all of them, or its most fitting sentences in their order."""
    passage = hit.passage
    whole = passage.own_text.strip()
    if len(whole) <= limit:
        citation = cite(passage, whole)
        return [citation] if citation else []
    sentences = [m.group().strip() for m in SENTENCE.finditer(whole) if m.group().strip()]
    asked = set(tokens(question.search_text + " " + question.context))
    ranked = sorted(range(len(sentences)), key=lambda n: -_fit(asked, sentences[n]))
    kept: list[int] = []
    room = limit
    for number in ranked:
        if not kept or len(sentences[number]) <= room:
            kept.append(number)
            room -= len(sentences[number])
    return [c for number in sorted(kept) if (c := cite(passage, sentences[number]))]


def _fit(asked: set[str], sentence: str) -> float:
    own = token_set(sentence)
    return sum(len(token) for token in asked & own) / (8 + len(own)) ** 0.5


def heading(hit: Hit, clause: Clause | None, catalogue: Catalogue) -> str:
    """What a reader needs to place a quote: the scene and level, the indicator, or the last heading of its path."""
    path = [part for part in hit.passage.path if part]
    if clause is None:
        return path[-1] if path else hit.passage.title
    if clause.level and clause.scene:
        return f"{clause.scene}·{LEVEL_NAMES[clause.level]}"
    section = path[-1] if len(path) > 1 else ""
    named = clause.title in hit.passage.text or clause.formula is not None
    bare = re.sub(r"^(?:[\dA-Za-z.\-]+\s+|[（(][一二三四五六七八九十]+[）)]\s*|[一二三四五六七八九十]+、\s*)+", "", section)
    return "·".join(part for part in (bare, clause.title if named and clause.title != bare else "") if part)


def _absent(question: Question, clause: Clause | None, catalogue: Catalogue) -> tuple[str, ...]:
    """Levels the question names at which the table asks for nothing in this clause's scene."""
    if clause is None or not clause.level or not clause.parent:
        return ()
    named = [*question.levels, *([question.current_level] if question.current_level else [])]
    gaps = [level for level in FACTORY_LEVELS[: FACTORY_LEVELS.index(clause.level)] if not catalogue.cell(clause.parent, level).available]
    return tuple(LEVEL_NAMES[level] for level in gaps) if any(level in gaps for level in named) else ()


def evidence_lines(supports: Iterable[Support], headings: Iterable[str], texts: Iterable[str]) -> list[str]:
    """Numbered evidence as a model reads it: `[1] (TISC-7.3.1-b) heading：text`."""
    rows = enumerate(zip(supports, headings, texts, strict=True), 1)
    return [f"[{n}] ({support.hit.clause_id}) {heading}：{text}" for n, (support, heading, text) in rows]
