"""What stands under an answer: its citations as cards, its calculation, its refusal. Plain data in, plain data out.

The same function serves a fresh answer and one that is read back from its run, so both look alike.
"""

import re
from typing import Any, cast

from agents.grounding import MARK
from domain.answer import Answer, Citation, ToolCall
from domain.errors import Problem

from .wording import Wording

WEAK_BELOW = 0.65
LIST_MARK = re.compile(r"^\s*[-*•]\s+")
SEARCH = "search_standards"
UPLOAD = "ingest_document"
CARDS = "ShuzhiAnswer"
"""Name of the custom element; its file is `public/elements/<name>.jsx`."""


def answer_props(answer: Answer, words: Wording) -> dict[str, Any] | None:
    """Properties of the element below an answer; None when there is nothing to show."""
    upload = next((call for call in answer.tool_calls if call.name == UPLOAD), None)
    if upload is not None:
        return {"kind": "upload", "upload": upload_props(upload, words), "words": words.table("upload")}
    cards = citation_cards(answer, words)
    computed = [shown for call in answer.tool_calls if (shown := computed_props(call, words))]
    kind = "refusal" if answer.refused else "computed" if computed else "ask" if answer.reason == "needs_input" else "answer"
    if kind == "answer" and not cards:
        return None
    if kind == "ask":
        return {"kind": kind, "words": words.table("answer")}
    return {
        "kind": kind,
        "blocked": kind == "refusal" and not answer.tool_calls,
        "weak": kind == "answer" and answer.confidence < WEAK_BELOW,
        "verified": bool(cards) and all(card["verified"] for card in cards),
        "dropped": answer.dropped_quotes,
        "cards": cards,
        "quotes": sum(len(card["quotes"]) for card in cards),
        "computed": computed,
        "words": words.table("answer"),
        "clause_words": words.table("clause"),
    }


def citation_cards(answer: Answer, words: Wording) -> list[dict[str, Any]]:
    """One card a clause, with all its quotes, in the order of the marks in the text."""
    numbers = mark_numbers(answer)
    cards: dict[str, dict[str, Any]] = {}
    for citation in answer.citations:
        key = _key(citation)
        card = cards.setdefault(key, _card(citation, numbers.get(key), words))
        card["quotes"].append(citation.quote)
        card["shown"].append(LIST_MARK.sub("", citation.quote))
        card["verified"] = card["verified"] and citation.verified
    return sorted(cards.values(), key=lambda card: card["number"] or len(cards) + 1)


def mark_numbers(answer: Answer) -> dict[str, int]:
    """Which mark `[n]` stands for which clause, read off each sentence: its marks and its citations are in the same order."""
    numbers: dict[str, int] = {}
    for sentence in answer.sentences:
        marks = list(dict.fromkeys(int(found.group(1)) for found in MARK.finditer(sentence.text)))
        keys = list(dict.fromkeys(_key(citation) for citation in sentence.citations))
        if len(marks) == len(keys):
            for key, number in zip(keys, marks, strict=True):
                numbers.setdefault(key, number)
    return numbers


def _key(citation: Citation) -> str:
    return citation.passage_id or citation.clause_id


def _card(citation: Citation, number: int | None, words: Wording) -> dict[str, Any]:
    return {
        "number": number,
        "clause_id": citation.clause_id,
        "label": citation.standard if citation.source == "document" else citation.clause_id,
        "standard": "" if citation.source == "document" else citation.standard,
        "status": citation.status,
        "version": citation.version,
        "path": " › ".join(heading for heading in citation.path if heading != citation.standard),
        "source": citation.source,
        "source_label": words(f"source.{citation.source}"),
        "quotes": [],
        "shown": [],
        "verified": True,
    }


def computed_props(call: ToolCall, words: Wording) -> dict[str, Any] | None:
    """A calculation with its formula and what was put in; None for a call that computed nothing."""
    result = call.result
    if call.error or call.name == SEARCH or "formula" not in result:
        return None
    units = cast("dict[str, str]", result.get("units") or {})
    inputs = cast("dict[str, Any]", result.get("inputs") or {})
    return {
        "title": str(result.get("name") or words.step(call.name).name),
        "display": str(result.get("display") or f"{result.get('value', '')}{result.get('unit', '')}"),
        "formula": str(result["formula"]),
        "in_text": bool(result.get("in_text", True)),
        "inputs": [{"name": name, "value": _number(value), "unit": units.get(name, "")} for name, value in inputs.items()],
        "note": str(result.get("note") or ""),
    }


def _number(value: object) -> str:
    if isinstance(value, list):
        return "、".join(_number(part) for part in cast("list[object]", value))
    return f"{value:,.10g}" if isinstance(value, int | float) else str(value)


def upload_props(call: ToolCall, words: Wording) -> dict[str, Any]:
    """What was read of a file; `result` is the documents API's own answer."""
    result = call.result
    document = cast("dict[str, Any]", result.get("document") or {})
    missing = cast("list[str]", result.get("missing") or [])
    lost = int(document.get("lost_count") or 0)
    remarks = [
        words("upload.standard") if document.get("standard") else "",
        words("upload.replaced") if result.get("replaced") else "",
        words("upload.lost", count=lost) if lost else "",
        words("upload.missing", count=len(missing), names="、".join(missing[:3])) if missing else "",
    ]
    return {
        "name": str(result.get("name") or ""),
        "title": str(document.get("title") or ""),
        "count": words("upload.clauses", count=document.get("clause_count") or 0),
        "remarks": [remark for remark in remarks if remark],
    }


def problem_props(problem: Problem, words: Wording) -> dict[str, Any]:
    """An error in the shape every door has: what, where, what to do."""
    details = [
        {"where": spot.where, "what": "" if spot.what == problem.message else spot.what, "cure": spot.cure} for spot in problem.detail
    ]
    return {
        "kind": "problem",
        "message": problem.message,
        "details": details,
        "run": words("problem.run", run=problem.run_id[:12]) if problem.run_id else "",
        "words": words.table("problem"),
    }
