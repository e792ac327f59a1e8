"""``flask run-workers --processor``: the lab's processors never run where money is real."""

import pytest
from click.testing import CliRunner
from flask import Flask

from payments_app import cli
from payments_app.cli.run_workers import build_queue
from payments_app.config import load_config
from payments_app.db import Database
from payments_app.jobs import ProcessPayment
from payments_app.lab.processors import PROCESSORS
from workers.payment_processor import PaymentProcessor

PRODUCTION = {
    "APP_ENV": "production",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
    "SECRET_KEY": "a-secret-of-the-tests-that-is-long-enough",
    "GATEWAY_API_KEY": "sk_live_of_the_tests",
    "GATEWAY_WEBHOOK_SECRET": "whsec_of_the_tests",
}


def run(env: dict[str, str], *words: str):
    app = Flask("payments_app")
    config = load_config(env)
    app.extensions |= {"config": config, "database": Database(config)}
    cli.register(app)
    with app.app_context():
        return CliRunner().invoke(app.cli, ["run-workers", *words])


@pytest.mark.parametrize("name", PROCESSORS)
def test_production_refuses_a_processor_that_charges_twice(name):
    ran = run(PRODUCTION, "--processor", name)

    assert ran.exit_code == 1
    assert "APP_ENV=production refuses" in ran.stderr


def test_an_unknown_processor_is_answered_with_the_known_ones():
    ran = run({"APP_ENV": "test"}, "--processor", "wishful")

    assert ran.exit_code == 2
    assert "'key-only', 'idempotent'" in ran.stderr


@pytest.mark.parametrize(("name", "kind"), [*PROCESSORS.items(), ("idempotent", PaymentProcessor)])
def test_exactly_one_worker_charges(name, kind):
    queue = build_queue(load_config({"APP_ENV": "test"}), "postgresql://none", processor=name)

    assert isinstance(queue.registry.find(ProcessPayment.__job__.kind), kind)
