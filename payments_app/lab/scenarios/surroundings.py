"""What surrounds a charge fails: webhooks come in a heap, refunds race, the database goes away."""

from payments_app.lab import requests
from payments_app.lab.mailbox import Mailbox
from payments_app.lab.rest import rest
from payments_app.lab.scenario import (
    NEVER_KNOWN,
    ONCE,
    TWICE,
    Expected,
    Hold,
    Prediction,
    Scenario,
)
from payments_app.lab.shop import AMOUNT_MINOR
from payments_app.lab.stage import DidNotHappen, Stage

COPIES = 5
REFUND_MINOR = 6_000


def webhook_storm(stage: Stage) -> None:
    with Mailbox(stage.shop, ours=stage.is_ours) as box:
        stage.gateway.webhooks(url=box.url, copies=COPIES, reorder=2)
        stage.shop.pay()
        worker = stage.held("charged")
        stage.until(lambda: box.deliveries >= COPIES, "no webhook was delivered")
        stage.release(worker)
        rest(stage)


def refund_race(stage: Stage) -> None:
    payment_id = stage.shop.pay()
    stage.ended(payment_id)
    rest(stage)
    ours = stage.is_ours
    requests.refund_both_at_once(stage.shop, payment_id, REFUND_MINOR, ours=ours)
    rest(stage)


def connection_lost(stage: Stage) -> None:
    stage.shop.pay()
    worker = stage.held("written")
    if stage.cut_open_transactions() == 0:
        raise DidNotHappen("no connection was in a transaction")
    stage.release(worker)


WEBHOOKS = Scenario(
    id="webhook-storm",
    number=10,
    title="Webhooks: five times, out of order, before the answer",
    question=(
        "The gateway sends each webhook five times and in the wrong order, while the worker still"
        " holds the answer in its hands. How often does the ledger count the $120?"
    ),
    story=webhook_storm,
    holds=(Hold("charged"),),
    expected={
        "naive": Expected("charged once, posted 6 times", 1),
        "idempotent": ONCE,
    },
    predictions=(
        Prediction(0, "never: nobody can tell what is true"),
        Prediction(AMOUNT_MINOR, "once: $120"),
        Prediction(6 * AMOUNT_MINOR, "six times: $720"),
    ),
    why={
        "naive": "An event is an order to it, and each delivery is obeyed: the card was charged"
        " once, and the books have it six times.",
        "idempotent": "A webhook is a hint to look. Its id is kept once, whatever it says; the"
        " payment's own job asks the gateway, and the final state absorbs the rest.",
    },
    code={"naive": "naive.believe", "idempotent": "ours.hint"},
)

REFUND_RACE = Scenario(
    id="refund-race",
    number=11,
    title="Two people refund at the same moment",
    question=(
        "Ada paid $120 and is owed $60. Bea and Carl both press Refund in the same moment."
        " How much does she get back?"
    ),
    story=refund_race,
    expected={
        "naive": Expected("charged once, refunded 2 times", 1),
        "idempotent": Expected("charged once, refunded once", 1),
    },
    predictions=(
        Prediction(0, "$0: both are refused"),
        Prediction(REFUND_MINOR, "$60: one of them is told why not"),
        Prediction(2 * REFUND_MINOR, "$120: both are carried out"),
    ),
    why={
        "naive": "Both looked, and nothing had been given back yet.",
        "idempotent": "The sum is reserved under the payment's lock before anything is sent. One"
        " wins; the other is told that a refund is under way.",
    },
    code={"naive": "naive.refund", "idempotent": "ours.reserve"},
)

CONNECTION_LOST = Scenario(
    id="connection-lost",
    number=12,
    title="The database goes away at the commit",
    question=(
        "The gateway has taken $120. In the moment of the commit the connection to the database is"
        " cut, and the transaction with it. How much will the customer pay?"
    ),
    story=connection_lost,
    holds=(Hold("written"),),
    expected={"naive": TWICE, "classroom": NEVER_KNOWN, "key-only": ONCE, "idempotent": ONCE},
    why={
        "naive": "The job failed, so it is retried, and a retry is a new charge.",
        "classroom": "“processing” had been committed before. The retry finds it, and waits.",
        "key-only": "The retry carries the same key, so the gateway repeats its first answer.",
        "idempotent": "The attempt is still marked as sent: the retry asks the gateway, and commits"
        " what it hears together with everything that follows from it.",
    },
    code={
        "naive": "naive.call",
        "classroom": "classroom.processing",
        "key-only": "key_only.call",
        "idempotent": "ours.ask_first",
    },
)

SCENARIOS = (WEBHOOKS, REFUND_RACE, CONNECTION_LOST)
