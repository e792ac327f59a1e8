"""What travels inside the simulator: a call, an answer, a refusal.

An ``Answer`` is the outcome of an execution, a decline included: what it wrote stays. A ``Refusal``
is raised before anything was done (bad parameter, unknown object): nothing is written, and nothing
is remembered under the idempotency key, just as the real gateway does it.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# A Stripe object or error body: nested JSON, whose shape is the wire format's business.
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One decoded request. ``target`` is the id in its path."""

    op: str
    method: str
    path: str
    params: Body
    key: str | None = None
    target: str | None = None

    @property
    def payment(self) -> str | None:
        """Whose request its metadata says it is (only creations carry metadata)."""
        metadata = self.params.get("metadata")
        value = metadata.get("payment") if isinstance(metadata, dict) else None
        return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. ``wire`` names what happens to it on its way; None means it arrives."""

    status: int
    body: Body | str
    headers: Mapping[str, str] = field(default_factory=dict)
    intent: str | None = None
    payment: str | None = None
    executed: bool = False
    replayed: bool = False
    wire: str | None = None


class Refusal(Exception):
    """The gateway will not begin: ``status`` and Stripe's error body, and nothing is written."""

    def __init__(self, status: int, body: Body, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(body["error"].get("message"))
        self.answer = Answer(status, body, headers or {})


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"
