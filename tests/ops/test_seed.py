"""The sample business: the same every time, in every state, clean before the gateway, made once."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import sessionmaker

from payments_app.cli.audit import look
from payments_app.config import DEMO_EMAIL
from payments_app.db import make_engine
from seeding import plan
from tests.support import databases
from tests.support.ports import free_port

ROOT = Path(__file__).parent.parent.parent
TODAY = date(2026, 11, 23)


def test_the_plan_is_the_same_in_every_run():
    assert plan.make(TODAY) == plan.make(TODAY)


def test_the_plan_has_40_customers_and_120_invoices_over_three_months():
    made = plan.make(TODAY)

    assert len({customer.email for customer in made.customers}) == 40
    assert len({invoice.reference for invoice in made.invoices}) == 120
    ages = [(TODAY - invoice.issued_on).days for invoice in made.invoices]
    assert min(ages) == 0
    assert 85 <= max(ages) <= 92
    assert ages == sorted(ages, reverse=True), "numbers follow dates"


def test_the_plan_has_every_fate():
    made = Counter(invoice.fate for invoice in plan.make(TODAY).invoices)

    assert made == {fate: count for fate, (count, _, _) in plan.FATES.items()}


def run_seed(database_url: str, gateway_url: str, folder: Path) -> str:
    """seed.py as `make run` starts it; what it printed."""
    env = {
        **os.environ,
        "DATABASE_URL": database_url,
        "DATA_DIR": str(folder),
        "GATEWAY_URL": gateway_url,
    }
    done = subprocess.run(
        [sys.executable, str(ROOT / "seed.py")],
        env=env,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def counts(engine: Engine, table: str, column: str = "status") -> Counter:
    with engine.connect() as connection:
        return Counter(row[0] for row in connection.execute(text(f"SELECT {column} FROM {table}")))


@dataclass(frozen=True)
class Business:
    """What two runs of seed.py printed, and left."""

    engine: Engine
    first: str
    second: str
    before_second: list[Counter]

    def states(self) -> list[Counter]:
        return [counts(self.engine, table) for table in ("invoices", "payments", "refunds")]


@pytest.fixture(scope="module")
def business(admin_url, app_template, simulator, tmp_path_factory) -> Iterator[Business]:
    folder = tmp_path_factory.mktemp("seed")
    with databases.database(admin_url, template=app_template) as url:
        engine = make_engine(url)
        made = Business(engine, run_seed(url, simulator.url, folder), "", [])
        made.before_second.extend(made.states())
        yield replace(made, second=run_seed(url, simulator.url, folder))
        engine.dispose()


def test_the_business_has_every_state_and_says_how_to_sign_in(business):
    invoices, payments, refunds = business.states()

    assert "sign in as owner@example.com" in business.first
    assert invoices == {"paid": 67, "open": 38, "draft": 7, "void": 4, "uncollectible": 4}
    assert payments == {"completed": 78, "failed": 9, "cancelled": 3, "processing": 1}
    assert refunds == {"completed": 3}


def test_seeding_again_changes_nothing_and_says_so(business):
    assert "nothing was changed" in business.second
    assert business.states() == business.before_second


def test_the_seeded_business_passes_the_audit(business, simulator):
    findings, trouble = look(sessionmaker(business.engine), simulator.url)

    assert trouble is None
    assert [finding for finding in findings if not finding.ok] == []


def test_history_lies_in_the_past_and_the_guards_are_on_again(business):
    with business.engine.connect() as connection:
        early = connection.execute(
            text("SELECT count(*) FROM payments WHERE created_at < now() - interval '30 days'")
        ).scalar_one()
        off = connection.execute(
            text("SELECT count(*) FROM pg_trigger WHERE tgname = 'append_only' AND tgenabled = 'D'")
        ).scalar_one()
        strangers = connection.execute(
            text(
                "SELECT count(*) FROM customers c JOIN invoices i ON i.customer_id = c.id"
                " WHERE i.created_at < c.created_at"
            )
        ).scalar_one()
    assert early > 20
    assert off == 0
    assert strangers == 0


def test_without_a_gateway_the_books_are_made_and_what_is_missing_is_said(
    app_database_url, engine, tmp_path
):
    said = run_seed(app_database_url, f"http://127.0.0.1:{free_port()}", tmp_path)

    assert "no payment was made" in said
    assert "flask run-gateway" in said
    assert counts(engine, "invoices") == {"open": 105, "draft": 7, "void": 4, "uncollectible": 4}
    assert not counts(engine, "payments")
    assert DEMO_EMAIL in counts(engine, "users", "email")
