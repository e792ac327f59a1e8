"""The queue delivers at least once: the same job twice, or to two workers at the same time."""

from payments_app.lab.scenario import ONCE, TWICE, Hold, Scenario
from payments_app.lab.stage import Stage


def inserted_twice(stage: Stage) -> None:
    payment_id = stage.shop.pay()
    stage.shop.enqueue_again(payment_id, "The same job is inserted a second time.")
    first = stage.held("decided")
    second = stage.held("decided", but=first)
    stage.release_in_any_order(first, second)


def stolen_lease(stage: Stage) -> None:
    stage.shop.pay()
    zombie = stage.held("decided")
    stage.freeze(zombie)
    heir = stage.held("decided", but=zombie)
    stage.release(zombie)
    stage.wake(zombie)
    stage.release(heir)


TWICE_INSERTED = Scenario(
    id="duplicate-job",
    number=4,
    title="The job is inserted twice",
    question=(
        "A caller enqueues the same payment twice, and two workers take the two jobs in the same"
        " moment. Both look before either acts. How much will the customer pay?"
    ),
    story=inserted_twice,
    holds=(Hold("decided", each=True),),
    expected={"naive": TWICE, "classroom": TWICE, "key-only": ONCE, "idempotent": ONCE},
    why={
        "naive": "Each job charges: nothing connects the two.",
        "classroom": "Both looked while the status was “pending”. To look and then to act is two"
        " steps, and the other one was between them.",
        "key-only": "Both calls carry the same key, so the gateway executes one of them.",
        "idempotent": "Both workers may confirm the same intent, and an intent succeeds once. The"
        " row lock lets one record it; the other finds the payment completed.",
    },
    code={
        "naive": "naive.call",
        "classroom": "classroom.look",
        "key-only": "key_only.call",
        "idempotent": "ours.write_once",
    },
)

STOLEN_LEASE = Scenario(
    id="stolen-lease",
    number=5,
    title="Two workers, one job: a zombie wakes up",
    question=(
        "Worker A has decided to charge, and its machine stands still. Its lease runs out, worker B"
        " takes the job over and decides to charge too. Then A wakes up, and believes that no time"
        " has passed. How much will the customer pay?"
    ),
    story=stolen_lease,
    lease_s=2.0,
    holds=(Hold("decided", each=True),),
    expected={"naive": TWICE, "classroom": TWICE, "key-only": ONCE, "idempotent": ONCE},
    why={
        "naive": "A lease does not reach into a worker that believes it still has it. Both charge.",
        "classroom": "Both had seen “pending” before either wrote “processing”.",
        "key-only": "Both calls carry the same key, so the gateway executes one of them.",
        "idempotent": "Both ask for the same intent under the same key. Its id is written once, and"
        " it can succeed once: the lease saves work, it is not what makes this safe.",
    },
    code={
        "naive": "naive.call",
        "classroom": "classroom.look",
        "key-only": "key_only.call",
        "idempotent": "ours.write_once",
    },
)

SCENARIOS = (TWICE_INSERTED, STOLEN_LEASE)
