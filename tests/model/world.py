"""The state of the two-step protocols: our row, the gateway, two workers and the wire.

Everything is a tuple, so that a state is its own key. Waiting is not in it: a wait only delays, so
leaving it out keeps every order of events. Charges, intents and attempts are numbered from 1; 0 is
none. Attempts that no longer matter are dropped when the payment has ended.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

PAYMENT_FINAL = ("completed", "failed", "cancelled")

Key = tuple[str, int] | tuple[()]
# What was heard: "seen" with the intent's number, status, charge and decline; or only "unknown",
# "stored_error", "wrong_state", "rejected", "bad_card", "key_reused" or "strange".
Answer = tuple[Any, ...]


class Attempt(NamedTuple):
    status: str
    spent: bool = False  # the gateway stored an error under its key
    old: bool = False  # past resend_until
    baseline: int = 0
    card: int = 1


class Row(NamedTuple):
    """The payment with its attempts, as the database has it."""

    status: str = "pending"
    intent: int = 0
    create_key: int = 1
    cancel_key: int = 1
    latest: int = 0
    look: bool = False
    stop: str = ""  # "", "cancel" (asked for) or "fail"
    sent: bool = False
    card: int = 1
    attempts: tuple[Attempt, ...] = ()
    posts: int = 0


class Intent(NamedTuple):
    status: str = "open"  # open, action, processing, succeeded, canceled
    charge: int = 0
    decline: tuple[int, str] | tuple[()] = ()  # (charge, "hard" or "soft")


class Gateway(NamedTuple):
    intents: tuple[Intent, ...] = ()
    keys: tuple[tuple[Key, int, Answer], ...] = ()  # key, card of its body, answer
    charges: int = 0
    captures: int = 0


class Request(NamedTuple):
    op: str
    key: Key = ()
    intent: int = 0
    card: int = 0
    attempt: int = 0


class Worker(NamedTuple):
    place: str = "idle"  # idle, asking (committed; perhaps sent), answered (not yet recorded)
    lease: bool = False
    request: Request | tuple[()] = ()
    answer: Answer = ()


IDLE = Worker()


class Left(NamedTuple):
    """What may still go wrong or be meddled with. Each event takes one from its budget."""

    faults: int = 1  # lost, late, answer lost, repeated, stored error
    strange: int = 0  # refused by mistake (401, 404), another's intent, another amount
    crashes: int = 1
    steals: int = 1
    forgets: int = 1  # of keys by the gateway, at any time
    aging: int = 0  # every attempt so far passes its resend_until
    refusals: int = 1  # of the bank: soft, hard, authentication, unknown card, slow
    cancels: int = 0
    cards: int = 0
    deadlines: int = 0  # passes; passes by more than the grace
    looks: int = 0  # webhook, reconciliation or operator: look now


class State(NamedTuple):
    row: Row = Row()
    gateway: Gateway = Gateway()
    workers: tuple[Worker, Worker] = (IDLE, IDLE)
    late: tuple[Request, ...] = ()
    left: Left = Left()
    deadline: int = 0  # 1 passed, 2 passed by more than the grace


@dataclass(frozen=True, slots=True)
class Variant:
    """How a protocol of this family differs from M."""

    lease: bool = True
    create_key: bool = True
    id_written_once: bool = True
    guarded: bool = True
    # How a payment may end unpaid: "never", "at_once", or behind the "fence".
    ends: str = "fence"


VARIANTS = {
    "H": Variant(ends="never", create_key=False, id_written_once=False),
    "I": Variant(ends="never"),
    "J": Variant(ends="never", lease=False),
    "K": Variant(ends="never", guarded=False),
    "L": Variant(ends="at_once"),
    "M": Variant(),
    "M without a lease": Variant(lease=False),
}
# The bank's patience in the model. The code's is four; the shape is the same.
DECLINES_MAX = 2
