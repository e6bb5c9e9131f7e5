"""One line of the audit trail: who did what to what, when, why, through which door, and how it ended (TISC-6.1.3-g, GXDSL-8.1-7)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field

from domain.errors import NotAllowed, StorageError, TooLarge, UserInputError, known_names
from domain.principal import Level, Principal

from .audit_chain import Link
from .encoding import StoredText, decode, encode, storable

Door = Literal["chat", "http", "openai", "mcp", "cli", "system"]
"""openai: the compatible API. system: the platform itself, a start or a timer."""
Outcome = Literal["done", "refused", "failed"]
ACTIONS = Path(__file__).parent / "data" / "audit_actions.yaml"
LONGEST_FIELD = 2_000
"""Characters of an object id or a reason."""
LARGEST_DETAIL = 8 * 1024
"""Bytes of `detail` as JSON."""
SECRET = re.compile(
    r"pass(word|wd|phrase)|secret|credential|authorization|cookie|(api|access|private|master)[-_ ]?key|token$|口令|密码|密钥", re.IGNORECASE
)
HIDDEN = "［不记录］"


class Action(BaseModel):
    """An action that can stand in the trail."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Chinese, for readers."""
    high_risk: bool = False
    """高危操作 (TISC-6.1.3-g)."""
    unused: str = ""
    """Why no part of the platform writes it, where none does."""


@cache
def actions() -> dict[str, Action]:
    """The closed vocabulary, `data/audit_actions.yaml`."""
    raw = yaml.safe_load(ACTIONS.read_text(encoding="utf-8"))
    return {name: Action.model_validate(value) for name, value in raw.items()}


class NewEntry(BaseModel):
    """What is about to be recorded. Content comes masked already: the trail is read by people who may not see it."""

    model_config = ConfigDict(frozen=True)

    principal: Principal
    """Who; with tenant "" for what concerns the whole system."""
    action: str
    """One of `actions()`."""
    door: Door
    object_kind: StoredText = ""
    object_id: StoredText = ""
    level: Level | Literal[""] = ""
    """Of the object's label, where it has one."""
    reason: StoredText = ""
    """Why: what the person said, or the rule that asked for it."""
    outcome: Outcome = "done"
    detail: dict[str, Any] = Field(default_factory=dict[str, Any])


class AuditEntry(BaseModel):
    """A recorded entry as readers see it."""

    model_config = ConfigDict(frozen=True)

    seq: int
    at: datetime
    tenant: str
    actor: str
    roles: list[str]
    action: str
    object_kind: str
    object_id: str
    level: str
    reason: str
    door: str
    outcome: str
    detail: dict[str, Any]
    hash: str


def instant(at: datetime) -> str:
    """UTC text of one length, so that text order is time order."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def stored_fields(entry: NewEntry, at: str) -> dict[str, str]:
    """An entry's columns, all text.

    Raises UserInputError for an action outside the vocabulary, TooLarge for fields beyond their limits. Nothing is cut to fit:
    a trail that leaves something out without saying so is worth nothing.
    """
    if entry.action not in actions():
        raise UserInputError(f"审计没有操作 {entry.action[:60]!r}", where="action", cure=known_names(entry.action, list(actions())))
    for name in ("object_kind", "object_id", "reason"):
        if len(getattr(entry, name)) > LONGEST_FIELD:
            raise TooLarge(f"审计字段太长（{len(getattr(entry, name))} 个字）", where=name, cure=f"不超过 {LONGEST_FIELD} 个字")
    detail = storable(_sorted(encode(without_secrets(entry.detail)))) if entry.detail else "{}"
    if len(detail.encode()) > LARGEST_DETAIL:
        raise TooLarge(
            f"审计内容太大（{len(detail.encode())} 字节）", where="detail", cure=f"不超过 {LARGEST_DETAIL} 字节；只记要点，正文按编号引用"
        )
    return {
        "at": at,
        "tenant": storable(entry.principal.tenant),
        "actor": storable(entry.principal.id),
        "roles": encode(sorted(entry.principal.roles)),
        "action": entry.action,
        "object_kind": entry.object_kind,
        "object_id": entry.object_id,
        "level": entry.level,
        "reason": entry.reason,
        "door": entry.door,
        "outcome": entry.outcome,
        "detail": detail,
    }


def without_secrets(value: Any) -> Any:
    """The same value without what is called a password, a key or a token: whoever forgets to mask must not write it down for ever."""
    if isinstance(value, Mapping):
        given = cast(Mapping[object, Any], value)
        return {str(key): HIDDEN if SECRET.search(str(key)) else without_secrets(item) for key, item in given.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(item) for item in cast(list[Any], value)]
    return value


def read_entry(link: Link) -> AuditEntry:
    """An entry from its row. Raises StorageError for one that was damaged beyond reading."""
    try:
        fields = dict(link.fields or {})
        parsed: dict[str, Any] = {**fields, "roles": decode(fields["roles"]), "detail": decode(fields["detail"])}
        return AuditEntry(seq=link.seq, hash=link.hash, **parsed)
    except (KeyError, ValueError) as error:
        raise StorageError(
            "审计记录读不出来", where=f"审计链第 {link.seq} 条", cure="运行 shuzhi audit verify，查明被改动的范围"
        ) from error


def auditor(principal: Principal) -> Principal:
    """`principal` itself. Raises NotAllowed for everybody but an audit administrator."""
    if "audit_admin" not in principal.roles or not principal.id:
        raise NotAllowed("只有审计管理员能查看、校验或导出审计记录", where="principal", cure="请有 audit_admin 角色的人操作")
    return principal


def _sorted(text: str) -> str:
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONDecodeError:
        return text
