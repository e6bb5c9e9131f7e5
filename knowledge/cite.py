"""Quotes that were checked: a citation exists only when its quote stands verbatim in the stored text."""

from domain.answer import Citation, is_verbatim
from domain.clause import Passage


def cite(passage: Passage, quote: str, standard: str = "") -> Citation | None:
    """A verified citation of `quote` in `passage`, or None when the passage does not contain it."""
    if not is_verbatim(quote, passage.text):
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
