"""The state of the refund protocols, and the gateway that moves money on request."""

from collections.abc import Iterator
from typing import NamedTuple

from tests.model.refund_rows import Answer, Refund, Request

# Halves of one payment: the gateway's cap allows no more.
REFUNDS_MAX = 2


class Worker(NamedTuple):
    place: str = "idle"
    lease: bool = False
    request: Request | tuple[()] = ()
    answer: Answer = ()


IDLE = Worker()


class Left(NamedTuple):
    faults: int = 1
    crashes: int = 1
    steals: int = 1
    forgets: int = 1
    aging: int = 1
    refusals: int = 1
    pendings: int = 0
    strange: int = 0


class State(NamedTuple):
    refunds: tuple[Refund, ...] = (Refund(),)
    # At the gateway: for each of its refunds, ours and how it stands; what it keeps under a key.
    made: tuple[tuple[int, str], ...] = ()
    keys: tuple[tuple[int, int, Answer], ...] = ()
    workers: tuple[Worker, Worker] = (IDLE, IDLE)
    late: tuple[Request, ...] = ()
    left: Left = Left()
    confused: bool = False  # an answer said that our request or account is wrong


def execute(state: State, request: Request) -> Iterator[tuple[State, Answer]]:
    """All that may come of a request that has arrived."""
    ours = [status for refund, status in state.made if refund == request.refund]
    if request.op in ("get", "list"):
        shown = next((status for status in reversed(ours)), "")
        yield state, ("seen" if request.op == "get" else "listed", shown)
        return
    stored = next((answer for key, _, answer in state.keys if key == request.key), None)
    if stored is not None:
        yield state, stored
        return
    if sum(status != "failed" for _, status in state.made) >= REFUNDS_MAX:
        # The gateway's own cap: nothing is left to send back. Refused without being stored.
        yield state, ("refused",)
        return
    outcomes = ["succeeded", *(["pending"] if state.left.pendings else [])]
    for outcome in outcomes:
        made = tuple(sorted((*state.made, (request.refund, outcome))))
        after = _stored(state._replace(made=made), request, ("seen", outcome))
        yield (spent(after, "pendings") if outcome == "pending" else after), ("seen", outcome)
    if state.left.refusals:
        yield _stored(spent(state, "refusals"), request, ("refused",)), ("refused",)


def spent(state: State, budget: str) -> State:
    left = state.left
    return state._replace(left=left._replace(**{budget: getattr(left, budget) - 1}))


def _stored(state: State, request: Request, answer: Answer) -> State:
    entry = (request.key, request.refund, answer)
    return state._replace(keys=tuple(sorted((*state.keys, entry))))
