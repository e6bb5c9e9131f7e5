"""The audit trail (审计): an append-only chain of who did what, one per database (TISC-6.1.3-g, TISC-8.2.7-a, GXDSL-8.1-7).

Whoever records something appends inside the transaction of what is recorded, as its last statement: then neither exists without the
other, and the chain's head is locked for the shortest time. An entry that cannot be written fails the action.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Connection, bindparam, insert, update

from domain.errors import ConfigurationError, PlatformError, StorageError
from domain.principal import Principal

from .audit_chain import Anchor, HashName, canonical, digest, head_text, is_signed, sign
from .audit_check import Verdict
from .audit_entries import AuditEntry, Door, NewEntry, Outcome, auditor, instant, read_entry, stored_fields
from .audit_rows import link_of, locked_head, read_head, stored, verify
from .audit_tables import ENTRIES, HEADS
from .database import Database
from .encoding import storable, utc_now
from .keys import Keys

LOGGER = logging.getLogger(__name__)
ADD = insert(ENTRIES)
MOVE = (
    update(HEADS)
    .where(HEADS.c.chain == bindparam("of"), HEADS.c.seq == bindparam("before"))
    .values({name: bindparam(f"new_{name}") for name in ("seq", "hash", "signed_from", "mac")})
)


class AuditQuery(BaseModel):
    """Which entries to read; everything given must fit."""

    model_config = ConfigDict(frozen=True)

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    """Exclusive."""
    actor: str = ""
    action: str = ""
    object_kind: str = ""
    object_id: str = ""
    outcome: Outcome | None = None

    def fits(self, fields: Mapping[str, str]) -> bool:
        """The same choice as `conditions`, for a stored entry at hand."""
        exact = self._exact()
        since = self.since is None or fields["at"] >= instant(self.since)
        return since and (self.until is None or fields["at"] < instant(self.until)) and exact.items() <= fields.items()

    def conditions(self) -> list[ColumnElement[bool]]:
        found = [ENTRIES.c[name] == value for name, value in self._exact().items()]
        if self.since is not None:
            found.append(ENTRIES.c.at >= instant(self.since))
        if self.until is not None:
            found.append(ENTRIES.c.at < instant(self.until))
        return found

    def _exact(self) -> dict[str, str]:
        given = self.model_dump(exclude={"since", "until"}, exclude_none=True)
        return {name: storable(value) for name, value in given.items() if value}


class AuditLog:
    """The chain of one database.

    `algorithm` (see `audit_chain.hash_name`) is for new entries. `keys`: with them each entry is signed, so that whoever can write the
    database cannot make the chain anew; old keys stay in the ring for the entries they signed.
    """

    def __init__(
        self, database: Database, *, algorithm: HashName = "sha256", keys: Keys | None = None, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._algorithm: HashName = algorithm
        self._keys = keys
        self._now = now

    def append(self, entries: NewEntry | Sequence[NewEntry], connection: Connection | None = None) -> int:
        """Record, all or nothing; the seq of the last entry.

        With `connection` the entries belong to its transaction and exist exactly if that is committed: append as its last statement,
        and let what this raises end it. Without, they are committed, and on the disk, when this returns.
        Raises UserInputError or TooLarge for an entry that cannot be recorded, ConfigurationError when the chain is signed and there is
        no key or the other way round, StorageError when the head was tampered with, and what `Database.transaction` raises.
        """
        given = [entries] if isinstance(entries, NewEntry) else entries
        at = instant(self._now())
        rows = [stored_fields(entry, at) for entry in given]
        if connection is not None:
            return self._append(connection, rows)
        with self._database.transaction(write=True) as own:
            return self._append(own, rows)

    def start_signing(self, principal: Principal, door: Door) -> int:
        """Sign from here on a chain that was begun without a key; the seq of the first signed entry, which records just that.

        Raises NotAllowed for who is no audit administrator, ConfigurationError without a key, and what `append` raises.
        """
        auditor(principal)
        if self._keys is None:
            raise ConfigurationError("没有审计签名密钥", where="审计设置", cure="用 shuzhi keys new 生成密钥文件并写进设置")
        row = stored_fields(NewEntry(principal=principal, action="audit.sign", door=door), instant(self._now()))
        with self._database.transaction(write=True) as connection:
            return self._append(connection, [row], starts_signing=True)

    def _append(self, connection: Connection, rows: list[dict[str, str]], *, starts_signing: bool = False) -> int:
        head = locked_head(connection)
        signed_from = self._signed_from(head, starts_signing)
        if not rows:
            return head.seq
        previous, links = head.hash, list[dict[str, Any]]()
        for seq, fields in enumerate(rows, start=head.seq + 1):
            made = digest(self._algorithm, canonical(head.chain, seq, previous, fields))
            mac = sign(self._keys, made) if self._keys else ""
            links.append({**fields, "seq": seq, "previous": previous, "hash": made, "mac": mac})
            previous = made
        connection.execute(ADD, links)
        end = Anchor(chain=head.chain, seq=head.seq + len(rows), hash=previous, signed_from=signed_from)
        mac = sign(self._keys, head_text(end)) if self._keys else ""
        place = {"of": end.chain, "before": head.seq}
        connection.execute(MOVE, place | {"new_seq": end.seq, "new_hash": end.hash, "new_signed_from": signed_from, "new_mac": mac})
        return end.seq

    def _signed_from(self, head: Anchor, starts_signing: bool) -> int:
        if self._keys is None:
            if head.signed_from:
                raise ConfigurationError(
                    "审计链是签名的，但没有签名密钥，不能追加记录", where="审计设置", cure="恢复审计签名密钥的设置后重启"
                )
            return 0
        if not head.signed_from:
            if head.seq and not starts_signing:
                # taking the signatures off must not be enough to get a rewritten chain signed
                raise ConfigurationError(
                    "配置了审计签名密钥，但已有的审计链没有签名",
                    where="审计链",
                    cure="先运行 shuzhi audit verify，确认无误后运行 shuzhi audit sign",
                )
            return head.seq + 1
        if not is_signed(self._keys, head_text(head), head.mac):
            raise StorageError(
                "审计链头的签名不对，不能追加记录",
                where=f"审计链第 {head.seq} 条",
                cure="运行 shuzhi audit verify；检查签名密钥，或从备份恢复数据库",
            )
        return head.signed_from

    def entries(
        self, principal: Principal, query: AuditQuery | None = None, *, door: Door, before: int | None = None, limit: int = 100
    ) -> list[AuditEntry]:
        """Entries of the principal's own tenant, newest first, older than `before`; that they were read is recorded first.

        What concerns the whole system has tenant "" and is read by an audit administrator of tenant "". Raises NotAllowed for who is no
        audit administrator, and what `append` raises: what cannot be recorded is not read.
        """
        reader, wanted = auditor(principal), query or AuditQuery()
        filters = wanted.model_dump(mode="json", exclude_defaults=True)
        read = NewEntry(principal=principal, action="audit.read", door=door, object_kind="audit", detail={"query": filters})
        upto = self.append(read)
        if before is not None:
            upto = min(upto, before)
        where = (ENTRIES.c.tenant == reader.tenant, ENTRIES.c.seq < upto, *wanted.conditions())
        with self._database.transaction() as connection:
            found = connection.execute(stored(connection).where(*where).order_by(ENTRIES.c.seq.desc()).limit(limit)).all()
        return [read_entry(link_of(row)) for row in found]

    def anchor(self, principal: Principal, *, door: Door) -> Anchor:
        """The chain's end, to be kept where the database's administrators cannot reach it.

        Raises NotAllowed for who is no audit administrator, and what `append` raises.
        """
        self.append(NewEntry(principal=auditor(principal), action="audit.anchor", door=door, object_kind="audit"))
        return read_head(self._database)

    def verify(self, principal: Principal, *, door: Door, anchor: Anchor | None = None) -> Verdict:
        """Walk the whole chain; the verdict is recorded.

        Raises NotAllowed for who is no audit administrator, and what `append` raises when a whole chain cannot take the record. A broken
        one is reported in any case.
        """
        auditor(principal)
        verdict = verify(self._database, keys=self._keys, anchor=anchor)
        found = {"ok": verdict.ok, "entries": verdict.entries, "first_broken": verdict.first_broken, "hash": verdict.last_hash}
        entry = NewEntry(principal=principal, action="audit.verify", door=door, object_kind="audit", detail=found)
        try:
            self.append(entry.model_copy(update={"outcome": "done" if verdict.ok else "failed"}))
        except PlatformError as error:
            if verdict.ok:
                raise
            LOGGER.error("the audit chain is broken and takes no record of its check: %s", error.message)
        return verdict
