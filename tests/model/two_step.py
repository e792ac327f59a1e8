"""Protocols with an intent that is created first and confirmed later (H to M).

Two workers take turns at the same row. A turn is P (decide and commit), the request on the wire,
and R (record); between any two of these everything else may happen: the other worker's turn, a
crash, a request that arrives late, a forgotten key, a person who cancels.
"""

from collections.abc import Iterator
from typing import Any

from tests.model import gateway as bank
from tests.model import rows, surroundings
from tests.model.explorer import Move
from tests.model.reduction import reduced
from tests.model.surroundings import spent
from tests.model.world import (
    IDLE,
    PAYMENT_FINAL,
    Left,
    Request,
    State,
    Variant,
    Worker,
)

CANCEL_KEYS_MAX = 2


class TwoStep:
    """One payment, two workers, one gateway, and budgets for everything that may go wrong."""

    def __init__(
        self, variant: Variant, left: Left, *, refusals: tuple[str, ...] = bank.REFUSALS
    ) -> None:
        self.variant = variant
        self._left = left
        self._refusals = refusals

    def start(self) -> State:
        return State(left=self._left)

    def canonical(self, state: State) -> State:
        return reduced(state)

    def violations(self, state: State) -> Iterator[str]:
        row, captures = state.row, state.gateway.captures
        if captures > 1:
            yield "double capture"
        if row.posts > 1:
            yield "double ledger post"
        if row.status in ("failed", "cancelled") and captures:
            yield "money taken, recorded failed"
        if row.status == "completed" and not captures:
            yield "recorded as paid, nothing taken"
        if any(worker.answer == ("key_reused",) for worker in state.workers):
            yield "a key used for another question"

    def is_settled(self, state: State) -> bool:
        idle = all(worker.place == "idle" for worker in state.workers)
        captured = state.gateway.captures == 1
        ended = state.row.status in PAYMENT_FINAL
        return idle and ended and (state.row.status == "completed") == captured

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
        yield from self._late_requests(state)
        yield from surroundings.moves(state)

    def _decides(self, state: State, number: int) -> Iterator[Move]:
        if state.row.status in PAYMENT_FINAL:
            return
        op, _ = rows.decide(state.row, state.deadline)
        other = state.workers[1 - number]
        stolen = self.variant.lease and other.lease
        if op == "wait" or (stolen and not state.left.steals):
            return
        if op == "cancel" and self._bank_must_settle(state):
            return
        row, request = rows.begin(state.row, state.deadline)
        if request is None:
            yield Move((_who(number), "ends it without the gateway"), state._replace(row=row))
            return
        if not self.variant.create_key and op == "create":
            request = request._replace(key=())
        if stolen:
            state = _put(spent(state, "steals"), 1 - number, other._replace(lease=False))
        worker = Worker("asking", self.variant.lease, request)
        told = (_who(number), "(steals the lease)" if stolen else "", "decides:", _shown(request))
        yield Move(told, _put(state, number, worker, row=row), stolen, "decide")

    def _bank_must_settle(self, state: State) -> bool:
        # A cancel that meets a working bank is refused, and asked again under a new key once a look
        # has shown its end. Two refusals are enough to see; then the bank comes to its end first.
        status = state.gateway.intents[state.row.intent - 1].status
        return status == "processing" and state.row.cancel_key > CANCEL_KEYS_MAX

    def _asks(self, state: State, number: int) -> Iterator[Move]:
        request = _request(state.workers[number])
        told = (_who(number), "asks:", _shown(request))
        for done in bank.execute(state.gateway, request, self._refusals_left(state)):
            after = self._executed(state, done)
            heard = self._hears(after, number, done.answer)
            yield Move((*told, "->", done.answer), heard, step="ask")
            if state.left.faults:
                yield from self._loses_the_answer(after, number, done, told)
        if state.left.faults:
            yield from self._loses_the_request(state, number, told)
        if state.left.strange:
            odd = spent(state, "strange")
            for answer in (("rejected",), ("strange",)):
                yield Move((*told, "->", answer), self._hears(odd, number, answer), fault=True)

    def _loses_the_answer(
        self, after: State, number: int, done: bank.Execution, told: tuple[Any, ...]
    ) -> Iterator[Move]:
        request = _request(after.workers[number])
        lost = spent(after, "faults")
        told = (*told, "->", done.answer)
        yield Move((*told, "(answer lost)"), self._hears(lost, number, ("unknown",)), fault=True)
        again = self._hears(lost, number, done.answer)
        again = again._replace(late=_late(again, request))
        yield Move((*told, "(and sent twice)"), again, fault=True)

    def _loses_the_request(
        self, state: State, number: int, told: tuple[Any, ...]
    ) -> Iterator[Move]:
        request = _request(state.workers[number])
        lost = self._hears(spent(state, "faults"), number, ("unknown",))
        yield Move((*told, "(lost)"), lost, fault=True)
        if request.op != "get":
            late = lost._replace(late=_late(lost, request))
            yield Move((*told, "(gives up; still under way)"), late, fault=True)
        if request.key and not bank.knows(state.gateway, request):
            yield from self._stores_an_error(state, number, told)

    def _stores_an_error(self, state: State, number: int, told: tuple[Any, ...]) -> Iterator[Move]:
        """A 500 kept under the key, of a request that was executed or was not."""
        request = _request(state.workers[number])
        error = ("stored_error",)
        after = spent(state, "faults")
        refused = bank.remember(state.gateway, request, error)
        heard = self._hears(after._replace(gateway=refused), number, error)
        yield Move((*told, "-> 500, kept under the key"), heard, fault=True)
        unkeyed = request._replace(key=())
        for done in bank.execute(state.gateway, unkeyed, self._refusals_left(state)):
            kept = done._replace(gateway=bank.remember(done.gateway, request, error))
            heard = self._hears(self._executed(after, kept), number, error)
            yield Move((*told, "->", done.answer, "told as 500, kept"), heard, fault=True)

    def _records(self, state: State, number: int) -> Move:
        worker = state.workers[number]
        request, answer = _request(worker), worker.answer
        row = rows.record(self.variant, state.row, request, answer)
        after = _put(state, number, IDLE, row=row)
        if rows.is_orphan(row, request, answer):
            cancel = Request("cancel", ("orphan", answer[1]), answer[1])
            after = after._replace(late=_late(after, cancel))
        return Move((_who(number), "records:", answer, f"=> {row.status}"), after, step="record")

    def _crashes(self, state: State, number: int) -> Iterator[Move]:
        worker = state.workers[number]
        crashed = _put(spent(state, "crashes"), number, IDLE)
        yield Move((_who(number), "crashes"), crashed, fault=True)
        if worker.place == "asking" and _request(worker).op != "get":
            late = crashed._replace(late=_late(crashed, _request(worker)))
            yield Move((_who(number), "crashes; its request is under way"), late, fault=True)

    def _late_requests(self, state: State) -> Iterator[Move]:
        for request in sorted(set(state.late)):
            left = list(state.late)
            left.remove(request)
            rest = state._replace(late=tuple(left))
            for done in bank.execute(state.gateway, request, self._refusals_left(state)):
                told = ("late:", _shown(request), "->", done.answer)
                yield Move(told, self._executed(rest, done))

    def _refusals_left(self, state: State) -> tuple[str, ...]:
        return self._refusals if state.left.refusals else ()

    def _executed(self, state: State, done: bank.Execution) -> State:
        after = spent(state, "refusals") if done.refused else state
        return after._replace(gateway=done.gateway)

    def _hears(self, state: State, number: int, answer: tuple[Any, ...]) -> State:
        heard = state.workers[number]._replace(place="answered", answer=answer)
        return _put(state, number, heard)


def _who(number: int) -> str:
    return f"worker {number + 1}"


def _request(worker: Worker) -> Request:
    assert isinstance(worker.request, Request)
    return worker.request


def _shown(request: Request) -> str:
    key = ":".join(map(str, request.key))
    return f"{request.op} {request.intent or ''}" + (f"[key {key}]" if key else "")


def _put(state: State, number: int, worker: Worker, **values: Any) -> State:
    one, two = state.workers
    workers = (worker, two) if number == 0 else (one, worker)
    return state._replace(workers=workers, **values)


def _late(state: State, request: Request) -> tuple[Request, ...]:
    return tuple(sorted((*state.late, request)))
