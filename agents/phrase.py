"""An attached model's phrasing, sentence by sentence: each is checked when it is complete and only then said."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.answer import Citation, Sentence
from domain.errors import UpstreamUnavailable
from knowledge.question import Question

from .evidence import Support, evidence_lines
from .grounding import MARK, QUESTION, Origin, check_sentence, single_marks
from .model import ChatModel, Message
from .prompts.load import prompt
from .state import RunContext, Turn

SENTENCE_END = re.compile(
    r"""(?:[。！？!?][”’"'）)」』]*|\n)   # a stop, with what closes around it
        (?:\s*[\[［【]\d{1,2}[\]］】])*    # the marks behind it belong to it
        (?=\s*(?:[^\s\[［【]|[\[［【]\D))  # and something else has begun: more marks may not come
    """,
    re.VERBOSE,
)
LONGEST = 4000
"""Characters after which a model is taken to have lost its way."""


@dataclass
class Phrasing:
    """Checked sentences, how many were dropped, and what ended the model early."""

    sentences: list[Sentence] = field(default_factory=list[Sentence])
    dropped: int = 0
    fault: str = ""


class Speaks(Protocol):
    """Who says the sentences (`speech.Speaker`)."""

    async def shown(self, text: str) -> str:
        """A text that was read, as the model may see it."""
        ...

    async def say(self, sentence: Sentence) -> Sentence | None:
        """The last look at a sentence, by which it is heard."""
        ...


async def phrase(
    model: ChatModel,
    question: Question,
    supports: Sequence[Support],
    turns: Sequence[Turn],
    run: RunContext,
    overlap: float,
    speaker: Speaks,
) -> Phrasing:
    """Stream the model's answer through the sentence check; what passes is said at once."""
    phrasing = Phrasing()
    seen = await asyncio.gather(*(speaker.shown(support.text) for support in supports))
    merged = [_merge(support, text) if support.citations else None for support, text in zip(supports, seen, strict=True)]
    buffer, room = "", LONGEST
    try:
        async for delta in model.stream(await messages(question, supports, seen, turns, speaker)):
            run.cancellation.raise_if_cancelled()
            buffer = single_marks(buffer + delta[:room])
            while (cut := _boundary(buffer)) is not None:
                await _take(buffer[:cut], supports, merged, question, speaker, overlap, phrasing)
                buffer = buffer[cut:]
            room -= len(delta)
            if room < 0:
                phrasing.fault = f"模型输出超过 {LONGEST} 字仍未结束"
                break
    except UpstreamUnavailable as error:
        phrasing.fault = error.message
        return phrasing
    if buffer.strip() and not phrasing.fault:
        await _take(buffer, supports, merged, question, speaker, overlap, phrasing)
    return phrasing


async def messages(
    question: Question, supports: Sequence[Support], seen: Sequence[str], turns: Sequence[Turn], speaker: Speaks
) -> list[Message]:
    """Instructions, the conversation, then the question with the evidence wrapped as data."""
    history = [Message(role=turn["role"], content=turn["content"]) for turn in turns[-4:]]
    headings = await asyncio.gather(*(speaker.shown(support.heading) for support in supports))
    # one line each and no tags of its own: a quoted text cannot end the evidence or add to it
    evidence = "\n".join(" ".join(line.split()).replace("<", "＜").replace(">", "＞") for line in evidence_lines(supports, headings, seen))
    asked = f"问题：{question.text}\n\n<证据>\n{evidence}\n</证据>"
    return [Message(role="system", content=prompt("compose")), *history, Message(role="user", content=asked)]


def _boundary(buffer: str) -> int | None:
    """Where the first complete sentence that carries a mark ends; the same however the text arrives."""
    ends = (match.end() for match in SENTENCE_END.finditer(buffer))
    return next((end for end in ends if MARK.search(buffer, 0, end)), None)


def _merge(support: Support, seen: str) -> Citation:
    """All quotes of one clause as one, as the model saw them, for checking; what is said keeps them apart."""
    return support.citations[0].model_copy(update={"quote": seen, "path": [*support.citations[0].path, support.heading]})


async def _take(
    text: str,
    supports: Sequence[Support],
    merged: Sequence[Citation | None],
    question: Question,
    speaker: Speaks,
    overlap: float,
    phrasing: Phrasing,
) -> None:
    if not text.strip():
        return
    if not MARK.search(text):
        phrasing.dropped += 1
        return
    checked = check_sentence(text, merged, [Origin(question.text, QUESTION)], overlap=overlap)
    if checked.sentence is None:
        phrasing.dropped += 1
        return
    cited = dict.fromkeys(int(m.group(1)) for m in MARK.finditer(text))
    said = await speaker.say(checked.sentence.model_copy(update={"citations": [c for n in cited for c in supports[n - 1].citations]}))
    if said is None:
        phrasing.dropped += 1
    else:
        phrasing.sentences.append(said)
