"""Artifacts (产出文件): results too large for a record, as files beside the database. What is not readable does not exist.

A file is written first and its row, with the audit entry, in one transaction after it: a row never names a file that is not whole. Where
there is a master key, private and restricted files are sealed.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, and_, literal, or_, select

from domain.errors import NotAllowed, NotFound, StorageError
from domain.principal import Label, Level, Principal, read_filter
from knowledge.readable import readable

from .access import content_reader
from .artifacts_table import ArtifactRow
from .audit import AuditLog
from .audit_entries import Door, NewEntry
from .ciphers import Algorithm
from .content import PLAIN, Content
from .database import Database
from .encoding import StoredText, new_id, storable, utc_now
from .keys import Keys
from .paging import page_mark, read_mark
from .replacing import replacing
from .sealed_files import master_of, open_bytes, rewrap_file, seal_bytes

FILE_NAME = re.compile(r"[0-9a-f]{32}")
"""An artifact's file is called by its id and lies nowhere else: no name that a person gave is ever a path."""
FAILURE = "文件写不进去，没有保存"


class NewArtifact(BaseModel):
    """What is about to be kept."""

    model_config = ConfigDict(frozen=True)

    kind: StoredText
    """What it is of, e.g. the kind of report."""
    name: StoredText = Field(min_length=1, max_length=255)
    """What a person who downloads it finds it under."""
    media_type: str = Field(pattern=r"^[a-z]+/[a-z0-9.+-]+$", max_length=120)
    data: bytes = Field(repr=False)
    label: Label
    run_id: StoredText = ""


class Artifact(BaseModel):
    """What is kept."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: str
    name: str
    media_type: str
    size: int
    sha256: str
    label: Label
    tenant: str
    owner: str
    run_id: str
    created_at: datetime


class ArtifactPage(BaseModel):
    """Some artifacts, newest first; `next` goes into `before` for the page behind it and is None at the end."""

    model_config = ConfigDict(frozen=True)

    artifacts: list[Artifact]
    next: str | None


@dataclass(frozen=True)
class Vault:
    """Where the files lie, and what private and restricted ones are sealed with."""

    folder: Path
    masters: Keys | None = None
    algorithm: Algorithm = "aes-256-gcm"

    def path(self, artifact_id: str) -> Path:
        """Raises NotFound for what is no id."""
        if not FILE_NAME.fullmatch(artifact_id):
            raise _unknown(artifact_id)
        return self.folder / artifact_id

    def write(self, artifact_id: str, data: bytes, level: Level) -> bool:
        """Whole and on the disk, or not at all; whether it is sealed."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(FAILURE, where=str(self.folder), cure="检查磁盘空间和目录权限") from error
        if self.masters is not None and level != "public":
            seal_bytes(data, self.path(artifact_id), self.masters, name=artifact_id, algorithm=self.algorithm)
            return True
        with replacing(self.path(artifact_id), FAILURE) as file:
            file.write(data)
        return False

    def read(self, row: ArtifactRow) -> bytes:
        """Raises StorageError for a file that is gone or is not what was kept, ConfigurationError without its key."""
        path = self.path(row.id)
        cure = "从备份恢复该文件"
        try:
            if row.sealed:
                if self.masters is None:
                    raise StorageError(
                        "文件是加密的，但没有设置主密钥", where=row.id, cure="恢复主密钥的设置（SHUZHI_SEALING__KEY_FILE 等）后重启"
                    )
                data = open_bytes(path, self.masters, name=row.id)
            else:
                data = path.read_bytes()
        except (OSError, NotFound) as error:
            raise StorageError("文件读不出来", where=row.id, cure=cure) from error
        if len(data) != row.size or hashlib.sha256(data).hexdigest() != row.sha256:
            raise StorageError("文件与保存时不同", where=row.id, cure=cure)
        return data

    def forget(self, artifact_id: str) -> None:
        with suppress(OSError):
            self.path(artifact_id).unlink(missing_ok=True)

    def files(self) -> list[Path]:
        """Every artifact's file, whole."""
        return sorted(path for path in self.folder.iterdir() if FILE_NAME.fullmatch(path.name)) if self.folder.is_dir() else []

    def sweep(self) -> int:
        """Take away what a killed process had half written. Whole files stay, whether a row names them or not: a database that was
        restored from an older backup must not cost the files that came after it."""
        halves = [path for path in self.folder.iterdir() if path.name.startswith(".")] if self.folder.is_dir() else []
        for path in halves:
            with suppress(OSError):
                path.unlink()
        return len(halves)


class ArtifactStore:
    """`content`: how names are kept. `audit`: takes an entry for each file that is kept or handed out, in the same transaction.

    Every method raises NotAllowed for an audit administrator.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        now: Callable[[], datetime] = utc_now,
        content: Content = PLAIN,
        audit: AuditLog | None = None,
    ) -> None:
        self._database, self._vault = database, vault
        self._now, self._content, self._audit = now, content, audit

    def add(self, given: Sequence[NewArtifact], principal: Principal, *, door: Door = "system") -> list[Artifact]:
        """Keep all of them or none. Raises NotAllowed for a label of another tenant, StorageError, and what `AuditLog.append` raises."""
        content_reader(principal)
        if not principal.id or not principal.tenant or any(new.label.tenant not in ("", principal.tenant) for new in given):
            raise NotAllowed("只能为自己所在的企业保存文件", where="label", cure="用本企业的数据分级")
        rows: list[ArtifactRow] = []
        at = self._now()
        try:
            for new in given:
                artifact_id = new_id()
                rows.append(self._row(new, artifact_id, principal, at))
                rows[-1].sealed = self._vault.write(artifact_id, new.data, new.label.level)
            with self._database.session(write=True) as session:
                session.add_all(rows)
                session.flush()
                if self._audit is not None:
                    self._audit.append([_entry("artifact.write", row, principal, door) for row in rows], session.connection())
                return [self._artifact(row) for row in rows]
        except BaseException:
            # whatever stopped it, a file without a row is of no use to anybody
            for row in rows:
                self._vault.forget(row.id)
            raise

    def list_artifacts(self, principal: Principal, *, kind: str = "", limit: int = 50, before: str | None = None) -> ArtifactPage:
        """What the principal may read, newest first. Raises UserInputError for a `before` that is no page mark."""
        query = select(ArtifactRow).where(_visible(principal))
        if kind:
            query = query.where(ArtifactRow.kind == storable(kind))
        if before is not None:
            at, artifact_id = read_mark(before)
            query = query.where(or_(ArtifactRow.created_at < at, and_(ArtifactRow.created_at == at, ArtifactRow.id < artifact_id)))
        with self._database.session() as session:
            rows = session.scalars(query.order_by(ArtifactRow.created_at.desc(), ArtifactRow.id.desc()).limit(limit + 1)).all()
        page = rows[:limit]
        more = page_mark(page[-1].created_at, page[-1].id) if len(rows) > limit and page else None
        return ArtifactPage(artifacts=[self._artifact(row) for row in page], next=more)

    def get(self, artifact_id: str, principal: Principal) -> Artifact:
        """Raises NotFound for what the principal may not read, as for what never was."""
        return self._artifact(self._readable(artifact_id, principal))

    def read(self, artifact_id: str, principal: Principal, *, door: Door = "system") -> tuple[Artifact, bytes]:
        """The bytes, checked against their hash; that they were handed out is recorded first. Raises NotFound, StorageError."""
        row = self._readable(artifact_id, principal)
        data = self._vault.read(row)
        if self._audit is not None:
            self._audit.append(_entry("artifact.read", row, principal, door))
        return self._artifact(row), data

    def _readable(self, artifact_id: str, principal: Principal) -> ArtifactRow:
        query = select(ArtifactRow).where(ArtifactRow.id == storable(artifact_id), _visible(principal))
        with self._database.session() as session:
            row = session.scalar(query)
        if row is None:
            raise _unknown(artifact_id)
        return row

    def _row(self, new: NewArtifact, artifact_id: str, principal: Principal, at: datetime) -> ArtifactRow:
        return ArtifactRow(
            id=artifact_id,
            kind=new.kind,
            name=self._content.file_name.seal(artifact_id, new.name),
            media_type=new.media_type,
            size=len(new.data),
            sha256=hashlib.sha256(new.data).hexdigest(),
            label_level=new.label.level,
            label_tenant=new.label.tenant,
            label_attributes=json.dumps(sorted(new.label.attributes)),
            label_parties=json.dumps(sorted(new.label.parties)),
            tenant=principal.tenant,
            owner=principal.id,
            run_id=new.run_id,
            created_at=at,
        )

    def _artifact(self, row: ArtifactRow) -> Artifact:
        level: Any = row.label_level
        return Artifact(
            **{
                name: getattr(row, name)
                for name in ("id", "kind", "media_type", "size", "sha256", "tenant", "owner", "run_id", "created_at")
            },
            name=self._content.file_name.open(row.id, row.name),
            label=Label(
                level=level,
                tenant=row.label_tenant,
                attributes=frozenset(json.loads(row.label_attributes)),
                parties=frozenset(json.loads(row.label_parties)),
            ),
        )


class _Columns:
    """The table as the policy's filter asks for it; artifacts lie in no collection."""

    id = ArtifactRow.id
    collection = literal("")
    label_level, label_tenant = ArtifactRow.label_level, ArtifactRow.label_tenant
    label_attributes, label_parties = ArtifactRow.label_attributes, ArtifactRow.label_parties


def _visible(principal: Principal) -> ColumnElement[bool]:
    return readable(read_filter(content_reader(principal)), _Columns)


def _entry(action: str, row: ArtifactRow, principal: Principal, door: Door) -> NewEntry:
    level: Any = row.label_level
    detail = {"kind": row.kind, "media_type": row.media_type, "size": row.size, "sha256": row.sha256, "run": row.run_id}
    return NewEntry(principal=principal, action=action, door=door, object_kind="artifact", object_id=row.id, level=level, detail=detail)


def _unknown(artifact_id: str) -> NotFound:
    return NotFound(f"没有文件 {artifact_id[:60]!r}", where="artifact_id", cure="用 shuzhi artifacts list 查看")


def rewrap_files(vault: Vault) -> int:
    """Wrap every sealed file's key under the newest master key; how many were not yet. Raises like `rewrap_file`."""
    if vault.masters is None:
        return 0
    sealed = [path for path in vault.files() if _is_sealed(path)]
    return sum(rewrap_file(path, vault.masters, name=path.name) for path in sealed)


def masters_of_files(vault: Vault) -> Counter[str]:
    """How many files each master key opens."""
    return Counter(master_of(path) for path in vault.files() if _is_sealed(path))


def _is_sealed(path: Path) -> bool:
    with suppress(StorageError, NotFound):
        return bool(master_of(path))
    return False
