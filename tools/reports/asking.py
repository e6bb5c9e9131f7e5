"""What a question says about reports: whether one is wanted, and the record it brings along."""

import json
import re
from collections.abc import Callable
from typing import Any, cast

from ..contract import Reading
from .kinds import Kind, load_kinds

SURE, WANTED = 0.95, 0.8
NAMED = (
    re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])"),
    re.compile(r"(?<![0-9A-Z])[0-9A-HJ-NPQRTUWXY]{18}(?![0-9A-Z])"),
    re.compile(r"(?:为|给|把|将|导出|生成|出具)([^为给把将，。,.;；：:《》的]{2,40}?(?:公司|集团|厂))"),
)
"""A file's number, a credit code, a name: how people say which enterprise."""
ASK = (
    "生成{title}要知道为哪家企业：请写出企业名称、统一社会信用代码或档案编号，档案中的评级须先由具名人员确认；"
    "也可以把完整的诊断记录（JSON，字段见 docs/reports.md）附在这句话后面。"
)


def reader() -> Callable[[str], Reading | None]:
    """`read_arguments` over every kind of report."""

    def read_arguments(text: str) -> Reading | None:
        words, _, rest = text.partition("{")
        kind = next((kind for kind in load_kinds().values() if _wanted(kind, words)), None)
        if kind is None:
            return None
        if not rest and (named := next((found for pattern in NAMED if (found := pattern.search(words))), None)):
            return Reading({"kind": kind.title, "enterprise": named[named.lastindex or 0]}, SURE)
        record = _record("{" + rest) if rest else None
        if record is None:
            return Reading({}, WANTED, ASK.format(title=f"《{kind.title}》"))
        return Reading({"kind": kind.title, "record": record}, SURE)

    return read_arguments


def _wanted(kind: Kind, words: str) -> bool:
    named = any(name in words for name in (kind.title, *kind.aliases))
    return named and any(wish in words for wish in kind.wishes) and not any(question in words for question in kind.questions)


def _record(text: str) -> dict[str, Any] | None:
    """The object that the text begins with, or its `record`."""
    try:
        found, _ = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return None
    given = cast("dict[str, Any]", found)
    inner: object = given.get("record", given)
    return cast("dict[str, Any]", inner) if isinstance(inner, dict) else None
