"""Whether the evidence answers the question, and if not, why (拒答).

A few readable signals go into a logistic model whose weights were fitted on the calibration questions (`data/answerable.yaml`, made by
`python -m evals.calibrate`). The strongest signal names the reason a user is given, with the nearest clause.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from domain.clause import Clause
from domain.yaml_data import parse_yaml
from knowledge.catalogue import Catalogue
from knowledge.frequencies import Frequencies
from knowledge.lexicon import asked_tokens, fold, token_set
from knowledge.question import Question
from knowledge.retrieve import Hit

from .asking import Asking, mentions
from .evidence import Support

WEIGHTS = Path(__file__).parent / "data" / "answerable.yaml"
COMMON = re.compile(r"[的了着是在和跟与把被给让到上下里个这那哪几多么都也就还又很太不没有要会能可来去]")
QUALIFIER_REACH = 10
"""Characters before a metric in which the kind of thing it is asked of stands."""
SUBJECT_SHARE = 0.6
"""How near the best score a hit has to be to count as what the question is about."""
TITLE = re.compile(r"《([^《》]{4,40})》")


class Weights(BaseModel):
    """The fitted model: refuse when bias + Σ weight·signal > 0."""

    model_config = ConfigDict(frozen=True)

    bias: float
    signals: dict[str, float]


def load_weights(path: Path = WEIGHTS) -> Weights:
    return Weights.model_validate(parse_yaml(path.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Assessment:
    """How sure it is that the evidence answers, and the reason when it does not."""

    confidence: float
    """0 to 1."""
    reason: str
    """Empty when the question can be answered."""
    signals: dict[str, float]


class Vocabulary:
    """How telling words are in the catalogue, and what it names."""

    def __init__(self, catalogue: Catalogue, frequencies: Frequencies) -> None:
        self._catalogue = catalogue
        self._frequencies = frequencies
        self.rarest = math.log(1 + frequencies.total)

    @cached_property
    def names(self) -> list[str]:
        """What the standards list and name: enumerated items, headings, metrics; three characters and more."""
        clauses = self._catalogue.clauses.values()
        found = [item for c in clauses for item in c.items] + [s.title for s in self._catalogue.sections.values()]
        found += [fact.metric for c in clauses for fact in c.facts] + [c.scene for c in clauses if c.scene]
        return sorted({fold(name) for name in found if 3 <= len(name) <= 12 and all("一" <= char <= "鿿" for char in name)})

    def weight(self, token: str) -> float:
        """How telling a token is (inverse document frequency); one that no clause and no question has is as telling as it gets."""
        times = self._frequencies.known.get(token)
        return math.log(1 + self._frequencies.total / times) if times else self.rarest

    def is_term(self, token: str) -> bool:
        """Whether the standards themselves write it."""
        return token in self._frequencies.written


@dataclass(frozen=True)
class Judge:
    """Judges questions against their evidence; all its parts are data or derived from data."""

    catalogue: Catalogue
    asking: Asking
    weights: Weights
    vocabulary: Vocabulary

    def assess(self, question: Question, hits: Sequence[Hit], supports: Sequence[Support]) -> Assessment:
        if not supports:
            return Assessment(0.0, "在五项标准和可读的文档里没有找到相关内容", {"nothing": 1.0})
        signals = self.signals(question, hits, supports)
        margin = self.weights.bias + sum(self.weights.signals.get(name, 0.0) * value for name, value in signals.items())
        confidence = 1 / (1 + math.exp(max(-50.0, min(50.0, margin))))
        if confidence >= 0.5 or supports[0].hit.via == "address":
            return Assessment(max(confidence, 0.5), "", signals)
        return Assessment(confidence, self._reason(question, signals, supports), signals)

    def signals(self, question: Question, hits: Sequence[Hit], supports: Sequence[Support]) -> dict[str, float]:
        """Each between 0 and about 1; larger speaks for refusing."""
        folded = fold(question.text)
        texts = [self._full_text(s) for s in supports]
        everything = " ".join(texts)
        known = frozenset[str]().union(*map(token_set, texts))
        own = " ".join(s.hit.passage.own_text for s in supports)
        kinds = [kind for kind in self.asking.kinds_in(question.text) if kind != "weight"]
        one = not question.several and len(question.standards) < 2 and len(kinds) < 2
        asks_weight = "weight" in self.asking.kinds_in(question.text)
        asked = question.search_text + " " + (question.context if question.elliptical else "")
        missing = [kind for kind in kinds if not self.asking.holds(kind, own)]
        return {
            "uncovered": 1 - self._coverage(asked, known),
            "foreign_terms": self._foreign(question.search_text, known),
            "foreign_name": self._foreign_name(folded, everything, own),
            "qualified": self._qualified(folded, supports),
            "modifier": self._modifier(folded, everything),
            "kind_missing": float(bool(missing) and one),
            "kind_missing_best": float(one and any(not self.asking.holds(kind, supports[0].hit.passage.own_text) for kind in kinds)),
            "no_number": float(one and bool(kinds) and not any(char.isdigit() for char in own)),
            "weight_missing": float(asks_weight and self._weight_missing(question, hits)),
            "asks_value": float(one and bool(kinds)),
            "asks_money": float("money" in kinds and not self.asking.holds("money", own)),
            "contact": float("contact" in kinds),
            "off_topic": float(bool(mentions(self.asking.off_topic, folded))),
            "recommendation": float(bool(mentions(self.asking.recommendation, folded))),
            "procedure": float(bool(mentions(self.asking.procedure, folded))),
            "region": float(any(region not in everything for region in mentions(self.asking.regions, folded))),
            "other_document": self._other_document(question.text, folded, own),
            "weak": 1 / (1 + hits[0].score / 20),
        }

    def _weight_missing(self, question: Question, hits: Sequence[Hit]) -> bool:
        """The thing whose weight is asked for has none of its own: it is a part of an indicator, or not in a table at all."""
        found = [c for h in hits if h.score >= hits[0].score * SUBJECT_SHARE and (c := self.catalogue.clauses.get(h.clause_id))]
        first = next(iter(found), None)
        row = next((c for c in found if c.weight is not None), None)
        weighed = first is not None and any(self.catalogue.clauses[i].weight is not None for i in first.see if i in self.catalogue.clauses)
        if first is None or row is None or (first.weight is None and not weighed):
            return True
        return bool(mentions(self.asking.split, fold(question.text))) and not self.catalogue.children(row.id)

    def _qualified(self, folded: str, supports: Sequence[Support]) -> float:
        """A metric is set for some kinds of a thing, and the question asks it of a kind that is not among them."""
        metrics = {f.metric for s in supports if s.clause for c in self._family(s.clause) for f in c.facts}
        for tail in {metric[-size:] for metric in metrics for size in (3, 4, 5) if len(metric) > size}:
            kinds = [metric.removesuffix(tail) for metric in metrics if metric.endswith(tail)]
            at = folded.find(tail)
            if len(kinds) < 2 or at < 0:
                continue
            before = folded[max(0, at - QUALIFIER_REACH) : at]
            asked = [name for name in self.vocabulary.names if name in before]
            if asked and not any(kind and (kind in name or name in kind) for kind in kinds for name in asked):
                return 1.0
        return 0.0

    def _family(self, clause: Clause) -> list[Clause]:
        return [clause, *(self.catalogue.clauses[i] for i in self.catalogue.siblings(clause.id) if i in self.catalogue.clauses)]

    def _foreign_name(self, folded: str, text: str, own: str) -> float:
        """A thing that the standards name elsewhere stands in the question and nowhere in this evidence."""
        names = [name for name in self.vocabulary.names if name in folded and name not in own]
        return 1.0 if any(name not in text for name in names) else 0.5 if names else 0.0

    def _modifier(self, folded: str, text: str) -> float:
        """A word that narrows a noun of the domain down and that the evidence does not know (医疗大模型, 灯塔级)."""
        for head in self.asking.heads:
            for match in re.finditer(rf"([一-鿿]{{2}}){head}", folded):
                word = match.group(1)
                if word not in text and self.vocabulary.weight(word) >= self.vocabulary.rarest and not COMMON.search(word):
                    return 1.0
        return 0.0

    def _full_text(self, support: Support) -> str:
        """Everything known to belong to a clause: its text, headings, and what people ask of it."""
        clause = support.clause
        asked = " ".join([clause.title, clause.text, *clause.synonyms, *clause.questions]) if clause else ""
        scene = self.catalogue.sections.get(clause.parent or "") if clause else None
        about = " ".join([scene.title, *scene.synonyms, *scene.questions]) if scene else ""
        return " ".join([*support.hit.passage.path, support.hit.passage.own_text, asked, about])

    def _coverage(self, asked: str, have: frozenset[str]) -> float:
        """Share of the question's telling tokens that the evidence contains."""
        wanted = {t for t in asked_tokens(asked) if len(t) > 1}
        total = sum(self.vocabulary.weight(t) for t in wanted)
        return sum(self.vocabulary.weight(t) for t in wanted & have) / total if total else 0.0

    def _foreign(self, asked: str, have: frozenset[str]) -> float:
        """Terms of the standards that the question uses and this evidence does not: the largest one's rarity, 0 to 1."""
        foreign = [self.vocabulary.weight(t) for t in asked_tokens(asked) if len(t) > 1 and t not in have and self.vocabulary.is_term(t)]
        top = sorted(foreign, reverse=True)[:3]
        return sum(top) / (3 * self.vocabulary.rarest)

    def _other_document(self, question: str, folded: str, own: str) -> float:
        """A document that is none of ours is named, and its inside is asked for."""
        ours = [fold(s.title + s.short) for s in self.catalogue.standards.values()]
        named = [t for t in TITLE.findall(question) if not any(fold(t) in title for title in ours)]
        named += mentions(self.asking.mentioned, folded)
        if not named:
            return 0.0
        return 1.0 if mentions(self.asking.inside, folded) else 0.5 if not any(fold(t) in fold(own) for t in named) else 0.2

    def _reason(self, question: Question, signals: dict[str, float], supports: Sequence[Support]) -> str:
        nearest = supports[0].heading or supports[0].hit.clause_id
        kinds = [
            k for k in self.asking.kinds_in(question.text) if k != "weight" and not self.asking.holds(k, supports[0].hit.passage.own_text)
        ]
        if signals["off_topic"]:
            return "这个问题不在五项标准和本助手的服务范围之内"
        if signals["recommendation"]:
            return "标准不评价也不推荐具体厂商或产品"
        if signals["other_document"] >= 0.5:
            return "问到的是另一份文件的内容，已入库的文档里没有它的正文"
        if signals["region"]:
            return "已入库的标准里没有这个地区的相应规定"
        if signals["procedure"]:
            return "标准没有规定办理程序、名单或申报安排"
        if signals["weight_missing"]:
            return f"最接近的条款是“{nearest}”，标准没有给它单独的权重或分值"
        if kinds:
            names = "、".join(self.asking.name(k) for k in kinds)
            return f"最接近的条款是“{nearest}”，但它没有规定所问的{names}"
        return f"没有找到能回答它的条款；最接近的是“{nearest}”"
