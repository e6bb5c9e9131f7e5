"""What stands under a reply of a guided interview. Plain data in, plain data out."""

from typing import Any, cast

from agents.nodes.talk import GUIDED
from domain.answer import Answer, ToolCall

from .wording import Wording

INTERVIEW = "ShuzhiInterview"
"""Name of the custom element; its file is `public/elements/<name>.jsx`."""


def interview_call(answer: Answer) -> ToolCall | None:
    return next((call for call in answer.tool_calls if call.name == GUIDED and call.result), None)


def interview_props(view: dict[str, Any], words: Wording, *, stored: bool = False) -> dict[str, Any]:
    """`stored`: read back from a run, so the interview may have gone on since."""
    return {
        "view": shown_view(view, words),
        "stored": stored,
        "words": words.table("interview"),
        "clause_words": words.table("clause"),
    }


def shown_view(view: dict[str, Any], words: Wording) -> dict[str, Any]:
    progress = view["progress"]
    coverage = f"{progress['coverage'] * 100:.4g}"
    counts = words("interview.counts", **{**progress, "coverage": coverage})
    left_out = {"official", "trial", "facts", "result"}
    return {name: value for name, value in view.items() if name not in left_out} | {"axes": _axes(view), "counts": counts}


def _axes(view: dict[str, Any]) -> list[dict[str, Any]]:
    """The radar's axes, each 0 to 1: by what is confirmed, and by everything that was proposed."""
    axes: dict[str, dict[str, Any]] = {}
    for kind in ("trial", "official"):
        nodes = cast("list[dict[str, Any]]", (view.get(kind) or {}).get("nodes", []))
        for node in nodes:
            if node["depth"] == 1 and node["best"]:
                axis = axes.setdefault(node["id"], {"title": node["title"], "trial": 0.0, "official": 0.0})
                axis[kind] = max(0.0, (node["score"] or 0.0) / node["best"])
    return list(axes.values()) if len(axes) <= 12 else []
