"""What the stores of accounts and authorisations report, as entries of the audit trail."""

from collections.abc import Callable

from sqlalchemy import Connection

from records.audit import AuditLog
from records.audit_entries import Door, NewEntry, actions
from records.deeds import Audit, Deed

Audits = Callable[[Door], Audit]
"""What is done through a door is recorded with it."""

ACTIONS = {
    "login": "session.open",
    "sessions.end": "session.close",
    "sessions.end_all": "session.revoke",
    "password.change": "account.secret",
    "accounts.create": "account.create",
    "accounts.disabled": "account.disable",
    "attributes.assign": "account.roles",
    "accounts.reset_password": "account.secret",
    "roles.assign": "account.roles",
    "administrators.propose": "account.change",
    "administrators.appoint_first": "account.roles",
    "administrators.confirm": "account.roles",
    "administrators.reject": "account.change",
    "keys.create": "key.create",
    "keys.revoke": "key.drop",
    "grants.request": "data.use",
    "grants.grant": "consent.give",
    "grants.refuse": "access.refuse",
    "grants.revoke": "consent.withdraw",
    "grants.withdraw": "data.use",
    "mcp.admit": "mcp.admit",
    "mcp.revoke": "mcp.revoke",
    "alerts.raise": "alert.raise",
    "alerts.handle": "alert.close",
}
"""The trail's vocabulary is closed; what is not here changes an account."""


def deeds_of(audit: AuditLog) -> Audits:
    """Where deeds go, by door. The deed's own name stays in the detail. What comes out raises what `AuditLog.append` raises."""

    def through(door: Door) -> Audit:
        def record(deed: Deed, connection: Connection | None) -> None:
            audit.append(entry_of(deed, door), connection)

        return record

    return through


def entry_of(deed: Deed, door: Door) -> NewEntry:
    action = ACTIONS.get(deed.action, "account.change")
    assert action in actions()
    return NewEntry(
        principal=deed.by,
        action=action,
        door=door,
        object_kind=deed.object_kind,
        object_id=deed.object_id,
        outcome=deed.outcome,
        reason=deed.reason,
        detail={"deed": deed.action, **deed.detail},
    )
