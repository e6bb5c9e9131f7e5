"""An attached model's text, cut into sentences that are checked one by one (agents/phrase.py)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.evidence import Support, choose, load_choice
from agents.phrase import LONGEST, Phrasing, phrase
from agents.state import RunContext
from domain.answer import Sentence
from domain.principal import LOCAL
from knowledge.index import Selection
from knowledge.question import Question
from serving.assembly import Knowledge

from .models import Scripted

Evidence = tuple[Question, list[Support]]

BLOCKS = "块存储架构应为分布式，协议用SCSI。[1]"
OBJECTS = "对象存储应为分布式架构，支持S3协议。[2]"
TEXTS = [
    BLOCKS + OBJECTS,
    f"{BLOCKS}\n{OBJECTS}\n",
    "块存储架构应为分布式[1]，协议用SCSI[1]。对象存储支持S3协议[2]。",
    "块存储架构应为分布式，协议用SCSI[1]。 [2] 对象存储支持S3协议。[2][1]",
    "块存储架构应为分布式。协议用SCSI！ 【1】 对象存储支持S3协议？［2］\n\n",
    "块存储架构应为分布式[1]\n对象存储支持S3协议[2]\n没有标注的话",
    "“块存储协议用SCSI。”[1]（对象存储支持S3协议。）[2]",
    "没有标注。也没有标注！块存储协议用SCSI。[1]",
    "块存储协议用SCSI。[1][",
    "块存储协议用SCSI。[1",
    "块存储协议用SCSI。[x] 块存储协议用SCSI。[1] [ 对象存储支持S3协议。[2]",
    "块存储协议用SCSI。[123]对象存储支持S3协议。[2]",
]


@dataclass
class Says:
    """Says everything as it is."""

    run: RunContext

    async def shown(self, text: str) -> str:
        return text

    async def say(self, sentence: Sentence) -> Sentence:
        self.run.emit("sentence", sentence.model_dump(mode="json"))
        return sentence


@pytest.fixture(scope="module")
def evidence(knowledge: Knowledge) -> Evidence:
    question = knowledge.reader.read("块存储和对象存储分别走什么协议？", [])
    hits = knowledge.retriever.find(question, LOCAL, 24, Selection())
    supports = choose(question, hits, knowledge.catalogue, load_choice())
    assert [support.hit.clause_id for support in supports[:2]] == ["TISC-6.1.2.1-c", "TISC-6.1.2.1-e"]
    return question, supports


def phrased(evidence: Evidence, pieces: Sequence[str], *, dies: bool = False, overlap: float = 0.35) -> tuple[Phrasing, list[str]]:
    """What passed, and the sentences in the order in which a watcher saw them."""
    said: list[str] = []

    def watch(kind: str, data: dict[str, Any]) -> None:
        said.append(data["text"])

    question, supports = evidence
    run = RunContext(LOCAL, "run-1", watch)
    return asyncio.run(phrase(Scripted(pieces, dies), question, supports, [], run, overlap, Says(run))), said


def sentences(evidence: Evidence, text: str) -> list[str]:
    return [sentence.text for sentence in phrased(evidence, [text])[0].sentences]


def test_each_sentence_ends_behind_its_marks(evidence: Evidence) -> None:
    assert sentences(evidence, BLOCKS + OBJECTS) == [BLOCKS, OBJECTS]
    assert sentences(evidence, "块存储协议用SCSI[1]。对象存储支持S3协议[2]。") == ["块存储协议用SCSI[1]。", "对象存储支持S3协议[2]。"]
    assert sentences(evidence, "块存储协议用SCSI。[1] [2]对象存储支持S3协议。[2]") == [
        "块存储协议用SCSI。[1] [2]",
        "对象存储支持S3协议。[2]",
    ]


def test_a_mark_inside_a_sentence_does_not_end_it(evidence: Evidence) -> None:
    text = "块存储[1]协议用SCSI，对象存储[2]支持S3协议。"
    assert sentences(evidence, text) == [text]


@pytest.mark.parametrize("text", TEXTS)
def test_the_same_sentences_at_every_split(evidence: Evidence, text: str) -> None:
    whole, _ = phrased(evidence, [text])
    for at in range(len(text) + 1):
        split, said = phrased(evidence, [text[:at], text[at:]])
        assert split == whole
        assert said == [sentence.text for sentence in split.sentences]
    assert phrased(evidence, list(text))[0] == whole


@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet="块存储协议用SCSI对象支持3。！？\n ，；”）[]【】［］12x-.", max_size=80), data=st.data())
def test_any_text_in_any_chunks_gives_the_same_sentences(evidence: Evidence, text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    whole, whole_said = phrased(evidence, [text], overlap=0)
    assert phrased(evidence, pieces, overlap=0) == (whole, whole_said)


def test_a_sentence_is_said_as_soon_as_the_next_begins(evidence: Evidence) -> None:
    heard: list[int] = []
    pieces = [*BLOCKS, *OBJECTS]

    class Watching(Scripted):
        async def stream(self, messages: Any) -> Any:
            for piece in self.pieces:
                yield piece
                heard.append(len(said))

    said: list[str] = []
    question, supports = evidence
    run = RunContext(LOCAL, "run-1", lambda kind, data: said.append(data["text"]))
    asyncio.run(phrase(Watching(pieces), question, supports, [], run, 0.35, Says(run)))
    assert heard[: len(BLOCKS) + 1] == [0] * len(BLOCKS) + [1]


def test_unsupported_sentences_are_dropped_and_counted(evidence: Evidence) -> None:
    text = BLOCKS + "块存储卷最大支持64TB。[1]" + "请每季度向财务部提交碳足迹报告。[2]" + OBJECTS + "本段没有依据！"
    phrasing, said = phrased(evidence, [text])
    assert said == [BLOCKS, OBJECTS]
    assert phrasing.dropped == 3
    assert phrasing.fault == ""


def test_a_sentence_carries_every_quote_of_the_clauses_it_names(evidence: Evidence) -> None:
    _, supports = evidence
    phrasing, _ = phrased(evidence, ["块存储协议用SCSI[1]，对象存储支持S3协议[2][1]。"])
    assert phrasing.sentences[0].citations == [*supports[0].citations, *supports[1].citations]


def test_a_model_that_breaks_off_leaves_what_was_complete(evidence: Evidence) -> None:
    phrasing, said = phrased(evidence, [BLOCKS, "对象存储支持"], dies=True)
    assert said == [BLOCKS]
    assert phrasing.fault == "模型的回答中途断了"


@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_a_model_that_does_not_stop_is_stopped(evidence: Evidence, size: int) -> None:
    text = BLOCKS * (LONGEST // len(BLOCKS) + 50)
    phrasing, said = phrased(evidence, [text[at : at + size] for at in range(0, len(text), size)])
    assert len(said) == LONGEST // len(BLOCKS)
    assert "仍未结束" in phrasing.fault


def test_evidence_reaches_the_model_as_one_line_each_and_without_tags(evidence: Evidence) -> None:
    question, supports = evidence
    model = Scripted([BLOCKS])
    run = RunContext(LOCAL, "run-1")
    asyncio.run(phrase(model, question, supports, [], run, 0.35, Says(run)))
    system, user = model.heard[0]
    assert system.role == "system"
    assert user.content.startswith(f"问题：{question.text}\n\n<证据>\n[1] (TISC-6.1.2.1-c)")
    lines = user.content.split("<证据>\n")[1].split("\n</证据>")[0].splitlines()
    assert [line.split("]")[0] for line in lines] == [f"[{n}" for n in range(1, len(supports) + 1)]
