"""Quotes that were checked: a citation exists only when its quote stands verbatim in the stored text."""

from functools import lru_cache

from domain.answer import Citation, is_verbatim
from domain.clause import Passage

stands_in = lru_cache(maxsize=4096)(is_verbatim)
"""`is_verbatim`, remembered: the same clauses are quoted again and again, and it folds the whole text each time."""


def cite(passage: Passage, quote: str, standard: str = "") -> Citation | None:
    """A verified citation of `quote` in `passage`, or None when the passage does not contain it."""
    if not stands_in(quote, passage.text):
        return None
    return Citation(
        clause_id=passage.clause_id,
        standard=standard or passage.title,
        path=passage.path,
        quote=quote.strip(),
        source=passage.source,
        status=passage.status,
        version=passage.version,
        verified=True,
        passage_id=passage.id,
    )
