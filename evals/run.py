"""Ask every question of a set through the run service and score what comes back."""

import time
from collections.abc import Iterable

from serving.assembly import Platform

from .dataset import Item
from .metrics import Scored


async def run_items(platform: Platform, items: Iterable[Item]) -> list[Scored]:
    """Answers in order, one at a time, so that latencies are those of a single user."""
    scored: list[Scored] = []
    for item in items:
        started = time.perf_counter()
        answer = await platform.runs.ask(platform.principal, item.question, door="system", turns=item.turns)
        scored.append(Scored(item, answer, (time.perf_counter() - started) * 1000))
    return scored
