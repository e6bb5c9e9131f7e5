"""The catalogue in the vector store: one point per clause and section, with what people ask of it as its own field."""

import hashlib
from collections.abc import Sequence

from domain.clause import Clause, Passage
from domain.principal import PUBLIC

from .catalogue import Catalogue
from .embed import Embedder
from .index import IndexPoint, PassageIndex, point_id
from .lexicon import document_vector

CATALOGUE_PREFIX = "catalogue#"


def fingerprint(catalogue: Catalogue, embedder: Embedder | None) -> str:
    """Changes when anything that the points are made of changes."""
    digest = hashlib.sha256((embedder.name if embedder else "lexical").encode())
    for standard in catalogue.standards.values():
        digest.update(standard.model_dump_json().encode())
    return digest.hexdigest()[:16]


def index_catalogue(catalogue: Catalogue, index: PassageIndex, embedder: Embedder | None = None) -> int:
    """Replace the catalogue's points; returns their number. Cells that ask for nothing ("/") are not searchable."""
    for key in catalogue.standards:
        index.delete_document(f"{CATALOGUE_PREFIX}{key}")
    points = catalogue_points(catalogue, embedder)
    index.upsert(points)
    index.optimize()
    return len(points)


def catalogue_points(catalogue: Catalogue, embedder: Embedder | None = None) -> list[IndexPoint]:
    rows: list[tuple[str, str, str, Sequence[str], str, str]] = []
    for clause in catalogue.clauses.values():
        if clause.available:
            text = " ".join([*catalogue.path(clause.id)[1:], clause.title, clause.text])
            rows.append((clause.id, "clause", text, [*clause.synonyms, *clause.questions], clause.modality, clause.level or ""))
    for section in catalogue.sections.values():
        text = f"{section.title} {section.text}"
        rows.append((section.id, "section", text, [*section.synonyms, *section.questions], "", ""))
    dense = embedder.embed([text + " " + " ".join(asked) for _, _, text, asked, _, _ in rows]) if embedder else [None] * len(rows)
    return [
        IndexPoint(
            id=point_id(f"{CATALOGUE_PREFIX}{any_id}"),
            passage_id=f"{CATALOGUE_PREFIX}{any_id}",
            clause_id=any_id,
            document_id=f"{CATALOGUE_PREFIX}{catalogue.standard_of(any_id).key}",
            standard=catalogue.standard_of(any_id).key,
            kind=kind,
            label=PUBLIC,
            fields={"body": document_vector(text), "ask": document_vector(" ".join(asked))},
            modality=modality,
            level=level,
            dense=vector,
        )
        for (any_id, kind, text, asked, modality, level), vector in zip(rows, dense, strict=True)
    ]


def catalogue_passage(catalogue: Catalogue, clause: Clause) -> Passage:
    standard = catalogue.standard_of(clause.id)
    return Passage(
        id=f"{CATALOGUE_PREFIX}{clause.id}",
        clause_id=clause.id,
        document_id=f"{CATALOGUE_PREFIX}{standard.key}",
        title=standard.short,
        path=catalogue.path(clause.id),
        text=clause.text,
        source="catalogue",
        order=0,
        version=standard.version,
        status=standard.status,
        label=PUBLIC,
    )
