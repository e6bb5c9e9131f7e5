"""A clause as the side panel shows it: whole text with the quoted words marked, where it stands, what is around it."""

from typing import Any

from tools.search.tool import ClauseOutput, Neighbour

from .prose import marked
from .wording import Wording


def clause_props(clause: ClauseOutput, quotes: list[str], words: Wording, known: frozenset[str]) -> dict[str, Any]:
    """Properties of the panel.

    Args:
        clause: what `get_clause` returned for this principal.
        quotes: the words an answer quoted from it; without any, the clause's own part of a longer paragraph is marked.
        known: ids that can be opened; a heading above is only named.
    """
    highlighted = [quote for quote in quotes if quote] or ([clause.own_text] if clause.own_text != clause.text else [])
    pieces = marked(clause.text, highlighted)
    return {
        "clause_id": clause.clause_id,
        "label": clause.standard if clause.source == "document" else clause.clause_id,
        "title": clause.title,
        "standard": clause.standard,
        "status": clause.status,
        "version": clause.version,
        "modality": words(f"modality.{clause.modality}") if clause.modality else "",
        "source": clause.source,
        "source_label": words(f"source.{clause.source}"),
        "path": [heading for heading in clause.path if heading != clause.standard],
        "pieces": [{"text": text, "marked": flag} for text, flag in pieces],
        "is_quoted": bool(quotes) and any(flag for _, flag in pieces),
        "text": clause.text,
        "note": clause.note,
        "parent": _near(clause.parent, known) if clause.parent else None,
        "neighbours": [_near(near, known) for near in clause.neighbours],
        "see": [_near(near, known) for near in clause.see],
        "ask": words("clause.ask_message", clause=clause.clause_id, title=clause.title),
    }


def _near(near: Neighbour, known: frozenset[str]) -> dict[str, Any]:
    return {"clause_id": near.clause_id, "title": near.title, "opens": near.clause_id in known}
