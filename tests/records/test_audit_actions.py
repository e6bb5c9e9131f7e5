"""Every action of the audit vocabulary is written by somebody, or says why it is not yet."""

import ast
from functools import cache
from pathlib import Path

import pytest

from records.audit_entries import actions
from serving.deeds import ACTIONS

ROOT = Path(__file__).parents[2]
FLOORS = ("knowledge", "records", "tools", "guardrails", "agents", "serving", "ui")
VOCABULARY = ROOT / "serving" / "deeds.py"
"""It translates deeds; that alone writes nothing."""


@cache
def written() -> frozenset[str]:
    """Every text that stands in the code as a call's argument or in an assignment of names to texts, f-strings' beginnings among them."""
    found: set[str] = set()
    for floor in FLOORS:
        for path in (ROOT / floor).rglob("*.py"):
            if path == VOCABULARY:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    given = [*node.args, *(keyword.value for keyword in node.keywords)]
                    found |= {each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)}
                    found |= {text for each in given if isinstance(each, ast.JoinedStr) for text in _begun(each)}
                elif isinstance(node, ast.IfExp | ast.Assign | ast.Tuple):
                    found |= {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}
    return frozenset(found)


def _begun(text: ast.JoinedStr) -> set[str]:
    first = text.values[0]
    return {f"{first.value}*"} if isinstance(first, ast.Constant) and isinstance(first.value, str) else set()


def is_written(action: str) -> bool:
    return action in written() or any(done == action and _is_done(deed) for deed, done in ACTIONS.items())


def _is_done(deed: str) -> bool:
    return deed in written() or f"{deed.split('.')[0]}.*" in written()


@pytest.mark.parametrize("action", [name for name, action in actions().items() if not action.unused])
def test_every_action_is_written_by_somebody(action: str) -> None:
    assert is_written(action), "write it, or say in audit_actions.yaml why nobody does (unused: …)"


def test_deeds_have_actions_of_the_vocabulary_and_somebody_who_does_them() -> None:
    assert set(ACTIONS.values()) <= set(actions())
    assert [deed for deed in ACTIONS if not _is_done(deed)] == []
