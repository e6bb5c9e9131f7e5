"""The composition root: settings in, a running platform out. Nothing below this floor builds a model or a store."""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import structlog
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

from agents.answerable import Judge, Vocabulary, load_weights
from agents.asking import load_asking
from agents.deps import AssistantDeps
from agents.evidence import load_choice
from agents.graph import build_assistant
from agents.interview.flow import InterviewDeps, Interviewer
from agents.model import ChatModel
from agents.prompts.load import PROMPTS, prompt
from domain.answer import Citation
from domain.errors import ConfigurationError, NotAuthenticated, PlatformError, install_cure
from domain.principal import LOCAL, PUBLIC, Principal
from guardrails.attacks import GuardModel
from guardrails.budgets import TOOLS, Budgets, ToolPolicy, load_tool_policy
from guardrails.policy import load_policy
from guardrails.pseudonyms import Pseudonyms
from guardrails.screens import Screens, build_screens, masking, pseudonymous
from knowledge.address import AddressBook, Entry
from knowledge.catalogue import Catalogue, load_catalogue
from knowledge.catalogue_index import fingerprint, index_catalogue
from knowledge.cite import cite
from knowledge.frequencies import Frequencies, kept
from knowledge.index import PassageIndex
from knowledge.index.edge import EdgeIndex
from knowledge.ingest import Ingestor, Outcome
from knowledge.lexicon import warm_up
from knowledge.library import Library
from knowledge.question import QuestionReader, load_vocabulary
from knowledge.retrieve import Retriever, load_ranking
from knowledge.thesaurus import load_thesaurus
from records.admissions import AdmissionStore
from records.approvals import ApprovalStore
from records.artifacts import ArtifactStore
from records.audit import AuditLog
from records.audit_entries import Door
from records.database import Database
from records.enterprises.archive import Archive, open_archive
from records.feedback import FeedbackStore
from records.live import LiveRuns
from records.runs import RunStore
from records.sealing import Sealer
from records.threads import ThreadStore
from records.writer import EventWriter
from tools.contract import AnyTool
from tools.diagnosis.library import Library as Assessments
from tools.diagnosis.tool import diagnosis_tools
from tools.kpi.tool import kpi_tool
from tools.registry import ToolRegistry, installed_tools
from tools.reports.from_file import FileSource
from tools.reports.tool import report_tool
from tools.search.tool import clause_tool, search_tool

from .access import Access
from .approvals import ApprovalDesk
from .checkpoints import CheckpointCipher, WaitingRuns
from .clock import utc_now
from .deeds import deeds_of
from .endpoint import EndpointModel
from .guard_endpoint import GuardEndpoint
from .mcp_client import RemoteTools, admission_rights
from .metrics import Metrics
from .people import People, open_people
from .recording import DocumentTrail, Recording, open_recording, record_stop, record_upgrade, start_entry
from .runs import RunRecords, RunService
from .settings import Settings, search_path
from .vectors import make_embedder, make_reranker

log = structlog.get_logger()
OFFICIAL_COLLECTION = "standards"
Progress = Callable[[int, int, str], None]


def silent(done: int, total: int, name: str) -> None:
    """For callers that show no progress."""


@dataclass
class Knowledge:
    """Everything that finds and stores text; usable without a graph (ingest, search)."""

    catalogue: Catalogue
    library: Library
    index: PassageIndex
    ingestor: Ingestor
    retriever: Retriever
    reader: QuestionReader
    frequencies: Frequencies
    database: Database
    recording: Recording

    @cached_property
    def assessments(self) -> Assessments:
        """What can be diagnosed; a definition is compiled once for tools, reports and interviews."""
        return Assessments(self.catalogue)

    @cached_property
    def archive(self) -> Archive:
        """The enterprise files, written as the settings say."""
        return open_archive(self.database, content=self.recording.content, audit=self.recording.audit)

    def refresh(self) -> None:
        """Let explicit addresses find what has been ingested since."""
        self.retriever.use_addresses(address_book(self.library))

    def close(self) -> None:
        self.index.close()
        self.database.close()


def open_knowledge(settings: Settings) -> Knowledge:
    """Open the stores under the home, bring them up to date, finish what a killed process left behind.

    Raises:
        ConfigurationError, StorageError, Conflict (another process owns the store), UpstreamUnavailable (the server store is down).
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    before = database.revision()
    database.upgrade()
    try:
        recording = open_recording(settings, database)
        record_upgrade(recording.audit, before, database.revision())
    except PlatformError:
        database.close()
        raise
    catalogue = load_catalogue()
    embedder = make_embedder(settings.embedding)
    index, fresh = open_index(settings, embedder.size if embedder else 0)
    library = Library(database)
    ingestor = Ingestor(catalogue, library, index, embedder, trail=DocumentTrail(recording.audit), mask=masking())
    reader = QuestionReader(catalogue, load_vocabulary())
    reranker = make_reranker(settings.rerank)
    retriever = Retriever(catalogue, index, library, reader, load_thesaurus(), load_ranking(), embedder, reranker)
    mark = settings.home / "catalogue.indexed"
    current = fingerprint(catalogue, embedder)
    frequencies = kept(catalogue, current, settings.home / "frequencies.json")
    knowledge = Knowledge(catalogue, library, index, ingestor, retriever, reader, frequencies, database, recording)
    if fresh or not mark.is_file() or mark.read_text(encoding="utf-8") != current:
        index_catalogue(catalogue, index, embedder)
        mark.write_text(current, encoding="utf-8")
    if fresh:
        ingestor.rebuild()
    ingestor.resume()
    knowledge.refresh()
    return knowledge


def open_index(settings: Settings, dense_size: int) -> tuple[PassageIndex, bool]:
    """The vector store and whether it is empty. A store made for other vectors is made anew from the library."""
    store = settings.vector_store
    if store.url:
        from knowledge.index.server import ServerIndex  # noqa: PLC0415 - the client takes seconds to import

        index: PassageIndex = ServerIndex.connect(store.url, store.api_key.get_secret_value(), store.collection, dense_size)
        return index, index.count() == 0
    folder = settings.home / "vectors"
    shape = settings.home / "vectors.shape"
    if folder.is_dir() and (not shape.is_file() or shape.read_text(encoding="utf-8") != str(dense_size)):
        shutil.rmtree(folder)
    fresh = not folder.is_dir()
    index = EdgeIndex(folder, dense_size)
    shape.write_text(str(dense_size), encoding="utf-8")
    return index, fresh


def address_book(library: Library) -> AddressBook:
    documents = [d for d in library.all_versions() if not d.standard]
    return AddressBook(Entry(d.id, d.key, d.title, d.version, d.state == "ready", d.label, d.collection) for d in documents)


def ingest_home(knowledge: Knowledge, settings: Settings, progress: Progress = silent) -> list[Outcome]:
    """Ingest what lies in `documents/` under the home; readable by everybody of this deployment."""
    folder = settings.home / "documents"
    folder.mkdir(parents=True, exist_ok=True)
    outcomes = list(knowledge.ingestor.ingest_paths([folder], LOCAL, PUBLIC, OFFICIAL_COLLECTION, progress))
    for outcome in outcomes:
        if outcome.problem:
            log.warning("document not ingested", name=outcome.name, problem=outcome.problem.message)
    knowledge.refresh()
    return outcomes


@dataclass
class Platform:
    """The running assistant and everything the doors need."""

    settings: Settings
    knowledge: Knowledge
    tools: ToolRegistry
    screens: Screens
    guard_model: GuardModel | None
    runs: RunService
    run_store: RunStore
    threads: ThreadStore
    approvals: ApprovalStore
    feedback: FeedbackStore
    enterprises: Archive
    interviewer: Interviewer
    audit: AuditLog
    writer: EventWriter
    metrics: Metrics
    remote: RemoteTools
    model_name: str
    access: Access | None
    """Accounts and what belongs to them; None in single-user mode."""
    people: People
    _closing: AsyncExitStack
    single_user: Principal = LOCAL

    @property
    def mode(self) -> str:
        """How people come in, for those who look after the instance."""
        return "accounts" if self.access is not None else "single-user"

    @property
    def artifacts(self) -> ArtifactStore:
        """Files that were made for people."""
        return self.knowledge.recording.artifacts

    @property
    def principal(self) -> Principal:
        """Who speaks in single-user mode. Raises NotAuthenticated where people have accounts: there, each door names its own."""
        if self.access is not None:
            raise NotAuthenticated("还没有登录", where="Authorization", cure="登录，或带上访问密钥")
        return self.single_user

    async def close(self) -> None:
        """Stop runs, write what is left, give the stores back."""
        await self._closing.aclose()


async def open_platform(settings: Settings, *, extra_tools: list[AnyTool] | None = None, door: Door = "system") -> Platform:
    """Build the whole platform; what was opened is closed again when a later part fails. `door`: who starts it, a service or a command."""
    async with AsyncExitStack() as stack:
        knowledge = await asyncio.to_thread(open_knowledge, settings)
        stack.callback(knowledge.close)
        audit, kept = knowledge.recording.audit, knowledge.recording.content
        await asyncio.to_thread(audit.append, start_entry(settings, door))
        stack.callback(record_stop, audit, door)
        await asyncio.to_thread(ingest_home, knowledge, settings)
        await asyncio.to_thread(warm_up)
        audits, rights = deeds_of(audit), admission_rights(settings.access.tenant)
        remote = RemoteTools(settings.mcp_servers, lambda door: AdmissionStore(knowledge.database, audits(door), rights), search_path())
        stack.push_async_callback(remote.close)
        shipped = [*built_in_tools(knowledge), *installed_tools(), *(extra_tools or [])]
        tools = ToolRegistry(shipped, sources=[remote], policy=Budgets(tool_policy(settings)))
        run_store = RunStore(knowledge.database, content=kept, audit=audit)
        left = await asyncio.to_thread(run_store.interrupted)
        if left:
            log.warning("runs of a killed process closed as interrupted", count=len(left))
        writer = EventWriter(knowledge.database, data=kept.event, audit=audit)
        stack.callback(writer.close)
        live = LiveRuns(run_store, writer)
        stack.push_async_callback(live.close)
        access = await open_people(settings, knowledge.database, knowledge.library, stack, audits)
        people = People(access, knowledge.library)
        approvals = ApprovalStore(knowledge.database, allow_self=access is None, content=kept, audit=audit)
        model = EndpointModel(settings.model) if settings.model else None
        if model is not None:
            stack.push_async_callback(model.close)
        checkpoints = WaitingRuns(await open_checkpoints(settings, stack, knowledge.recording.sealer))
        screens = await asyncio.to_thread(make_screens, settings)
        guard_model = GuardEndpoint(settings.guard_model) if settings.guard_model else None
        if guard_model is not None:
            stack.push_async_callback(guard_model.close)
        desk = ApprovalDesk(approvals)
        interviewer = open_interviewer(knowledge, model, screens)
        deps = replace(assistant_deps(knowledge, tools, desk, model, screens, guard_model), interviewer=interviewer)
        threads, metrics = ThreadStore(knowledge.database, content=kept, audit=audit), Metrics()
        assistant = build_assistant(deps, checkpoints)
        runs = RunService(assistant, checkpoints, RunRecords(run_store, live, threads), metrics, desk, tools, screens.stream, people)
        stack.push_async_callback(runs.close)
        return Platform(
            settings=settings,
            knowledge=knowledge,
            tools=tools,
            screens=screens,
            guard_model=guard_model,
            runs=runs,
            run_store=run_store,
            threads=threads,
            approvals=approvals,
            feedback=FeedbackStore(knowledge.database, content=kept, audit=audit),
            enterprises=knowledge.archive,
            interviewer=interviewer,
            audit=audit,
            writer=writer,
            metrics=metrics,
            remote=remote,
            model_name=model.name if model else "offline",
            access=access,
            people=people,
            _closing=stack.pop_all(),
        )


def tool_policy(settings: Settings) -> ToolPolicy:
    """The home's own limits, where it has some."""
    own = settings.home / "tools.yaml"
    return load_tool_policy(own if own.is_file() else TOOLS)


def built_in_tools(knowledge: Knowledge) -> list[AnyTool]:
    """The explicit list of what ships."""
    reported = FileSource(knowledge.archive, knowledge.assessments)
    return [
        search_tool(knowledge.retriever, knowledge.catalogue),
        clause_tool(knowledge.catalogue, knowledge.library, knowledge.retriever),
        kpi_tool(knowledge.catalogue, partial(clause_citation, knowledge)),
        *diagnosis_tools(knowledge.assessments, partial(clause_citation, knowledge)),
        report_tool(knowledge.recording.artifacts, partial(clause_citation, knowledge), reported),
    ]


def open_interviewer(knowledge: Knowledge, model: ChatModel | None, screens: Screens) -> Interviewer:
    def shown(text: str, principal: Principal) -> str:
        decision = screens.data.check(text, principal, rewrite=pseudonymous(Pseudonyms()))
        return "" if decision.blocked else decision.text

    archive = knowledge.archive
    stores = archive.interviews, archive.files, archive.relations
    cite_clause = partial(clause_citation, knowledge)
    return Interviewer(InterviewDeps(knowledge.assessments, knowledge.catalogue, *stores, utc_now, cite_clause, model, shown))


def clause_citation(knowledge: Knowledge, clause_id: str, principal: Principal) -> Citation | None:
    """The clause as a citation, from its official text where that is ingested."""
    passage = knowledge.library.by_clause([clause_id], principal).get(clause_id) or knowledge.retriever.catalogue_passage(clause_id)
    return cite(passage, passage.own_text) if passage else None


def make_screens(settings: Settings, *, report_all: bool = False) -> Screens:
    """The guardrails by the shipped policy, or by the operator's own."""
    policy = load_policy(settings.policy) if settings.policy else load_policy()
    return build_screens(policy, settings.longest_question, [prompt(name) for name in PROMPTS], report_all=report_all)


def assistant_deps(
    knowledge: Knowledge,
    tools: ToolRegistry,
    desk: ApprovalDesk,
    model: ChatModel | None,
    screens: Screens,
    guard_model: GuardModel | None = None,
) -> AssistantDeps:
    judge = Judge(knowledge.catalogue, load_asking(), load_weights(), Vocabulary(knowledge.catalogue, knowledge.frequencies))
    return AssistantDeps(
        catalogue=knowledge.catalogue,
        reader=knowledge.reader,
        retriever=knowledge.retriever,
        tools=tools,
        judge=judge,
        choice=load_choice(),
        screens=screens,
        approvals=desk,
        model=model,
        guard_model=guard_model,
    )


async def open_checkpoints(settings: Settings, stack: AsyncExitStack, sealer: Sealer | None) -> Any:
    """Where graphs wait for approvals: beside the database, SQLite or PostgreSQL; sealed where there is a key."""
    if settings.database.startswith("postgresql"):
        try:
            from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver  # noqa: PLC0415 # optional extra
        except ImportError as error:
            raise ConfigurationError(
                "没有安装 PostgreSQL 支持",
                where="postgres",
                cure=install_cure("postgres"),
            ) from error
        saver: Any = await stack.enter_async_context(AsyncPostgresSaver.from_conn_string(settings.database))
    else:
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver  # noqa: PLC0415 - only one of the two is needed

        saver = await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(str(Path(settings.home) / "checkpoints.db")))
    await saver.setup()
    if sealer is not None:
        saver.serde = EncryptedSerializer(CheckpointCipher(sealer), saver.serde)
    return saver
