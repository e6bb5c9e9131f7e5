"""This result against an earlier one."""

from collections.abc import Mapping
from typing import cast

from .outcome import AssessmentResult, Change, Comparison


def compare(now: AssessmentResult, previous: Mapping[str, object]) -> Comparison:
    """`previous` is the data of an earlier result; a difference of assessment or version is said, and what both have is compared."""
    notes: list[str] = []
    if str(previous.get("assessment", "")) != now.assessment:
        notes.append(f"上次评估的是“{previous.get('title') or previous.get('assessment')}”，与本次不是同一评估，差值只供参考")
    elif str(previous.get("version", "")) != now.version:
        notes.append(f"上次按版本“{previous.get('version') or '未注明'}”评，本次是“{now.version or '未注明'}”，口径可能不同")
    nodes = _changes(_scores(previous, "nodes"), {n.id: (n.title, n.score, n.level) for n in now.nodes})
    items = _changes(_scores(previous, "items"), {i.id: (i.title, i.score, i.value) for i in now.items})
    before, level = _number(previous.get("total")), previous.get("level")
    return Comparison(
        total_before=before,
        total_delta=_delta(before, now.total),
        level_before=str(level) if level is not None else None,
        nodes=nodes,
        items=[change for change in items if change.before != change.after],
        note="；".join(notes),
    )


Known = Mapping[str, tuple[str, float | None, str | None]]


def _scores(previous: Mapping[str, object], part: str) -> dict[str, tuple[str, float | None, str | None]]:
    rows = previous.get(part)
    found: dict[str, tuple[str, float | None, str | None]] = {}
    for row in cast("list[object]", rows) if isinstance(rows, list) else []:
        if isinstance(row, Mapping):
            entry = cast("Mapping[str, object]", row)
            said = entry.get("level") if part == "nodes" else entry.get("value")
            found[str(entry.get("id"))] = (str(entry.get("title", "")), _number(entry.get("score")), str(said) if said else None)
    return found


def _changes(before: Known, after: Known) -> list[Change]:
    changes: list[Change] = []
    for key, (title, score, said) in after.items():
        old = before.get(key)
        if old is None and before:
            changes.append(Change(id=key, title=title, before=None, after=score if score is not None else said))
        elif old is not None:
            numbers = score is not None or old[1] is not None
            changes.append(
                Change(
                    id=key,
                    title=title,
                    before=old[1] if numbers else old[2],
                    after=score if numbers else said,
                    delta=_delta(old[1], score),
                )
            )
    changes += [Change(id=key, title=old[0], before=old[1], after=None) for key, old in before.items() if key not in after]
    return changes


def _delta(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else round(after - before, 9)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
