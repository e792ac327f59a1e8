"""How fast payments are: `python -m benchmarks.payments --help`.

Payments per second by the whole protocol, beside a bare loop that makes the same HTTP calls and
commits, on the same server and gateway; and the time from a customer's request to the completed
payment on a system that is idle otherwise. Faults are off. Every capture is counted in the
gateway's journal: a fast run that charged wrongly fails.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import psycopg
from sqlalchemy import text

from benchmarks import bare_payments, report
from benchmarks.bare_payments import FLOOR_TABLE
from benchmarks.result import Plan, Result, Target, interleave
from benchmarks.world import World, connect, world
from demos.stack import Stack
from payments_app import clock
from payments_app.cli.db import upgrade
from payments_app.services import customers, invoices, payments
from payments_app.services.invoices import LineDraft

PROCESSES, THREADS = 2, 10  # of the payments queue, as `flask run-workers --processes 2` has them
PAYMENTS, WARM_UP = 600, 60
SAMPLES, SAMPLES_WARM_UP = 200, 20
RATIO_WANTED, P50_WANTED_MS = 0.6, 60.0
WAIT_S = 300.0
# Between two looks: a hundredth of what is waited for.
LOOK_S, CLOSE_LOOK_S = 0.05, 0.0005
OURS, BARE = "the protocol", "bare loop, same calls and commits"
ALONE = "the bare loop, one payment after another"
FLOOR = "the same calls, one row per commit"
API_KEY = "sk_test_of_the_benchmark"
Rows = psycopg.Connection[tuple[object, ...]]
QUICK = Plan(rounds=1, share=0.1)


@dataclass
class Ground:
    """A server to make databases on, and where files may lie."""

    server: World
    folder: Path

    @contextmanager
    def stack(self, *, web: bool, queues: str = "") -> Iterator[Stack]:
        """The application's own processes on a new database, all of them idle."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        env = {"QUEUES": queues, "GATEWAY_API_KEY": API_KEY}
        with (
            self.server.database("payments", lambda url: upgrade(_of_sqlalchemy(url))) as url,
            Stack(folder, _of_sqlalchemy(url), processes=PROCESSES, web=web, env=env) as stack,
        ):
            yield stack


def main() -> int:
    options = _parse()
    plan = QUICK if options.quick else Plan(rounds=options.rounds or Plan.rounds)
    results: dict[str, Result] = {}
    with (
        tempfile.TemporaryDirectory(prefix="benchmarks-") as folder,
        world(Path(folder), options.database_url) as server,
    ):
        ground = Ground(server, Path(folder))
        circumstances = {**server.describe(), "command": " ".join(sys.argv[1:]) or "(all)"}
        for name in options.only or SCENARIOS:
            results[name] = SCENARIOS[name](ground, plan)
    print("\n" + report.table(results, circumstances))
    if options.json:
        print(f"\nwritten: {report.write_json(results, circumstances, options.json)}")
    return 0


def rates(ground: Ground, plan: Plan) -> Result:
    """Ours and the bare loops in turns, on one database and one gateway."""
    count = plan.jobs(PAYMENTS)
    result = Result(f"{count} payments, {PROCESSES} processes of {THREADS} threads, no faults")
    with ground.stack(web=False, queues="payments") as stack:
        protocol(stack, WARM_UP)
        values = interleave(
            plan,
            {
                OURS: lambda: protocol(stack, count),
                BARE: lambda: bare(stack, count, "rows"),
                ALONE: lambda: bare(stack, count, "rows", processes=1, threads=1),
                FLOOR: lambda: bare(stack, count, "floor"),
            },
        )
        result.add("payments/s", values)
        captured = Counter(line["payment"] for line in stack.journal()["captures"])
    assert set(captured.values()) == {1}, f"charged twice: {captured.most_common(3)}"
    result.compare("the protocol / the bare loop", OURS, BARE, "payments/s", RATIO_WANTED)
    result.compare(
        "the protocol / the bare loop, one after another", OURS, ALONE, "payments/s", RATIO_WANTED
    )
    return result


def protocol(stack: Stack, count: int) -> float:
    """Committed at once with their jobs; the clock runs until all of them are completed."""
    waiting_payments(stack, count, jobs=True)
    began_s = time.perf_counter()
    left = text("SELECT count(*) FROM payments WHERE status <> 'completed'")
    with stack.engine.connect() as connection:
        autocommit = connection.execution_options(isolation_level="AUTOCOMMIT")
        _wait(lambda: autocommit.execute(left).scalar_one() == 0, LOOK_S)
    return count / (time.perf_counter() - began_s)


def bare(
    stack: Stack, count: int, shape: str, *, processes: int = PROCESSES, threads: int = THREADS
) -> float:
    """By default as many processes and threads as ours, connected before the clock starts."""
    found = waiting_payments(stack, count, jobs=False)
    if shape == "floor":
        with connect(stack.database_url) as connection:
            connection.execute(FLOOR_TABLE)
            connection.cursor().executemany(
                "INSERT INTO bare VALUES (%s)", [(payment,) for payment, _ in found]
            )
    said = (shape, stack.database_url, stack.gateway_url, API_KEY)
    took_s = bare_payments.run(found, said, processes=processes, threads=threads)
    with stack.engine.begin() as connection:
        # The floor leaves its payments as they are; the next measurement must not wait for them.
        connection.execute(text("DELETE FROM payments WHERE status = 'pending'"))
    return count / took_s


def waiting_payments(stack: Stack, count: int, *, jobs: bool) -> list[tuple[str, str]]:
    """Asked for and committed at once: ids of payments and their invoices."""
    found = open_invoices(stack, count)
    with stack.sessions.begin() as session:
        now = clock.now(session)
        made = [
            payments.request_payment(session, each, payment_method="pm_card_visa", now=now)
            for each in found
        ]
        if not jobs:
            session.execute(text("DELETE FROM queue.jobs WHERE kind = 'process_payment'"))
        return [(payment.id, payment.invoice_id) for payment in made]


def latencies(ground: Ground, plan: Plan) -> Result:
    """One customer at a time: the next asks when everything that the last one caused has ended."""
    count = plan.jobs(SAMPLES)
    result = Result(f"from request to completed, {count} payments one after another")
    with ground.stack(web=True) as stack, connect(stack.database_url) as looking:
        found = open_invoices(stack, SAMPLES_WARM_UP + count)
        measured = [one_payment(stack, looking, invoice_id) for invoice_id in found]
    accepted_ms, completed_ms = zip(*measured[SAMPLES_WARM_UP:], strict=True)
    p50_ms = statistics.median(completed_ms)
    p95_ms = statistics.quantiles(completed_ms, n=20)[-1]
    result.add("ms p50", {"request to 202": [statistics.median(accepted_ms)]})
    result.add("ms p50", {"request to completed": [p50_ms]})
    result.add("ms p95", {"request to completed": [p95_ms]})
    result.targets.append(Target("p50", p50_ms, P50_WANTED_MS, unit="ms", at_most=True))
    return result


def one_payment(stack: Stack, looking: Rows, invoice_id: str) -> tuple[float, float]:
    """Milliseconds until the API has accepted it, and until its completion is committed."""
    began_s = time.perf_counter()
    answer = stack.post(
        f"/api/v1/invoices/{invoice_id}/payments",
        {"payment_method": "pm_card_visa"},
        key=f"benchmark-{invoice_id}",
    )
    accepted_s = time.perf_counter()
    payment_id = answer.json()["id"]
    status = "SELECT status = 'completed' FROM payments WHERE id = %s"
    _wait(lambda: _one(looking, status, payment_id), CLOSE_LOOK_S)
    completed_s = time.perf_counter()
    busy = "SELECT NOT EXISTS (SELECT FROM queue.jobs WHERE state IN ('available', 'executing'))"
    _wait(lambda: _one(looking, busy), LOOK_S)
    return (accepted_s - began_s) * 1000, (completed_s - began_s) * 1000


def open_invoices(stack: Stack, count: int) -> list[str]:
    """Sent, without a mail or a PDF: what is measured begins with the payment."""
    with stack.sessions.begin() as session:
        now = clock.now(session)
        customer = customers.create(session, name="Ada Ltd", email="ada@example.com")
        line = LineDraft("Work", Decimal(1), 12_000, Decimal(0))
        made = []
        for _ in range(count):
            draft = invoices.create_draft(
                session, customer_id=customer.id, currency="USD", lines=[line], now=now
            )
            draft.finalize_requested_at = now
            session.flush()
            made.append(invoices.finalize(session, draft.id, now=now).id)
        return made


def _one(looking: Rows, statement: str, *values: object) -> bool:
    row = looking.execute(statement.encode(), values).fetchone()
    return row is not None and bool(row[0])


def _wait(fact: Callable[[], bool], look_s: float) -> None:
    until_s = time.monotonic() + WAIT_S
    while not fact():
        if time.monotonic() > until_s:
            raise TimeoutError(f"not in {WAIT_S:.0f} s")
        time.sleep(look_s)


def _of_sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.payments", description=__doc__)
    parser.add_argument(
        "only",
        nargs="*",
        choices=[*SCENARIOS, []],
        help="both if none is named",
        metavar="scenario",
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, one round")
    parser.add_argument("--rounds", type=int, help="how often each is measured (3)")
    parser.add_argument("--database-url", help="a server of your own instead of the embedded one")
    parser.add_argument("--json", type=Path, help="where the numbers are written")
    return parser.parse_args()


SCENARIOS = {"rate": rates, "latency": latencies}

if __name__ == "__main__":
    sys.exit(main())
