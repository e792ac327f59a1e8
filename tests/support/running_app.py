"""The application as it runs: real gateway, workers and web processes on a database of the test's.

``with RunningApp(tmp_path, app_database_url) as app``: ``app.url``, ``app.post(path, body, key=)``,
``app.journal()``, ``app.faults(rules)``, ``app.kill_worker()``, ``app.run_flask("audit")``.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import text

from demos.stack import Stack
from payments_app import clock
from payments_app.services import customers, invoices
from payments_app.services.invoices import LineDraft


class RunningApp(Stack):
    """A stack with what tests ask of it."""

    def open_invoices(self, count: int, *, total_minor: int = 12_000) -> list[str]:
        """Ids of new open invoices of one customer, in USD. No mail and no PDF: only the books."""
        with self.sessions.begin() as session:
            now: datetime = clock.now(session)
            customer = customers.create(session, name="Ada Ltd", email="ada@example.com")
            line = LineDraft("Work", Decimal(1), total_minor, Decimal(0))
            made = []
            for _ in range(count):
                draft = invoices.create_draft(
                    session, customer_id=customer.id, currency="USD", lines=[line], now=now
                )
                draft.finalize_requested_at = now
                session.flush()
                made.append(invoices.finalize(session, draft.id, now=now).id)
            return made

    def payments(self) -> dict[str, str]:
        """Every payment's status."""
        with self.engine.connect() as connection:
            return {row.id: row.status for row in connection.execute(text("TABLE payments"))}

    def unfinished_jobs(self) -> int:
        with self.engine.connect() as connection:
            count = connection.execute(text("SELECT count(*) FROM queue.jobs")).scalar_one()
            return int(count)
