"""One simulator process for the whole folder, as new for every test; and its adapter."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any, TypeVar

import pytest
import requests

from payments_app.gateway.port import Instruction, IntentSeen, Op
from payments_app.gateway.stripe_adapter import StripeGateway
from tests.support.simulator import Simulator

T = TypeVar("T")

VISA = {"payment_method": "pm_card_visa"}


@pytest.fixture(scope="session")
def running_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("gateway")) as simulator:
        yield simulator


@pytest.fixture
def simulator(running_simulator: Simulator) -> Simulator:
    """A gateway without any history."""
    running_simulator.reset()
    return running_simulator


@pytest.fixture
def own_simulator(tmp_path: Path) -> Iterator[Simulator]:
    """A process of this test's own, to be killed."""
    with Simulator(tmp_path) as simulator:
        yield simulator


@pytest.fixture
def gateway(simulator: Simulator) -> StripeGateway:
    # Short enough to give a held connection up, long enough for a loaded machine to answer.
    return StripeGateway(simulator.url, simulator.api_key, read_timeout_s=1.5)


def instruction(op: Op, **given: Any) -> Instruction:
    return Instruction("req_1", op, **given)


def create(key: str = "pay:1:intent:1", payment: str = "pay_1", **params: Any) -> Instruction:
    body = {"amount": 1200, "currency": "eur", "metadata": {"payment": payment}, **params}
    return instruction(Op.CREATE_INTENT, key=key, params=body)


def confirm(intent: str, key: str = "att:1:confirm", card: str = "pm_card_visa") -> Instruction:
    params = {"payment_method": card}
    return instruction(Op.CONFIRM_INTENT, key=key, target=intent, params=params)


def an_intent(gateway: StripeGateway, payment: str = "pay_1", **params: Any) -> str:
    """The id of a new intent at the gateway."""
    seen = gateway.send(create(f"pay:{payment}:intent:1", payment, **params))
    assert isinstance(seen, IntentSeen), seen
    return seen.intent_id


def raw_intent(simulator: Simulator, payment: str = "pay_1", amount: int = 1200) -> str:
    form = {"amount": amount, "currency": "eur", "metadata[payment]": payment}
    return str(simulator.post("/v1/payment_intents", form).json()["id"])


def ask_confirm(simulator: Simulator, intent: str, key: str = "att:1") -> requests.Response | None:
    """The complete answer, or None when none came."""
    try:
        return simulator.post(f"/v1/payment_intents/{intent}/confirm", VISA, key=key)
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        return None


def strike(simulator: Simulator, do: str, **rule: object) -> None:
    simulator.faults([{"match": {"op": "confirm_intent"}, "do": do, **rule}])


def in_parallel(count: int, ask: Callable[[int], T]) -> list[T]:
    """``ask(0) … ask(count - 1)`` in as many threads, let loose at one moment."""
    barrier = Barrier(count)

    def at_once(number: int) -> T:
        barrier.wait(timeout=10)
        return ask(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(at_once, range(count)))
