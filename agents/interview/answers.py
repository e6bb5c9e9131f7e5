"""What a reply to a question means: a command, an answer to the item that was asked, a correction, a question back. Nothing is guessed."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from domain.numerals import parse_numeral
from tools.diagnosis.scales import BadAnswer

from .items import Askable
from .words import AnswerWords, interview_words

Command = Literal["skip", "back", "pause", "resume", "score", "finish", "review", "confirm_all", "why"]
ENDS = " \t\r\n。．.!！，,；;~～"


@dataclass(frozen=True)
class Direct:
    """An answer to one item; its evidence is text[start:end]."""

    item: str
    value: str
    start: int
    end: int


@dataclass(frozen=True)
class Unclear:
    """Something was meant as an answer, and it is not one."""

    why: str


def command_of(text: str) -> Command | None:
    plain = _plain(text)
    for name, patterns in interview_words().commands.items():
        if any(pattern.fullmatch(plain) for pattern in patterns):
            return name  # pyright: ignore[reportReturnType]
    return None


def starts_interview(text: str) -> str | None:
    """The key of the assessment that somebody asks to be taken through; None for anything else."""
    words = interview_words().start
    plain = _plain(text)
    if words.unless.search(plain) or not any(pattern.fullmatch(plain) for pattern in words.patterns):
        return None
    named = (key for key, names in words.assessments.items() if any(name.casefold() in plain.casefold() for name in names))
    return next(named, words.default)


def is_aside(text: str) -> bool:
    """Whether it reads like a question to the assistant."""
    return interview_words().aside.search(_plain(text)) is not None


def confirmed_title(text: str, items: Mapping[str, Askable]) -> str:
    """The item in 确认“…”; "" where none is named."""
    found = interview_words().confirm.fullmatch(_plain(text))
    return named(found["title"], items) if found else ""


def change_of(text: str, items: Mapping[str, Askable], last: str) -> Direct | Unclear | None:
    """改成…: of the item that is named, or else of the last one answered."""
    found = interview_words().change.fullmatch(_plain(text))
    if found is None:
        return None
    item = named(found["title"], items) if found["title"] else last
    if not item:
        return Unclear("没有听出要改哪一项，请写“把…改成…”")
    answer = answer_to(found["value"], items[item])
    if isinstance(answer, Direct):
        return Direct(item, answer.value, 0, len(text))
    return answer or Unclear(f"“{found['value']}”不是这一项的答案，应为：{items[item].asks}")


def named(title: str, items: Mapping[str, Askable]) -> str:
    """The one item of that id or title, or whose title holds it; "" where it is none or several."""
    plain = _plain(title)
    exact = [each.id for each in items.values() if plain in (each.id, each.title)]
    alike = exact or [each.id for each in items.values() if len(plain) > 1 and plain in each.title]
    return alike[0] if len(alike) == 1 else ""


def answer_to(text: str, item: Askable) -> Direct | Unclear | None:
    """None where the text says nothing about the item by itself: it may still hold signals."""
    words, plain = interview_words().answers, _plain(text)
    if not plain or len(plain) > words.longest:
        return None
    problem = ""
    for candidate in _cores(plain, words):
        try:
            return Direct(item.id, item.value_of(candidate), 0, len(text))
        except BadAnswer as error:
            if candidate.lstrip("-").replace(".", "", 1).isdigit():
                problem = str(error)
    if item.lowest and words.none.fullmatch(plain):
        return Direct(item.id, item.lowest, 0, len(text))
    if problem:
        return Unclear(f"{problem}，应为：{item.asks}")
    said = list(words.level.finditer(plain))
    if len(said) == 1 and item.lowest.isdigit():
        try:
            return Direct(item.id, item.value_of(_number(said[0]["value"])), 0, len(text))
        except BadAnswer as error:
            return Unclear(f"{error}，应为：{item.asks}")
    if words.some.fullmatch(plain):
        return Unclear(f"有到什么程度？应为：{item.asks}")
    return None


def _cores(plain: str, words: AnswerWords) -> list[str]:
    """The text itself, and without what people put around an answer."""
    core = plain
    if (lead := words.before.match(core)) and lead.end() < len(core):
        core = core[lead.end() :]
    found = [plain, core]
    for text in (plain, core):
        short = text
        for end in range(len(text), 0, -1):
            if words.after.fullmatch(text[end:]):
                short = text[:end]
        found.append(short)
    return list(dict.fromkeys(_number(each) for each in found if each))


def _number(text: str) -> str:
    value = parse_numeral(text)
    return str(value) if value is not None else text


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip(ENDS)
