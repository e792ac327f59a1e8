"""Three ways to charge that many systems use, each on the same queue, books and gateway.

Only the protocol differs from ``workers.PaymentProcessor``: the effects of a capture are those of
``services.settlement``, the queue is the same, and so is the gateway, by its one-step charge. The
composition root chooses one; production refuses them.
"""

from typing import Any

from payments_app.jobs import ProcessPayment
from payments_app.lab.processors.classroom import ClassroomProcessor
from payments_app.lab.processors.key_only import KeyOnlyProcessor
from payments_app.lab.processors.naive import NaiveProcessor
from payments_app.lab.processors.naive_events import NaiveBeliever
from payments_app.lab.processors.naive_refunds import NaiveRefunder
from payments_app.lab.processors.one_step import OneStepGateway
from queue_core import Worker

__all__ = ["NAMES", "PROCESSORS", "OneStepGateway", "build", "rivals"]

PROCESSORS: dict[str, type[NaiveProcessor | ClassroomProcessor | KeyOnlyProcessor]] = {
    "naive": NaiveProcessor,
    "classroom": ClassroomProcessor,
    "key-only": KeyOnlyProcessor,
}
NAMES = tuple(PROCESSORS)


def rivals(name: str, charges: OneStepGateway) -> list[Worker[Any]]:
    """Every worker that this processor has in place of ours. Raises KeyError."""
    beside: list[Worker[Any]] = [NaiveRefunder(charges), NaiveBeliever()]
    return [build(name, charges), *(beside if name == "naive" else [])]


def build(name: str, charges: OneStepGateway) -> Worker[ProcessPayment]:
    """The processor of this name. Raises KeyError for one that is not of the lab."""
    return PROCESSORS[name](charges)
