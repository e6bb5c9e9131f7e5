"""What a sentence says of a thing: done, on trial, planned, not done, asked, or somebody else's."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from yaml import YAMLError

from domain.errors import ConfigurationError
from domain.yaml_data import parse_yaml

DATA = Path(__file__).parent / "data" / "speech.yaml"
LONGEST = 300
"""Characters to either side within which a sentence ends, or is cut."""
Status = Literal["done", "trial", "planned", "not_done", "past", "others", "asked"]
STATUS_WORDS: dict[Status, str] = {
    "done": "已做到",
    "trial": "试点中",
    "planned": "只是计划",
    "not_done": "没有做到",
    "past": "说的是过去",
    "others": "说的是别家",
    "asked": "只是在问",
}


class SpeechWords(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    split: re.Pattern[str]
    sentences: re.Pattern[str]
    not_before: tuple[str, ...]
    not_after: tuple[str, ...]
    plan: tuple[str, ...]
    trial: tuple[str, ...]
    past: tuple[str, ...]
    others: tuple[str, ...]
    asking: tuple[str, ...]
    not_really: tuple[str, ...]
    reach: int


@cache
def load_speech(path: Path = DATA) -> SpeechWords:
    """Raises ConfigurationError."""
    try:
        return SpeechWords.model_validate(parse_yaml(path.read_text(encoding="utf-8")))
    except (OSError, YAMLError, ValidationError) as error:
        raise ConfigurationError(f"词表无法读取：{error}", where=str(path), cure="修正该文件") from error


@dataclass(frozen=True)
class Mention:
    """A thing found in a text, with its sentence."""

    phrase: str
    status: Status
    start: int
    """Of the sentence in the text."""
    end: int


def sentence_at(text: str, at: int, words: SpeechWords) -> tuple[int, int]:
    """The sentence around a position, without the white space at its ends."""
    far, near = min(len(text), at + LONGEST), max(0, at - LONGEST)
    start = max((m.end() for m in words.sentences.finditer(text, near, at)), default=near)
    after = words.sentences.search(text, at, far)
    end = after.start() if after else far
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def mentions(text: str, phrase: str) -> list[Mention]:
    """Every place where the phrase stands, with what is said of it. Letters are matched whole (ERP is not in SERPENT)."""
    words = load_speech()
    pattern = re.escape(phrase)
    if re.match(r"[A-Za-z0-9]", phrase):
        pattern = rf"(?<![A-Za-z0-9]){pattern}"
    if re.search(r"[A-Za-z0-9]\Z", phrase):
        pattern = rf"{pattern}(?![A-Za-z0-9])"
    return [
        Mention(phrase, status_at(text, m.start(), m.end(), words), *sentence_at(text, m.start(), words))
        for m in re.finditer(pattern, text, re.IGNORECASE)
    ]


def status_at(text: str, start: int, end: int, words: SpeechWords) -> Status:
    """What the clause around text[start:end] says of it; the phrase's own words do not count."""
    left, right = _clause(text, start, end, words)
    before, after = _cleared(text[left:start], words), _cleared(text[end:right], words)
    sentence_start, sentence_end = sentence_at(text, start, words)
    whole = text[sentence_start : min(len(text), sentence_end + 1)]
    if whole.endswith(("?", "？")) or any(word in before + "|" + after for word in words.asking):
        return "asked"
    if any(word in text[sentence_start:start] for word in words.others):
        return "others"
    near = before[-words.reach :]
    if any(word in near for word in words.not_before) or any(word in after for word in words.not_after):
        return "not_done"
    if any(word in before or word in after for word in words.plan):
        return "planned"
    if any(word in before for word in words.past):
        return "past"
    return "trial" if any(word in before or word in after for word in words.trial) else "done"


def _clause(text: str, start: int, end: int, words: SpeechWords) -> tuple[int, int]:
    """The clause; in a list (没有MES、ERP和WMS) the words before the list hold for all of it."""
    near, far = max(0, start - LONGEST), min(len(text), end + LONGEST)
    left = max((m.end() for m in words.split.finditer(text, near, start) if m[0] != "、"), default=near)
    after = next((m for m in words.split.finditer(text, end, far) if m[0] != "、"), None)
    return left, after.start() if after else far


def _cleared(text: str, words: SpeechWords) -> str:
    for word in words.not_really:
        text = text.replace(word, "○" * len(word))
    return text
