"""Who asks, what a thing may be shown to, and the one policy function that joins the two (DESIGN §4.6).

Levels are GXDSL-8.1's 公开 / 受限 / 私密: public is readable by everybody of the deployment, restricted by its tenant's members
that hold every attribute the label asks for, private only by the named parties.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Role = Literal["staff", "operator", "expert", "evaluator", "developer", "system_admin", "security_admin", "audit_admin"]
Level = Literal["public", "restricted", "private"]


class Principal(BaseModel):
    """The person or service on whose behalf something is read or done."""

    model_config = ConfigDict(frozen=True)

    id: str
    tenant: str
    roles: frozenset[Role] = frozenset()
    attributes: frozenset[str] = frozenset()


class Label(BaseModel):
    """Who may read a record, passage or artifact (数据分级, GXDSL-8.1)."""

    model_config = ConfigDict(frozen=True)

    level: Level = "private"
    tenant: str = ""
    attributes: frozenset[str] = frozenset()
    """restricted: attributes a reader must hold, all of them."""
    parties: frozenset[str] = frozenset()
    """private: ids of the principals it is for; nobody else, whatever the role."""


PUBLIC = Label(level="public")

LOCAL = Principal(id="local", tenant="local", roles=frozenset({"staff", "operator", "expert", "evaluator", "developer", "system_admin"}))
"""The single-user mode's principal: a real one, with no way past the policy."""


def may_read(principal: Principal, label: Label) -> bool:
    """The policy. Default deny: an empty tenant, an empty party list or an unknown level opens nothing."""
    if label.level == "public":
        return True
    if label.level == "restricted":
        return bool(label.tenant) and label.tenant == principal.tenant and label.attributes <= principal.attributes
    if label.level == "private":
        return bool(label.tenant) and label.tenant == principal.tenant and principal.id in label.parties
    return False


class ReadFilter(BaseModel):
    """`may_read` compiled for a store: any of `public` or tenant-bound alternatives.

    A store translates it into its own filter and applies it before ranking. `missing` is what a restricted label may not ask
    for: a label passes when none of its attributes lies outside `attributes`.
    """

    model_config = ConfigDict(frozen=True)

    tenant: str
    principal_id: str
    attributes: frozenset[str]


def read_filter(principal: Principal) -> ReadFilter:
    return ReadFilter(tenant=principal.tenant, principal_id=principal.id, attributes=principal.attributes)


def own_label(principal: Principal, level: Level = "private") -> Label:
    """The label of something that `principal` brings in: private to that principal unless said otherwise."""
    return Label(level=level, tenant=principal.tenant, parties=frozenset({principal.id}) if level == "private" else frozenset())
