"""A worker process dies: before the call, after the capture, before the commit."""

from payments_app.lab.scenario import NEVER_KNOWN, ONCE, TWICE, Expected, Hold, Scenario
from payments_app.lab.stage import Stage


def killed_before_the_call(stage: Stage) -> None:
    stage.shop.pay()
    stage.kill(stage.held("calling"))


def killed_after_capture(stage: Stage) -> None:
    stage.shop.pay()
    stage.kill(stage.held("charged"))


def killed_before_commit(stage: Stage) -> None:
    stage.shop.pay()
    stage.kill(stage.held("written"))


def keys_forgotten(stage: Stage) -> None:
    stage.shop.pay()
    victim = stage.held("charged")
    stage.forget_keys()
    stage.kill(victim)


CODE = {
    "naive": "naive.call",
    "classroom": "classroom.processing",
    "key-only": "key_only.call",
    "idempotent": "ours.ask_first",
}
STUCK = (
    "“processing” was written down first. The next worker finds it and waits for somebody who is"
    " dead: nobody will ever know what became of the money."
)
SAME_KEY = "The gateway saw the same key, so it repeated its first answer."
ASKED_FIRST = (
    "The attempt was written down as sent before any byte left. The next worker finds it, asks the"
    " gateway how the intent stands, hears “succeeded”, and records that."
)

BEFORE_CALL = Scenario(
    id="kill-before-call",
    number=6,
    title="Kill a worker before it calls",
    question=(
        "A worker has decided to charge $120 and is killed before a byte leaves the machine."
        " How much will the customer pay?"
    ),
    story=killed_before_the_call,
    holds=(Hold("calling"),),
    expected={
        "naive": ONCE,
        "classroom": Expected("not charged, recorded processing, stuck", 0),
        "key-only": ONCE,
        "idempotent": ONCE,
    },
    why={
        "naive": "Nothing had happened, so doing it again is right. Here trust is not punished.",
        "classroom": "“processing” was written down first, and nothing was sent. The next worker"
        " waits for somebody who is dead: the customer has not paid, and never will.",
        "key-only": "Nothing had been sent under the key: the next worker sends it.",
        "idempotent": "The attempt is marked as sent, because it may have been. The gateway is"
        " asked, has no charge, and the same attempt is sent under the same key.",
    },
    code=CODE,
)

AFTER_CAPTURE = Scenario(
    id="kill-after-capture",
    number=7,
    title="Kill a worker mid-charge",
    question=(
        "The gateway has taken $120. The worker process is killed before it can write that down."
        " Another worker gets the job. How much will the customer pay?"
    ),
    story=killed_after_capture,
    holds=(Hold("charged"),),
    expected={"naive": TWICE, "classroom": NEVER_KNOWN, "key-only": ONCE, "idempotent": ONCE},
    why={
        "naive": "Nothing was written down before the call, so the next worker calls again, and"
        " the gateway cannot know that it is the same charge.",
        "classroom": STUCK,
        "key-only": SAME_KEY,
        "idempotent": ASKED_FIRST,
    },
    code=CODE,
)

BEFORE_COMMIT = Scenario(
    id="kill-before-commit",
    number=8,
    title="Kill a worker before its commit",
    question=(
        "The answer is there, the rows are written, and the worker is killed one line before the"
        " commit. How much will the customer pay?"
    ),
    story=killed_before_commit,
    holds=(Hold("written"),),
    expected={"naive": TWICE, "classroom": NEVER_KNOWN, "key-only": ONCE, "idempotent": ONCE},
    why={
        "naive": "What is not committed never was. The next worker sees an unpaid payment.",
        "classroom": STUCK,
        "key-only": SAME_KEY,
        "idempotent": "The rows went back to “sent”: the next worker asks the gateway, and records"
        " the capture, the ledger, the receipt and the job's end in one commit.",
    },
    code={**CODE, "idempotent": "ours.facts"},
)

KEYS_FORGOTTEN = Scenario(
    id="key-expiry",
    number=13,
    title="Limits: the gateway forgets the key",
    question=(
        "The gateway has taken $120 and the worker is killed. It takes a day until another worker"
        " gets the job, and gateways keep idempotency keys for a day, not for ever. How much will"
        " the customer pay?"
    ),
    story=keys_forgotten,
    holds=(Hold("charged"),),
    expected={"naive": TWICE, "classroom": NEVER_KNOWN, "key-only": TWICE, "idempotent": ONCE},
    why={
        "naive": "It had no key to begin with.",
        "classroom": STUCK,
        "key-only": "The key is all that this protocol has. The gateway has forgotten it, so the"
        " retry is a new charge to it, and nothing can be asked first.",
        "idempotent": "Ours does not rest on the key. The intent's id was stored before any money"
        " moved, so the next worker asks for that intent first; and an intent succeeds once, for as"
        " long as the gateway keeps it.",
    },
    limits=(
        "An idempotency key alone is not safe for ever. Ours rests on an object at the gateway that"
        " can succeed once, and on asking about it before anything is sent again. If a gateway ever"
        " forgot its intents too, only the daily comparison with its report would find it."
    ),
    code=CODE,
)

SCENARIOS = (BEFORE_CALL, AFTER_CAPTURE, BEFORE_COMMIT, KEYS_FORGOTTEN)
