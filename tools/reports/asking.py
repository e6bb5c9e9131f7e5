"""What a question says about reports: whether one is wanted, and the record it brings along."""

import json
from collections.abc import Callable
from typing import Any, cast

from ..contract import Reading
from .kinds import Kind, load_kinds

SURE, WANTED = 0.95, 0.8
ASK = (
    "生成{title}需要一份诊断记录：先完成评估计分，由具名人员确认评级，再把记录（JSON）附在这句话后面，"
    "或用 shuzhi tools run write_report --args @记录.json。记录的字段见 docs/reports.md。"
)


def reader() -> Callable[[str], Reading | None]:
    """`read_arguments` over every kind of report."""

    def read_arguments(text: str) -> Reading | None:
        words, _, rest = text.partition("{")
        kind = next((kind for kind in load_kinds().values() if _wanted(kind, words)), None)
        if kind is None:
            return None
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
