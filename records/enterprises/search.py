"""Finding files: one document of tokens a file, in SQLite's FTS5 or as a PostgreSQL tsvector, asked in the same way.

Every pair of neighbouring characters of a text is a token, so any part of a Chinese or Latin text is a phrase. Facets (size, industry, who
may read it) are tokens too: a question with several filters is one conjunction, and the engine walks from the newest file to the oldest and
stops when a page is full. Tokens are hexadecimal: no tokenizer or locale has an opinion on them.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, column, delete, insert, literal, literal_column, table
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR
from sqlalchemy.sql.expression import ColumnElement, cast

from domain.principal import Label, ReadFilter

from .profile import Profile
from .vocabulary import industries

SEARCH = table("enterprise_search", column("rowid"), column("tokens"))
BREAK = "x"
"""Stands between two texts, so that no phrase reaches from one into the next."""
MOST_TOKENS = 12_000
"""PostgreSQL counts positions up to 16383."""
MOST_GRAMS = 60
"""Of one word that is looked for; longer words are cut."""
TEXT, REGION, PAIN = "t", "r", "p"


class EnterpriseQuery(BaseModel):
    """Which files to find; everything given must fit. `text`: any part of a name, code, region, product, system or pain point."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(default="", max_length=200)
    uscc: str = Field(default="", max_length=18)
    region: str = Field(default="", max_length=100)
    industry: str = Field(default="", max_length=8)
    """A section or a code, with everything below it: C, C34."""
    pain_point: str = Field(default="", max_length=100)
    chain: str = Field(default="", max_length=20)
    size: str = Field(default="", max_length=20)
    maturity: str = Field(default="", max_length=20)
    demand: str = Field(default="", max_length=20)
    owner: str = Field(default="", max_length=64)
    status: str = Field(default="active", max_length=20)


@dataclass(frozen=True, slots=True)
class Phrase:
    """Tokens that stand one after the other; `begins`: the last one may go on."""

    tokens: tuple[str, ...]
    begins: bool = False


Clause = Sequence[Phrase]
"""Any of these phrases."""


def _plain(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


def _hex(text: str) -> str:
    return "".join(f"{ord(char):05x}" for char in text)


def _grams(space: str, plain: str) -> list[str]:
    """Each pair of neighbours, and the last character alone."""
    return [f"{space}{_hex(plain[at : at + 2])}" for at in range(len(plain))]


def _facet(name: str, value: str) -> str:
    return f"f{name}z{_hex(value)}"


def tokens_of(profile: Profile, label: Label, owner: str, status: str, segments: Mapping[str, Sequence[str]]) -> str:
    """The document of one file."""
    found = [_facet("tenant", label.tenant), _facet("level", label.level), _facet("owner", owner), _facet("status", status)]
    found += [_facet(axis, value) for axis, values in segments.items() for value in values]
    if code := profile.industry_code:
        found += [_facet("industry", code[:length]) for length in range(1, len(code) + 1)]
    if profile.uscc:
        found.append(_facet("uscc", profile.uscc))
    if profile.region:
        found += [*_grams(REGION, _plain(profile.region)), BREAK]
    for pain in profile.pain_points:
        found += [*_grams(PAIN, _plain(pain)), BREAK]
    for text in _texts(profile):
        found += [*_grams(TEXT, _plain(text)), BREAK]
    return " ".join(found[:MOST_TOKENS])


def _texts(profile: Profile) -> Iterable[str]:
    yield profile.name
    yield from (each for each in (profile.uscc, profile.region, profile.industry_text) if each)
    section = industries().sections.get((profile.industry_code or "")[:1])
    if section:
        yield section.name
    for values in (profile.pain_points, profile.products, profile.systems, profile.equipment):
        yield from values


def clauses_of(query: EnterpriseQuery, access: ReadFilter) -> list[Clause] | None:
    """What a document must have, or None when nothing can: a text of punctuation alone, a reader who may read nothing."""
    readers = [Phrase((_facet("level", "public"),))]
    if access.tenant and access.principal_id:
        readers.append(Phrase((_facet("tenant", access.tenant),)))
    found: list[Clause] = [readers]
    for name in ("chain", "size", "maturity", "demand", "owner", "status"):
        if value := getattr(query, name):
            found.append([Phrase((_facet(name, value),))])
    if query.industry:
        found.append([Phrase((_facet("industry", unicodedata.normalize("NFKC", query.industry).strip().upper()),))])
    if query.uscc:
        found.append([Phrase((_facet("uscc", _plain(query.uscc).upper()),))])
    for space, text in ((REGION, query.region), (PAIN, query.pain_point), (TEXT, query.text)):
        words = [word for word in (_plain(part) for part in text.split()) if word]
        if text.strip() and not words:
            return None
        found += [[_phrase(space, word)] for word in words]
    return found


def _phrase(space: str, word: str) -> Phrase:
    if len(word) == 1:
        return Phrase((f"{space}{_hex(word)}",), begins=True)
    return Phrase(tuple(_grams(space, word)[:-1][:MOST_GRAMS]))


def matches(connection: Connection, clauses: Sequence[Clause]) -> ColumnElement[bool]:
    """The condition on `SEARCH`, in the words of the connection's engine."""
    if connection.dialect.name == "postgresql":
        return SEARCH.c.tokens.op("@@")(cast(literal(_tsquery(clauses)), TSQUERY))
    return literal_column(SEARCH.name).op("MATCH")(_fts5(clauses))


def _fts5(clauses: Sequence[Clause]) -> str:
    def phrase(each: Phrase) -> str:
        return f'"{" ".join(each.tokens)}"' + ("*" if each.begins else "")

    return " AND ".join(f"({' OR '.join(map(phrase, clause))})" for clause in clauses)


def _tsquery(clauses: Sequence[Clause]) -> str:
    def phrase(each: Phrase) -> str:
        return f"({' <-> '.join(each.tokens)}{':*' if each.begins else ''})"

    return " & ".join(f"({' | '.join(map(phrase, clause))})" for clause in clauses)


def _tsvector(tokens: str) -> str:
    places: dict[str, list[str]] = {}
    for place, token in enumerate(tokens.split(" "), 1):
        places.setdefault(token, []).append(str(place))
    return " ".join(f"{token}:{','.join(at)}" for token, at in places.items())


def put_documents(connection: Connection, documents: Mapping[int, str]) -> None:
    """Add the documents of these rows, which have none yet."""
    if not documents:
        return
    if connection.dialect.name == "postgresql":
        typed = table("enterprise_search", column("rowid"), column("tokens", TSVECTOR()))
        rows: list[dict[str, Any]] = [{"rowid": row, "tokens": _tsvector(tokens)} for row, tokens in documents.items()]
        connection.execute(insert(typed), rows)
    else:
        connection.execute(insert(SEARCH), [{"rowid": row, "tokens": tokens} for row, tokens in documents.items()])


def replace_documents(connection: Connection, documents: Mapping[int, str]) -> None:
    """Put new documents in the place of those that these rows have."""
    rows = list(documents)
    for start in range(0, len(rows), 500):
        connection.execute(delete(SEARCH).where(SEARCH.c.rowid.in_(rows[start : start + 500])))
    put_documents(connection, documents)
