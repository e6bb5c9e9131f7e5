"""What follows from something said, as events: commands, answers to the open question, ratings and facts out of free text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.errors import UserInputError
from records.interviews.state import CONVERSATION, Interview, Said
from records.interviews.store import Note
from tools.diagnosis.library import Assessment, Library
from tools.diagnosis.proposing import ProposeInput, propose
from tools.diagnosis.scales import BadAnswer

from .answers import Command, Direct, Unclear, answer_to, change_of, command_of, confirmed_title, is_aside
from .facts import facts_in
from .items import Askable
from .words import interview_words

MOST_TEXT = 200_000
MOST_EVIDENCE = 1_000
CELL = " | "
NAME = "name"
"""The one question about the file that an interview asks: whose it is."""


@dataclass
class Heard:
    """What one thing said came to."""

    said: Said
    notes: list[Note] = field(default_factory=list[Note])
    command: Command | None = None
    confirms: str = ""
    """The item that a person's words confirm."""
    unclear: str = ""
    aside: bool = False
    named: bool = False
    """It answers the question for the enterprise's name."""

    @property
    def answers_only(self) -> bool:
        """A bare answer, in which there is nothing more to find."""
        return len(self.said.text) <= interview_words().answers.longest and any(note.kind == "answered" for note in self.notes)


def understand(now: Interview, said: Said, assessment: Assessment, items: Mapping[str, Askable], library: Library) -> Heard:
    """Deterministic: the same words at the same point of the interview come to the same."""
    heard = Heard(said)
    spoken = said.source == CONVERSATION
    if spoken and (command := command_of(said.text)) is not None:
        heard.command = command
        if command == "skip" and said.question in items:
            heard.notes.append(Note(kind="skipped", payload={"item": said.question, "said": said.seq}))
        return heard
    if spoken and (title := confirmed_title(said.text, items)):
        heard.confirms = title
        return heard
    if spoken:
        _answer(heard, now, items)
    else:
        _form(heard, items)
    answered = {note.payload["item"] for note in heard.notes if note.kind == "rating_proposed"}
    heard.notes += _signals(now, said, assessment, items, library, answered)
    name_asked = spoken and said.question == NAME
    for fact in facts_in(said.text, name_asked=name_asked):
        value: dict[str, Any] = {"field": fact.field, "value": fact.value, "evidence": said.text[fact.start : fact.end][:MOST_EVIDENCE]}
        heard.notes.append(Note(kind="profile_proposed", payload=value | {"said": said.seq}))
        heard.named = heard.named or (name_asked and fact.field == NAME)
    if not heard.notes and not heard.unclear:
        heard.aside = spoken and is_aside(said.text)
    if heard.notes and said.question not in answered:
        heard.unclear = ""
    return heard


def rating(item: str, value: str, said: Said, start: int, end: int, *, direct: bool, confidence: float, why: str) -> Note:
    """A proposal; its evidence is the very words."""
    end = min(end, start + MOST_EVIDENCE)
    place: dict[str, Any] = {"evidence": said.text[start:end], "source": said.source, "said": said.seq, "start": start, "end": end}
    return Note(
        kind="rating_proposed", payload={"item": item, "value": value, "direct": direct, "confidence": confidence, "why": why, **place}
    )


def _answer(heard: Heard, now: Interview, items: Mapping[str, Askable]) -> None:
    said = heard.said
    own = [each for each in now.proposals if each.respondent == said.respondent and each.direct]
    last = max(own, key=lambda each: each.said).item if own else ""
    found = change_of(said.text, items, last)
    if found is None and said.question in items:
        found = answer_to(said.text, items[said.question])
    if isinstance(found, Unclear):
        heard.unclear = found.why
    elif isinstance(found, Direct):
        _take(heard, found, "本人直接回答")


def _take(heard: Heard, found: Direct, why: str) -> None:
    said = heard.said
    heard.notes.append(Note(kind="answered", payload={"item": found.item, "said": said.seq}))
    heard.notes.append(rating(found.item, found.value, said, found.start, found.end, direct=True, confidence=1.0, why=why))


def _form(heard: Heard, items: Mapping[str, Askable]) -> None:
    """A filled-in questionnaire: a line with an item's name or question, and an answer beside it."""
    known = {_folded(name): each for each in items.values() for name in (each.id, each.title, each.question)}
    at, seen = 0, set[str]()
    for line in heard.said.text.split("\n"):
        cells = [cell.strip() for cell in line.split(CELL.strip())]
        named = [(place, known[_folded(cell)]) for place, cell in enumerate(cells) if _folded(cell) in known]
        if named and named[0][1].id not in seen:
            place, item = named[-1]
            for cell in cells[place + 1 :]:
                value = _value(item, cell)
                if value is not None:
                    seen.add(item.id)
                    _take(heard, Direct(item.id, value, at, at + len(line)), "问卷里的填写")
                    break
        at += len(line) + 1


def _value(item: Askable, cell: str) -> str | None:
    found = answer_to(cell, item) if cell else None
    return found.value if isinstance(found, Direct) else None


def _folded(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _signals(
    now: Interview, said: Said, assessment: Assessment, items: Mapping[str, Askable], library: Library, answered: set[str]
) -> Iterator[Note]:
    """Ratings read out of all that this respondent has said up to here; their own direct answers stand above them."""
    if assessment.model.grid is not None:
        return
    corpus = _corpus(now, said)
    try:
        found = propose(library, ProposeInput(assessment=now.assessment, text="\n".join(each.text for each in corpus))).data
    except UserInputError:
        return
    own = {each.item: each for each in now.proposals if each.respondent == said.respondent}
    for proposal in found.proposals:
        before = own.get(proposal.item)
        if (
            proposal.item not in items
            or proposal.item in answered
            or now.fact(proposal.item) is not None
            or (before is not None and (before.direct or before.value == proposal.value))
        ):
            continue
        evidence = proposal.evidence[0]
        origin, offset = _origin(corpus, evidence.start)
        try:
            value = items[proposal.item].value_of(proposal.value)
        except BadAnswer:
            continue
        start, end = evidence.start - offset, evidence.end - offset
        yield rating(proposal.item, value, origin, start, end, direct=False, confidence=proposal.confidence, why=proposal.why)


def _corpus(now: Interview, said: Said) -> list[Said]:
    """The newest of what the respondent said, as much as may be looked at."""
    kept: list[Said] = []
    room = MOST_TEXT
    for each in reversed([each for each in now.said if each.respondent == said.respondent and each.seq <= said.seq]):
        room -= len(each.text) + 1
        if room < 0:
            break
        kept.append(each)
    return kept[::-1]


def _origin(corpus: Sequence[Said], at: int) -> tuple[Said, int]:
    """In which saying a position of the joined text lies, and where that begins."""
    begin = 0
    for each in corpus:
        if at <= begin + len(each.text):
            return each, begin
        begin += len(each.text) + 1
    return corpus[-1], begin


def is_repeated(now: Interview, respondent: str) -> bool:
    """Whether the open question was asked often enough."""
    question = now.questions.get(respondent)
    return question is not None and question.tries >= interview_words().next.most_tries
