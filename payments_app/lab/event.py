"""One thing that happened in a run, as it is stored, streamed and drawn.

The list of events is the only source of the picture: whoever draws it adds nothing. ``seq`` counts
from 1 without gaps, in the order of ``at_ms``, and never changes: a viewer that lost the stream
asks for what comes after the last one that it has, and leaves out what it has already.
"""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Lane(StrEnum):
    """The columns of the picture, from left to right."""

    CUSTOMER = "customer"
    WORKER_A = "worker-a"
    WORKER_B = "worker-b"
    GATEWAY = "gateway"
    BOOKS = "books"


LANES: tuple[tuple[Lane, str], ...] = (
    (Lane.CUSTOMER, "Customer"),
    (Lane.WORKER_A, "Worker A"),
    (Lane.WORKER_B, "Worker B"),
    (Lane.GATEWAY, "Gateway"),
    (Lane.BOOKS, "Our books"),
)

# kind → what it marks. The kinds are an interface: pages choose shapes and colours by them.
KINDS: dict[str, str] = {
    "request": "somebody asks our application for something",
    "answer": "what our application said to it",
    "job": "a job was inserted, taken, put back or ended",
    "lease": "the right to run a job changed hands",
    "hold": "a worker was held at a named point, so that the fault meets it there",
    "release": "it was let go on",
    "kill": "a worker process was ended with SIGKILL",
    "freeze": "a machine was stopped with SIGSTOP",
    "wake": "it runs again (SIGCONT)",
    "call": "a worker asks the gateway; from, to",
    "reply": "an answer of the gateway on its way; from, to; lost: it never came",
    "capture": "the gateway took money",
    "refund": "the gateway gave money back",
    "replay": "the gateway knew the key and repeated its first answer",
    "refused": "the gateway refused, or executed nothing",
    "declined": "the bank said no",
    "fault": "the gateway, the network or the database misbehaved on purpose",
    "webhook": "the gateway told us something by itself",
    "move": "a row of ours changed its state; committed",
    "ledger": "a posting; committed",
    "mail": "a mail was queued or sent",
    "clock": "time passes at the gateway",
    "note": "what else is worth a line",
    "verdict": "what became of the money",
}


@dataclass(frozen=True, slots=True)
class Event:
    """``text`` is one sentence that needs no picture; ``detail`` is the raw material of the row."""

    seq: int
    at_ms: int
    lane: str
    kind: str
    text: str
    detail: dict[str, Any] = field(default_factory=dict)
    # Messages go from a lane to a lane; a lost one never arrived.
    source: str | None = None
    target: str | None = None
    lost: bool = False

    def as_json(self) -> dict[str, Any]:
        values = asdict(self)
        values["from"], values["to"] = values.pop("source"), values.pop("target")
        return values


@dataclass(frozen=True, slots=True)
class Seen:
    """An event before it has its number: when it happened, by the machine's monotonic clock."""

    at_s: float
    lane: str
    kind: str
    text: str
    detail: dict[str, Any] = field(default_factory=dict)
    source: str | None = None
    target: str | None = None
    lost: bool = False
