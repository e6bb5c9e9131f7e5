"""Runs of the assistant: started, streamed, cancelled, resumed. A run is not a connection: it goes on when its reader leaves."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import structlog
from langgraph.types import Command

from agents.graph import Assistant
from agents.state import RunContext, Turn
from domain.answer import Answer
from domain.errors import Cancelled, NotAuthenticated, NotFound, PlatformError
from domain.principal import Principal
from guardrails.screen import Screen
from records.access import owns
from records.audit_entries import Door
from records.events import RunEvent
from records.live import LiveRuns
from records.runs import NewRun, Run, RunStore
from records.threads import ThreadStore
from tools.registry import ToolRegistry

from .approvals import ApprovalDesk
from .asking import Asking
from .checkpoints import WaitingRuns
from .metrics import Metrics
from .people import People
from .voice import Voice

log = structlog.get_logger()
ANSWERS_KEPT = 512
GRACE_S = 2.0
"""How long a closing service waits for runs to end by themselves."""
WAITING = "这个操作需要负责人审批，批准后继续执行。"


class CancelFlag:
    """Set when the user stops a run; nodes look at it between steps."""

    def __init__(self) -> None:
        self.is_set = False

    def raise_if_cancelled(self) -> None:
        if self.is_set:
            raise Cancelled("已按要求停止")


@dataclass
class _Active:
    asking: Asking
    flag: CancelFlag
    thread_id: str = ""
    is_ending: bool = False
    """What the graph had to do is done, and only the record is being completed."""
    task: asyncio.Task[None] | None = None


@dataclass(frozen=True)
class RunRecords:
    """Where runs and their conversations are kept."""

    store: RunStore
    live: LiveRuns
    threads: ThreadStore


class RunService:
    """Starts runs as tasks and keeps their events flowing to the log and to whoever watches."""

    def __init__(
        self,
        assistant: Assistant,
        checkpoints: WaitingRuns,
        records: RunRecords,
        metrics: Metrics,
        desk: ApprovalDesk,
        tools: ToolRegistry,
        screen: Screen,
        people: People,
    ) -> None:
        self._desk, self._tools = desk, tools
        self._assistant = assistant
        self._checkpoints = checkpoints
        self._store, self._live, self._threads = records.store, records.live, records.threads
        self._metrics = metrics
        self._screen = screen
        self._people = people
        self._active: dict[str, _Active] = {}
        self._answers: OrderedDict[str, tuple[Principal, dict[str, Any]]] = OrderedDict()
        """The newest answers, for whoever has just followed their runs."""

    async def start(
        self,
        principal: Principal,
        question: str,
        *,
        door: Door,
        thread_id: str | None = None,
        turns: Sequence[Turn] | None = None,
        kind: str = "chat",
    ) -> Run:
        """Record and begin a run that came through `door`. `turns` replaces the conversation's own history (a client that keeps it itself).

        Raises:
            NotFound: the conversation is not the principal's.
            StorageError: what it would show could not be put on record.
        """
        self._people.check_room()
        if turns is None and thread_id is not None:
            history = await asyncio.to_thread(self._threads.history, thread_id, principal)
            turns = [Turn(role=turn.role, content=turn.content) for turn in history]
        run = await self._live.start(NewRun(thread_id=thread_id, kind=kind, question=question), principal)
        self._checkpoints.begin(run.id)
        given = {"question": question, "turns": list(turns or [])}
        self._launch(run.id, Asking(principal, door, question), given, thread_id or "")
        return run

    def _launch(self, run_id: str, asking: Asking, given: dict[str, Any] | Command[Any], thread_id: str = "") -> None:
        active = _Active(asking, CancelFlag(), thread_id)
        self._active[run_id] = active
        self._desk.entered(run_id, asking.door)
        active.task = asyncio.create_task(self._execute(run_id, active, given), name=f"run-{run_id}")

    async def ask(
        self, principal: Principal, question: str, *, door: Door, turns: Sequence[Turn] | None = None, thread_id: str | None = None
    ) -> Answer:
        """Run to the end, or to where it waits for an approval, and return the answer."""
        run = await self.start(principal, question, door=door, turns=turns, thread_id=thread_id, kind="ask")
        await self.settled(run.id)
        return await self.answer(run.id, principal)

    async def settled(self, run_id: str) -> None:
        """Return when this process no longer works on the run: it has ended, or waits for an approval."""
        active = self._active.get(run_id)
        if active is not None and active.task is not None:
            await asyncio.wait({active.task})

    async def answer(self, run_id: str, principal: Principal) -> Answer:
        """The finished run's answer; of a run without one, what became of it as an answer that says so."""
        asker, newest = self._answers.get(run_id, (None, None))
        if asker is not None and owns(principal, asker.tenant, asker.id):
            return Answer.model_validate(newest)
        run = await asyncio.to_thread(self._store.get, run_id, principal)
        if run.answer is not None:
            return Answer.model_validate(run.answer)
        if run.status == "waiting":
            return Answer(text=WAITING, reason="needs_approval", run_id=run_id)
        reason = {"cancelled": "已停止", "interrupted": "服务中断，请重新提问"}.get(run.status, "没有得到答案")
        if run.status == "failed":
            ending = await asyncio.to_thread(self._store.events_after, run_id, run.last_seq - 1, principal)
            reason = ending[-1].data["error"]["message"]
        return Answer(text=reason, refused=True, reason=reason, run_id=run_id)

    def events(self, run_id: str, principal: Principal, after: int = 0) -> AsyncIterator[RunEvent]:
        """Events behind `after`, live, until the run's end."""
        return self._live.subscribe(run_id, principal, after)

    def batches(self, run_id: str, principal: Principal) -> AsyncIterator[list[RunEvent]]:
        """All events, with what is there at one time in one piece."""
        return self._live.batches(run_id, principal)

    async def cancel(self, run_id: str, principal: Principal, *, door: Door) -> None:
        """Stop a run of one's own; what it said stays."""
        run = await asyncio.to_thread(self._store.get, run_id, principal)
        active = self._active.get(run_id)
        if active is None and run.status == "waiting":
            await self._live.open(run_id)
            await self._end(run_id, Asking(principal, door, run.question), "cancelled", None, {})
        elif active is None or active.is_ending:
            raise NotFound(f"运行 {run_id!r} 已经结束", where="run_id", cure="无需再停止")
        elif active.task is not None and not active.flag.is_set:
            active.flag.is_set = True
            active.task.cancel()

    async def resume(self, run_id: str, *, door: Door) -> None:
        """Go on with a run whose approval was decided, as whoever asked it, with the rights that they have now.

        A decision may come before the run has paused, and after a restart. Where the asker may not act any more, the run fails.
        """
        await self.settled(run_id)
        owner, tenant = await asyncio.to_thread(self._store.asker, run_id)
        await self._live.open(run_id)
        try:
            principal = await asyncio.to_thread(self._people.asker, owner, tenant)
        except NotAuthenticated as error:
            problem = error.problem(run_id).model_dump(mode="json")
            await self._end(run_id, Asking(Principal(id=owner, tenant=tenant), door), "failed", None, {"error": problem})
            return
        question = (await asyncio.to_thread(self._store.get, run_id, principal)).question
        self._launch(run_id, Asking(principal, door, question), Command(resume=True))

    async def close(self) -> None:
        """Let what is about to end do so, then stop the rest."""
        tasks = {active.task for active in self._active.values() if active.task}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _execute(self, run_id: str, active: _Active, given: dict[str, Any] | Command[Any]) -> None:
        started = time.perf_counter()
        self._metrics.open_runs.inc()
        asking = active.asking
        voice = Voice(self._live, run_id, self._screen, asking.principal, asking.question or "")
        context = RunContext(asking.principal, run_id, asking.noting(voice.emit), active.flag, active.thread_id, asking.door)
        config: Any = {"configurable": {"thread_id": run_id}, "recursion_limit": 25}
        status, answer, data = "failed", None, {}
        try:
            state: dict[str, Any] = await self._assistant.ainvoke(cast("Any", given), config, context=context, durability="exit")
            if "__interrupt__" in state:
                await self._checkpoints.keep(run_id)
                status = "waiting"
            else:
                status, answer = "done", state["answer"]
        except (Cancelled, asyncio.CancelledError):
            status = "cancelled"
        except PlatformError as error:
            data = {"error": error.problem(run_id).model_dump(mode="json")}
        except Exception as error:
            log.exception("run failed", run_id=run_id, kind=type(error).__name__)
            problem = PlatformError("处理时出现内部错误，问题已记录", where=run_id, cure="请重试；若再次出现，请联系管理员").problem(run_id)
            data = {"error": problem.model_dump(mode="json")}
        active.is_ending = True
        try:
            voice.close()
            try:
                await self._people.passages(asking.principal, voice.shown, asking.door)
            except PlatformError as error:
                log.error("use not recorded", run_id=run_id, problem=error.message)
                status, answer, data = "failed", None, {"error": error.problem(run_id).model_dump(mode="json")}
            await self._end(run_id, asking, status, answer, data)
        finally:
            self._active.pop(run_id, None)
            self._desk.left(run_id)
            self._metrics.ended(status, time.perf_counter() - started)

    async def _end(self, run_id: str, asking: Asking, status: str, answer: dict[str, Any] | None, data: dict[str, Any]) -> None:
        """Close the run, or let it wait; that it was asked and what was used for it is recorded with that or it did not happen."""
        effects = {name: tool.effect for name, tool in self._tools.known(asking.principal).items()}
        entry = asking.entry(run_id, status, answer, data, effects)
        try:
            if status == "waiting":
                await self._live.pause(run_id, [entry])
                return
            ending: Any = status
            if answer is not None:
                self._remember(run_id, asking.principal, answer)
            await self._live.finish(run_id, ending, answer, data, [entry])
        except PlatformError as error:
            self._answers.pop(run_id, None)
            log.error("run not recorded", run_id=run_id, problem=error.message)
            await self._fail(run_id, error)
        await self._checkpoints.end(run_id)

    async def _fail(self, run_id: str, error: PlatformError) -> None:
        """What could not be recorded as it was ends without an answer, so that nobody waits for it."""
        try:
            await self._live.finish(run_id, "failed", None, {"error": error.problem(run_id).model_dump(mode="json")})
        except PlatformError as again:
            log.error("run left open", run_id=run_id, problem=again.message)

    def _remember(self, run_id: str, principal: Principal, answer: dict[str, Any]) -> None:
        self._answers[run_id] = (principal, answer)
        if len(self._answers) > ANSWERS_KEPT:
            self._answers.popitem(last=False)
