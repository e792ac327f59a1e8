"""A worker process dies: before the call, after the capture, before the commit."""

from payments_app.lab.scenario import ONCE, TWICE, Expected, Hold, Scenario
from payments_app.lab.stage import Stage


def killed_after_capture(stage: Stage) -> None:
    stage.shop.pay()
    stage.kill(stage.held("charged"))


KILL_AFTER_CAPTURE = Scenario(
    id="kill-after-capture",
    number=7,
    title="Kill a worker mid-charge",
    question=(
        "The gateway has taken $120. The worker process is killed before it can write that down."
        " Another worker gets the job. How much will the customer pay?"
    ),
    story=killed_after_capture,
    holds=(Hold("charged"),),
    expected={
        "naive": TWICE,
        "classroom": Expected("charged once, recorded processing, stuck", 1),
        "key-only": ONCE,
        "idempotent": ONCE,
    },
    why={
        "naive": "Nothing was written down before the call, so the next worker calls again, and"
        " the gateway cannot know that it is the same charge.",
        "classroom": "“processing” was written down first. The next worker finds it and waits for"
        " somebody who is dead: the money is taken, and nobody will ever know.",
        "key-only": "The gateway saw the same key, so it repeated its first answer.",
        "idempotent": "The attempt was written down as sent before any byte left. The next worker"
        " finds it, asks the gateway how the intent stands, hears “succeeded”, and records that.",
    },
    code={
        "naive": "naive.call",
        "classroom": "classroom.processing",
        "key-only": "key_only.call",
        "idempotent": "ours.ask_first",
    },
)

SCENARIOS = (KILL_AFTER_CAPTURE,)
