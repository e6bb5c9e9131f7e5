"""Who asks, what a thing may be shown to, and the one policy function that joins the two (DESIGN §4.6).

Levels are GXDSL-8.1's 公开 / 受限 / 私密. Public is readable by everybody of the deployment. Restricted is readable by its tenant's
members that hold every attribute the label asks for, or a grant for the thing or its collection (GXDSL-8.1-3). Private is readable
by the named parties only; a grant makes one named person a party of one thing for a time (GXDSL-8.1-4). Roles open nothing.
"""

from bisect import bisect_left
from datetime import UTC, datetime
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, model_validator

Role = Literal["staff", "operator", "expert", "evaluator", "developer", "system_admin", "security_admin", "audit_admin"]
Level = Literal["public", "restricted", "private"]
TargetKind = Literal["object", "collection"]

ADMINISTRATIONS: frozenset[Role] = frozenset({"system_admin", "security_admin", "audit_admin"})
"""At most one of them on an account, and none of them a way to content (三员分立)."""


class Grant(BaseModel):
    """An authorisation (授权, GXDSL-8.1-3): one person or one role may read one thing or one collection until it ends."""

    model_config = ConfigDict(frozen=True)

    id: str
    tenant: str
    principal_id: str = ""
    role: Role | None = None
    kind: TargetKind
    target: str
    """Id of the thing, or name of the collection."""
    until: AwareDatetime
    revoked: bool = False

    @model_validator(mode="after")
    def _names_one(self) -> "Grant":
        if bool(self.principal_id) == (self.role is not None):
            raise ValueError("a grant names a principal or a role, one of the two")
        return self


def _target(grant: Grant) -> tuple[str, str]:
    return grant.kind, grant.target


def _sorted(grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
    return tuple(sorted(grants, key=_target))


class Principal(BaseModel):
    """The person or service on whose behalf something is read or done."""

    model_config = ConfigDict(frozen=True)

    id: str
    tenant: str
    roles: frozenset[Role] = frozenset()
    attributes: frozenset[str] = frozenset()
    grants: Annotated[tuple[Grant, ...], AfterValidator(_sorted)] = ()
    """Sorted, so that a decision looks at few of them; in any other order they open less, never more."""


class Label(BaseModel):
    """Who may read a record, passage or artifact (数据分级, GXDSL-8.1)."""

    model_config = ConfigDict(frozen=True)

    level: Level = "private"
    tenant: str = ""
    attributes: frozenset[str] = frozenset()
    """restricted: attributes a reader must hold, all of them."""
    parties: frozenset[str] = frozenset()
    """private: ids of the principals it is for; nobody else, whatever the role."""


class Place(NamedTuple):
    """Which thing carries a label; what grants name. Empty names are nothing's."""

    object: str = ""
    collection: str = ""


NOWHERE = Place()
PUBLIC = Label(level="public")

LOCAL = Principal(id="local", tenant="local", roles=frozenset({"staff", "operator", "expert", "evaluator", "developer", "system_admin"}))
"""The single-user mode's principal: a real one, with no way past the policy."""

LOCAL_OPERATOR = Principal(id="local", tenant="", roles=frozenset({"system_admin"}))
"""Whoever starts the service or turns its keys; tenant "" is what concerns the whole system."""

LOCAL_AUDITOR = Principal(id="local-auditor", tenant="", roles=frozenset({"audit_admin"}))
"""Whoever reads the audit trail at this machine's command line, and nothing else. It reads one tenant at a time, see `auditor_of`."""


def auditor_of(tenant: str) -> Principal:
    """The command line's audit administrator for one tenant; "" is the whole system's own entries."""
    return LOCAL_AUDITOR.model_copy(update={"tenant": tenant})


def may_read(principal: Principal, label: Label, place: Place = NOWHERE, at: datetime | None = None) -> bool:
    """The policy. Default deny: an empty tenant, an empty party list, an empty id or an unknown level opens nothing.

    `at` is the moment for which grants must be valid; now, unless said otherwise.
    """
    if label.level == "public":
        return True
    if not label.tenant or label.tenant != principal.tenant or not principal.id:
        return False
    if label.level == "restricted":
        return label.attributes <= principal.attributes or _granted(principal, place, at)
    if label.level == "private":
        return principal.id in label.parties or _granted(principal, place, at, named=True)
    return False


def _granted(principal: Principal, place: Place, at: datetime | None, *, named: bool = False) -> bool:
    """`named`: only a grant that names this person and this very thing counts."""
    grants = principal.grants
    if not grants:
        return False
    wanted = (("object", place.object),) if named else (("object", place.object), ("collection", place.collection))
    for key in wanted:
        if not key[1]:
            continue
        position = bisect_left(grants, key, key=_target)
        while position < len(grants) and _target(grants[position]) == key:
            grant = grants[position]
            if (not named or grant.principal_id) and is_live(grant, principal, at):
                return True
            position += 1
    return False


def is_live(grant: Grant, principal: Principal, at: datetime | None = None) -> bool:
    """Whether `grant` says something for `principal` at that moment. A grant to an administration says nothing."""
    if grant.revoked or not grant.target or not grant.tenant or grant.tenant != principal.tenant or not principal.id:
        return False
    if grant.principal_id:
        meant = grant.principal_id == principal.id
    else:
        meant = grant.role in principal.roles and grant.role not in ADMINISTRATIONS
    return meant and (at or datetime.now(UTC)) < grant.until


class ReadFilter(BaseModel):
    """`may_read` compiled for a store: any of `public` or tenant-bound alternatives.

    A store translates it into its own filter and applies it before ranking. A restricted label passes when none
    of its attributes lies outside `attributes`. It is made for one read: grants are in it as they stood when it was made.
    """

    model_config = ConfigDict(frozen=True)

    tenant: str
    principal_id: str
    attributes: frozenset[str]
    named_objects: frozenset[str] = frozenset()
    """Things that a grant to this person names; these open private things too."""
    objects: frozenset[str] = frozenset()
    """Things that any grant names; these open restricted things."""
    collections: frozenset[str] = frozenset()
    """Collections whose restricted things are open."""


def read_filter(principal: Principal, at: datetime | None = None) -> ReadFilter:
    at = at or datetime.now(UTC)
    live = [grant for grant in principal.grants if is_live(grant, principal, at)]
    return ReadFilter(
        tenant=principal.tenant,
        principal_id=principal.id,
        attributes=principal.attributes,
        named_objects=frozenset(g.target for g in live if g.kind == "object" and g.principal_id),
        objects=frozenset(g.target for g in live if g.kind == "object"),
        collections=frozenset(g.target for g in live if g.kind == "collection"),
    )


def own_label(principal: Principal, level: Level = "private") -> Label:
    """The label of something that `principal` brings in: private to that principal unless said otherwise."""
    return Label(level=level, tenant=principal.tenant, parties=frozenset({principal.id}) if level == "private" else frozenset())
