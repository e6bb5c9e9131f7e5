"""The clauses behind a report, in the words that are stored: what a record says of a known clause is looked up, never taken on trust."""

from collections.abc import Callable, Iterable

from domain.answer import Citation
from domain.principal import Principal

from .kinds import Kind
from .record import ClauseEntry, DiagnosisReport, cited_clauses

Cite = Callable[[str, Principal], Citation | None]
UNCHECKED = "未与标准文本核对"


def with_appendix(record: DiagnosisReport, kind: Kind, cite: Cite, principal: Principal) -> tuple[DiagnosisReport, list[Citation]]:
    """The record with one entry for every clause it names, and the citations that were found."""
    given = {entry.id: entry for entry in record.clauses}
    wanted = dict.fromkeys([*kind.clauses, *cited_clauses(record), *given])
    found = {clause: citation for clause in wanted if (citation := cite(clause, principal)) is not None}
    entries = [
        _stored(found[clause]) if clause in found else _unchecked(given[clause]) for clause in wanted if clause in found or clause in given
    ]
    return record.model_copy(update={"clauses": tuple(entries)}), list(found.values())


def standing_on(citations: Iterable[Citation], record: DiagnosisReport, kind: Kind) -> list[Citation]:
    """What the report as a whole stands on: the clauses that ask for it, and those of the assessment."""
    wanted = {*kind.clauses, *record.assessment.clauses}
    return [citation for citation in citations if citation.clause_id in wanted]


def _stored(citation: Citation) -> ClauseEntry:
    path = " › ".join(citation.path)
    return ClauseEntry(
        id=citation.clause_id, path=path[:1000], wording=citation.quote[:10_000], status=citation.status, version=citation.version
    )


def _unchecked(entry: ClauseEntry) -> ClauseEntry:
    return entry if UNCHECKED in entry.status else entry.model_copy(update={"status": "，".join(filter(None, (entry.status, UNCHECKED)))})
