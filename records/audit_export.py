"""A stretch of the audit chain as JSON lines that can be checked without the database.

A header (format, chain, where the stretch begins and ends, the chain's head), one line an entry, and a last line with the hash of all
lines before it. Entries of other tenants, and those that a filter leaves out, are there as links only (seq, hashes, signature): the
chain stays complete while their content is withheld.
"""

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from domain.errors import ConfigurationError, NotFound, StorageError, UserInputError
from domain.principal import Principal

from .audit import AuditLog, AuditQuery
from .audit_chain import FIELDS, Anchor, HashName, Link, digest, hash_name, is_signed, sign
from .audit_check import ChainCheck, Verdict
from .audit_entries import Door, NewEntry, auditor, instant
from .audit_rows import link_of, links, read_head, stored
from .audit_tables import ENTRIES
from .database import Database
from .encoding import utc_now
from .keys import Keys
from .replacing import replacing

FORMAT = "shuzhi-audit/1"
LONGEST_LINE = 1024 * 1024


class ExportHeader(BaseModel):
    """The first line of an export."""

    model_config = ConfigDict(frozen=True)

    format: str = FORMAT
    algorithm: HashName
    """Of the file's own last line; each entry's hash names its own."""
    chain: str
    first_seq: int
    first_previous: str
    first_hash: str
    last_seq: int
    last_hash: str
    tenant: str
    query: dict[str, Any]
    exported_by: str
    exported_at: str
    head: Anchor
    """The chain's end at that time; signed where the chain is."""


class Exporter:
    """Writes exports of one chain. `log`: records that it was done; `keys` sign the file."""

    def __init__(
        self,
        database: Database,
        log: AuditLog,
        *,
        algorithm: HashName = "sha256",
        keys: Keys | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database, self._log, self._keys, self._now = database, log, keys, now
        self._algorithm: HashName = algorithm

    def export(
        self, path: Path, principal: Principal, query: AuditQuery | None = None, *, door: Door, first: int = 1, last: int | None = None
    ) -> ExportHeader:
        """Write entries `first`..`last`, by default all, to `path`, all or nothing and readable by its owner only.

        Content is that of the principal's own tenant. Recorded before anything is read. Raises NotAllowed for who is no audit
        administrator, NotFound for an empty stretch, StorageError when the file cannot be written or the chain has holes at its ends,
        and what `AuditLog.append` raises.
        """
        reader, wanted = auditor(principal), query or AuditQuery()
        filters = wanted.model_dump(mode="json", exclude_defaults=True)
        span = {"first": first, "last": last, "query": filters}
        self._log.append(NewEntry(principal=principal, action="audit.export", door=door, object_kind="audit", detail=span))
        head = read_head(self._database)
        last = head.seq if last is None else min(last, head.seq)
        if not 1 <= first <= last:
            raise NotFound(f"没有第 {first} 到 {last} 条审计记录", where="first", cure=f"现有第 1 到 {head.seq} 条")
        ends = self._ends(first, last)
        header = ExportHeader(
            algorithm=self._algorithm,
            chain=head.chain,
            first_seq=first,
            first_previous=ends[first][0],
            first_hash=ends[first][1],
            last_seq=last,
            last_hash=ends[last][1],
            tenant=reader.tenant,
            query=filters,
            exported_by=reader.id,
            exported_at=instant(self._now()),
            head=head,
        )

        def lines() -> Iterator[bytes]:
            yield orjson.dumps(header.model_dump(mode="json"))
            for link in links(self._database, first=first, last=last):
                fields = link.fields or {}
                shown = fields.get("tenant") == reader.tenant and wanted.fits(fields)
                yield orjson.dumps(_line(link, shown))

        _write(path, lines(), self._algorithm, self._keys)
        return header

    def _ends(self, first: int, last: int) -> dict[int, tuple[str, str]]:
        with self._database.transaction() as connection:
            rows = connection.execute(stored(connection).where(ENTRIES.c.seq.in_((first, last)))).all()
        found = {link.seq: (link.previous, link.hash) for link in map(link_of, rows)}
        for seq in (first, last):
            if seq not in found:
                raise StorageError(
                    "审计链缺少记录，不能导出", where=f"审计链第 {seq} 条", cure="运行 shuzhi audit verify，查明被改动的范围"
                )
        return found


def _line(link: Link, shown: bool) -> dict[str, Any]:
    bare: dict[str, Any] = {"seq": link.seq, "previous": link.previous, "hash": link.hash, "mac": link.mac}
    return bare | dict(link.fields or {}) if shown else bare | {"withheld": True}


def _write(path: Path, lines: Iterator[bytes], algorithm: HashName, keys: Keys | None) -> None:
    with replacing(path, "审计导出文件写不进去") as file:
        running = digest(algorithm, b"")
        for line in lines:
            running = digest(algorithm, running.encode() + line)
            file.write(line + b"\n")
        end = {"end": running, "mac": sign(keys, running) if keys else ""}
        file.write(orjson.dumps(end) + b"\n")


def verify_export(path: Path, *, keys: Keys | None = None, anchor: Anchor | None = None) -> Verdict:
    """Check an export without the database. With `keys` also the signatures, with `anchor` against what was kept elsewhere.

    Anything wrong inside is a finding. Raises UserInputError for a file that cannot be read or does not begin as an export does.
    """
    try:
        with path.open("rb") as file:
            lines = _Lines(file, path)
            header = lines.header
            check = ChainCheck(
                header.head,
                keys=keys,
                anchor=anchor,
                first=header.first_seq,
                previous=header.first_previous,
                end=(header.last_seq, header.last_hash),
            )
            verdict = check.run(lines.links())
    except OSError as error:
        raise UserInputError("审计导出文件打不开", where=str(path), cure="检查路径和权限") from error
    for why in lines.complaints(keys):
        check.findings.add("file_changed", header.last_seq, why)
    return verdict.model_copy(update={"ok": not check.findings.found, "findings": check.findings.found})


class _Lines:
    """The lines of an export, hashed as they are read."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file = file
        self._wrong: list[str] = []
        first = file.readline(LONGEST_LINE)
        try:
            self.header = ExportHeader.model_validate_json(first)
            self._algorithm: HashName = hash_name(self.header.algorithm)
        except (ValidationError, ConfigurationError) as error:
            raise UserInputError(
                "不是审计导出文件，或第一行已损坏", where=f"{path} 第 1 行", cure="重新导出，或向导出的人要原件"
            ) from error
        if self.header.format != FORMAT:
            raise UserInputError(f"不认识的审计导出格式 {self.header.format[:40]!r}", where=f"{path} 第 1 行", cure=f"应为 {FORMAT}")
        self._running = digest(self._algorithm, digest(self._algorithm, b"").encode() + first.removesuffix(b"\n"))
        self._end: dict[str, Any] | None = None

    def links(self) -> Iterator[Link]:
        for number in itertools.count(2):
            line = self._file.readline(LONGEST_LINE)
            if not line:
                return
            if self._end is not None:
                self._wrong.append(f"结束行之后还有内容（第 {number} 行）")
                return
            parsed = _parsed(line)
            if parsed is not None and "end" in parsed:
                self._end = parsed
                if line != orjson.dumps(parsed) + b"\n":
                    self._wrong.append(f"第 {number} 行的写法被改")
                continue
            self._running = digest(self._algorithm, self._running.encode() + line.removesuffix(b"\n"))
            link = None if parsed is None else _link(parsed)
            if link is None or not line.endswith(b"\n"):
                self._wrong.append(f"第 {number} 行不是一条审计记录")
            if link is not None:
                yield link

    def complaints(self, keys: Keys | None) -> list[str]:
        """What is wrong with the file itself, once it was read."""
        if self._end is None:
            return [*self._wrong, "没有结束行，文件不完整"]
        if self._end.get("end") != self._running:
            self._wrong.append("结束行的哈希与前面各行不符")
        elif keys and self.header.head.signed_from and not is_signed(keys, self._running, str(self._end.get("mac", ""))):
            self._wrong.append("结束行的签名不对")
        return self._wrong


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return cast(dict[str, Any], value) if isinstance(value, dict) else None


def _link(line: dict[str, Any]) -> Link | None:
    seq, withheld = line.get("seq"), line.get("withheld") is True
    names = ("previous", "hash", "mac", *(() if withheld else FIELDS))
    if type(seq) is not int or not all(isinstance(line.get(name), str) for name in names):
        return None
    fields = None if withheld else {name: line[name] for name in FIELDS}
    return Link(seq=seq, previous=line["previous"], hash=line["hash"], mac=line["mac"], fields=fields, withheld=withheld)
