"""One turn of an interview as a small graph: hear → understand → record → ask. Its state between turns is the interview's events.

What is said is committed before anybody looks at it. A process that is killed anywhere leaves a saying that is not understood yet; the
next turn, on whatever device, begins with it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from domain.errors import PlatformError, UserInputError
from domain.principal import Principal
from knowledge.catalogue import Catalogue
from records.audit_entries import Door
from records.enterprises.relations import RelationStore
from records.enterprises.store import EnterpriseStore
from records.enterprises.vocabulary import vocabulary
from records.interviews.state import CONVERSATION, Interview, Proposal, Question
from records.interviews.store import InterviewStore, Note
from tools.diagnosis.library import Assessment, Library
from tools.diagnosis.summary import Cite, cited, figures

from ..model import ChatModel
from .choosing import Chosen, choose
from .further import further
from .items import Askable, askable
from .reading import NAME, Heard, is_repeated, understand
from .standing import Standing, standing
from .view import Line, Reply, finish_lines, noted_lines, progress_line, question_line, review_lines, score_lines, view_of
from .words import interview_words


def _nothing_shown(text: str, principal: Principal) -> str:
    return ""


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class _Case:
    """An interview with what it is about."""

    now: Interview
    assessment: Assessment
    items: dict[str, Askable]


@dataclass
class Interviewer:
    """Leads interviews. Every method raises what `InterviewStore`'s raise."""

    deps: InterviewDeps
    _items: dict[str, dict[str, Askable]] = field(default_factory=dict[str, dict[str, Askable]])

    def __post_init__(self) -> None:
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
        case = await self._case(interview_id, teller)
        return view_of(case.assessment, case.now, case.items, teller.name, await self._standing(case))

    async def question(self, interview_id: str, teller: Teller) -> Line | None:
        """The question that stands open."""
        case = await self._case(interview_id, teller)
        question = case.now.questions.get(teller.name)
        return (
            question_line(question, case.items, brief=teller.door == "chat") if question is not None and case.now.status == "open" else None
        )

    async def mark(self, interview_id: str, kind: str, teller: Teller) -> Reply:
        """Pause or go on."""
        notes = [Note(kind="paused" if kind == "pause" else "resumed")]
        await self._write(interview_id, teller, notes)
        return await self.turn(interview_id, "", teller)

    async def finish(self, interview_id: str, teller: Teller) -> Reply:
        """Conclude from what is confirmed; the result is stored in the enterprise's file."""
        lines, values = await self._finish(await self._case(interview_id, teller), teller)
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
        case = await self._case(state["interview"], runtime.context)
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
            case = await self._case(state["interview"], teller)
            notes = list(heard.notes)
            if case.now.status == "paused" and heard.command != "pause":
                notes.insert(0, Note(kind="resumed"))
            if heard.command == "pause":
                notes.append(Note(kind="paused"))
            if heard.unclear or (not heard.notes and not heard.command and not heard.confirms and not heard.aside):
                notes += self._given_up(case.now, heard)
            notes.append(Note(kind="understood", payload={"said": heard.said.seq}))
            await self._write(state["interview"], teller, notes)
            lines += noted_lines([(note.kind, note.payload) for note in heard.notes], case.items, vocabulary().fields)
            found, more = await self._obey(heard, teller, state["interview"])
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
        case = await self._case(state["interview"], teller)
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
            await self._write(state["interview"], teller, [Note(kind="question_asked", payload={"item": ""})])
            lines += [(line.text, line.clauses) for line in [Line("要问的都问完了。"), *review_lines(case.now, case.items)[:1]]]
            lines.append(("说“出结果”得到诊断；没有确认的项目不计入正式结果。", ()))
            return {"lines": lines}
        question = Question(item=chosen.item, about=chosen.about, why=chosen.why)  # pyright: ignore[reportArgumentType]
        same = before is not None and (before.item, before.about) == (question.item, question.about)
        if not same or unclear:
            payload = {"item": question.item, "about": question.about, "why": question.why, "unclear": bool(unclear)}
            await self._write(state["interview"], teller, [Note(kind="question_asked", payload=payload)])
        asked = question_line(question, case.items, brief=teller.door == "chat")
        return {
            "lines": [
                *lines,
                *([] if state.get("aside") else [(progress_line(case.now, case.items).text, ())]),
                (asked.text, asked.clauses),
            ]
        }

    # inside

    async def _further(self, case: _Case, heard: Heard, principal: Principal) -> None:
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

    async def _next(self, case: _Case, teller: Teller, before: Question | None, command: str) -> Chosen | None:
        now, name = case.now, teller.name
        if command == "back" and len(now.asked.get(name, [])) > 1:
            order = now.asked[name]
            return Chosen(next(item for item in reversed(order[:-1]) if item != order[-1]), "应您的要求回到上一题")
        if before is not None and not self._is_answered(now, before, name):
            return Chosen(before.item, before.why, before.about)
        if self._lacks_name(case, teller) and name not in now.skipped.get(NAME, []):
            return Chosen(NAME, "建立企业档案要有名称", "profile")
        trial = (await self._standing(case)).trial
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

    def _is_enough(self, case: _Case) -> bool:
        """Whether enough is known to say what it comes to."""
        return sum(bool(case.now.on(item)) for item in case.items) >= interview_words().next.fewest_items

    def _since(self, now: Interview, question: Question, respondent: str, own: Proposal) -> bool:
        """Whether the respondent has spoken on it since the contradiction was put to them."""
        return any(said.seq == own.said and said.question == question.item for said in now.said) and own.direct

    def _lacks_name(self, case: _Case, teller: Teller) -> bool:
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

    async def _obey(self, heard: Heard, teller: Teller, interview_id: str) -> tuple[list[Line], list[float]]:
        """Do what the words ask for beside answering. Deciding is the speaker's own act, in the speaker's name."""
        case = await self._case(interview_id, teller)
        if heard.named:
            await self._try(self.deps.store.confirm_profile, interview_id, [NAME], teller)
        if heard.command == "score":
            found = await self._standing(case)
            shown = [result for result in (found.official, found.trial) if result is not None and self._is_enough(case)]
            return score_lines(found, case.now, case.items), [value for result in shown for value in figures(result)]
        if heard.command == "review":
            return review_lines(case.now, case.items), []
        if heard.command == "finish":
            return await self._finish(case, teller)
        if heard.command == "confirm_all" or heard.confirms:
            return await self._confirm(case, teller, heard.confirms), []
        if heard.command == "why":
            question = case.now.questions.get(teller.name)
            return [Line(f"问这一项是因为：{question.why}。")] if question else [], []
        return [], []

    async def _confirm(self, case: _Case, teller: Teller, item: str) -> list[Line]:
        """The words of a person who may: what is undisputed of what was shown."""
        now = case.now
        wanted = [item] if item else [each for each in case.items if now.on(each) and now.fact(each) is None and not now.in_conflict(each)]
        done: list[str] = []
        problem = ""
        for each in wanted:
            problem = await self._try(self.deps.store.decide, now.id, each, {"decision": "confirm"}, teller)
            if problem:
                break
            done.append(case.items[each].title)
        lines = [Line(f"{teller.principal.id} 确认了 {len(done)} 项：{'、'.join(done)}。")] if done else []
        if not item and now.facts:
            await self._try(self.deps.store.confirm_profile, now.id, [], teller)
        left = [case.items[each].title for each in case.items if now.in_conflict(each)]
        if not item and left:
            lines.append(Line(f"说法不一、要逐项定夺的：{'、'.join(left)}。"))
        return [*lines, *([Line(f"没有确认：{problem}。")] if problem else [])] or [Line("没有待确认的评级。")]

    async def _try(self, act: Callable[..., Any], interview_id: str, *given: Any) -> str:
        """Why it was refused; "" when it was done."""
        *arguments, teller = given
        try:
            await asyncio.to_thread(act, interview_id, *arguments, teller.principal, door=teller.door)
        except PlatformError as error:
            return error.message
        return ""

    async def _finish(self, case: _Case, teller: Teller) -> tuple[list[Line], list[float]]:
        found = await self._standing(case)
        if found.official is None or not self._is_enough(case):
            return [*score_lines(found, case.now, case.items), *review_lines(case.now, case.items)], []
        result = found.official
        waiting = sorted(item for item in case.items if case.now.on(item) and case.now.fact(item) is None)
        on = self.deps.now().date()
        stored = {
            "assessment": case.now.assessment,
            "version": case.now.version,
            "on": on,
            "scale": case.assessment.definition.title,
            "level": result.level or "",
            "score": result.total,
            "results": {node.id: node.score for node in result.nodes if node.depth == 1},
            "run_id": teller.run_id,
        }
        add = self.deps.relations.add
        kept = await asyncio.to_thread(add, case.now.enterprise, "assessment", stored, teller.principal, door=teller.door)
        payload = {
            "total": result.total,
            "level": result.level,
            "coverage": result.coverage,
            "on": on.isoformat(),
            "assessment_id": kept.id,
        }
        await self._write(case.now.id, teller, [Note(kind="finished", payload=payload | {"unconfirmed": waiting})])
        clauses = tuple(list(cited(case.assessment.definition, result))[:4])
        lines = finish_lines(result, clauses)
        if waiting:
            names = "、".join(case.items[item].title for item in waiting)
            lines.append(Line(f"还有 {len(waiting)} 项没有确认，没有计入：{names}。"))
        return lines, figures(result)

    async def _write(self, interview_id: str, teller: Teller, notes: list[Note]) -> None:
        write = self.deps.store.record
        await asyncio.to_thread(write, interview_id, teller.name, notes, teller.principal, door=teller.door, run_id=teller.run_id)

    async def _case(self, interview_id: str, teller: Teller) -> _Case:
        now = await asyncio.to_thread(self.deps.store.get, interview_id, teller.principal)
        assessment = self.deps.library.get(now.assessment)
        if now.version != (assessment.definition.version or "1"):
            raise UserInputError("这次访谈用的是评估的旧版本", where="interview_id", cure="开始一次新的访谈")
        if now.assessment not in self._items:
            self._items[now.assessment] = askable(assessment)
        return _Case(now, assessment, self._items[now.assessment])

    async def _standing(self, case: _Case) -> Standing:
        today = self.deps.now().date()
        return await asyncio.to_thread(standing, case.assessment, case.now, case.items, today, self.deps.catalogue)
