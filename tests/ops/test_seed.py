"""The sample business: the same every time, in every state, clean before the gateway, made once."""

import os
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text

from payments_app.config import DEMO_EMAIL
from seeding import plan
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


@pytest.fixture
def seeded(app_database_url, tmp_path):
    """``seeded(gateway_url)`` runs seed.py as `make run` does; what it printed."""

    def run(gateway_url: str) -> str:
        env = {
            **os.environ,
            "DATABASE_URL": app_database_url,
            "DATA_DIR": str(tmp_path),
            "GATEWAY_URL": gateway_url,
        }
        done = subprocess.run(
            [sys.executable, str(ROOT / "seed.py")],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def counts(engine, table: str, column: str = "status") -> Counter:
    with engine.connect() as connection:
        return Counter(row[0] for row in connection.execute(text(f"SELECT {column} FROM {table}")))


def test_seeding_twice_makes_one_business_that_passes_the_audit(
    seeded, engine, simulator, flask_cli
):
    first = seeded(simulator.url)
    before = [counts(engine, table) for table in ("invoices", "payments", "refunds")]
    second = seeded(simulator.url)

    assert "sign in as owner@example.com" in first
    assert "nothing was changed" in second
    after = [counts(engine, table) for table in ("invoices", "payments", "refunds")]
    assert before == after
    invoices, payments, refunds = after
    assert invoices == {"paid": 67, "open": 38, "draft": 7, "void": 4, "uncollectible": 4}
    assert payments == {"completed": 78, "failed": 9, "cancelled": 3, "processing": 1}
    assert refunds == {"completed": 3}
    audited = flask_cli("audit", "--json")
    assert audited.exit_code == 0, audited.output


def test_without_a_gateway_the_books_are_made_and_what_is_missing_is_said(seeded, engine):
    said = seeded(f"http://127.0.0.1:{free_port()}")

    assert "no payment was made" in said
    assert "flask run-gateway" in said
    assert counts(engine, "invoices") == {
        "open": 105,
        "draft": 7,
        "void": 4,
        "uncollectible": 4,
    }
    assert not counts(engine, "payments")
    assert DEMO_EMAIL in counts(engine, "users", "email")


def test_history_lies_in_the_past_and_the_guards_are_on_again(seeded, engine, simulator):
    seeded(simulator.url)

    with engine.connect() as connection:
        early = connection.execute(
            text("SELECT count(*) FROM payments WHERE created_at < now() - interval '30 days'")
        ).scalar_one()
        off = connection.execute(
            text("SELECT count(*) FROM pg_trigger WHERE tgname = 'append_only' AND tgenabled = 'D'")
        ).scalar_one()
    assert early > 20
    assert off == 0
