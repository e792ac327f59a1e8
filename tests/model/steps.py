"""The steps of a worker of the model, and the checkpoints of the code that each of them passes.

A crash in the model happens in a place; ``KILLED_AT`` says in which place a real worker stands
when it is killed at a checkpoint. Before a commit that is the place before, since the transaction
is rolled back: a payment's next step is decided in the transaction that records the answer, so a
worker killed while it decides stands either where it stood idle or with the answer in its hands.

In the model each of the two is a step of its own, between which anything may happen. The code does
the second at once, which is one of the orders that the model explores.
"""

from typing import NamedTuple


class Step(NamedTuple):
    method: str  # of the worker's class, which reaches the checkpoints in this order
    checkpoints: tuple[str, str]


def steps_of(subject: str) -> dict[str, Step]:
    # A payment's worker asks in a loop of its own steps, a refund's in one long one.
    asking = "_ask" if subject == "payment" else "perform"
    return {
        "decide": Step("_decide", (f"{subject}.locked", f"{subject}.decided")),
        "ask": Step(asking, (f"{subject}.sending", f"{subject}.answered")),
        "record": Step("_record", (f"{subject}.observed", f"{subject}.recorded")),
    }


KILLED_AT = {
    "locked": "idle",
    "decided": "idle",  # reached before the commit: nothing was intended
    "sending": "asking",  # the request is lost; killed while it waits, it may be under way
    "answered": "answered",
    "observed": "answered",  # reached before the commit: nothing was recorded
    "recorded": "idle",
}
