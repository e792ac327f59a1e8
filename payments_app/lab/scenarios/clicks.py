"""People and programs ask twice: a double click, a retry after silence, a key used again."""

from payments_app.lab import requests
from payments_app.lab.requests import Asked
from payments_app.lab.rest import rest
from payments_app.lab.scenario import ONCE, TWICE, Hold, Prediction, Scenario
from payments_app.lab.shop import AMOUNT_MINOR
from payments_app.lab.stage import Stage

OTHER_AMOUNT_MINOR = 10_000


def double_click(stage: Stage) -> None:
    if stage.is_ours:
        asked = Asked(stage.shop.open_invoice(), AMOUNT_MINOR)
        requests.send_both_at_once(stage.shop, asked)
        stage.release(stage.held("decided"))
        return
    requests.second_click(stage.shop, stage.shop.pay())
    first = stage.held("decided")
    second = stage.held("decided", but=first)
    stage.release_in_any_order(first, second)


def client_retries(stage: Stage) -> None:
    if stage.is_ours:
        asked = Asked(stage.shop.open_invoice(), AMOUNT_MINOR)
        requests.send(stage.shop, asked, who="The client")
        stage.shop.say("fault", "Our answer is lost on its way to the client.")
        rest(stage)
        requests.send(stage.shop, asked, who="The client again")
        return
    payment_id = stage.shop.pay()
    stage.shop.say("fault", "Our answer is lost on its way to the client.")
    rest(stage)
    text = "The client asks again. Nothing compares the requests: one more job that charges."
    stage.shop.enqueue_again(payment_id, text)


def same_key_other_amount(stage: Stage) -> None:
    invoice_id = stage.shop.open_invoice(AMOUNT_MINOR * 2)
    if stage.is_ours:
        requests.send(stage.shop, Asked(invoice_id, AMOUNT_MINOR), who="The client")
        rest(stage)
        requests.send(stage.shop, Asked(invoice_id, OTHER_AMOUNT_MINOR), who="The client again")
        return
    stage.shop.pay(invoice_id)
    rest(stage)
    # Still the same purchase: the client has used the key of the first request by mistake.
    stage.shop.pay(invoice_id, amount_minor=OTHER_AMOUNT_MINOR)


NO_MEMORY = "Nobody remembers requests here: each one is carried out."
REQUEST_CODE = {
    "naive": "naive.call",
    "classroom": "classroom.look",
    "key-only": "key_only.call",
    "idempotent": "ours.request",
}

DOUBLE_CLICK = Scenario(
    id="double-click",
    number=1,
    title="Double-click Pay",
    question="Ada clicks Pay twice within 20 ms. How much will she pay?",
    story=double_click,
    holds=(Hold("decided", each=True),),
    expected={"naive": TWICE, "classroom": TWICE, "key-only": ONCE, "idempotent": ONCE},
    why={
        "naive": NO_MEMORY,
        "classroom": "Both jobs looked while the status was “pending”, and both acted on it.",
        "key-only": "Both charges carry the same key, so the gateway executes one of them.",
        "idempotent": "Both clicks carry the key of the form. One executes; the other finds its"
        " stored answer, or hears that its twin is still running.",
    },
    code=REQUEST_CODE,
)

CLIENT_RETRIES = Scenario(
    id="client-retry",
    number=2,
    title="The client times out and asks again",
    question=(
        "A client asks us to charge $120. We do, and our answer is lost. It asks again."
        " How much will the customer pay?"
    ),
    story=client_retries,
    expected={"naive": TWICE, "classroom": ONCE, "key-only": ONCE, "idempotent": ONCE},
    why={
        "naive": NO_MEMORY,
        "classroom": "The second job finds “completed”. When one thing follows the other in peace,"
        " looking first is enough.",
        "key-only": "The second job finds a payment that has ended.",
        "idempotent": "The key is known: the stored answer is sent again, and nothing is done.",
    },
    code=REQUEST_CODE,
)

OTHER_AMOUNT = Scenario(
    id="key-reused",
    number=3,
    title="The same key, another amount",
    question=(
        "A client pays $120 of an invoice of $240. By mistake it sends another request, for $100,"
        " with the same Idempotency-Key. How much will the customer pay?"
    ),
    story=same_key_other_amount,
    expected={"naive": TWICE, "classroom": TWICE, "key-only": TWICE, "idempotent": ONCE},
    predictions=(
        Prediction(0, "$0: both are refused"),
        Prediction(AMOUNT_MINOR, "$120: the second one is refused"),
        Prediction(AMOUNT_MINOR + OTHER_AMOUNT_MINOR, "$220: both are carried out"),
    ),
    why={
        "naive": "The client's key is not looked at, so the second request is a second payment.",
        "classroom": "The client's key is not looked at: the second request is a second payment.",
        "key-only": "Its key names our payment, not the client's request: two requests, two keys.",
        "idempotent": "A key belongs to what was said with it. Another sum under the same key is"
        " answered with 422, and nothing is done.",
    },
    code={**REQUEST_CODE, "idempotent": "ours.fingerprint"},
)

SCENARIOS = (DOUBLE_CLICK, CLIENT_RETRIES, OTHER_AMOUNT)
