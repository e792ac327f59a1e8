"""Refunds of one captured payment: creating one moves the money, and there is no fence.

Two workers, two refunds one after the other, and the same meddling as for payments. What is safe
depends on two assumptions, and the model can drop each: that a request does not live longer than
the quiet time before a list, and that the gateway keeps a key until our ``resend_until``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.model import refund_rows as rows
from tests.model.explorer import Move
from tests.model.refund_rows import REFUND_FINAL, Answer, Refund, Request, Variant
from tests.model.refund_world import IDLE, REFUNDS_MAX, Left, State, Worker, execute, spent


@dataclass(frozen=True, slots=True)
class Assumptions:
    requests_end: bool = True
    keys_are_kept: bool = True


class Refunds:
    """One payment that was captured, and the refunds of its halves."""

    def __init__(
        self,
        left: Left,
        variant: Variant | None = None,
        assumptions: Assumptions | None = None,
        *,
        refunds_max: int = REFUNDS_MAX,
    ) -> None:
        self.variant = variant or Variant()
        self.assumptions = assumptions or Assumptions()
        self._left = left
        self._refunds_max = refunds_max

    def start(self) -> State:
        return State(left=self._left)

    def canonical(self, state: State) -> State:
        one, two = state.workers
        return state if one <= two else state._replace(workers=(two, one))

    def violations(self, state: State) -> Iterator[str]:
        for number, row in enumerate(state.refunds):
            moved = [status for ours, status in state.made if ours == number and status != "failed"]
            if len(moved) > 1:
                yield "double refund"
            if row.status == "failed" and moved:
                yield "money sent back, recorded failed"
            if row.status == "completed" and moved != ["succeeded"] and len(moved) < 2:
                yield "recorded as refunded, nothing moved"

    def is_settled(self, state: State) -> bool:
        if any(worker.place != "idle" for worker in state.workers):
            return False
        row = state.refunds[-1]
        # A person decides about a key that grew too old, or after an answer that makes no sense.
        for_a_person = row.status == "needs_review" and (row.old or state.confused)
        return row.status in REFUND_FINAL or for_a_person

    def moves(self, state: State) -> Iterator[Move]:
        for number, worker in enumerate(state.workers):
            match worker.place:
                case "idle":
                    yield from self._decides(state, number)
                case "asking":
                    yield from self._asks(state, number)
                case "answered":
                    yield self._records(state, number)
            if worker.place != "idle" and state.left.crashes:
                yield from self._crashes(state, number)
        for request in sorted(set(state.late)):
            rest = state._replace(late=_without(state.late, request))
            for after, answer in execute(rest, request):
                yield Move(("late:", _shown(request), "->", *answer), after)
        yield from self._around(state)

    def _decides(self, state: State, number: int) -> Iterator[Move]:
        current = len(state.refunds) - 1
        row, other = state.refunds[current], state.workers[1 - number]
        if row.status in REFUND_FINAL or (other.lease and not state.left.steals):
            return
        op = rows.decide(row, self.variant)
        if op == "list" and not self._may_list(state, current):
            return
        stolen = other.lease and op != "park"
        if stolen:
            state = _put(spent(state, "steals"), 1 - number, other._replace(lease=False))
        begun = _with_refund(state, current, rows.begin(row, op))
        if op == "park":
            yield Move((_who(number), "parks it for a person"), begun)
            return
        key = row.sends * REFUNDS_MAX + current if self.variant.new_key else current
        request = Request(op, current, key if op == "create" else 0, begun.refunds[current].turn)
        told = (_who(number), "(steals the lease)" if stolen else "", "decides:", _shown(request))
        yield Move(told, _put(begun, number, Worker("asking", True, request)), stolen, "decide")

    def _may_list(self, state: State, refund: int) -> bool:
        """Whether twice the longest life of a request has passed, where that is waited for."""
        must_wait = rows.needs_quiet(state.refunds[refund], self.variant)
        if not must_wait or not self.assumptions.requests_end:
            return True
        return not any(request.op == "create" for request in _under_way(state, refund))

    def _asks(self, state: State, number: int) -> Iterator[Move]:
        request = _request(state.workers[number])
        told = (_who(number), "asks:", _shown(request))
        faults = state.left.faults
        lost = spent(state, "faults") if faults else state
        for after, answer in execute(state, request):
            yield Move((*told, "->", *answer), _hears(after, number, answer), step="ask")
            if faults:
                silent = _hears(spent(after, "faults"), number, ("unknown",))
                yield Move((*told, "->", *answer, "(answer lost)"), silent, fault=True)
        if faults:
            yield Move((*told, "(lost)"), _hears(lost, number, ("unknown",)), fault=True)
            if request.op == "create":
                late = lost._replace(late=_with(lost.late, request))
                silent = _hears(late, number, ("unknown",))
                yield Move((*told, "(gives up; still under way)"), silent, fault=True)
                busy = _hears(late, number, ("in_use",))
                yield Move((*told, "-> 409, another copy is under way"), busy, fault=True)
                limited = _hears(lost, number, ("limited",))
                yield Move((*told, "-> 429"), limited, fault=True)
        if state.left.strange:
            odd = spent(state, "strange")._replace(confused=True)
            yield Move((*told, "-> rejected"), _hears(odd, number, ("rejected",)), fault=True)

    def _records(self, state: State, number: int) -> Move:
        worker = state.workers[number]
        request = _request(worker)
        row = rows.record(state.refunds[request.refund], request, worker.answer, self.variant)
        after = _put(_with_refund(state, request.refund, row), number, IDLE)
        return Move(
            (_who(number), "records:", *worker.answer, f"=> {row.status}"), after, step="record"
        )

    def _crashes(self, state: State, number: int) -> Iterator[Move]:
        worker = state.workers[number]
        crashed = _put(spent(state, "crashes"), number, IDLE)
        yield Move((_who(number), "crashes"), crashed, fault=True)
        if worker.place == "asking" and _request(worker).op == "create":
            late = crashed._replace(late=_with(crashed.late, _request(worker)))
            yield Move((_who(number), "crashes; its request is under way"), late, fault=True)

    def _around(self, state: State) -> Iterator[Move]:
        current = len(state.refunds) - 1
        row = state.refunds[current]
        if row.status in REFUND_FINAL and len(state.refunds) < self._refunds_max:
            another = state._replace(refunds=(*state.refunds, Refund()))
            yield Move(("person: asks for another refund",), another, fault=True)
        if state.left.aging and row.sends and not row.old and row.status not in REFUND_FINAL:
            aged = _with_refund(spent(state, "aging"), current, row._replace(old=True))
            yield Move(("time: the key grows too old to be trusted",), aged, fault=True)
        for index, (ours, status) in enumerate(state.made):
            if status == "pending":
                for end in ("succeeded", "failed"):
                    made = (*state.made[:index], (ours, end), *state.made[index + 1 :])
                    settled = state._replace(made=tuple(sorted(made)))
                    yield Move(("gateway: the pending refund has", end), settled)
        for entry in state.keys if state.left.forgets else ():
            if self._may_forget(state, entry[1]):
                kept = tuple(other for other in state.keys if other != entry)
                forgotten = spent(state, "forgets")._replace(keys=kept)
                yield Move(
                    ("gateway: forgets the key of refund", entry[1] + 1), forgotten, fault=True
                )

    def _may_forget(self, state: State, refund: int) -> bool:
        if not self.assumptions.keys_are_kept:
            return True
        # Past resend_until; and no request lives for a day.
        row = state.refunds[refund]
        return row.old and not any(r.op == "create" for r in _under_way(state, refund))


def _under_way(state: State, refund: int) -> list[Request]:
    asked = [w.request for w in state.workers if w.place == "asking" and w.request]
    return [request for request in (*asked, *state.late) if request.refund == refund]


def _request(worker: Worker) -> Request:
    assert isinstance(worker.request, Request)
    return worker.request


def _hears(state: State, number: int, answer: Answer) -> State:
    return _put(state, number, state.workers[number]._replace(place="answered", answer=answer))


def _put(state: State, number: int, worker: Worker) -> State:
    one, two = state.workers
    return state._replace(workers=(worker, two) if number == 0 else (one, worker))


def _with_refund(state: State, number: int, row: Refund) -> State:
    refunds = (*state.refunds[:number], row, *state.refunds[number + 1 :])
    return state._replace(refunds=refunds)


def _with(late: tuple[Request, ...], request: Request) -> tuple[Request, ...]:
    return tuple(sorted((*late, request)))


def _without(late: tuple[Request, ...], request: Request) -> tuple[Request, ...]:
    left = list(late)
    left.remove(request)
    return tuple(left)


def _who(number: int) -> str:
    return f"worker {number + 1}"


def _shown(request: Request) -> str:
    return f"{request.op} refund {request.refund + 1}"
