"""Free play: one payment, held where you like, and every button. And what comes of it counts."""

import time

from payments_app.lab.mailbox import Mailbox
from payments_app.lab.rest import rest
from payments_app.lab.scenario import ONCE, TWICE, Scenario
from payments_app.lab.stage import Stage

# What is left of a run's time after this is for coming to rest.
PLAY_LIMIT_S = 40.0


def free_play(stage: Stage) -> None:
    """Until somebody presses “finish”: then all are woken and let go on, and the run is judged."""
    until_s = time.monotonic() + PLAY_LIMIT_S
    with Mailbox(stage.shop, ours=stage.is_ours) as box:
        stage.hands.mailbox = box
        stage.gateway.webhooks(url=box.url)
        stage.shop.pay()

        def is_over() -> bool:
            stage.greet()
            return stage.hands.finished or time.monotonic() > until_s

        stage.until(is_over, "it was never finished", timeout_s=2 * PLAY_LIMIT_S)
        stage.let_all_go_on()
        rest(stage)


FREE_PLAY = Scenario(
    id="free-play",
    number=0,
    title="Free play",
    question="Hold a worker where you like, and do to it what you like. How much will Ada pay?",
    story=free_play,
    lease_s=3.0,
    # What most plays end in; there is no right answer, so no test holds a play to it.
    expected={"naive": TWICE, "classroom": TWICE, "key-only": ONCE, "idempotent": ONCE},
    why={
        "idempotent": "Whatever was done to the workers, the intent succeeds once, and the commit"
        " that records it happens once.",
    },
    code={"idempotent": "ours.ask_first"},
)
