"""A storm: payments posted evenly while worker processes are killed, answers lost, databases ended.

The poster behaves as a good client does: no answer means the same request again with the same key.
Afterwards nothing but facts is looked at: the gateway's journal, the rows, and ``flask audit``.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import requests
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from tests.support.running_app import RunningApp
from tests.support.waiting import wait_until

POSTERS = 16
POST_TRIES = 60
HTTP_ACCEPTED = 202

_EXECUTING = "SELECT FROM queue.jobs WHERE state = 'executing'"
_UNDER_WAY = (
    "SELECT FROM queue.jobs WHERE state IN ('available', 'executing', 'retryable')"
    " AND queue IN ('payments', 'webhooks')"
)
_OPEN = "SELECT FROM payments WHERE status IN ('pending', 'processing')"
# After twelve silences a payment is asked about once an hour: those wait as the ones in review do.
_OPEN_SOON = (
    f"{_OPEN} AND (next_action_at IS NULL OR next_action_at < now() + interval '10 minutes')"
)


@dataclass
class Storm:
    """What was done. ``killed`` are ids of worker processes, in order."""

    app: RunningApp
    count: int
    over_s: float
    kill_every_s: float
    card: str = "pm_card_visa"
    payment_ids: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)

    def rage(self, *, in_the_middle: Callable[[], None] | None = None) -> "Storm":
        """Post all payments, killing meanwhile; returns when the last one is accepted."""
        invoices = self.app.open_invoices(self.count)
        self.app.api_key  # noqa: B018 - made before the clock starts
        over = threading.Event()
        with ThreadPoolExecutor(POSTERS + 2) as threads:
            start = time.monotonic()
            moments = [start + n * self.over_s / self.count for n in range(self.count)]
            killer = threads.submit(self._kill_until, over)
            middle = threads.submit(_at, start + self.over_s / 2, in_the_middle)
            try:
                self.payment_ids = list(threads.map(self._post, invoices, moments))
                middle.result()
            finally:
                over.set()
            killer.result()
        return self

    def kills_that_met_a_payment(self) -> int:
        """Killed processes out of whose hands a running payment was taken."""
        query = text(
            "SELECT count(DISTINCT a.worker_id) FROM queue.job_attempts a"
            " JOIN queue.all_jobs j ON j.id = a.job_id"
            " WHERE a.outcome = 'rescue' AND j.kind = 'process_payment'"
            " AND a.worker_id = ANY(cast(:killed AS uuid[]))"
        )
        with self.app.engine.connect() as connection:
            met = connection.execute(query, {"killed": self.killed}).scalar_one()
            return int(met)

    def settled(self, timeout_s: float) -> Counter[str]:
        """Wait until every payment is final; how many are in which state."""
        try:
            wait_until(self._at_rest, timeout_s=timeout_s)
        except AssertionError as never:
            raise AssertionError(f"payments did not come to rest:\n{self._trouble()}") from never
        return Counter(self.app.payments().values())

    def decided(self, timeout_s: float) -> None:
        """Wait until the rules have nothing more to do soon: each final, or not due for long."""
        wait_until(lambda: self._none(_OPEN_SOON), timeout_s=timeout_s)

    def quiet(self, timeout_s: float) -> None:
        """Wait until no job is under way: nothing will move while the books are compared."""
        wait_until(lambda: self._none(_UNDER_WAY), timeout_s=timeout_s)

    def captures_per_payment(self) -> Counter[str]:
        return Counter(capture["payment"] for capture in self.app.journal()["captures"])

    def _post(self, invoice_id: str, at: float) -> str:
        _at(at)
        for _ in range(POST_TRIES):
            answer = self._try_post(invoice_id)
            if answer is not None and answer.status_code == HTTP_ACCEPTED:
                payment_id: str = answer.json()["id"]
                return payment_id
            time.sleep(0.2)
        raise AssertionError(f"never accepted: {answer.text if answer is not None else 'silence'}")

    def _try_post(self, invoice_id: str) -> requests.Response | None:
        path = f"/api/v1/invoices/{invoice_id}/payments"
        try:
            return self.app.post(path, {"payment_method": self.card}, key=f"storm-{invoice_id}")
        except requests.RequestException:
            return None

    def _kill_until(self, over: threading.Event) -> None:
        while not over.wait(self.kill_every_s):
            try:
                victim = self.app.kill_worker(timeout_s=self.kill_every_s)
            except SQLAlchemyError:
                continue  # The database is being restarted; there is nobody to ask whom to kill.
            if victim is not None:
                self.killed.append(str(victim["id"]))

    def _at_rest(self) -> bool:
        return self._none(_EXECUTING) and self._none(f"{_OPEN} OR status = 'needs_review'")

    def _none(self, rows: str) -> bool:
        try:
            with self.app.engine.connect() as connection:
                return not connection.execute(text(f"SELECT EXISTS ({rows})")).scalar_one()
        except SQLAlchemyError:
            return False  # The database is coming back.

    def _trouble(self) -> str:
        """What is still open, and what its job is doing: enough to begin with."""
        query = text(
            "SELECT p.id, p.status, p.waits, p.next_action_at, now() AS at, j.id AS job, j.state,"
            " j.attempt, j.rescues, j.scheduled_at, j.worker_id FROM payments p LEFT JOIN"
            " queue.all_jobs j ON j.args ->> 'payment_id' = p.id"
            " WHERE p.status NOT IN ('completed', 'failed', 'cancelled') OR j.state = 'executing'"
        )
        with self.app.engine.connect() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        jobs = [row["job"] for row in rows]
        runs = text("SELECT * FROM queue.job_attempts WHERE job_id = ANY(:jobs) ORDER BY ended_at")
        with self.app.engine.connect() as connection:
            rows += [dict(row) for row in connection.execute(runs, {"jobs": jobs}).mappings()]
        loud = [line for line in self.app.log if "warning" in line or "error" in line.lower()]
        return "\n".join(map(str, (*rows, *self.app.workers(), *loud[-60:])))


def _at(moment: float, deed: Callable[[], None] | None = None) -> None:
    """The shape of the load, not a wait for a fact."""
    time.sleep(max(0.0, moment - time.monotonic()))
    if deed is not None:
        deed()
