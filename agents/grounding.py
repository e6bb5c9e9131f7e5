"""The check every sentence passes before it is said: its citations resolve and are verbatim, its numbers have an origin.

A sentence that fails is not said; it is dropped and counted.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from domain.answer import Citation, Figure, Sentence
from domain.quantity import Quantity, quantities
from guardrails.pseudonyms import without_tokens
from knowledge.cite import stands_in
from knowledge.lexicon import token_set, tokens

MARK = re.compile(r"[\[［【](\d{1,2})[\]］】]")
NUMBER = re.compile(r"(?<![\d.A-Za-z])\d+(?:,\d{3})*(?:\.\d+)?")
SPOKEN = re.compile(
    r"[百千]分之|[一二两三四五六七八九]成|[零〇一二两三四五六七八九]*[十百千万亿][零〇一二两三四五六七八九十百千万亿]*|(?<=\d)[万亿]"
)
"""Signs of a number that is written in characters: 百分之九十, 三成, 一千二百, 3万."""
MARKS = re.compile(r"[\[［【](\d{1,2}(?:\s*[,，、]\s*\d{1,2})+)[\]］】]")
LISTING = re.compile(r"^\s*(?:\d{1,2}[.、)）](?!\d)|[-*•])\s*")
QUESTION = "question"
"""Name of the origin that may lend a number to a sentence, and never its content: what a user supposes is no evidence."""


@dataclass(frozen=True)
class Origin:
    """Where a number of an answer may come from: a text, and how to name that origin in a figure."""

    text: str
    name: str


@dataclass(frozen=True)
class Checked:
    """A sentence that may be said, or why it may not."""

    sentence: Sentence | None
    fault: str = ""


def single_marks(text: str) -> str:
    """`[1,2]` as `[1][2]`, which is how we write it."""
    return MARKS.sub(lambda match: "".join(f"[{number}]" for number in re.findall(r"\d+", match.group(1))), text)


def check_sentence(text: str, numbered: Sequence[Citation | None], origins: Sequence[Origin], *, overlap: float) -> Checked:
    """Check one sentence whose marks `[n]` point into `numbered` (1-based).

    Args:
        text: the sentence with its marks.
        numbered: the citation behind each mark; None where a quote could not be verified.
        origins: further texts a number may come from (tool results; the question, beside a number that has another origin).
        overlap: least share of the sentence's content tokens that must stand in its quotes or origins other than the question.
    """
    marks = [int(m.group(1)) for m in MARK.finditer(text)]
    cited = [numbered[n - 1] for n in marks if 0 < n <= len(numbered)]
    bare = MARK.sub("", text).strip()
    if not bare:
        return Checked(None, "空句")
    if len(cited) < len(marks) or any(c is None for c in cited):
        return Checked(None, "引用无法核实")
    citations = [c for c in cited if c is not None and c.verified]
    if not citations and not origins:
        return Checked(None, "没有依据")
    sources = [Origin(c.quote + "".join(c.path), f"cite:{c.clause_id}") for c in citations] + list(origins)
    figures = _figures(without_tokens(bare), sources)
    if figures is None or (figures and all(figure.origin == QUESTION for figure in figures)):
        return Checked(None, "数字没有出处")
    if overlap > 0 and _overlap(bare, [s.text for s in sources if s.name != QUESTION]) < overlap:
        return Checked(None, "内容超出引文")
    return Checked(Sentence(text=text.strip(), citations=citations, figures=figures))


def grounded(sentence: Sentence, origins: Sequence[Origin]) -> Sentence | None:
    """A drafted sentence with the origin of every number in it, or None when one has none: the offline model passes the same check."""
    sources = [Origin(c.quote + "".join(c.path), f"cite:{c.clause_id}") for c in sentence.citations] + list(origins)
    known = {figure.text for figure in sentence.figures}
    bare = MARK.sub("", sentence.text)
    figures = _figures(bare, [*sources, *(Origin(text, "") for text in known)])
    if figures is None:
        return None
    return sentence.model_copy(update={"figures": [*sentence.figures, *(f for f in figures if f.origin)]})


def _figures(sentence: str, sources: Sequence[Origin]) -> list[Figure] | None:
    """Each number of the sentence with its origin, or None when one has none."""
    figures: list[Figure] = []
    plain = unicodedata.normalize("NFKC", LISTING.sub("", sentence))
    for match in NUMBER.finditer(plain):
        written = match.group()
        origin = next((s for s in sources if _has_number(s.text, written)), None)
        if origin is None:
            return None
        figures.append(Figure(text=written, value=float(written.replace(",", "")), origin=origin.name))
    for spoken in _spoken(plain):
        origin = next((s for s in sources if _has_amount(s.text, spoken.value)), None)
        if origin is None:
            return None
        figures.append(Figure(text=spoken.text, value=spoken.value, unit=spoken.unit, origin=origin.name))
    return figures


def _spoken(plain: str) -> list[Quantity]:
    """Amounts written in characters, wholly or in part. 一个, 两类 and the like count words, they state nothing."""
    if not SPOKEN.search(plain):
        return []
    found = [q for q in quantities(plain) if q.kind == "number" and SPOKEN.search(q.text)]
    return [q for q in found if q.value >= 10 or q.unit == "%"]


@lru_cache(maxsize=1024)
def _amounts(text: str) -> tuple[float, ...]:
    return tuple(q.value for q in quantities(text) if q.kind == "number")


def _has_amount(text: str, wanted: float) -> bool:
    return any(abs(value - wanted) < 1e-9 for value in _amounts(text)) or _has_number(text, f"{wanted:g}")


def _has_number(text: str, number: str) -> bool:
    wanted = float(number.replace(",", ""))
    folded = unicodedata.normalize("NFKC", text)
    return any(abs(float(m.group().replace(",", "")) - wanted) < 1e-9 for m in NUMBER.finditer(folded))


def _overlap(sentence: str, sources: Sequence[str]) -> float:
    """Share of the sentence's two-character and longer tokens that its sources contain; a verbatim quote needs no counting."""
    if any(stands_in(sentence, source) for source in sources):
        return 1.0
    own = {t for t in tokens(sentence) if len(t) > 1}
    if not own:
        return 1.0
    known = [token_set(source) for source in sources]
    return sum(any(token in source for source in known) for token in own) / len(own)
