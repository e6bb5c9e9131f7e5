"""The examples of docs/assessments.md work as they are written."""

import re
from pathlib import Path

from .scored import scored

PAGE = Path(__file__).resolve().parents[3] / "docs" / "assessments.md"


def blocks() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_first_definition() -> None:
    result = scored(blocks()[0], {"数控化率": 70, "联网": "B", "排产": 4, "制度": "是"})
    assert (result.total, result.level) == (80, "优")


def test_the_matrix() -> None:
    result = scored(blocks()[1], {"综合得分": 75, "S1": "基础"})
    assert (result.level, result.nodes[0].level, result.nodes[0].next_level) == ("先进", "基础", "先进")
