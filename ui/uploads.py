"""Files that come with a message: read into the sender's own private collection, and kept in the conversation as runs."""

import asyncio
from pathlib import Path
from typing import Any

from domain.answer import Answer, ToolCall
from domain.errors import DocumentError, PlatformError, Problem, TooLarge
from domain.permissions import require
from domain.principal import Principal, own_label
from knowledge.ingest import Outcome, SourceFile
from records.runs import NewRun, Run
from serving.assembly import Platform
from serving.direct import admitted
from serving.routes.documents import PRIVATE_COLLECTION, outcome_json

from .answer_view import UPLOAD
from .history import UPLOAD_RUN
from .wording import Wording

MEGABYTE = 1024 * 1024


async def take_in(
    platform: Platform, principal: Principal, thread_id: str, name: str, path: Path, words: Wording
) -> tuple[Run, Answer | Problem]:
    """Read one file. What became of it is recorded as a run of the conversation, so that it is there after a restart."""
    store = platform.run_store
    new = NewRun(thread_id=thread_id, kind=UPLOAD_RUN, question=words("upload.question", name=name))
    run = await asyncio.to_thread(store.start, new, principal)
    try:
        outcome = await asyncio.to_thread(_ingest, platform, principal, name, path, words)
        problem = outcome.problem
    except PlatformError as error:
        outcome, problem = None, error.problem()
    if outcome is None or problem is not None:
        problem = (problem or PlatformError(words("problem.internal")).problem()).model_copy(update={"run_id": run.id})
        await asyncio.to_thread(store.finish, run.id, "failed", None, {"error": problem.model_dump(mode="json")})
        return run, problem
    answer = upload_answer(outcome, run.id, words)
    await asyncio.to_thread(store.finish, run.id, "done", answer.model_dump(mode="json"))
    return run, answer


def upload_answer(outcome: Outcome, run_id: str, words: Wording) -> Answer:
    document = outcome.document
    assert document is not None
    key = "upload.unchanged" if outcome.unchanged else "upload.done"
    text = words(key, title=document.title, count=document.clause_count)
    result: dict[str, Any] = outcome_json(outcome)
    call = ToolCall(id="upload", name=UPLOAD, args={"name": outcome.name}, result=result)
    return Answer(text=text, tool_calls=[call], confidence=1.0, reason=UPLOAD, run_id=run_id)


def _ingest(platform: Platform, principal: Principal, name: str, path: Path, words: Wording) -> Outcome:
    limit = platform.settings.largest_upload
    try:
        if path.stat().st_size > limit:
            cure = words("upload.too_large_cure", limit=limit // MEGABYTE)
            raise TooLarge(words("upload.too_large", name=name), where=name, cure=cure)
        data = path.read_bytes()
    except OSError as error:
        raise DocumentError(words("upload.gone", name=name), where=name, cure=words("upload.gone_cure")) from error
    require(principal, "documents.manage_own")
    name = admitted(platform.screens, name, principal)
    knowledge = platform.knowledge
    source = SourceFile(name=name, data=data)
    outcome = knowledge.ingestor.ingest(source, principal, own_label(principal), PRIVATE_COLLECTION, door="chat")
    knowledge.refresh()
    platform.metrics.documents.labels("failed" if outcome.problem else "unchanged" if outcome.unchanged else "stored").inc()
    return outcome
