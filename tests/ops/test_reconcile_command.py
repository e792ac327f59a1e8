"""``flask reconcile``: the exit code says whether a person is needed, and the breaks say why."""

from collections.abc import Iterator

import pytest

from payments_app.gateway.stripe_adapter import StripeGateway
from tests.support.forgetting import forget_the_capture
from tests.support.settled_world import settle
from tests.support.simulator import Simulator


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One of its own: to a reconciliation, the money of other tests is money of nobody."""
    with Simulator(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def world(sessions, simulator):
    simulator.reset()
    return settle(sessions, StripeGateway(simulator.url, simulator.api_key))


def test_books_that_agree_need_nobody(flask_cli, world):
    ran = flask_cli("reconcile", "--json")

    assert ran.exit_code == 0
    assert (ran.json["lines"], ran.json["found"], ran.json["left"]) == (3, 0, 0)
    assert "No open breaks." in flask_cli("reconcile", "breaks").output


def test_a_capture_that_we_lost_is_repaired_by_the_verb(flask_cli, sessions, world):
    forget_the_capture(sessions, world.paid)

    ran = flask_cli("reconcile")

    assert ran.exit_code == 0
    assert "1 differences, 1 repaired, 0 left" in ran.output


def test_a_break_waits_until_a_person_has_decided(flask_cli, world, simulator):
    charge = {"amount": "700", "currency": "usd", "payment_method": "pm_card_visa"}
    simulator.post("/v1/charges", charge, key="by-hand")

    assert flask_cli("reconcile").exit_code == 1
    (found,) = flask_cli("reconcile", "breaks", "--json").json
    assert found["kind"] == "capture_of_nobody"
    flask_cli("reconcile", "resolve", found["id"], "--note", "paid for the coffee")

    assert flask_cli("reconcile", "breaks", "--json").json == []
    assert flask_cli("reconcile").exit_code == 0


def test_what_cannot_be_resolved_is_said(flask_cli, world):
    ran = flask_cli("reconcile", "resolve", "brk_none", "--note", "x")

    assert ran.exit_code == 1
    assert "brk_none" in ran.errors


def test_a_gateway_without_a_report_is_an_error_not_a_clean_result(flask_cli, world):
    ran = flask_cli("reconcile", gateway_url="http://127.0.0.1:9")

    assert ran.exit_code == 1
    assert "cannot be reached" in ran.errors
