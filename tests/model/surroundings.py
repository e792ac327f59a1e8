"""What happens around the workers: the bank makes up its mind, keys and time pass, people act."""

from collections.abc import Iterator

from tests.model import gateway as bank
from tests.model.explorer import Move
from tests.model.world import PAYMENT_FINAL, State


def moves(state: State) -> Iterator[Move]:
    yield from _bank_settles(state)
    yield from _time_and_keys(state)
    if state.row.status not in PAYMENT_FINAL:
        yield from _people(state)


def spent(state: State, budget: str) -> State:
    """The state with one less of what may still happen."""
    left = state.left
    return state._replace(left=left._replace(**{budget: getattr(left, budget) - 1}))


def _bank_settles(state: State) -> Iterator[Move]:
    for number, intent in enumerate(state.gateway.intents, start=1):
        if intent.status != "processing":
            continue
        yes = bank.settle(state.gateway, number, refused=False)
        yield Move(("bank: the slow charge succeeds",), state._replace(gateway=yes))
        if state.left.refusals:
            no = bank.settle(state.gateway, number, refused=True)
            after = spent(state, "refusals")._replace(gateway=no)
            yield Move(("bank: the slow charge is declined",), after)


def _time_and_keys(state: State) -> Iterator[Move]:
    left, row = state.left, state.row
    if left.forgets:
        for entry in state.gateway.keys:
            kept = tuple(other for other in state.gateway.keys if other != entry)
            forgotten = state.gateway._replace(keys=kept)
            after = spent(state, "forgets")._replace(gateway=forgotten)
            yield Move(("gateway: forgets the key", *entry[0]), after, fault=True)
    if row.status in PAYMENT_FINAL:
        return
    if left.deadlines:
        passed = spent(state, "deadlines")._replace(deadline=state.deadline + 1)
        yield Move(("time: the deadline passes",), passed, fault=True)
    if left.aging and any(not attempt.old for attempt in row.attempts):
        aged = row._replace(attempts=tuple(a._replace(old=True) for a in row.attempts))
        old = spent(state, "aging")._replace(row=aged)
        yield Move(("time: keys grow too old to be trusted",), old, fault=True)


def _people(state: State) -> Iterator[Move]:
    left, row = state.left, state.row
    in_review = row.status == "needs_review"
    stopped = row._replace(stop=row.stop or "cancel")
    if in_review:
        resumed = stopped._replace(status="processing", look=bool(row.intent))
        yield Move(("person: decides that it shall end",), state._replace(row=resumed))
    elif left.cancels and not row.stop:
        cancelled = spent(state, "cancels")._replace(row=stopped)
        yield Move(("person: cancels",), cancelled, fault=True)
    waiting = row.attempts and row.attempts[-1].status == "declined" and not row.stop
    if left.cards and row.status == "processing" and waiting:
        other = spent(state, "cards")._replace(row=row._replace(card=row.card + 1))
        yield Move(("person: gives another card",), other, fault=True)
    if left.looks and row.intent and not row.look:
        look = spent(state, "looks")._replace(row=row._replace(look=True))
        yield Move(("webhook: look again",), look, fault=True)
