"""One turn of an interview as a small graph: hear → understand → record → ask. Its state between turns is the interview's events.

What is said is committed before anybody looks at it. A process that is killed anywhere leaves a saying that is not understood yet; the
next turn, on whatever device, begins with it.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, cast

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from domain.errors import PlatformError
from domain.principal import Principal
from records.enterprises.vocabulary import vocabulary
from records.interviews.state import CONVERSATION, Interview, Proposal, Question
from records.interviews.store import Note

from .acts import Acts
from .choosing import Chosen, choose
from .deps import Case, Casebook, InterviewDeps, Teller
from .further import further
from .reading import NAME, Heard, is_repeated, understand
from .view import Line, Reply, noted_lines, progress_line, question_line, review_lines, view_of
from .words import interview_words


class _Given(TypedDict):
    interview: str


class TurnState(_Given, total=False):
    """What a turn hands on from node to node; nothing of it outlives the turn."""

    text: str
    source: str
    lines: list[tuple[str, tuple[str, ...]]]
    aside: bool
    unclear: str
    command: str
    values: list[float]
    heard: list[Any]


@dataclass(repr=False)
class Interviewer:
    """Leads interviews. Every method raises what `InterviewStore`'s raise."""

    deps: InterviewDeps

    def __post_init__(self) -> None:
        self._cases = Casebook(self.deps)
        self._acts = Acts(self.deps, self._cases)
        graph = StateGraph(TurnState, context_schema=Teller)
        graph.add_node("hear", self._hear)
        graph.add_node("understand", self._understand)
        graph.add_node("record", self._record)
        graph.add_node("ask", self._ask)
        graph.add_edge(START, "hear")
        graph.add_edge("hear", "understand")
        graph.add_edge("understand", "record")
        graph.add_edge("record", "ask")
        graph.add_edge("ask", END)
        self._graph = graph.compile()

    # what doors call

    async def start(
        self, assessment: str, teller: Teller, *, enterprise: str = "", name: str = "", thread: str = "", participants: tuple[str, ...] = ()
    ) -> Reply:
        """Begin, and ask the first question."""
        found = self.deps.library.get(assessment or interview_words().start.default)
        version = found.definition.version or "1"
        key = found.definition.key
        if not enterprise and not name:
            name = interview_words().start.unnamed
        about: dict[str, Any] = {"enterprise": enterprise, "name": name, "thread": thread, "participants": participants}
        started = await asyncio.to_thread(self.deps.store.start, key, version, teller.principal, door=teller.door, **about)
        reply = await self.turn(started.id, "", teller)
        title, count = found.definition.title, reply.view["progress"]["items"]
        first = Line(f"开始“{title}”的访谈，共 {count} 项。先用几句话介绍企业和现状，或直接回答；随时可以说“暂停”“上一题”“现在多少分”。")
        return Reply([first, *reply.lines], reply.view, values=reply.values)

    async def turn(self, interview_id: str, text: str, teller: Teller, source: str = CONVERSATION) -> Reply:
        """One thing said (or, with no text, nothing: what was left behind is understood, and the open question repeated)."""
        given: TurnState = {"interview": interview_id, "text": text, "source": source, "lines": []}
        state = cast("TurnState", await self._graph.ainvoke(given, context=teller))
        shown = await self.show(interview_id, teller)
        lines = [Line(text, clauses) for text, clauses in state.get("lines", [])]
        return Reply(lines, shown, aside=state.get("aside", False), values=state.get("values", []))

    async def show(self, interview_id: str, teller: Teller) -> dict[str, Any]:
        """The interview as this respondent sees it."""
        case = await self._cases.case(interview_id, teller)
        return view_of(case.assessment, case.now, case.items, teller.name, await self._cases.standing(case))

    async def question(self, interview_id: str, teller: Teller) -> Line | None:
        """The question that stands open."""
        case = await self._cases.case(interview_id, teller)
        question = case.now.questions.get(teller.name)
        return (
            question_line(question, case.items, brief=teller.door == "chat") if question is not None and case.now.status == "open" else None
        )

    async def mark(self, interview_id: str, kind: str, teller: Teller) -> Reply:
        """Pause or go on."""
        notes = [Note(kind="paused" if kind == "pause" else "resumed")]
        await self._cases.write(interview_id, teller, notes)
        return await self.turn(interview_id, "", teller)

    async def finish(self, interview_id: str, teller: Teller) -> Reply:
        """Conclude from what is confirmed; the result is stored in the enterprise's file."""
        lines, values = await self._acts.finish(await self._cases.case(interview_id, teller), teller)
        return Reply(lines, await self.show(interview_id, teller), values=values)

    # the nodes of a turn

    async def _hear(self, state: TurnState, runtime: Runtime[Teller]) -> dict[str, Any]:
        if not state.get("text", "").strip():
            return {}
        teller, source = runtime.context, state.get("source", CONVERSATION)
        more: dict[str, Any] = {"door": teller.door, "respondent": teller.respondent, "source": source}
        await asyncio.to_thread(self.deps.store.say, state["interview"], state.get("text", ""), teller.principal, **more)
        return {}

    async def _understand(self, state: TurnState, runtime: Runtime[Teller]) -> dict[str, Any]:
        case = await self._cases.case(state["interview"], runtime.context)
        waiting = [said for said in case.now.said if said.seq in case.now.waiting]
        heard = [await asyncio.to_thread(understand, case.now, said, case.assessment, case.items, self.deps.library) for said in waiting]
        for each in heard:
            await self._further(case, each, runtime.context.principal)
        return {"heard": heard}

    async def _record(self, state: TurnState, runtime: Runtime[Teller]) -> dict[str, Any]:
        lines: list[Line] = []
        values: list[float] = []
        last: Heard | None = None
        for heard in cast("list[Heard]", state.get("heard", [])):
            last = heard
            teller = Teller(runtime.context.principal, runtime.context.door, heard.said.respondent, runtime.context.run_id)
            case = await self._cases.case(state["interview"], teller)
            notes = list(heard.notes)
            if case.now.status == "paused" and heard.command != "pause":
                notes.insert(0, Note(kind="resumed"))
            if heard.command == "pause":
                notes.append(Note(kind="paused"))
            if heard.unclear or (not heard.notes and not heard.command and not heard.confirms and not heard.aside):
                notes += self._given_up(case.now, heard)
            notes.append(Note(kind="understood", payload={"said": heard.said.seq}))
            if not await self._cases.write(state["interview"], teller, notes):
                continue  # another turn came first
            lines += noted_lines([(note.kind, note.payload) for note in heard.notes], case.items, vocabulary().fields)
            found, more = await self._acts.obey(heard, teller, state["interview"])
            lines, values = [*lines, *found], [*values, *more]
        return {
            "lines": [(line.text, line.clauses) for line in lines],
            "values": values,
            "aside": last.aside if last else False,
            "unclear": last.unclear if last else "",
            "command": (last.command or "") if last else "",
        }

    async def _ask(self, state: TurnState, runtime: Runtime[Teller]) -> dict[str, Any]:
        """The next question. One that was not answered is repeated; there is none while the interview pauses."""
        teller, lines = runtime.context, list(state.get("lines", []))
        case = await self._cases.case(state["interview"], teller)
        if case.now.status == "paused":
            lines.append(("访谈已暂停，说“继续”就从这里接着来，换一台设备也可以。", ()))
        if case.now.status != "open":
            return {"lines": lines}
        before = case.now.questions.get(teller.name)
        unclear = state.get("unclear", "")
        if unclear:
            lines.append((f"没有听明白：{unclear}。", ()))
        chosen = await self._next(case, teller, before, state.get("command", ""))
        if chosen is None:
            await self._cases.write(state["interview"], teller, [Note(kind="question_asked", payload={"item": ""})])
            lines += [(line.text, line.clauses) for line in [Line("要问的都问完了。"), *review_lines(case.now, case.items)[:1]]]
            lines.append(("说“出结果”得到诊断；没有确认的项目不计入正式结果。", ()))
            return {"lines": lines}
        question = Question(item=chosen.item, about=chosen.about, why=chosen.why)  # pyright: ignore[reportArgumentType]
        same = before is not None and (before.item, before.about) == (question.item, question.about)
        if not same or unclear:
            payload = {"item": question.item, "about": question.about, "why": question.why, "unclear": bool(unclear)}
            await self._cases.write(state["interview"], teller, [Note(kind="question_asked", payload=payload)])
        asked = question_line(question, case.items, brief=teller.door == "chat")
        return {
            "lines": [
                *lines,
                *([] if state.get("aside") else [(progress_line(case.now, case.items).text, ())]),
                (asked.text, asked.clauses),
            ]
        }

    # inside

    async def _further(self, case: Case, heard: Heard, principal: Principal) -> None:
        """What an attached model adds for items of which nothing is known."""
        model = self.deps.model
        if model is None or heard.command or heard.confirms or heard.aside or heard.answers_only:
            return
        shown = self.deps.shown(heard.said.text, principal)
        new = {note.payload["item"] for note in heard.notes if note.kind == "rating_proposed"}
        silent = {name: item for name, item in case.items.items() if name not in new and not case.now.on(name)}
        if shown and silent:
            heard.notes += await further(model, heard.said, shown, silent)
            heard.unclear = "" if heard.notes else heard.unclear

    async def _next(self, case: Case, teller: Teller, before: Question | None, command: str) -> Chosen | None:
        now, name = case.now, teller.name
        if command == "back" and len(now.asked.get(name, [])) > 1:
            order = now.asked[name]
            return Chosen(next(item for item in reversed(order[:-1]) if item != order[-1]), "应您的要求回到上一题")
        if before is not None and not self._is_answered(now, before, name):
            return Chosen(before.item, before.why, before.about)
        if self._lacks_name(case, teller) and name not in now.skipped.get(NAME, []):
            return Chosen(NAME, "建立企业档案要有名称", "profile")
        trial = (await self._cases.standing(case)).trial
        return choose(case.assessment, now, case.items, name, trial, interview_words().next)

    def _is_answered(self, now: Interview, question: Question, respondent: str) -> bool:
        if respondent in now.skipped.get(question.item, []):
            return True
        if question.item == NAME:
            return any(each.field == NAME for each in now.facts)
        own = [each for each in now.on(question.item) if each.respondent == respondent]
        if question.about == "conflict":
            return not now.in_conflict(question.item) or any(self._since(now, question, respondent, each) for each in own)
        return now.fact(question.item) is not None or bool(own and (own[-1].direct or own[-1].said == max(said.seq for said in now.said)))

    def _since(self, now: Interview, question: Question, respondent: str, own: Proposal) -> bool:
        """Whether the respondent has spoken on it since the contradiction was put to them."""
        return any(said.seq == own.said and said.question == question.item for said in now.said) and own.direct

    def _lacks_name(self, case: Case, teller: Teller) -> bool:
        try:
            name = self.deps.files.get(case.now.enterprise, teller.principal).profile.name
        except PlatformError:
            return False
        return name == interview_words().start.unnamed and not any(each.field == NAME for each in case.now.facts)

    def _given_up(self, now: Interview, heard: Heard) -> list[Note]:
        """A question that was not understood for the second time is left open, so that the interview goes on."""
        heard.unclear = heard.unclear or "没有听出答案"
        if not heard.said.question or not is_repeated(now, heard.said.respondent):
            return []
        heard.unclear = "这一题先放一放"
        return [Note(kind="skipped", payload={"item": heard.said.question, "said": heard.said.seq})]


__all__ = ["InterviewDeps", "Interviewer", "Teller"]
