"""What an attached model reads out of free text beyond the extractors. Its word is nothing: the evidence has to stand in the text."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import UpstreamUnavailable
from records.interviews.state import Said
from records.interviews.store import Note
from tools.diagnosis.scales import BadAnswer

from ..model import ChatModel, Message
from ..prompts.load import prompt
from .items import Askable
from .reading import rating
from .words import interview_words

NOTE = "note_ratings"


class _Noted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    item: str = Field(max_length=100)
    value: str = Field(max_length=100, coerce_numbers_to_str=True)
    evidence: str = Field(min_length=2, max_length=1_000)


class _Notes(BaseModel):
    """Ratings that the text speaks for."""

    model_config = ConfigDict(extra="forbid")

    ratings: list[_Noted] = Field(max_length=100)


def schema() -> dict[str, Any]:
    return {"type": "function", "function": {"name": NOTE, "description": "记下评级建议", "parameters": _Notes.model_json_schema()}}


async def further(model: ChatModel, said: Said, shown: str, items: Mapping[str, Askable]) -> list[Note]:
    """Proposals for `items`, which are those that nothing is known of yet. `shown` is the text as a model may see it.

    A model that fails, an unknown item, a value outside the scale, a sentence that is not in what was said: nothing comes of it.
    """
    offered = "\n".join(f"{each.id}：{each.question}（可答：{_answers(each)}）" for each in items.values())
    messages = [Message(role="system", content=f"{prompt('interview')}\n\n评价项：\n{offered}"), Message(role="user", content=shown)]
    try:
        completion = await model.complete(messages, tools=[schema()])
    except UpstreamUnavailable:
        return []
    found: dict[str, Note] = {}
    for request in completion.tool_requests:
        try:
            noted = _Notes.model_validate(request.arguments).ratings if request.name == NOTE else []
        except ValidationError:
            continue
        for each in noted:
            start, item = said.text.find(each.evidence), items.get(each.item)
            if start < 0 or item is None or each.item in found:
                continue
            try:
                value = item.value_of(each.value)
            except BadAnswer:
                continue
            sure = interview_words().next.model_confidence
            end = start + len(each.evidence)
            found[each.item] = rating(each.item, value, said, start, end, direct=False, confidence=sure, why="模型从这句话推断，请核实")
    return list(found.values())


def _answers(item: Askable) -> str:
    return "；".join(f"{each.value} {each.label}".strip() for each in item.options) or item.asks
