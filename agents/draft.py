"""The offline model's writing: extractive answers, the point first, every sentence a verified quote under a heading."""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from domain.answer import Citation, Figure, Sentence
from domain.clause import Clause
from domain.quantity import quantities
from knowledge.catalogue import Catalogue
from knowledge.question import Question

from .asking import Asking
from .evidence import LEVEL_NAMES, Support
from .grounding import MARK


def draft(question: Question, supports: Sequence[Support], catalogue: Catalogue, asking: Asking) -> list[Sentence]:
    """Sentences that answer `question` from `supports`, numbered by support."""
    first = supports[0].clause
    if first is not None and first.weight is not None:
        return _weights(supports, catalogue)
    if first is not None and len(supports) > 2 and _is_ladder(supports, catalogue):
        return _ladder(question, supports)
    numbered = list(enumerate(supports, 1))
    sentences = [s for _, group in groupby(numbered, key=lambda pair: pair[1].heading or pair[0]) for s in _quoted(list(group))]
    return [*sentences, *_silences(question, supports, asking)]


def _quoted(group: Sequence[tuple[int, Support]]) -> Iterable[Sentence]:
    """One heading with its quotes; a level at which the table holds "/" is named before the one that stands in for it."""
    first = group[0][1]
    if first.absent_levels and first.clause is not None:
        levels = "、".join(first.absent_levels)
        level = LEVEL_NAMES[first.clause.level] if first.clause.level else ""
        text = f"{first.clause.scene}在{levels}没有要求（对照参考表为“/”），从{level}起才有要求。[{group[0][0]}]"
        yield Sentence(text=text, citations=list(first.citations))
    bodies = [f"{_body(support)}[{number}]" for number, support in group]
    title = first.heading.rsplit("·", 1)[-1]
    lead = "" if not first.heading or bodies[0].startswith(first.heading) else f"{first.heading}："
    if lead and title and bodies[0].startswith(title):
        lead = f"{first.heading.removesuffix(title).rstrip('·')}·" if first.heading != title else ""
    text = lead + "；".join(body.rstrip("。") for body in bodies)
    yield Sentence(text=f"{text}。" if not text.endswith("。") else text, citations=[c for _, s in group for c in s.citations])


def _body(support: Support) -> str:
    """The quotes of one clause as a reader wants them: without the list marks and line breaks of the page."""
    body = "……".join(_readable(citation.quote) for citation in support.citations)
    return body.rstrip("。；;，,:：")


def _readable(quote: str) -> str:
    quote = MARK.sub(r"〔\1〕", quote)  # a document's own [9] leads nowhere in this answer
    return re.sub(r"\s*\n\s*", " ", re.sub(r"\*\*|^\s*-\s+|^[a-n]\)\s*", "", quote, flags=re.MULTILINE)).strip()


def _silences(question: Question, supports: Sequence[Support], asking: Asking) -> Iterable[Sentence]:
    """Where the question asks for a kind of value and one of several clauses gives none, that is said."""
    if len(supports) < 2 or not (question.several or len(question.standards) > 1):
        return []
    found: list[Sentence] = []
    for kind in asking.kinds_in(question.text):
        for number, support in enumerate(supports, 1):
            if not any(char.isdigit() for char in support.text) and not support.absent_levels:
                text = f"{support.heading}这一条没有给出具体的{asking.name(kind)}数值。[{number}]"
                found.append(Sentence(text=text, citations=list(support.citations)))
    return found


def _is_ladder(supports: Sequence[Support], catalogue: Catalogue) -> bool:
    ids = {s.hit.clause_id for s in supports}
    return any(ids <= set(ladder) for ladder in catalogue.ladders)


def _ladder(question: Question, supports: Sequence[Support]) -> list[Sentence]:
    """A threshold ladder: where the question's own number stands on it, then the rungs."""
    rungs = [(float(s.clause.facts[0].value), s) for s in supports if s.clause]
    unit = supports[0].clause.facts[0].unit if supports[0].clause else ""
    sentences: list[Sentence] = []
    values = [q.value for q in quantities(question.text) if q.unit == unit]
    for value in values[:1]:
        reached = [(n, rung) for n, rung in enumerate(rungs, 1) if value >= rung[0]]
        missed = [(n, rung) for n, rung in enumerate(rungs, 1) if value < rung[0]]
        parts: list[str] = []
        cited: list[Citation] = []
        if reached:
            number, (bar, support) = reached[-1]
            parts.append(f"达到“{_rung_name(support)}”的门槛（不低于{bar:g}{unit}）[{number}]")
            cited += support.citations
        if missed:
            number, (bar, support) = missed[0]
            parts.append(f"未到“{_rung_name(support)}”（不低于{bar:g}{unit}）[{number}]")
            cited += support.citations
        if parts:
            sentences.append(Sentence(text=f"{value:g}{unit}：{'，'.join(parts)}。", citations=cited))
    steps = "；".join(f"{_rung_name(s)}不低于{bar:g}{unit}[{n}]" for n, (bar, s) in enumerate(rungs, 1))
    sentences.append(Sentence(text=f"各档门槛：{steps}。", citations=[c for s in supports for c in s.citations]))
    return sentences


def _rung_name(support: Support) -> str:
    return support.clause.title.split("（")[0] if support.clause else ""


def _weights(supports: Sequence[Support], catalogue: Catalogue) -> list[Sentence]:
    """Weights of a table: each row asked for, then the rows below one of them grouped by weight."""
    rows = [(n, s, s.clause) for n, s in enumerate(supports, 1) if s.clause is not None and s.clause.weight is not None]
    shown = {clause.id for _, _, clause in rows}
    sentences: list[Sentence] = []
    for number, support, clause in rows:
        if clause.parent in shown:
            continue
        parent = catalogue.clauses.get(clause.parent or "")
        above = f"（属“{_weight_name(parent)}”，{parent.weight:g}%）" if parent and parent.weight is not None else ""
        text = f"“{_weight_name(clause)}”权重{clause.weight:g}%{above}[{number}]。"
        sentences.append(Sentence(text=text, citations=list(support.citations), figures=_weight_figures([clause, parent])))
    for parent_id in dict.fromkeys(clause.parent for _, _, clause in rows if clause.parent in shown):
        below = sorted(((n, s, c) for n, s, c in rows if c.parent == parent_id), key=lambda row: row[2].weight or 0.0)
        groups = [
            "、".join(f"{_weight_name(c)}[{n}]" for n, _, c in group) + f"各{weight:g}%"
            for weight, group in ((w, list(g)) for w, g in groupby(below, key=lambda row: row[2].weight or 0.0))
        ]
        text = f"其下各项：{'；'.join(groups)}。"
        cited = [citation for _, s, _ in below for citation in s.citations]
        sentences.append(Sentence(text=text, citations=cited, figures=_weight_figures(c for _, _, c in below)))
    return sentences


def _weight_name(clause: Clause) -> str:
    return clause.id.rsplit("-", 1)[-1]


def _weight_figures(clauses: Iterable[Clause | None]) -> list[Figure]:
    return [Figure(text=f"{c.weight:g}", value=c.weight, unit="%", origin=f"cite:{c.id}") for c in clauses if c and c.weight is not None]
