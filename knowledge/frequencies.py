"""In how many clauses of the catalogue each token stands. Counting takes a second, so it is done once per catalogue and kept in a file."""

from collections import Counter
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from .catalogue import Catalogue
from .lexicon import tokens


class Frequencies(BaseModel):
    """Document frequencies of tokens: what is rare here is what a question is about."""

    model_config = ConfigDict(frozen=True)

    catalogue: str
    """Fingerprint of the catalogue that was counted."""
    total: int
    """Clauses."""
    written: dict[str, int]
    """Clauses whose title or text has the token."""
    known: dict[str, int]
    """The same, or one of their synonyms and questions has it."""


def count(catalogue: Catalogue, fingerprint: str = "") -> Frequencies:
    written: Counter[str] = Counter()
    known: Counter[str] = Counter()
    for clause in catalogue.clauses.values():
        own = set(tokens(clause.title + clause.text))
        written.update(own)
        known.update(own | set(tokens(" ".join([*clause.synonyms, *clause.questions]))))
    return Frequencies(catalogue=fingerprint, total=len(catalogue.clauses), written=written, known=known)


def kept(catalogue: Catalogue, fingerprint: str, path: Path) -> Frequencies:
    """The counts in `path` when they are this catalogue's, otherwise new ones, which are put there."""
    try:
        found = Frequencies.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        found = None
    if found is None or found.catalogue != fingerprint:
        found = count(catalogue, fingerprint)
        path.write_text(found.model_dump_json(), encoding="utf-8")
    return found
