"""The gateway has a bad day, or the network brings a request long after its sender gave up."""

from payments_app.lab.moments import CHARGES
from payments_app.lab.scenario import ONCE, TWICE, Expected, Prediction, Scenario
from payments_app.lab.stage import Stage

DECLINING_CARD = "pm_card_visa_chargeDeclined"


def bad_day(stage: Stage) -> None:
    stage.shop.pay()
    # The classroom's processor gives up at the first of the three.
    stage.faults_fired(1 if stage.processor == "classroom" else 3)


def late_after_decline(stage: Stage) -> None:
    payment_id = stage.shop.pay()
    stage.faults_fired(1)
    text = "Ada is tired of waiting and gives another card, one that the bank will decline."
    stage.shop.replace_card(payment_id, DECLINING_CARD, text)
    stage.ended(payment_id)
    status = stage.shop.status(payment_id)
    stage.shop.say("answer", f"Our page says: the payment {_words(status)}.")
    stage.gateway.release()
    stage.until(lambda: _late(stage) >= 2, "the late request never arrived")


def _late(stage: Stage) -> int:
    return sum(line["fault"] == "late" for line in stage.gateway.journal()["requests"])


def _words(status: str) -> str:
    return "has failed, and nothing was taken" if status == "failed" else f"is {status}"


def _rule(nth: int, do: str, when: str, **more: object) -> dict[str, object]:
    match = {"op": list(CHARGES), "nth": nth}
    return {"match": match, "do": do, "when": when, "times": 1, **more}


BAD_DAY = Scenario(
    id="bad-day",
    number=9,
    title="The gateway has a bad day: 429, 500, silence",
    question=(
        "The first charge is refused with 429, the second ends in an error 500 before anything is"
        " done, the third is executed and its answer does not come in time. How much will the"
        " customer pay?"
    ),
    story=bad_day,
    rules=(_rule(1, "429", "before"), _rule(2, "500", "before"), _rule(3, "hang", "after")),
    expected={
        "naive": TWICE,
        "classroom": Expected("not charged, recorded failed, stuck", 0),
        "key-only": ONCE,
        "idempotent": ONCE,
    },
    why={
        "naive": "Every error is retried, and silence is an error to it: but the third charge had"
        " been executed.",
        "classroom": "Every error means “failed” to it, also “too many requests”. Its retry then"
        " finds a status for which it has no branch.",
        "key-only": "All retries carry one key, and the gateway knows it after the third.",
        "idempotent": "429 waits, and asks again with the same key. An error or silence means that"
        " nobody knows: the attempt is “unknown”, never failed, and the gateway is asked first.",
    },
    code={
        "naive": "naive.call",
        "classroom": "classroom.failed",
        "key-only": "key_only.call",
        "idempotent": "ours.silence",
    },
)

NOTHING_TAKEN = Expected("not charged, recorded failed", 0)
TAKEN_AND_FAILED = Expected("charged once, recorded failed", 1)

LATE_ANSWER = Scenario(
    id="late-after-decline",
    number=15,
    title="A request arrives late, after the second card was declined",
    question=(
        "The network holds the first charge back. Ada gives a second card, which the bank declines:"
        " our page says “failed”. Then the first charge arrives. Who was charged, and what does our"
        " page say?"
    ),
    story=late_after_decline,
    rules=(_rule(1, "late", "before", until="released"), _rule(2, "500", "before")),
    expected={
        "naive": TAKEN_AND_FAILED,
        "classroom": Expected("charged once, recorded failed, stuck", 1),
        "key-only": NOTHING_TAKEN,
        "idempotent": NOTHING_TAKEN,
    },
    predictions=(
        Prediction(0, "$0, and the page says failed"),
        Prediction(12_000, "$120, and the page says failed"),
        Prediction(12_000, "$120, and the page says paid"),
    ),
    why={
        "naive": "The decline of one request was taken for the end of all. The late one was still"
        " under way, and it was executed: the money is gone, and the page says “failed”.",
        "classroom": "Silence was taken for a failure. The late request was executed all the same.",
        "key-only": "The late request carries the key under which the decline is stored, so it is"
        " refused. For as long as the key is kept.",
        "idempotent": "A payment becomes failed only behind a fence: the intent was cancelled at"
        " the gateway first, and a cancelled intent refuses whatever arrives later.",
    },
    code={
        "naive": "naive.call",
        "classroom": "classroom.failed",
        "key-only": "key_only.call",
        "idempotent": "ours.fence",
    },
)

SCENARIOS = (BAD_DAY, LATE_ANSWER)
