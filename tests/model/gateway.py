"""The gateway of the model: keys in front of the state machine of an intent.

An intent succeeds once and a cancelled one never does; that is all that money relies on. Keys only
make answers repeatable, and may be forgotten at any time.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tests.model.world import Answer, Gateway, Intent, Request

# What the bank may say instead of yes, and what becomes of the intent.
REFUSALS = ("soft", "hard", "chargeless", "action", "processing", "bad_card")


class Execution(NamedTuple):
    gateway: Gateway
    answer: Answer
    refused: bool = False  # the bank used up one of its refusals


def execute(gateway: Gateway, request: Request, refusals: tuple[str, ...]) -> Iterator[Execution]:
    """All that may come of a request that has arrived."""
    stored = _stored(gateway, request)
    if stored is not None:
        yield Execution(gateway, stored)
        return
    for done in _perform(gateway, request, refusals):
        yield done._replace(gateway=remember(done.gateway, request, done.answer))


def remember(gateway: Gateway, request: Request, answer: Answer) -> Gateway:
    # A card that does not exist fails validation, and nothing is stored for that.
    if not request.key or answer == ("bad_card",):
        return gateway
    keys = (*gateway.keys, (request.key, request.card, answer))
    return gateway._replace(keys=tuple(sorted(keys)))


def knows(gateway: Gateway, request: Request) -> bool:
    return _stored(gateway, request) is not None


def settle(gateway: Gateway, number: int, *, refused: bool) -> Gateway:
    """A bank that was still working says yes or no."""
    intent = gateway.intents[number - 1]
    if refused:
        return _put(gateway, number, Intent("open", intent.charge, (intent.charge, "soft")))
    captured = gateway._replace(captures=gateway.captures + 1)
    return _put(captured, number, Intent("succeeded", intent.charge))


def _stored(gateway: Gateway, request: Request) -> Answer | None:
    for key, card, answer in gateway.keys:
        if key == request.key:
            return answer if card == request.card else ("key_reused",)
    return None


def _perform(gateway: Gateway, request: Request, refusals: tuple[str, ...]) -> Iterator[Execution]:
    if request.op == "create":
        made = gateway._replace(intents=(*gateway.intents, Intent()))
        yield _shown(made, len(made.intents))
        return
    number, intent = request.intent, gateway.intents[request.intent - 1]
    may_move = intent.status in ("open", "action")
    if request.op == "get":
        yield _shown(gateway, number)
    elif not may_move:
        yield Execution(gateway, ("wrong_state",))
    elif request.op == "cancel":
        yield _shown(_put(gateway, number, intent._replace(status="canceled")), number)
    else:
        yield from _confirm(gateway, number, intent, refusals)


def _confirm(
    gateway: Gateway, number: int, intent: Intent, refusals: tuple[str, ...]
) -> Iterator[Execution]:
    charge = gateway.charges + 1
    asked = gateway._replace(charges=charge)
    captured = asked._replace(captures=gateway.captures + 1)
    yield _shown(_put(captured, number, Intent("succeeded", charge)), number)
    for refusal in refusals:
        match refusal:
            case "soft" | "hard":
                declined = _put(asked, number, Intent("open", charge, (charge, refusal)))
                yield _shown(declined, number, refused=True)
            case "chargeless":
                # Refused before a charge was made: the decline names none.
                declined = _put(gateway, number, Intent("open", intent.charge, (0, "soft")))
                yield _shown(declined, number, refused=True)
            case "processing":
                slow = _put(asked, number, Intent("processing", charge))
                yield _shown(slow, number, refused=True)
            case "action":
                moved = _put(gateway, number, intent._replace(status="action"))
                yield _shown(moved, number, refused=True)
            case "bad_card":
                yield Execution(gateway, ("bad_card",), refused=True)


def _put(gateway: Gateway, number: int, intent: Intent) -> Gateway:
    intents = (*gateway.intents[: number - 1], intent, *gateway.intents[number:])
    return gateway._replace(intents=intents)


def _shown(gateway: Gateway, number: int, *, refused: bool = False) -> Execution:
    intent = gateway.intents[number - 1]
    answer = ("seen", number, intent.status, intent.charge, intent.decline)
    return Execution(gateway, answer, refused)
