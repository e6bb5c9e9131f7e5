"""An attached model's phrasing, sentence by sentence: each is checked when it is complete and only then said."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from domain.answer import Citation, Sentence
from domain.errors import UpstreamUnavailable
from knowledge.question import Question

from .evidence import Support, evidence_lines
from .grounding import MARK, Origin, check_sentence
from .model import ChatModel, Message
from .prompts.load import prompt
from .state import RunContext, Turn

BOUNDARY = re.compile(r"(?<=[。！？!?\n])(?!\s*[\[［【]\d)|(?<=[\]］】])(?=[^\[［【。！？!?；;，,、\s])")
LONGEST = 4000
"""Characters after which a model is taken to have lost its way."""


@dataclass
class Phrasing:
    """Checked sentences, how many were dropped, and what ended the model early."""

    sentences: list[Sentence] = field(default_factory=list[Sentence])
    dropped: int = 0
    fault: str = ""


async def phrase(
    model: ChatModel, question: Question, supports: Sequence[Support], turns: Sequence[Turn], run: RunContext, overlap: float
) -> Phrasing:
    """Stream the model's answer through the sentence check; what passes is emitted at once."""
    phrasing = Phrasing()
    numbered = [support.citations[0] if support.citations else None for support in supports]
    merged = [_merge(support) if support.citations else None for support in supports]
    buffer, length = "", 0
    try:
        async for delta in model.stream(messages(question, supports, turns)):
            run.cancellation.raise_if_cancelled()
            buffer += delta
            length += len(delta)
            while (cut := _boundary(buffer)) is not None:
                _take(buffer[:cut], numbered, merged, question, run, overlap, phrasing)
                buffer = buffer[cut:]
            if length > LONGEST:
                phrasing.fault = f"模型输出超过 {LONGEST} 字仍未结束"
                break
    except UpstreamUnavailable as error:
        phrasing.fault = error.message
        return phrasing
    if buffer.strip() and not phrasing.fault:
        _take(buffer, numbered, merged, question, run, overlap, phrasing)
    return phrasing


def messages(question: Question, supports: Sequence[Support], turns: Sequence[Turn]) -> list[Message]:
    """Instructions, the conversation, then the question with the evidence wrapped as data."""
    history = [Message(role=turn["role"], content=turn["content"]) for turn in turns[-4:]]
    evidence = "\n".join(evidence_lines(supports))
    asked = f"问题：{question.text}\n\n<证据>\n{evidence}\n</证据>"
    return [Message(role="system", content=prompt("compose")), *history, Message(role="user", content=asked)]


def _boundary(buffer: str) -> int | None:
    """Where the first complete sentence ends: after its stop and the marks that follow it, once something else has begun."""
    for match in BOUNDARY.finditer(buffer):
        if match.end() < len(buffer) and MARK.search(buffer[: match.end()]):
            return match.end()
    return None


def _merge(support: Support) -> Citation:
    """All quotes of one clause as one, for checking; what is emitted keeps them apart."""
    return support.citations[0].model_copy(update={"quote": support.text, "path": [*support.citations[0].path, support.heading]})


def _take(
    text: str,
    numbered: Sequence[Citation | None],
    merged: Sequence[Citation | None],
    question: Question,
    run: RunContext,
    overlap: float,
    phrasing: Phrasing,
) -> None:
    if not text.strip():
        return
    if not MARK.search(text):
        phrasing.dropped += 1
        return
    checked = check_sentence(text, merged, [Origin(question.text, "question")], overlap=overlap)
    if checked.sentence is None:
        phrasing.dropped += 1
        return
    cited = [numbered[int(m.group(1)) - 1] for m in MARK.finditer(text)]
    sentence = checked.sentence.model_copy(update={"citations": [c for c in cited if c is not None]})
    phrasing.sentences.append(sentence)
    run.emit("sentence", sentence.model_dump(mode="json"))
