"""A gateway that answers nonsense: what becomes of the payment, what is logged, and no money moved.

Whatever it says instead of an answer, our books say nothing of money until it has shown our own
intent, with our amount. The ids are in the log line, so that a person finds both sides.
"""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from payments_app import clock
from payments_app.domain.payment import PaymentStatus
from payments_app.gateway.stripe_adapter import StripeGateway
from payments_app.jobs import ProcessPayment
from payments_app.services import inbound, payments
from tests.support import performing
from tests.support.business import a_payment
from tests.support.simulator import Simulator
from workers.payment_processor import PaymentProcessor

SILENCE = (PaymentStatus.PROCESSING, "gateway_unanswered")
CONTRADICTION = (PaymentStatus.NEEDS_REVIEW, "gateway_contradiction")


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.mark.parametrize("op", ["create_intent", "confirm_intent"])
@pytest.mark.parametrize(
    ("fault", "becomes"),
    [
        ({"do": "html", "when": "before"}, SILENCE),
        ({"do": "html", "when": "after"}, SILENCE),
        ({"do": "truncate", "when": "after"}, SILENCE),
        ({"do": "wrong_amount"}, CONTRADICTION),
        ({"do": "wrong_currency"}, CONTRADICTION),
        ({"do": "foreign_intent"}, CONTRADICTION),
    ],
    ids=lambda each: f"{each['do']}-{each.get('when', '')}" if isinstance(each, dict) else "",
)
def test_nonsense_moves_no_money_in_our_books_and_leaves_a_line_with_the_ids(
    sessions, engine, simulator, op, fault, becomes
):
    simulator.reset()
    simulator.faults([{"match": {"op": op}, "times": 1, **fault}])
    gateway = StripeGateway(simulator.url, simulator.api_key, read_timeout_s=5)
    with sessions.begin() as session:
        payment_id = a_payment(session, now=clock.now(session)).id

    with capture_logs() as logged:
        PaymentProcessor(gateway).perform(performing.claim(engine, ProcessPayment))

    status, event = becomes
    [line] = [each for each in logged if each["event"] == event]
    assert line["payment"] == payment_id
    assert line.get("request") or line["intent"], "their side's id"
    with sessions() as session:
        payment = payments.get(session, payment_id)
        booked = session.scalar(
            text("SELECT count(*) FROM ledger_postings WHERE source_id = :id"), {"id": payment_id}
        )
    assert (payment.status, payment.captured_minor, booked) == (status, 0, 0)
    assert len(simulator.captures(payment_id)) <= 1


def test_an_event_of_an_unknown_type_is_ignored_with_a_line(sessions):
    event = {"id": "evt_9", "type": "tax.settings_updated", "data": {"object": {"id": "txs_1"}}}
    with sessions.begin() as session:
        inbound.receive(session, event)

    with capture_logs() as logged, sessions.begin() as session:
        inbound.handle(session, "evt_9", now=clock.now(session))

    assert {"event_id": "evt_9", "kind": "tax.settings_updated", "subject": "txs_1"}.items() <= (
        logged[0].items()
    )
