"""The gateway charges and its answer is lost: never shown as failed, one charge.

The gateway executes the charge and then drops the connection. Nobody on our side can know what
happened, so the payment stays "on its way", and after a second the gateway is asked. Exit code 0
when one capture was made and the payment was never seen as failed.
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

LOSE_ONE = [{"match": {"op": "confirm_intent"}, "when": "after", "do": "drop", "times": 1}]


def main() -> int:
    asked = arguments(__doc__ or "")
    with ExitStack() as held:
        folder = Path(held.enter_context(TemporaryDirectory(prefix="charged-once-demo-")))
        url = held.enter_context(scratch_database(folder))
        stack = held.enter_context(Stack(folder, url))
        stack.faults(LOSE_ONE)
        client = Client(stack.url, stack.api_key, stack.gateway_url)
        payment_id = client.pay(client.open_invoice())
        seen = client.statuses_until_the_end(payment_id)
        requests = [r for r in client.journal()["requests"] if r["payment"] == payment_id]
        lost = sum(request["fault"] is not None for request in requests)
        captures = client.captures({payment_id})
    ok = lost == 1 and captures == 1 and seen[-1] == "completed" and "failed" not in seen
    if asked.json:
        verdict = {"payment": payment_id, "lost": lost, "seen": seen, "captures": captures}
        print(json.dumps({**verdict, "ok": ok}))
        return 0 if ok else 1
    for request in requests:
        fault = f"  ← {request['fault']}: the answer never came" if request["fault"] else ""
        print(f"{request['op']:<16}{fault}")
    print(f"The payment was seen as: {', '.join(seen)}.")
    print(f"Captures in the gateway's journal: {captures}.")
    print("CHARGED ONCE" if ok else "NOT CHARGED ONCE: something is wrong")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
