"""What an interview is led with, and where one stands: its events, its assessment, its items."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from domain.errors import UserInputError
from domain.principal import Principal
from knowledge.catalogue import Catalogue
from records.audit_entries import Door
from records.enterprises.relations import RelationStore
from records.enterprises.store import EnterpriseStore
from records.interviews.state import Interview
from records.interviews.store import InterviewStore, Note
from tools.diagnosis.library import Assessment, Library
from tools.diagnosis.summary import Cite

from ..model import ChatModel
from .items import Askable, askable
from .standing import Standing, standing
from .words import interview_words


def _nothing_shown(text: str, principal: Principal) -> str:
    return ""


@dataclass(frozen=True, repr=False)
class InterviewDeps:
    """What an interview is led with."""

    library: Library
    catalogue: Catalogue
    store: InterviewStore
    files: EnterpriseStore
    relations: RelationStore
    now: Callable[[], datetime]
    cite: Cite | None = None
    """The citation of an official text, where one is ingested."""
    model: ChatModel | None = None
    """May propose further ratings; None means offline."""
    shown: Callable[[str, Principal], str] = _nothing_shown
    """What was said, as a model may see it."""


@dataclass(frozen=True)
class Teller:
    """Who speaks in a turn, and how."""

    principal: Principal
    door: Door
    respondent: str = ""
    run_id: str = ""

    @property
    def name(self) -> str:
        return " ".join(self.respondent.split()) or self.principal.id


@dataclass(frozen=True, repr=False)
class Case:
    """An interview with what it is about."""

    now: Interview
    assessment: Assessment
    items: dict[str, Askable]

    @property
    def is_enough(self) -> bool:
        """Whether enough is known to say what it comes to."""
        return sum(bool(self.now.on(item)) for item in self.items) >= interview_words().next.fewest_items


class Casebook:
    """Reads and writes cases; an assessment's items are made once."""

    def __init__(self, deps: InterviewDeps) -> None:
        self._deps = deps
        self._items: dict[str, dict[str, Askable]] = {}

    async def write(self, interview_id: str, teller: Teller, notes: list[Note]) -> bool:
        write = self._deps.store.record
        return await asyncio.to_thread(write, interview_id, teller.name, notes, teller.principal, door=teller.door, run_id=teller.run_id)

    async def case(self, interview_id: str, teller: Teller) -> Case:
        now = await asyncio.to_thread(self._deps.store.get, interview_id, teller.principal)
        assessment = self._deps.library.get(now.assessment)
        if now.version != (assessment.definition.version or "1"):
            raise UserInputError("这次访谈用的是评估的旧版本", where="interview_id", cure="开始一次新的访谈")
        if now.assessment not in self._items:
            self._items[now.assessment] = askable(assessment)
        return Case(now, assessment, self._items[now.assessment])

    async def standing(self, case: Case) -> Standing:
        today = self._deps.now().date()
        return await asyncio.to_thread(standing, case.assessment, case.now, case.items, today, self._deps.catalogue)
