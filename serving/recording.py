"""What is written down, and how: the audit trail, and the key that content is sealed with. Opened from the settings, once a database."""

from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Connection, func, select

from domain.errors import ConfigurationError, PlatformError, Problem
from domain.principal import LOCAL_OPERATOR, Principal
from knowledge.library import Document
from records.artifacts import ArtifactStore, Vault
from records.audit import AuditLog
from records.audit_entries import Door, NewEntry
from records.content import PLAIN, Content, sealed_content
from records.database import Database
from records.keys import Keys
from records.sealing import Sealer
from records.sealing_tables import DATA_KEYS

from .settings import Settings

log = structlog.get_logger()


@dataclass(frozen=True)
class Recording:
    """The trail, and how content is kept."""

    audit: AuditLog
    content: Content
    sealer: Sealer | None
    artifacts: ArtifactStore
    """Files that were made for people, under the home."""


def open_recording(settings: Settings, database: Database) -> Recording:
    """Raises ConfigurationError for a wrong or missing key, UpstreamUnavailable when the command that prints it fails."""
    audit = AuditLog(database, algorithm=settings.audit.hash, keys=audit_keys(settings))
    sealer = open_sealer(settings, database)
    content = PLAIN if sealer is None else sealed_content(sealer)
    vault = artifact_vault(settings, sealer)
    vault.sweep()
    return Recording(audit, content, sealer, ArtifactStore(database, vault, content=content, audit=audit))


def artifact_vault(settings: Settings, sealer: Sealer | None) -> Vault:
    """Where artifacts' files lie, and what seals them."""
    folder = settings.home / "artifacts"
    return Vault(folder) if sealer is None else Vault(folder, sealer.masters, sealer.algorithm)


def audit_keys(settings: Settings) -> Keys | None:
    return settings.audit.load("SHUZHI_AUDIT__…")


def open_sealer(settings: Settings, database: Database) -> Sealer | None:
    """None where no key is set. Raises ConfigurationError when the database holds sealed content and there is none, or a wrong one."""
    masters = settings.sealing.load("SHUZHI_SEALING__…")
    if masters is not None:
        return Sealer(database, masters, algorithm=settings.sealing.cipher)
    with database.transaction() as connection:
        sealed = connection.execute(select(func.count()).select_from(DATA_KEYS)).scalar()
    if sealed:
        cure = "恢复主密钥的设置（SHUZHI_SEALING__KEY_FILE 等）后重启；没有主密钥，加密的内容无法读取"
        raise ConfigurationError("数据库里的内容是加密的，但没有设置主密钥", where="SHUZHI_SEALING__…", cure=cure)
    return None


def start_entry(settings: Settings, door: Door) -> NewEntry:
    """That the service was started, and with which configuration; addresses and secrets stay out."""
    detail: dict[str, Any] = {
        "host": settings.host,
        "open_to_others": bool(settings.api_key.get_secret_value()),
        "database": settings.database.partition(":")[0],
        "model": settings.model.model if settings.model else "offline",
        "vector_store": "server" if settings.vector_store.url else "embedded",
        "dense_vectors": bool(settings.embedding.path or settings.embedding.base_url),
        "reranker": bool(settings.rerank.base_url),
        "audit": {"algorithm": settings.audit.hash, "signed": settings.audit.is_set},
        "sealing": settings.sealing.cipher if settings.sealing.is_set else "off",
        "longest_question": settings.longest_question,
        "largest_upload": settings.largest_upload,
    }
    return NewEntry(principal=LOCAL_OPERATOR, action="service.start", door=door, object_kind="service", detail=detail)


def record_upgrade(audit: AuditLog, before: str | None, now: str | None) -> None:
    """That the tables were brought to another version; making them in an empty database is none. Raises what `AuditLog.append` raises."""
    if before is not None and before != now:
        detail = {"from": before, "to": now}
        entry = NewEntry(principal=LOCAL_OPERATOR, action="database.upgrade", door="system", object_kind="database", detail=detail)
        audit.append(entry)


def record_stop(audit: AuditLog, door: Door) -> None:
    """That the service was stopped. A killed one says nothing, and one whose trail takes nothing stops all the same."""
    try:
        audit.append(NewEntry(principal=LOCAL_OPERATOR, action="service.stop", door=door, object_kind="service"))
    except PlatformError as error:
        log.error("the stop is not recorded", problem=error.message)


class DocumentTrail:
    """The library's changes in the audit trail; names and titles of documents are content and stay out."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    def added(self, connection: Connection | None, document: Document, principal: Principal, door: str) -> None:
        detail = {"collection": document.collection, "standard": document.standard, "clauses": document.clause_count}
        self._audit.append(_document_entry("document.add", document, principal, door, detail), connection)

    def removed(self, connection: Connection, document: Document, principal: Principal, door: str) -> None:
        self._audit.append(_document_entry("document.delete", document, principal, door, {"collection": document.collection}), connection)

    def refused(self, problem: Problem, principal: Principal, door: str) -> None:
        given: Any = door
        entry = NewEntry(principal=principal, action="document.add", door=given, object_kind="document", outcome="failed")
        self._audit.append(entry.model_copy(update={"detail": {"error": problem.type}}))


def _document_entry(action: str, document: Document, principal: Principal, door: str, detail: dict[str, Any]) -> NewEntry:
    given: Any = door
    label = document.label
    about: dict[str, Any] = {"object_kind": "document", "object_id": document.id, "level": label.level, "detail": detail}
    return NewEntry(principal=principal, action=action, door=given, **about)
