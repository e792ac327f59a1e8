"""The same payment, fifty times over: one charge.

Fifty clients post the same request at once through the API, and each enqueues the payment's job
once more, with four worker processes ready to take it. Then the gateway is asked what arrived.
Starts all that it needs in a scratch folder and removes it again; ``--url`` uses a running
application instead (with ``--api-key`` and ``--gateway-url``). Exit code 0 when exactly one capture
was made.
"""

import json
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

# Run by its path, as `make demo` does.
sys.path.insert(0, str(Path(__file__).parent.parent))

import queue_core
from demos.client import ACCEPTED, Client, arguments
from demos.ground import scratch_database
from demos.stack import Stack
from payments_app.jobs import ProcessPayment

TIMES = 50
WORKER_PROCESSES = 4


@dataclass(frozen=True)
class Verdict:
    """What was sent and what arrived. ``captures`` is the gateway's own count."""

    payment: str
    posted: int
    accepted: int
    replayed: int
    payments_made: int
    enqueued: int
    status: str
    confirms: int
    captures: int

    @property
    def ok(self) -> bool:
        return self.captures == 1 and self.payments_made == 1 and self.status == "completed"


def main() -> int:
    asked = arguments("One payment, replayed 50 times: one charge.", running=True)
    with ExitStack() as held:
        client, enqueue = _running(asked) if asked.url else _own(held, quiet=asked.json)
        verdict = replay(client, enqueue, quiet=asked.json)
    if asked.json:
        print(json.dumps({**asdict(verdict), "ok": verdict.ok}))
    else:
        _report(verdict)
    return 0 if verdict.ok else 1


def replay(
    client: Client, enqueue: Callable[[str], None] | None, *, quiet: bool = False
) -> Verdict:
    """Post and enqueue the same payment many times over, and count what arrived."""
    enqueued: list[str] = []

    def enqueue_again(payment_id: str) -> None:
        if enqueue is not None:
            enqueue(payment_id)
            enqueued.append(payment_id)

    invoice_id = client.open_invoice()
    if not quiet:
        print(f"Posting the same payment of {invoice_id} {TIMES} times at once,")
        print("and enqueueing its job once more with each answer …")
    answers = client.pay_at_once(invoice_id, TIMES, enqueue_again)
    made = {answer.json()["id"] for answer in answers if answer.status_code == ACCEPTED}
    if not made:
        codes = dict(Counter(answer.status_code for answer in answers))
        raise SystemExit(f"No request was accepted: {codes}, {answers[0].text[:300]}")
    payment_id = min(made)
    status = client.statuses_until_the_end(payment_id)[-1]
    requests = client.journal()["requests"]
    return Verdict(
        payment=payment_id,
        posted=len(answers),
        accepted=sum(answer.status_code == ACCEPTED for answer in answers),
        replayed=sum(answer.headers.get("Idempotent-Replayed") == "true" for answer in answers),
        payments_made=len(made),
        enqueued=len(enqueued),
        status=status,
        confirms=sum(
            line["payment"] == payment_id and line["op"] == "confirm_intent" for line in requests
        ),
        captures=client.captures(made),
    )


def _own(held: ExitStack, *, quiet: bool) -> tuple[Client, Callable[[str], None]]:
    if not quiet:
        print(f"Starting PostgreSQL, gateway, web and {WORKER_PROCESSES} worker processes …")
    folder = Path(held.enter_context(TemporaryDirectory(prefix="charged-once-demo-")))
    url = held.enter_context(scratch_database(folder))
    stack = held.enter_context(Stack(folder, url, processes=WORKER_PROCESSES))

    def enqueue(payment_id: str) -> None:
        # As careless as a caller can be: without the uniqueness that would merge it with its twins.
        with stack.sessions.begin() as session:
            queue_core.insert(session, ProcessPayment(payment_id=payment_id), unique=None)

    return Client(stack.url, stack.api_key, stack.gateway_url), enqueue


def _running(asked: Namespace) -> tuple[Client, None]:
    if not asked.api_key:
        raise SystemExit(
            "--url needs --api-key (or API_KEY): make one with `flask api-key create --name demo`."
        )
    if not asked.json:
        print("A running application is used: its database is not ours, so no job is enqueued.")
    return Client(asked.url, asked.api_key, asked.gateway_url), None


def _report(verdict: Verdict) -> None:
    rows = (
        ("requests posted at once", verdict.posted),
        ("  accepted (202)", verdict.accepted),
        ("  of these replays of the first answer", verdict.replayed),
        ("payments made", verdict.payments_made),
        ("jobs enqueued for it besides", verdict.enqueued),
        ("the payment is", verdict.status),
        ("charges asked of the gateway", verdict.confirms),
        ("captures in the gateway's journal", verdict.captures),
    )
    print()
    for what, value in rows:
        print(f"{what:<42}{value:>10}")
    print()
    print("CHARGED ONCE" if verdict.ok else "NOT CHARGED ONCE: something is wrong")


if __name__ == "__main__":
    sys.exit(main())
