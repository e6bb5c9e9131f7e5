"""Prompts are files, read once."""

from functools import cache
from pathlib import Path

PROMPTS = ("plan", "compose", "interview")


@cache
def prompt(name: str) -> str:
    """The text of `prompts/<name>.md`."""
    return (Path(__file__).parent / f"{name}.md").read_text(encoding="utf-8").strip()
