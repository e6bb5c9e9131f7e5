"""What the stores of this floor report for the audit: one deed each, said after it was done or refused (TISC-6.1.3-g, GXDSL-8.1-7)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from domain.principal import Principal

Outcome = Literal["done", "refused"]


@dataclass(frozen=True, slots=True)
class Deed:
    """Who did what to which thing. No secret, no content."""

    action: str
    by: Principal
    object_kind: str
    object_id: str = ""
    outcome: Outcome = "done"
    reason: str = ""
    detail: dict[str, Any] = field(default_factory=dict[str, Any])


Audit = Callable[[Deed], None]
"""Called outside of the store's transaction, so that it may have one of its own; what it raises reaches the caller."""
