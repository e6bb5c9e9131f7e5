"""Enterprises of the same kind, as figures of all of them together: what a diagnosis is compared with, without naming anybody."""

from statistics import fmean, median

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from domain.principal import Principal

from .items import Assessment
from .ledger import Ledger
from .tables import FILES, ITEMS
from .workspace import item_state


class CohortFigures(BaseModel):
    """How the others of a kind did in the same version of the same assessment."""

    model_config = ConfigDict(frozen=True)

    name: str
    size: int
    mean: float
    median: float
    nodes: dict[str, float]
    """Means by group, of those groups that enough of them have a score for."""


class CohortStore:
    """Raises NotFound for a file that the principal may not read."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def of(self, file_id: str, assessment: str, version: str, principal: Principal, *, smallest: int) -> CohortFigures | None:
        """The file's tenant, same industry section, each with its newest result, itself left out.

        None for fewer than `smallest`: single enterprises could be made out (k-anonymity).
        """
        with self._ledger.reading(principal) as connection:
            own = self._ledger.row(connection, file_id, principal)
            section = own["industry"][:1]
            if not section:
                return None
            among = select(ITEMS).join(FILES, FILES.c.id == ITEMS.c.enterprise)
            alike = (FILES.c.label_tenant == own["label_tenant"], FILES.c.state == "active", FILES.c.industry.startswith(section))
            others = (ITEMS.c.kind == "assessment", ITEMS.c.enterprise != own["id"])
            rows = connection.execute(among.where(*alike, *others).order_by(ITEMS.c.id)).mappings().all()
        newest = dict[str, Assessment]()
        for row in rows:
            state = item_state(row, self._ledger.content)
            found = Assessment.model_validate(state.body)
            known = newest.get(state.enterprise)
            if (found.assessment, found.version) == (assessment, version) and (known is None or found.on >= known.on):
                newest[state.enterprise] = found
        return figures(f"同行业（门类 {section}）", list(newest.values()), smallest)


def figures(name: str, results: list[Assessment], smallest: int) -> CohortFigures | None:
    """None where too few have a score."""
    scores = [each.score for each in results if each.score is not None]
    if len(scores) < smallest:
        return None
    nodes = dict[str, list[float]]()
    for each in results:
        for node, value in each.results.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                nodes.setdefault(node, []).append(float(value))
    means = {node: fmean(values) for node, values in nodes.items() if len(values) >= smallest}
    return CohortFigures(name=name, size=len(scores), mean=fmean(scores), median=median(scores), nodes=means)
