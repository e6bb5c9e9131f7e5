"""Saying a sentence: the last look at it before anybody hears it, and the event by which they do."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from domain.answer import Sentence
from guardrails.outgoing import outgoing
from guardrails.pseudonyms import Pseudonyms
from guardrails.screens import pseudonymous

from .deps import AssistantDeps
from .hearing import let_pass
from .state import RunContext


class Speaker:
    """Speaks for one run. What it returns is what was said, so that the record and the stream are the same."""

    def __init__(self, deps: AssistantDeps, run: RunContext, pseudonyms: Pseudonyms, question: str) -> None:
        self._deps = deps
        self._screens = deps.screens
        self._run = run
        self._pseudonyms = pseudonyms
        self._question = pseudonyms.restore(question)

    async def shown(self, text: str) -> str:
        """A text that was read, as a model may see it: without planted instructions, and with pseudonyms for identifiers."""
        clean = self._screens.data.check(text, self._run.principal, rewrite=pseudonymous(self._pseudonyms)).text
        covered = self._pseudonyms.cover(clean)
        return covered if (await let_pass(self._deps, self._run, covered, "tool")).passes else ""

    async def say(self, sentence: Sentence) -> Sentence | None:
        """The sentence as it was said; None when it must not be."""
        text = self._pseudonyms.restore(sentence.text)
        known = self._question + "".join(citation.quote for citation in sentence.citations)
        decision = self._screens.output.check(text, self._run.principal, known=known)
        for event in decision.events():
            self._run.emit("guard", {"stage": "output", **event})
        if decision.blocked or not (await let_pass(self._deps, self._run, sentence.text, "output")).passes:
            return None
        said = sentence if decision.text == sentence.text else sentence.model_copy(update={"text": decision.text})
        self._run.emit("sentence", said.model_dump(mode="json"))
        return said

    def handed(self, value: Any, arguments: Mapping[str, Any]) -> Any:
        """What a call gave, as it may be handed to whoever asked beside the answer."""
        return outgoing(self._screens.stream, value, self._run.principal, [self._question, arguments])

    async def say_all(self, sentences: Iterable[Sentence]) -> list[Sentence]:
        return [said for sentence in sentences if (said := await self.say(sentence)) is not None]


def joined(sentences: Sequence[Sentence]) -> str:
    """The text of an answer, as its stream reads."""
    return "\n".join(sentence.text for sentence in sentences)
