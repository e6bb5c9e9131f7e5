"""Many files at a glance: how many in each segment, the funnel of opportunities, and what somebody should look after."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, and_, func, or_, select

from domain.principal import Principal, read_filter
from knowledge.readable import readable

from ..encoding import decode, storable
from .ledger import Ledger
from .relations import FileItem, shown
from .tables import FILES, ITEMS
from .vocabulary import segment_rules, vocabulary
from .workspace import item_state


class Stage(BaseModel):
    """A stage of the funnel (漏斗)."""

    model_config = ConfigDict(frozen=True)

    stage: str
    here: int
    """Open opportunities in this stage."""
    reached: int
    """All that came at least this far, lost ones by the stage in which they were lost."""
    conversion: float | None
    """Share of those that reached the stage before; None where there were none."""


class Funnel(BaseModel):
    """Opportunities on their way, and how they ended."""

    model_config = ConfigDict(frozen=True)

    stages: list[Stage]
    won: int
    lost: int


class Alert(BaseModel):
    """A touch that nobody looks after: no next step, no person, no day, or a day that has passed."""

    model_config = ConfigDict(frozen=True)

    enterprise: str
    name: str
    touch: FileItem


class Overview:
    """Everything over the files that the principal may read. Raises NotAllowed."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def segments(self, principal: Principal) -> dict[str, dict[str, int]]:
        """Files in each segment, axis by axis; a file that wants several things counts in each."""
        counted: dict[str, dict[str, int]] = {key: {} for key in segment_rules().axes}
        columns = {"chain": FILES.c.chain, "size": FILES.c.size, "maturity": FILES.c.maturity, "demand": FILES.c.demand}
        query = select(*columns.values(), func.count()).where(*self._active(principal)).group_by(*columns.values())
        with self._ledger.reading(principal) as connection:
            for *values, count in connection.execute(query).all():
                for key, value in zip(columns, values, strict=True):
                    for segment in decode(value) if key == "demand" else [value]:
                        counted[key][segment] = counted[key].get(segment, 0) + count
        return counted

    def funnel(self, principal: Principal) -> Funnel:
        names = vocabulary().stages
        here, reached = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
        ended = {"won": 0, "lost": 0}
        query = select(ITEMS.c.body).join(FILES, FILES.c.id == ITEMS.c.enterprise)
        query = query.where(ITEMS.c.tenant == principal.tenant, ITEMS.c.kind == "opportunity", *self._active(principal))
        with self._ledger.reading(principal) as connection:
            for body in connection.execute(query).scalars():
                item: dict[str, Any] = decode(body)
                for stage in names[: names.index(item["stage"]) + 1]:
                    reached[stage] += 1
                if item["closed"]:
                    ended[item["closed"]] += 1
                else:
                    here[item["stage"]] += 1
        stages = [
            Stage(stage=name, here=here[name], reached=reached[name], conversion=_share(reached, names, place))
            for place, name in enumerate(names)
        ]
        return Funnel(stages=stages, won=ended["won"], lost=ended["lost"])

    def alerts(self, principal: Principal, *, owner: str = "", today: date | None = None, limit: int = 200) -> list[Alert]:
        """Overdue ones first, the longest overdue at the top; then those that say too little."""
        today = today or self._ledger.now().date()
        overdue = and_(ITEMS.c.state == "open", ITEMS.c.due != "", ITEMS.c.due < today.isoformat())
        query = select(ITEMS, FILES.c.name.label("file_name")).join(FILES, FILES.c.id == ITEMS.c.enterprise)
        wrong = or_(overdue, ITEMS.c.state == "incomplete")
        query = query.where(ITEMS.c.tenant == principal.tenant, ITEMS.c.kind == "touch", wrong, *self._active(principal))
        if owner:
            query = query.where(FILES.c.owner == storable(owner))
        with self._ledger.reading(principal) as connection:
            ordered = query.order_by(ITEMS.c.state.desc(), ITEMS.c.due, ITEMS.c.id).limit(max(1, min(limit, 1000)))
            rows = connection.execute(ordered).mappings().all()
        found = [(row, item_state(row, self._ledger.content)) for row in rows]
        return [Alert(enterprise=item.enterprise, name=row["file_name"], touch=shown(item, today, hide=True)) for row, item in found]

    def _active(self, principal: Principal) -> tuple[ColumnElement[bool], ...]:
        return FILES.c.state == "active", readable(read_filter(principal), FILES.c)


def _share(reached: dict[str, int], names: tuple[str, ...], place: int) -> float | None:
    before = reached[names[place - 1]] if place else 0
    return round(reached[names[place]] / before, 4) if before else None
