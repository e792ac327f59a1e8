"""A worker dies with the gateway's answer in its hands: one charge.

The worker process is killed (SIGKILL) after the gateway has charged the card and before a word of
it is written down: the worst moment there is. Another process finds the attempt marked as sent,
asks the gateway instead of charging again, and completes the payment. Exit code 0 when one capture
was made.
"""

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

# Run by its path, as `make demo` does.
sys.path.insert(0, str(Path(__file__).parent.parent))

from demos.client import Client, arguments
from demos.ground import scratch_database
from demos.stack import Stack

CHECKPOINT = "payment.answered"
# The first answer is about the intent, which moves no money; the second is about the charge.
CHARGE_ANSWER_NO = 2


def main() -> int:
    asked = arguments(__doc__ or "")
    with ExitStack() as held:
        folder = Path(held.enter_context(TemporaryDirectory(prefix="charged-once-demo-")))
        marker = folder / "killed"
        plan = {CHECKPOINT: {"do": "kill", "nth": CHARGE_ANSWER_NO, "file": str(marker)}}
        url = held.enter_context(scratch_database(folder))
        stack = held.enter_context(Stack(folder, url, env={"CHECKPOINTS": json.dumps(plan)}))
        client = Client(stack.url, stack.api_key, stack.gateway_url)
        payment_id = client.pay(client.open_invoice())
        seen = client.statuses_until_the_end(payment_id)
        verdict = {
            "payment": payment_id,
            "killed": marker.exists(),
            "seen": seen,
            "captures": client.captures({payment_id}),
        }
    ok = verdict["killed"] and verdict["captures"] == 1 and seen[-1] == "completed"
    if asked.json:
        print(json.dumps({**verdict, "ok": ok}))
        return 0 if ok else 1
    was = "was killed" if verdict["killed"] else "was NOT killed"
    print(f"The worker {was} between the gateway's answer and our record of it.")
    print(f"The payment was seen as: {', '.join(seen)}.")
    print(f"Captures in the gateway's journal: {verdict['captures']}.")
    print("CHARGED ONCE" if ok else "NOT CHARGED ONCE: something is wrong")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
