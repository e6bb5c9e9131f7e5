"""Question sets: one JSON object a line, with what a right answer contains and the clauses it stands on."""

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.state import Turn
from domain.errors import UserInputError

CALIBRATION = Path(__file__).parent / "data" / "calibration.jsonl"
"""Questions written for this project by people who had not seen the catalogue: fitted on, reported on, never asked verbatim of it."""


class Item(BaseModel):
    """One question with its gold."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    type: str
    question: str
    turns: list[Turn] = Field(default_factory=list[Turn])
    answerable: bool
    gold_clauses: list[str] = Field(default_factory=list[str])
    alt_clauses: dict[str, list[str]] | None = None
    must_contain: list[str | float] = Field(default_factory=list[str | float])
    must_not: list[str] = Field(default_factory=list[str])
    expects_tool: str | None = None
    partial_absence: bool = False


def load_items(path: Path = CALIBRATION) -> Iterator[Item]:
    """The items of a file.

    Raises:
        UserInputError: naming the line that is not an item.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserInputError(f"读不了题目文件：{error.strerror}", where=str(path), cure="检查路径") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield Item.model_validate(json.loads(line))
            except (ValueError, ValidationError) as error:
                raise UserInputError("不是一道题", where=f"{path} 第 {number} 行", cure="需要 id、type、question、answerable") from error
