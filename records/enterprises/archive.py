"""Everything about enterprise files, opened together."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ..audit import AuditLog
from ..content import PLAIN, Content
from ..database import Database
from ..encoding import utc_now
from ..interviews.store import InterviewStore
from .cohort import CohortStore
from .exporting import Exporter
from .importing import Importer
from .ledger import Ledger
from .merging import MergeDesk
from .overview import Overview
from .ratings import RatingStore
from .relations import RelationStore
from .store import EnterpriseStore


@dataclass(frozen=True)
class Archive:
    """The stores of the enterprise file, on one ledger."""

    files: EnterpriseStore
    relations: RelationStore
    ratings: RatingStore
    merging: MergeDesk
    overview: Overview
    cohorts: CohortStore
    importer: Importer
    exporter: Exporter
    interviews: InterviewStore


def open_archive(
    database: Database, *, content: Content = PLAIN, audit: AuditLog | None = None, now: Callable[[], datetime] = utc_now
) -> Archive:
    ledger = Ledger(database, content=content, audit=audit, now=now)
    files, relations, ratings = EnterpriseStore(ledger), RelationStore(ledger), RatingStore(ledger)
    return Archive(
        files=files,
        relations=relations,
        ratings=ratings,
        merging=MergeDesk(ledger),
        overview=Overview(ledger),
        cohorts=CohortStore(ledger),
        importer=Importer(ledger),
        exporter=Exporter(ledger, files, relations),
        interviews=InterviewStore(ledger, ratings),
    )
