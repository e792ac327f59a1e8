"""Protocols that charge in one request: the classroom's, keys, look-ups and voids (A to G).

Two workers share one job. Between reading the row and writing it, before sending, on the wire and
before recording, anything else may happen. The gateway's journal (``captures``) is the truth.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.model.explorer import Move


@dataclass(frozen=True, slots=True)
class Variant:
    """How a protocol of this family differs from its neighbours."""

    # What the request's key names: nothing, the payment, the try of the job, or an attempt row.
    key: str
    # None: look, then act, then write. False: decide under lock, write blindly. True: guarded.
    guarded: bool | None
    on_silence: str  # "failed", "again", "look_up" or "void"
    keys_forgotten: bool = False


VARIANTS = {
    "A": Variant(key="payment", guarded=None, on_silence="failed"),
    "B": Variant(key="", guarded=None, on_silence="failed"),
    "C": Variant(key="try", guarded=False, on_silence="again"),
    "D": Variant(key="payment", guarded=True, on_silence="again"),
    "E": Variant(key="payment", guarded=True, on_silence="again", keys_forgotten=True),
    "F": Variant(key="attempt", guarded=True, on_silence="look_up"),
    "G": Variant(key="attempt", guarded=True, on_silence="void"),
    "G, tombstones forgotten": Variant(
        key="attempt", guarded=True, on_silence="void", keys_forgotten=True
    ),
}

FINAL = ("completed", "failed")
# More attempts than the budgets of faults can use up.
NUMBER_MAX = 8


class Worker(NamedTuple):
    place: str = "idle"  # idle, read (saw "pending", has not written), asking, answered
    lease: bool = False
    op: str = ""
    key: int = 0
    answer: str = ""


IDLE = Worker()


class State(NamedTuple):
    status: str = "pending"
    number: int = 1  # of the try or attempt that a new key would name
    sent: bool = False  # the attempt may have been sent
    posts: int = 0
    captures: int = 0
    keys: tuple[tuple[int, str], ...] = ()  # what the gateway remembers: captured, declined, void
    workers: tuple[Worker, Worker] = (IDLE, IDLE)
    late: tuple[int, ...] = ()  # keys of charges whose sender has given up
    faults: int = 1
    crashes: int = 1
    steals: int = 1
    forgets: int = 1
    declines: int = 1


class OneStep:
    """One payment, two workers, and a gateway that charges on request."""

    def __init__(self, variant: Variant, *, faults: int = 1, crashes: int = 1) -> None:
        self.variant = variant
        self._faults, self._crash_budget = faults, crashes

    def start(self) -> State:
        forgets = 1 if self.variant.keys_forgotten else 0
        return State(faults=self._faults, crashes=self._crash_budget, forgets=forgets)

    def canonical(self, state: State) -> State:
        one, two = state.workers
        return state if one <= two else state._replace(workers=(two, one))

    def violations(self, state: State) -> Iterator[str]:
        if state.captures > 1:
            yield "double capture"
        if state.posts > 1:
            yield "double ledger post"
        if state.status == "failed" and state.captures:
            yield "money taken, recorded failed"

    def is_settled(self, state: State) -> bool:
        idle = all(worker.place == "idle" for worker in state.workers)
        return idle and state.status == ("completed" if state.captures else "failed")

    def moves(self, state: State) -> Iterator[Move]:
        for number, worker in enumerate(state.workers):
            who = f"worker {number + 1}:"
            match worker.place:
                case "idle":
                    yield from self._claims(state, number, who)
                case "read":
                    told = (who, "marks it processing")
                    asking = worker._replace(place="asking")
                    yield Move(told, _put(state, number, asking, status="processing", sent=True))
                case "asking":
                    yield from self._asks(state, number, who)
                case "answered":
                    yield self._records(state, number, who)
            if worker.place != "idle" and state.crashes:
                yield from self._crashes_now(state, number, who)
        yield from self._gateway_alone(state)

    def _crashes_now(self, state: State, number: int, who: str) -> Iterator[Move]:
        worker = state.workers[number]
        crashed = _put(state, number, IDLE, crashes=state.crashes - 1)
        yield Move((who, "crashes"), crashed, fault=True)
        if worker.place == "asking" and worker.op == "charge":
            told = (who, "crashes;", worker.op, "still under way")
            yield Move(told, crashed._replace(late=_sent(crashed, worker.key)), fault=True)

    def _claims(self, state: State, number: int, who: str) -> Iterator[Move]:
        other = state.workers[1 - number]
        stolen = other.lease
        if (stolen and not state.steals) or self._nothing_to_do(state):
            return
        if stolen:
            state = _put(state, 1 - number, other._replace(lease=False), steals=state.steals - 1)
        verb = "steals the lease," if stolen else "claims,"
        if self.variant.guarded is None:
            worker = Worker("read", lease=True, op="charge", key=1)
            yield Move((who, verb, "reads pending"), _put(state, number, worker), fault=stolen)
            return
        op, after = self._decides(state)
        worker = Worker("asking", lease=True, op=op, key=self._key(after))
        told = (who, verb, f"will {op} under key {worker.key}")
        yield Move(told, _put(after, number, worker, sent=True), fault=stolen)

    def _nothing_to_do(self, state: State) -> bool:
        # The classroom snoozes on "processing" and matches no branch on "failed".
        return state.status in FINAL or (self.variant.guarded is None and state.status != "pending")

    def _decides(self, state: State) -> tuple[str, State]:
        state = state._replace(status="processing")
        if not state.sent:
            return "charge", state
        match self.variant.on_silence, self.variant.key:
            case "again", "try":
                # Bounded: enough tries to see what a new key for each of them does.
                return "charge", state._replace(number=min(state.number + 1, NUMBER_MAX))
            case "again", _:
                return "charge", state
            case how, _:
                return how, state

    def _key(self, state: State) -> int:
        return state.number if self.variant.key in ("try", "attempt") else 1

    def _asks(self, state: State, number: int, who: str) -> Iterator[Move]:
        worker = state.workers[number]
        for after, answer in self._execute(state, worker.op, worker.key):
            heard = worker._replace(place="answered", answer=answer)
            yield Move((who, worker.op, "->", answer), _put(after, number, heard))
            if state.faults:
                silent = worker._replace(place="answered", answer="silence")
                lost = _put(after, number, silent, faults=state.faults - 1)
                yield Move((who, worker.op, "->", answer, "(answer lost)"), lost, fault=True)
        if not state.faults:
            return
        silent = worker._replace(place="answered", answer="silence")
        lost = _put(state, number, silent, faults=state.faults - 1)
        yield Move((who, worker.op, "is lost on the way"), lost, fault=True)
        if worker.op == "charge":
            late = lost._replace(late=_sent(lost, worker.key))
            yield Move((who, "gives up waiting;", worker.op, "still under way"), late, fault=True)

    def _execute(self, state: State, op: str, key: int) -> Iterator[tuple[State, str]]:
        known = dict(state.keys).get(key) if self.variant.key else None
        if op == "look_up":
            yield state, known or "404"
        elif op == "void":
            yield (state, known) if known == "captured" else (_remember(state, key, "void"), "void")
        elif known is not None:
            # Deduplicated by reference, the classroom's gateway says so; a key gives the answer.
            yield state, known
        else:
            captured = state._replace(captures=state.captures + 1)
            yield _remember(captured, key, "captured"), "captured"
            if state.declines:
                declined = state._replace(declines=state.declines - 1)
                # A gateway that dedupes by reference remembers only what it charged.
                stored = self.variant.guarded is not None
                yield (_remember(declined, key, "declined") if stored else declined), "declined"

    def _records(self, state: State, number: int, who: str) -> Move:
        worker = state.workers[number]
        answer = worker.answer
        state = _put(state, number, IDLE)
        told = (who, "records", answer)
        # Guarded: an answer about an older attempt cannot decide, unless the money has moved.
        outdated = worker.key != self._key(state) and answer != "captured"
        if self.variant.guarded and (state.status in FINAL or outdated):
            return Move(told, state)
        match answer:
            case "captured":
                return Move(told, state._replace(status="completed", posts=state.posts + 1))
            case "declined":
                return Move(told, state._replace(status="failed"))
            case "silence" if self.variant.on_silence == "failed":
                return Move((*told, "as failed"), state._replace(status="failed"))
            case "404" | "void" if state.number < NUMBER_MAX:
                return Move(told, state._replace(number=state.number + 1, sent=False))
        return Move(told, state)

    def _gateway_alone(self, state: State) -> Iterator[Move]:
        for key in sorted(set(state.late)):
            left = list(state.late)
            left.remove(key)
            rest = state._replace(late=tuple(left))
            for after, answer in self._execute(rest, "charge", key):
                yield Move(("gateway: a late charge under key", key, "->", answer), after)
        if state.forgets:
            for entry in state.keys:
                if self.variant.on_silence == "void" and entry[1] != "void":
                    continue  # Its charges are kept: only what stands for "never" is lost.
                kept = tuple(other for other in state.keys if other != entry)
                forgotten = state._replace(keys=kept, forgets=0)
                yield Move(("gateway: forgets key", entry[0]), forgotten, fault=True)


def _put(state: State, number: int, worker: Worker, **values: Any) -> State:
    one, two = state.workers
    workers = (worker, two) if number == 0 else (one, worker)
    return state._replace(workers=workers, **values)


def _sent(state: State, key: int) -> tuple[int, ...]:
    return tuple(sorted((*state.late, key)))


def _remember(state: State, key: int, outcome: str) -> State:
    known = dict(state.keys) | {key: outcome}
    return state._replace(keys=tuple(sorted(known.items())))
